"""Missed: what came too late to be judged, who looks at it again, and what that changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from collector.state.chains import KEPT_FROM, RECORDS_KEPT_US
from collector.state.database import Database, ReadOnly
from schema.coverage import Missed

SHOWN_MAX: Final = 500
WAITING_MAX: Final = 10_000
"""Rows one second look takes on; the next takes the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedRow:
    """One row and what came of it. Times in microseconds UTC."""

    missed: Missed
    noted_at: int
    looked_at: int | None
    revised: int


def save(state: sqlite3.Connection, rows: Sequence[Missed], noted_at: int) -> None:
    """Add rows inside the caller's transaction; more of the same joins what still waits."""
    if not rows:
        return
    oldest = noted_at - RECORDS_KEPT_US
    state.execute(f"DELETE FROM missed WHERE noted_at < {KEPT_FROM}", (oldest,))
    state.executemany(
        "INSERT INTO missed (rule_id, entity, sensor, first_at, last_at, events, noted_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET last_at = max(last_at, "
        "excluded.last_at), events = events + excluded.events, noted_at = excluded.noted_at, "
        "looked_at = NULL",
        [
            (one.rule_id, one.entity, one.sensor, one.first_at, one.last_at, one.events, noted_at)
            for one in rows
        ],
    )


class MissedTable:
    """The rows of a site."""

    def __init__(self, database: Database | ReadOnly) -> None:
        self._database = database

    def newest(
        self, *, waiting: bool = False, visible: frozenset[str] | None = None
    ) -> list[MissedRow]:
        """The newest rows, at most five hundred; of the visible sensors, None for all."""
        only, sensors = "1", sorted(visible or ())
        if waiting:
            only = "looked_at IS NULL"
        if visible is not None:
            only = f"{only} AND sensor IN ({', '.join('?' * len(sensors))})"
        with self._database.read() as state:
            rows = state.execute(
                f"SELECT * FROM missed WHERE {only} ORDER BY noted_at DESC, rule_id, entity, "
                "sensor, first_at LIMIT ?",
                (*sensors, SHOWN_MAX),
            ).fetchall()
        return [
            MissedRow(
                missed=_missed(row),
                noted_at=row["noted_at"],
                looked_at=row["looked_at"],
                revised=row["revised"],
            )
            for row in rows
        ]

    def waiting(self, noted_before: int) -> list[Missed]:
        """Rows nobody has looked at again, none noted since that time among them."""
        with self._database.read() as state:
            newest = state.execute(
                "SELECT max(noted_at) FROM missed WHERE looked_at IS NULL"
            ).fetchone()[0]
            if newest is None or newest >= noted_before:
                return []
            rows = state.execute(
                "SELECT * FROM missed WHERE looked_at IS NULL ORDER BY first_at, rule_id, entity, "
                "sensor LIMIT ?",
                (WAITING_MAX,),
            ).fetchall()
        return [_missed(row) for row in rows]

    def looked(self, rows: Sequence[Missed], at: int, revised: dict[tuple[str, str], int]) -> None:
        """Note a second look; ``revised`` counts changed alerts by rule and entity."""

        def job(state: sqlite3.Connection) -> None:
            state.executemany(
                "UPDATE missed SET looked_at = ?, revised = revised + ? WHERE rule_id = ? AND "
                "entity = ? AND sensor = ? AND first_at = ? AND events = ?",
                [
                    (
                        at, revised.get((one.rule_id, one.entity), 0), one.rule_id, one.entity,
                        one.sensor, one.first_at, one.events,
                    )
                    for one in rows
                ],
            )  # fmt: skip

        self._database.write(job)


def _missed(row: sqlite3.Row) -> Missed:
    return Missed(
        rule_id=row["rule_id"],
        entity=row["entity"],
        sensor=row["sensor"],
        first_at=row["first_at"],
        last_at=row["last_at"],
        events=row["events"],
    )
