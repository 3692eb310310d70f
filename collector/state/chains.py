"""Chains in the state of record: how far each sensor's log was taken in, and what came of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

import msgspec

from collector.state.database import Database, Readable
from schema.batch import GENESIS
from schema.times import DAY

GAPS_SHOWN_MAX: Final = 100

RECORDS_KEPT_US: Final = 190 * DAY
"""Gaps, coverage and misses are kept as long as logs must be, six calendar months and some days,
and longer where logs are."""

KEPT_FROM: Final = "min(?1, coalesce((SELECT min(oldest_at) FROM kept), ?1))"
"""From when on such records are kept: that bound, or the oldest batch left of any chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainState:
    """One sensor's chain as far as it was taken in. Times in microseconds UTC."""

    sensor: str
    enrolment: int = 0
    number: int = 0
    next_sequence: int = 0
    hash: str = GENESIS
    events: int = 0
    received_at: int = 0
    low_watermark: int = 0
    last_event_at: int = 0
    quarantined: int = 0
    duplicates: int = 0
    late: int = 0
    redacted: int = 0
    unusual: int = 0
    """Events with a field the catalogue does not know or types otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """What reading an accepted batch again must know."""

    sensor: str
    number: int
    received_at: int
    low_watermark: int
    control: int
    """Number of the last control batch sealed before it was accepted."""
    dropped: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch of time a sensor has nothing to show for."""

    from_at: int
    to_at: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One step of intake, committed as a whole."""

    chains: Sequence[ChainState]
    batches: Sequence[BatchRow] = ()
    marks: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """Highest accepted offset by (sensor, source, generation)."""
    gaps: Sequence[tuple[str, Gap]] = ()


def load(database: Database) -> dict[str, ChainState]:
    """Every chain by sensor."""
    with database.read() as state:
        rows = state.execute("SELECT * FROM chains").fetchall()
    return {row["sensor"]: ChainState(**dict(row)) for row in rows}


def load_marks(database: Database) -> dict[str, dict[tuple[str, str], int]]:
    """Marks by sensor, then (source, generation)."""
    marks: dict[str, dict[tuple[str, str], int]] = {}
    with database.read() as state:
        for row in state.execute("SELECT sensor, source, generation, offset FROM marks"):
            marks.setdefault(row[0], {})[row[1], row[2]] = row[3]
    return marks


def load_batches(
    database: Readable, sensor: str, *, after: int, count_max: int
) -> dict[int, BatchRow]:
    """Accepted batches behind ``after``, by number."""
    with database.read() as state:
        rows = state.execute(
            "SELECT * FROM batches WHERE sensor = ? AND number > ? ORDER BY number LIMIT ?",
            (sensor, after, count_max),
        ).fetchall()
    return {row["number"]: _batch(row) for row in rows}


def newest_batches(database: Database, sensor: str, control: int) -> list[BatchRow]:
    """The newest accepted batches, as far back as that control batch was the last, oldest first."""
    found: list[BatchRow] = []
    with database.read() as state:
        for row in state.execute(
            "SELECT * FROM batches WHERE sensor = ? ORDER BY number DESC", (sensor,)
        ):
            if row["control"] < control:
                break
            found.append(_batch(row))
    return found[::-1]


def load_gaps(database: Database) -> dict[str, list[Gap]]:
    """The newest gaps by sensor, oldest first."""
    gaps: dict[str, list[Gap]] = {}
    with database.read() as state:
        for row in state.execute("SELECT * FROM gaps ORDER BY from_at DESC"):
            known = gaps.setdefault(row["sensor"], [])
            if len(known) < GAPS_SHOWN_MAX:
                known.append(Gap(from_at=row["from_at"], to_at=row["to_at"], reason=row["reason"]))
    return {sensor: known[::-1] for sensor, known in gaps.items()}


def save(database: Database, progress: Progress) -> None:
    """Commit one step."""

    def job(state: sqlite3.Connection) -> None:
        state.executemany(
            "INSERT OR REPLACE INTO chains VALUES (:sensor, :enrolment, :number, :next_sequence, "
            ":hash, :events, :received_at, :low_watermark, :last_event_at, :quarantined, "
            ":duplicates, :late, :redacted, :unusual)",
            [asdict(chain) for chain in progress.chains],
        )
        state.executemany(
            "INSERT OR REPLACE INTO batches VALUES (?, ?, ?, ?, ?, ?)",
            [
                (
                    row.sensor,
                    row.number,
                    row.received_at,
                    row.low_watermark,
                    row.control,
                    msgspec.json.encode(row.dropped) if row.dropped else None,
                )
                for row in progress.batches
            ],
        )
        newest = {chain.sensor: chain.number for chain in progress.chains}
        state.executemany(
            'INSERT OR REPLACE INTO marks (sensor, source, generation, "offset", number) '
            "VALUES (?, ?, ?, ?, ?)",
            [(*place, offset, newest.get(place[0], 0)) for place, offset in progress.marks.items()],
        )
        if progress.gaps:
            oldest = max(gap.to_at for _, gap in progress.gaps) - RECORDS_KEPT_US
            state.execute(f"DELETE FROM gaps WHERE to_at < {KEPT_FROM}", (oldest,))
        state.executemany(
            "INSERT OR REPLACE INTO gaps VALUES (?, ?, ?, ?)",
            [(sensor, gap.from_at, gap.to_at, gap.reason) for sensor, gap in progress.gaps],
        )

    database.write(job)


def _batch(row: sqlite3.Row) -> BatchRow:
    dropped = row["dropped"]
    return BatchRow(
        sensor=row["sensor"],
        number=row["number"],
        received_at=row["received_at"],
        low_watermark=row["low_watermark"],
        control=row["control"],
        dropped=msgspec.json.decode(dropped, type=tuple[int, ...]) if dropped else (),
    )
