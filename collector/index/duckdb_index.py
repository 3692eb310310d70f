"""DuckDbIndex: the embedded event index. Rows and cursor are committed together, day by day."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import duckdb

from collector.index import conditions
from collector.index.conditions import Parameter, Sql
from collector.index.days import OPEN_DAYS_MAX, Days
from collector.index.places import BUCKETS_MAX, ID, INTERVAL, PAGE_MAX, Place, next_cursor, place_of
from collector.index.rows import COLUMNS, Part, hit, id_halves
from schema.event import TIME, AcceptedBatch
from schema.filter import Term
from schema.ports import Bucketed, EventHit, EventPage, Expired
from schema.times import DAY, SECOND, to_text

MEMORY_MB: Final = 96
THREADS: Final = 2
_CANDIDATES: Final = 10_000
"""Values of a group of days that are carried on when more days are counted than stay open."""

_ORDER: Final = ("@timestamp", "sensor", "number", "idx")
_SELECTED: Final = ", ".join(f'"{name}"' for name in COLUMNS)


class DuckDbIndex:
    """The searchable projection of the log, capped in memory. Reads run beside inserts."""

    def __init__(
        self,
        folder: Path,
        *,
        fetch: Callable[[bytes], EventHit | None] = lambda _id: None,
        memory_mb: int = MEMORY_MB,
        threads: int = THREADS,
    ) -> None:
        """``fetch`` reads one event from the segments; what it knows is not looked for here."""
        self._days = Days(folder, memory_mb=memory_mb, threads=threads)
        self._fetch = fetch
        self._cursors: dict[str, int] | None = None

    def insert(self, batches: Sequence[AcceptedBatch]) -> None:
        """Store the events of these batches; a batch already stored changes nothing."""
        by_day: dict[int, list[Part]] = {}
        for batch in batches:
            for day, places in _by_day(batch.times).items():
                by_day.setdefault(day, []).append(Part(batch, places))
        for day, parts in sorted(by_day.items()):
            self._days.insert(day, parts)
        if self._cursors is not None:
            for batch in batches:
                known = self._cursors.get(batch.sensor, 0)
                self._cursors[batch.sensor] = max(known, batch.number)

    def cursor(self, sensor: str) -> int:
        """Number of the sensor's last stored batch that held events, 0 for none."""
        if self._cursors is None:
            found: dict[str, int] = {}
            for day in self._days.present():
                for name, number in self._days.cursors(day).items():
                    found[name] = max(found.get(name, 0), number)
            self._cursors = found
        return self._cursors.get(sensor, 0)

    def expire(self, gone: Sequence[Expired]) -> None:
        """Forget the events of these batches; a day with nothing else in it goes as a file."""
        # Known before a day goes that would tell of it.
        self.cursor("")
        for one in gone:
            for day in self._days.between(one.first_at, one.last_at + 1):
                self._days.expire(day, one.sensor, one.number)

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

        Raises ``collector.index.field``, ``.value`` or ``.cursor``.
        """
        limit = max(1, min(limit, PAGE_MAX))
        wanted = _where(terms, start, end, sensors)
        if after:
            place = place_of(after)
            end = min(end, place.time + 1)
            wanted = _and(wanted, _behind(place))
        hits: list[EventHit] = []
        for day in reversed(self._days.between(start, end)):
            hits += self._page(day, wanted, limit + 1 - len(hits))
            if len(hits) > limit:
                break
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

        Over more days than stay open at once, rare values of a field with very many are
        estimated from those that are frequent on some days.
        """
        limit = max(1, min(limit, BUCKETS_MAX))
        wanted = _where(terms, start, end, sensors)
        interval = INTERVAL.fullmatch(field)
        if interval:
            return self._by_interval(wanted, int(interval[1]) * SECOND, (start, end), limit)
        counts = self._counts(wanted, conditions.expression(field).sql, (start, end), limit)
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return [Bucketed(key=key, count=count) for key, count in ranked[:limit]]

    def get(self, event_id: str) -> EventHit | None:
        """One event by its id (hex), or None."""
        if not ID.fullmatch(event_id):
            return None
        raw = bytes.fromhex(event_id)
        found = self._fetch(raw)
        if found is not None:
            return found
        wanted = Sql("id_high = ? AND id_low = ?", id_halves(raw))
        for day in reversed(self._days.present()):
            hits = self._page(day, wanted, 1)
            if hits:
                return hits[0]
        return None

    def counted(self) -> Mapping[str, int]:
        """Nothing: events are in the files of this process, or the step failed."""
        return {}

    def close(self) -> None:
        """Let go of the files."""
        self._days.close()

    def _page(self, day: int, wanted: Sql, limit: int) -> list[EventHit]:
        order = ", ".join(f'"{name}" DESC' for name in _ORDER)
        with self._days.lent([day]) as (connection, tables):
            # The narrow columns choose the rows; only those are then read in full width.
            rows = connection.execute(
                f"SELECT {_SELECTED} FROM {tables[0]} WHERE rowid IN "
                f"(SELECT rowid FROM {tables[0]} WHERE {wanted.text} ORDER BY {order} LIMIT ?) "
                f"ORDER BY {order}",
                [*wanted.values, limit],
            ).fetchall()
        return [hit(row) for row in rows]

    def _counts(self, wanted: Sql, key: Sql, span: tuple[int, int], limit: int) -> dict[str, int]:
        days = self._days.between(*span)
        groups = [days[at : at + OPEN_DAYS_MAX] for at in range(0, len(days), OPEN_DAYS_MAX)]
        kept = limit if len(groups) == 1 else max(limit, _CANDIDATES)
        counts: dict[str, int] = {}
        for group in groups:
            with self._days.lent(group) as (connection, tables):
                for value, count in _count(connection, tables, wanted, key, kept):
                    counts[str(value)] = counts.get(str(value), 0) + count
        return counts

    def _by_interval(
        self, wanted: Sql, width_us: int, span: tuple[int, int], limit: int
    ) -> list[Bucketed]:
        counts = self._counts(wanted, Sql(f'"{TIME}" // {width_us}'), span, BUCKETS_MAX)
        ordered = sorted((int(key) * width_us, count) for key, count in counts.items())
        return [Bucketed(key=to_text(time), count=count) for time, count in ordered[:limit]]


