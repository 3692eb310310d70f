"""ElasticIndex: the event index past one machine.

Events first, cursor after: a repeat changes nothing. One index an event day and retention class,
read under one alias: an event sent again lands where it was, and expiry removes an index as a
whole. A list is stable while events come in: its cursor names the last event shown, as DuckDB's
does, and needs no memory on the nodes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import quote

from collector.index import elastic_check, elastic_query
from collector.index.elastic_bulk import Bulk, Rejected
from collector.index.elastic_counts import Counts
from collector.index.elastic_documents import Classify, Document, documents
from collector.index.elastic_expiry import Expiry
from collector.index.elastic_mapping import cursors_index
from collector.index.elastic_nodes import STORE_SECONDS, Connection, Nodes
from collector.index.elastic_reading import Candidate, Reading, Scope
from collector.index.elastic_setup import Layout, Setup
from collector.index.places import BUCKETS_MAX, ID, PAGE_MAX, Place, next_cursor, place_of
from schema.errors import FengsuiError
from schema.event import AcceptedBatch
from schema.filter import Term
from schema.ports import Bucketed, EventHit, EventPage, Expired

_logger = logging.getLogger(__name__)

EVENTS_AT_ONCE: Final = 20_000
"""Documents held while they are written: some twenty megabytes. Then the cursors move."""

_OLDER: Final = 409


class ElasticIndex:
    """The searchable projection of the log on search nodes. Reads run beside inserts."""

    def __init__(
        self,
        connection: Connection,
        layout: Layout,
        *,
        fetch: Callable[[bytes], EventHit | None] = lambda _id: None,
        classify: Classify | None = None,
        rejected: Callable[[Rejected], None] | None = None,
        nodes: Nodes | None = None,
    ) -> None:
        """``fetch`` reads one event from the segments; what it knows is not looked for here.

        ``classify`` gives an event's retention class, ``rejected`` hears of events the nodes
        cannot take. Nothing is asked of the nodes yet. Raises ``collector.index.host``,
        ``.unencrypted`` or ``.secret``.
        """
        self._nodes = nodes or Nodes(connection)
        self._prefix = layout.prefix
        self._fetch = fetch
        self._classify = classify
        self._setup = Setup(self._nodes, layout)
        self._reading = Reading(self._nodes, layout.prefix)
        self._counts = Counts(self._reading)
        self.bulk = Bulk(
            self._nodes,
            prepare=self._prepare_again,
            rejected=rejected or _log_rejected,
            refresh=layout.refresh_s == 0,
        )
        self._expiry = Expiry(self._nodes, self._setup)
        self._writing = threading.Lock()
        """A day is not taken away while somebody writes into it."""
        self._cursors: dict[str, int] = {}

    def insert(self, batches: Sequence[AcceptedBatch]) -> None:
        """Store the events of these batches; a batch already stored changes nothing.

        Raises ``IndexUnavailableError`` when the nodes do not take them (call again with the
        same), ``collector.index.refused`` or ``.form``.
        """
        with self._writing, self._nodes.within(STORE_SECONDS):
            self._setup.open()
            self._insert(batches)

    def _insert(self, batches: Sequence[AcceptedBatch]) -> None:
        waiting: list[Document] = []
        moved: dict[str, int] = {}
        for batch in batches:
            if batch.number <= max(self.cursor(batch.sensor), moved.get(batch.sensor, 0)):
                continue
            waiting += documents(batch, prefix=self._prefix, classify=self._classify)
            moved[batch.sensor] = batch.number
            if len(waiting) >= EVENTS_AT_ONCE:
                self._store(waiting, moved)
                waiting, moved = [], {}
        self._store(waiting, moved)

    def cursor(self, sensor: str) -> int:
        """Number of the sensor's last stored batch, 0 for none."""
        known = self._cursors.get(sensor)
        if known is None:
            with self._nodes.within(STORE_SECONDS):
                found = self._nodes.ask("GET", self._cursor_path(sensor), missing=True)
            known = int(found["_source"]["number"]) if found.get("found") else 0
            self._cursors[sensor] = known
        return known

    def search(
        self,
        terms: Sequence[Term],
        *,
        start: int,
        end: int,
        limit: int,
        after: str = "",
        sensors: Sequence[str] | None = None,
    ) -> EventPage:
        """Events with start <= @timestamp < end, newest first; of these sensors where given.

        Raises ``collector.index.field``, ``.value``, ``.cursor`` or ``.unavailable``.
        """
        limit = max(1, min(limit, PAGE_MAX))
        place = place_of(after) if after else None
        if place is not None:
            end = min(end, place.time + 1)
        asked = elastic_query.query(terms)
        scope = Scope(start, end, sensors)
        clauses = [*asked.clauses, *scope.clauses()]
        hits: list[EventHit] = []
        while len(hits) <= limit:
            size = limit + 1
            found = self._reading.page(clauses, scope, size=size, after=place)
            for candidate in found:
                if _meant(asked, terms, candidate) and len(hits) <= limit:
                    hits.append(candidate.row.hit())
            if len(found) < size:
                break
            last = found[-1].row
            place = Place(last.time, last.sensor, last.number, last.index)
        return EventPage(hits=hits[:limit], next_cursor=next_cursor(hits, limit))

    def count_by(
        self,
        terms: Sequence[Term],
        field: str,
        *,
        start: int,
        end: int,
        limit: int,
        sensors: Sequence[str] | None = None,
    ) -> Sequence[Bucketed]:
        """The most frequent values of a field; ``@timestamp/3600`` counts by hour in time order.

        Exact up to a million values of a field; beyond, rare values are estimated.
        """
        limit = max(1, min(limit, BUCKETS_MAX))
        return self._counts.by(terms, field, scope=Scope(start, end, sensors), limit=limit)

    def get(self, event_id: str) -> EventHit | None:
        """One event by its id (hex), or None."""
        if not ID.fullmatch(event_id):
            return None
        found = self._fetch(bytes.fromhex(event_id))
        if found is not None:
            return found
        wanted = [{"ids": {"values": [event_id]}}]
        stored = self._reading.page(wanted, None, size=1, after=None)
        return stored[0].row.hit() if stored else None

    def expire(self, gone: Sequence[Expired]) -> None:
        """Forget the events of these batches; a day with nothing else in it goes as an index."""
        with self._writing:
            for one in gone:
                self._expiry.forget(one)

    def counted(self) -> Mapping[str, int]:
        """Events stored, met again, sent again and refused since the start."""
        bulk = self.bulk
        return {
            "created": bulk.created,
            "repeated": bulk.repeated,
            "retried": bulk.retried,
            "rejected": bulk.rejected,
        }

    def close(self) -> None:
        """Let go of the connections."""
        self._nodes.close()

    def _store(self, waiting: Sequence[Document], moved: dict[str, int]) -> None:
        for index in dict.fromkeys(index for _, index, *_ in waiting):
            self._setup.prepare(index)
        self.bulk.store(waiting)
        for sensor, number in moved.items():
            self._move(sensor, number)

    def _move(self, sensor: str, number: int) -> None:
        # The batch number is the version: a late repeat never sets a cursor back.
        version = {"version": number, "version_type": "external_gte"}
        body = {"sensor": sensor, "number": number}
        try:
            self._nodes.ask("PUT", self._cursor_path(sensor), body, params=version)
        except FengsuiError as error:
            if error.params.get("status") != _OLDER:
                raise
            del self._cursors[sensor]
        else:
            self._cursors[sensor] = number

    def _cursor_path(self, sensor: str) -> str:
        return f"/{cursors_index(self._prefix)}/_doc/{quote(sensor, safe='')}"

    def _prepare_again(self, index: str) -> None:
        self._setup.forget(index)
        self._setup.prepare(index)


def _meant(asked: elastic_query.Query, terms: Sequence[Term], candidate: Candidate) -> bool:
    """Whether a candidate is what was asked for; most need no second look."""
    return not asked.doubtful(candidate.ignored) or elastic_check.holds(terms, candidate.row)


def _log_rejected(event: Rejected) -> None:
    _logger.warning(
        "the search nodes cannot take an event",
        extra={"event": event.event_id, "sensor": event.sensor, "why": event.reason},
    )
