"""Search upkeep: snapshots of a site's index on its search nodes, and the index built anew.

Copies are made while the platform runs. Bringing one back and beginning anew need it stopped, and
stand in the audit chain. Neither touches evidence: the segments are the log, the index a view.

    FengsuiError
    ├── fengsui.search.embedded   the site has no search nodes
    ├── fengsui.search.filled     a snapshot is brought back only where no index stands
    ├── fengsui.folder.in_use     a platform runs on the folder
    └── collector.index.*         what the nodes say
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from collector.state.database import Database
from dashboard_api.audit import Act, AuditChain
from fengsui.clock import SystemClock, SystemEntropy
from fengsui.folder import DataFolder, Ownership
from fengsui.keyring import open_keyring
from fengsui.searching import connection_of, layout_of
from fengsui.settings import Settings
from schema.errors import FengsuiError

if TYPE_CHECKING:
    from collector.index.elastic_nodes import Nodes
    from collector.index.elastic_snapshots import Snapshots

ACTOR: Final = "local"
REPOSITORY: Final = "fengsui"


class Upkeep:
    """What operators do to the index of one site."""

    def __init__(self, folder: DataFolder, settings: Settings) -> None:
        """Raises ``fengsui.search.embedded``, and what the folder's absence raises."""
        folder.must_exist()
        if not settings.search.hosts:
            raise FengsuiError(
                "fengsui.search.embedded",
                "the index of this site is in its folder: there are no [search] hosts; delete "
                "DIR/index while the platform is stopped, and it is built anew",
            )
        self._folder = folder
        self._settings = settings

    def create(self, name: str, *, repository: str, location: str) -> None:
        """Make a snapshot, in a repository that is made known first where a place is given."""
        with self._snapshots(repository) as snapshots:
            if location:
                snapshots.register(location)
            snapshots.create(name)

    def names(self, *, repository: str) -> Sequence[str]:
        """The snapshots there are, oldest first."""
        with self._snapshots(repository) as snapshots:
            return snapshots.names()

    def restore(self, name: str, *, repository: str) -> None:
        """Bring a snapshot back; what came in since follows from the log at the next start."""
        with self._alone("search.restore", name), self._nodes() as nodes:
            if self._indices(nodes):
                raise FengsuiError(
                    "fengsui.search.filled",
                    "indices of this site stand on the nodes: `fengsui search rebuild` takes them "
                    "away, then this brings the snapshot back",
                )
            self._of(nodes, repository).restore(name)

    def rebuild(self) -> int:
        """Take the index away; the next start builds it anew. How many days went."""
        from collector.index.elastic_mapping import cursors_index
        from collector.index.elastic_setup import Setup

        with self._alone("search.rebuild", self._settings.search.prefix), self._nodes() as nodes:
            # Cursors first: with them, days that are gone would count as stored.
            nodes.ask("DELETE", f"/{cursors_index(self._settings.search.prefix)}", missing=True)
            names = self._indices(nodes)
            Setup(nodes, layout_of(self._settings)).remove(names)
            return len(names)

    def _indices(self, nodes: Nodes) -> list[str]:
        from collector.index.elastic_setup import Setup

        return Setup(nodes, layout_of(self._settings)).indices()

    @contextmanager
    def _nodes(self) -> Iterator[Nodes]:
        connection = connection_of(self._settings)
        from collector.index.elastic_nodes import Nodes

        nodes = Nodes(connection)
        try:
            yield nodes
        finally:
            nodes.close()

    @contextmanager
    def _snapshots(self, repository: str) -> Iterator[Snapshots]:
        with self._nodes() as nodes:
            yield self._of(nodes, repository)

    def _of(self, nodes: Nodes, repository: str) -> Snapshots:
        from collector.index.elastic_snapshots import Snapshots

        return Snapshots(nodes, prefix=self._settings.search.prefix, repository=repository)

    @contextmanager
    def _alone(self, action: str, what: str) -> Iterator[None]:
        """With the folder our own, and the act in the audit chain."""
        owner = Ownership(self._folder)
        try:
            database = Database(self._folder.state)
            try:
                key = open_keyring(self._folder, SystemEntropy()).audit
                audit = AuditChain(database, key, SystemClock())
                with audit.around(Act(ACTOR, action, what)):
                    yield
                audit.close()
            finally:
                database.close()
        finally:
            owner.release()
