"""Snapshots: copies of the indices in a repository the nodes share, and indices out of them.

The index is a projection: without a snapshot it is built anew from the log, only slower.
"""

from __future__ import annotations

import re
from typing import Final

from collector.index.elastic_mapping import cursors_index, events_alias
from collector.index.elastic_nodes import Nodes
from schema.errors import FengsuiError

POLL_TRIES: Final = 1
"""Asked every third of a second or so."""
POLLS_MAX: Final = 50_000
"""Some four hours: a copy of half a year of a city."""

_CURSORS: Final = ".cursors"
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
        """Copy all indices of the site; raises when a part could not be copied.

        Cursors are copied first: one that is behind its events costs a repeat, one ahead of them
        would lose some. So the platform may go on meanwhile.
        """
        self._create(_named(name) + _CURSORS, cursors_index(self._prefix))
        self._create(name, f"{events_alias(self._prefix)}-*")

    def names(self) -> list[str]:
        """The snapshots there are, oldest first."""
        found = self._nodes.ask("GET", f"{self._path}/_all", missing=True).get("snapshots", [])
        names = [one["snapshot"] for one in found]
        return [name for name in names if not name.endswith(_CURSORS)]

    def restore(self, name: str) -> None:
        """Bring the indices of a snapshot back where there are none; the platform must not run.

        What came in since is carried on from the log. Should it fail halfway, delete what came
        back and let the index be built anew.
        """
        self._restore(_named(name), f"{events_alias(self._prefix)}-*")
        # Last: without cursors nothing counts as stored.
        self._restore(name + _CURSORS, cursors_index(self._prefix))

    def _create(self, name: str, indices: str) -> None:
        body = {"indices": indices, "include_global_state": False}
        self._nodes.ask("PUT", f"{self._path}/{name}", body)
        state = "IN_PROGRESS"
        for _ in range(POLLS_MAX):
            found = self._nodes.ask("GET", f"{self._path}/{name}")["snapshots"]
            state = found[0]["state"]
            if state != "IN_PROGRESS":
                break
            self._nodes.pause(POLL_TRIES)
        if state != "SUCCESS":
            raise FengsuiError(
                "collector.index.snapshot",
                f"snapshot {name} is {state}: look at the nodes' logs and make another under a "
                "new name",
                name=name,
            )

    def _restore(self, name: str, indices: str) -> None:
        body = {"indices": indices, "include_global_state": False, "include_aliases": True}
        self._nodes.ask("POST", f"{self._path}/{name}/_restore", body)
        for _ in range(POLLS_MAX):
            health = self._nodes.ask("GET", f"/_cluster/health/{indices}")
            if health["status"] != "red" and not health["initializing_shards"]:
                return
            self._nodes.pause(POLL_TRIES)
        raise FengsuiError(
            "collector.index.snapshot",
            f"not all of snapshot {name} came back: delete the indices and let them be built anew "
            "from the log",
            name=name,
        )


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise FengsuiError(
            "collector.index.name", f"{name[:40]!r} is no name: a-z 0-9 . _ - and no more"
        )
    return name