def _count(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[str],
    wanted: Sql,
    key: Sql,
    limit: int,
) -> list[tuple[object, int]]:
    parts = [f"SELECT {key.text} AS key FROM {table} WHERE {wanted.text}" for table in tables]
    values = [*key.values, *wanted.values] * len(tables)
    return connection.execute(
        f"SELECT key, count(*) AS n FROM ({' UNION ALL '.join(parts)}) "
        "WHERE key IS NOT NULL GROUP BY key ORDER BY n DESC, key LIMIT ?",
        [*values, limit],
    ).fetchall()


def _by_day(times: Sequence[int]) -> dict[int, Sequence[int]]:
    """Places of a batch's events by event day."""
    if not times:
        return {}
    first, last = min(times) // DAY, max(times) // DAY
    if first == last:
        return {first: range(len(times))}
    days: dict[int, list[int]] = {}
    for place, time in enumerate(times):
        days.setdefault(time // DAY, []).append(place)
    return dict(days)


def _where(terms: Sequence[Term], start: int, end: int, sensors: Sequence[str] | None) -> Sql:
    span = Sql(f'"{TIME}" >= ? AND "{TIME}" < ?', (start, end))
    wanted = _and(span, conditions.where(terms))
    if sensors is None:
        return wanted
    marks = ", ".join("?" * len(sensors)) or "NULL"
    return _and(wanted, Sql(f"sensor IN ({marks})", tuple(sensors)))


def _and(first: Sql, second: Sql) -> Sql:
    values: tuple[Parameter, ...] = (*first.values, *second.values)
    return Sql(f"{first.text} AND {second.text}", values)


def _behind(place: Place) -> Sql:
    names = ", ".join(f'"{name}"' for name in _ORDER)
    return Sql(
        f'"{TIME}" <= ? AND ({names}) < (?, ?, ?, ?)',
        (place.time, place.time, place.sensor, place.number, place.index),
    )
