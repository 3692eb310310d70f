"""Coverage in the state of record: by minute of event time, what was not or not fully judged."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from collector.state.database import Database
from schema.coverage import CoverageRow
from schema.errors import FengsuiError
from schema.ports import Clock
from schema.times import DAY

RANGE_US: Final = DAY
"""What is shown where no beginning is named: up to the newest minute there is."""

PAGE_MAX: Final = 1000
TOTALS_MAX: Final = 2000
"""Sensors and rules summed up at once: more than a site of full size has."""

_PLACE: Final = "minute, sensor, dataset, rule"
_SUMS: Final = (
    "sum(events) AS events, sum(late) AS late, sum(too_late) AS too_late, "
    "sum(unkeyed) AS unkeyed, sum(evicted) AS evicted, max(lag_max_us) AS lag_max_us"
)
_MISSED: Final = "(late OR too_late OR unkeyed OR evicted)"

_Place = tuple[int, str, str, str]
_decoder: Final = msgspec.json.Decoder(_Place)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageQuery:
    """Which minutes are asked for (microseconds UTC, end excluded)."""

    start: int | None
    end: int
    sensor: str = ""
    rule: str = ""
    missed: bool = False
    """Only where something came late or was left out."""
    cursor: str = ""
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveragePage:
    """Newest minute first, and the sums of the whole range by sensor and by rule."""

    start: int
    items: Sequence[CoverageRow]
    next_cursor: str
    totals: Sequence[CoverageRow]


class CoverageTable:
    """Reads coverage. ``visible`` are the sensors a person may see, None for all.

    Records of rules are of every sensor: they show with all sensors only.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def page(self, query: CoverageQuery, *, visible: frozenset[str] | None) -> CoveragePage:
        """One page; raises ``collector.coverage.cursor``."""
        start = query.start if query.start is not None else self._newest() - RANGE_US
        where, values = _where(query, start, visible)
        after, place = _after(query.cursor)
        limit = max(1, min(query.limit, PAGE_MAX))
        with self._database.read() as state:
            rows = state.execute(
                f"SELECT * FROM coverage WHERE {where} AND {after} "
                f"ORDER BY minute DESC, sensor DESC, dataset DESC, rule DESC LIMIT ?",
                (*values, *place, limit + 1),
            ).fetchall()
            totals = state.execute(
                f"SELECT {start} AS minute, sensor, '' AS dataset, rule, {_SUMS} FROM coverage "
                f"WHERE {where} GROUP BY sensor, rule ORDER BY sensor, rule LIMIT ?",
                (*values, TOTALS_MAX),
            ).fetchall()
        items = [CoverageRow(**row) for row in rows[:limit]]
        return CoveragePage(
            start=start,
            items=items,
            next_cursor=_cursor(items[-1]) if len(rows) > limit else "",
            totals=[CoverageRow(**row) for row in totals],
        )

    def datasets(self, sensor: str) -> frozenset[str]:
        """The datasets the sensor has delivered in the last week of its coverage."""
        with self._database.read() as state:
            rows = state.execute(
                "SELECT DISTINCT dataset FROM coverage WHERE sensor = ? AND minute >= "
                "(SELECT max(minute) FROM coverage WHERE sensor = ?) - ?",
                (sensor, sensor, 7 * DAY),
            ).fetchall()
        return frozenset(row["dataset"] for row in rows) - {""}

    def _newest(self) -> int:
        """The newest minute, or now where a clock ahead has left a later one."""
        with self._database.read() as state:
            newest: int | None = state.execute("SELECT max(minute) FROM coverage").fetchone()[0]
        now = self._clock.now()
        return now if newest is None else min(newest, now)


def _where(
    query: CoverageQuery, start: int, visible: frozenset[str] | None
) -> tuple[str, list[int | str]]:
    parts = ["minute >= ? AND minute < ?"]
    found: list[int | str] = [start, query.end]
    if visible is not None:
        parts.append(f"sensor IN ({', '.join('?' * len(visible))})")
        found.extend(sorted(visible))
    if query.sensor:
        parts.append("sensor = ?")
        found.append(query.sensor)
    if query.rule:
        parts.append("rule = ?")
        found.append(query.rule)
    if query.missed:
        parts.append(_MISSED)
    return " AND ".join(parts), found


def _cursor(row: CoverageRow) -> str:
    place = msgspec.json.encode((row.minute, row.sensor, row.dataset, row.rule))
    return base64.urlsafe_b64encode(place).decode()


def _after(cursor: str) -> tuple[str, tuple[int | str, ...]]:
    if not cursor:
        return "1", ()
    try:
        place = _decoder.decode(base64.urlsafe_b64decode(cursor))
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise FengsuiError(
            "collector.coverage.cursor", "the cursor is not one this list gave"
        ) from error
    return f"({_PLACE}) < (?, ?, ?, ?)", place
