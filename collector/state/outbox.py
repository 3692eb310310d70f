"""Outbox: control for the analytics tier, on stable storage before it is sent, and in one order.

A crash between writing and sending leaves it here; the next start sends it again, and whoever
heard it already changes nothing: its number is dense and grows with each.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from collector.state.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Control that was not acknowledged yet."""

    number: int
    message: bytes
    artefact: bytes
    """What the message names; empty for none."""


class Outbox:
    """The control of one site, in the state of record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last(self) -> int:
        """Number of the newest control, 0 before the first."""
        with self._database.read() as state:
            found: int = state.execute(
                "SELECT ifnull(max(number), 0) FROM feed_controls"
            ).fetchone()[0]
        return found

    def waiting(self) -> list[Waiting]:
        """What must be sent before anything else, oldest first."""
        with self._database.read() as state:
            rows = state.execute(
                "SELECT number, message, artefact FROM feed_controls WHERE NOT sent ORDER BY number"
            ).fetchall()
        return [Waiting(number=row[0], message=row[1], artefact=row[2] or b"") for row in rows]

    def message(self, number: int) -> bytes | None:
        """The control of that number, sent or not; None for none."""
        with self._database.read() as state:
            row = state.execute(
                "SELECT message FROM feed_controls WHERE number = ?", (number,)
            ).fetchone()
        return None if row is None else bytes(row[0])

    def add(self, control: Waiting, *, snapshot: Mapping[str, bytes]) -> None:
        """Keep control, and how its writer stands behind it, in one transaction."""

        def job(state: sqlite3.Connection) -> None:
            state.execute(
                "INSERT INTO feed_controls (number, message, artefact) VALUES (?, ?, ?)",
                (control.number, control.message, control.artefact or None),
            )
            _keep(state, snapshot)

        self._database.write(job)

    def keep(self, snapshot: Mapping[str, bytes]) -> None:
        """Keep how the writer stands."""

        def job(state: sqlite3.Connection) -> None:
            _keep(state, snapshot)

        self._database.write(job)

    def sent(self, number: int) -> None:
        """The control was acknowledged by every partition."""

        def job(state: sqlite3.Connection) -> None:
            state.execute(
                "UPDATE feed_controls SET sent = 1, artefact = NULL WHERE number = ?", (number,)
            )

        self._database.write(job)


def _keep(state: sqlite3.Connection, snapshot: Mapping[str, bytes]) -> None:
    state.executemany(
        "INSERT OR REPLACE INTO engine_snapshot (name, value) VALUES (?, ?)",
        list(snapshot.items()),
    )
