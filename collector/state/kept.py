"""Kept: in the state of record, how far each chain has expired, and the rows that go with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Set
from dataclasses import dataclass

from collector.state.database import Database, Readable


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """What leaves the state with the segments of one sensor up to a batch."""

    sensor: str
    number: int
    oldest_at: int
    """Of the oldest batch that is left."""
    reading: Set[str]
    """File generations the sensor still reads: their marks stay."""


def numbers(database: Readable) -> dict[str, int]:
    """The last batch that is gone, by sensor."""
    with database.read() as state:
        return dict(state.execute("SELECT sensor, number FROM kept").fetchall())


def received(database: Readable, sensor: str, number: int) -> int | None:
    """When that batch was taken in, None where the state does not know it."""
    with database.read() as state:
        row = state.execute(
            "SELECT received_at FROM batches WHERE sensor = ? AND number = ?", (sensor, number)
        ).fetchone()
    return row["received_at"] if row else None


def taken(database: Readable, sensor: str) -> int:
    """Number of the sensor's last batch that was taken in."""
    with database.read() as state:
        row = state.execute("SELECT number FROM chains WHERE sensor = ?", (sensor,)).fetchone()
    return row["number"] if row else 0


def taken_before(database: Readable, sensor: str, time: int) -> int:
    """Number of the sensor's last batch that was taken in before that time, 0 for none."""
    with database.read() as state:
        row = state.execute(
            # From the newest on: the batch asked for is near it, and the rows are many.
            "SELECT number FROM batches WHERE sensor = ? AND received_at < ? "
            "ORDER BY number DESC LIMIT 1",
            (sensor, time),
        ).fetchone()
    return row["number"] if row else 0


def forget(database: Database, gone: Gone) -> list[tuple[str, str]]:
    """Delete the rows of batches that are gone, and say so, in one transaction.

    Returns source and generation of the marks that went.
    """

    def job(state: sqlite3.Connection) -> list[tuple[str, str]]:
        state.execute(
            "DELETE FROM batches WHERE sensor = ? AND number <= ?", (gone.sensor, gone.number)
        )
        marks = state.execute(
            "DELETE FROM marks WHERE sensor = ? AND number BETWEEN 1 AND ? AND generation NOT IN "
            f"({', '.join('?' * len(gone.reading))}) RETURNING source, generation",
            (gone.sensor, gone.number, *sorted(gone.reading)),
        ).fetchall()
        state.execute(
            "INSERT INTO kept VALUES (?, ?, ?) ON CONFLICT (sensor) DO UPDATE SET "
            "number = max(number, excluded.number), oldest_at = excluded.oldest_at",
            (gone.sensor, gone.number, gone.oldest_at),
        )
        return [(row["source"], row["generation"]) for row in marks]

    return database.write(job)


def begins(database: Database, oldest: Mapping[str, int]) -> None:
    """Note the time of the oldest batch left of each sensor."""
    database.write(
        lambda state: state.executemany(
            "INSERT INTO kept VALUES (?, 0, ?) "
            "ON CONFLICT (sensor) DO UPDATE SET oldest_at = excluded.oldest_at",
            list(oldest.items()),
        )
    )


def last_run(database: Readable) -> int | None:
    """When expiry last looked, None before the first time."""
    with database.read() as state:
        row = state.execute("SELECT last_at FROM retention_runs").fetchone()
    return row["last_at"] if row else None


def ran(database: Database, at: int) -> None:
    """Expiry looked now."""
    database.write(
        lambda state: state.execute("INSERT OR REPLACE INTO retention_runs VALUES (1, ?)", (at,))
    )
