"""Searching: which index a site's events stand in, by its settings alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

from collector.control import SENSOR as CONTROL
from collector.control import ControlLog
from collector.index.duckdb_index import DuckDbIndex
from dashboard_api.services import Measure
from fengsui.folder import DataFolder
from fengsui.settings import Settings
from schema.errors import FengsuiError
from schema.ports import EventHit, EventIndex

if TYPE_CHECKING:
    from collector.index.elastic_bulk import Rejected
    from collector.index.elastic_nodes import Connection
    from collector.index.elastic_setup import Layout

REJECTED = "collector.index.rejected"


class OpenIndex(EventIndex, Protocol):
    """An event index that is let go of at the end."""

    def counted(self) -> Mapping[str, int]:
        """What became of events on their way, where they have one; by outcome."""

    def close(self) -> None:
        """Let go of files and connections."""


def open_index(
    folder: DataFolder,
    settings: Settings,
    *,
    fetch: Callable[[bytes], EventHit | None] = lambda _id: None,
    control: ControlLog | None = None,
) -> OpenIndex:
    """The search nodes where ``[search] hosts`` names some, else the files of this folder.

    ``control`` hears of events the nodes cannot take. Raises ``fengsui.search.absent`` where the
    client is not installed, and what the index raises.
    """
    if not settings.search.hosts:
        return DuckDbIndex(folder.index, fetch=fetch, memory_mb=settings.index.memory_mb)
    connection = connection_of(settings)
    from collector.index.elastic_index import ElasticIndex

    return ElasticIndex(
        connection,
        layout_of(settings),
        fetch=fetch,
        rejected=_noted(control) if control is not None else None,
    )


def connection_of(settings: Settings) -> Connection:
    """Where the search nodes of ``[search]`` are; raises ``fengsui.search.absent``."""
    search = settings.search
    try:
        # Only here: the client costs memory and is not installed on one machine.
        from collector.index.elastic_nodes import Connection
    except ImportError as error:
        raise FengsuiError(
            "fengsui.search.absent",
            "[search] hosts needs the client of Elasticsearch: pip install 'fengsui[cluster]'",
        ) from error
    return Connection(
        hosts=search.hosts,
        tls_ca=search.tls_ca,
        user=search.user,
        password_file=search.password_file,
        api_key_file=search.api_key_file,
    )


def layout_of(settings: Settings) -> Layout:
    """How the indices of ``[search]`` are called and spread."""
    from collector.index.elastic_setup import Layout

    search = settings.search
    return Layout(
        prefix=search.prefix,
        shards=search.shards,
        replicas=search.replicas,
        refresh_s=search.refresh_seconds,
        codec=search.codec,
    )


def _noted(control: ControlLog) -> Callable[[Rejected], None]:
    """Seal that an event cannot be searched; it stays in the log and can be proven."""

    def note(event: Rejected) -> None:
        # A record about a record of our own might be refused in turn, without end.
        if event.sensor != CONTROL:
            control.add(
                "event_quarantined",
                sensor=event.sensor,
                number=event.number,
                events=1,
                reason=REJECTED,
                message=f"event {event.index} of the batch cannot be searched: {event.reason}",
            )

    return note


def measures(index: OpenIndex) -> Iterator[Measure]:
    """What became of events on their way to the search nodes; nothing for files of the folder."""
    for outcome, count in index.counted().items():
        yield Measure("fengsui_collector_index_events_total", count, {"outcome": outcome})
