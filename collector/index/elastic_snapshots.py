"""Snapshots: copies of the indices in a repository the nodes share, and indices out of them.

The index is a projection: without a snapshot it is built anew from the log, only slower.
"""

from __future__ import annotations

import re
from typing import Final

from collector.index.elastic_mapping import cursors_index, events_alias
from collector.index.elastic_nodes import Nodes
from schema.errors import FengsuiError

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class Snapshots:
    """Snapshots of one site's indices in one repository."""

    def __init__(self, nodes: Nodes, *, prefix: str, repository: str) -> None:
        """Raises ``collector.index.name`` for a repository nobody can have."""
        self._nodes = nodes
        self._prefix = prefix
        self._path = f"/_snapshot/{_named(repository)}"

    def register(self, location: str) -> None:
        """Make the repository known: a folder all nodes reach, below their ``path.repo``."""
        self._nodes.ask("PUT", self._path, {"type": "fs", "settings": {"location": location}})

    def create(self, name: str) -> None:
        """Copy all indices of the site as they stand; raises when a shard could not be copied.

        Cursors are copied with the events they tell of: taken together, at once.
        """
        answer = self._nodes.ask(
            "PUT",
            f"{self._path}/{_named(name)}",
            {
                "indices": [f"{events_alias(self._prefix)}-*", cursors_index(self._prefix)],
                "include_global_state": False,
            },
            params={"wait_for_completion": "true"},
        )
        found = answer.get("snapshot", {})
        if found.get("state") != "SUCCESS":
            raise FengsuiError(
                "collector.index.snapshot",
                f"snapshot {name} is {found.get('state', 'lost')}: look at the nodes' logs and "
                "make another under a new name",
                name=name,
            )

    def names(self) -> list[str]:
        """The snapshots there are, oldest first."""
        found = self._nodes.ask("GET", f"{self._path}/_all", missing=True).get("snapshots", [])
        return [one["snapshot"] for one in found]

    def restore(self, name: str) -> None:
        """Bring the indices of a snapshot back where there are none; the pipeline must not run.

        What came in since is carried on from the log.
        """
        answer = self._nodes.ask(
            "POST",
            f"{self._path}/{_named(name)}/_restore",
            {
                "indices": [f"{events_alias(self._prefix)}-*", cursors_index(self._prefix)],
                "include_global_state": False,
                "include_aliases": True,
            },
            params={"wait_for_completion": "true"},
        )
        shards = answer.get("snapshot", {}).get("shards", {})
        if not shards or shards.get("failed"):
            raise FengsuiError(
                "collector.index.snapshot",
                f"of snapshot {name} {shards.get('failed', 'all')} shards did not come back: "
                "delete the indices and let them be built anew from the log",
                name=name,
            )


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise FengsuiError(
            "collector.index.name", f"{name[:40]!r} is no name: a-z 0-9 . _ - and no more"
        )
    return name
