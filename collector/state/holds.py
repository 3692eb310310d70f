"""Holds: stretches of a sensor's events that are kept for a case, whatever their age."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from collector.control import ControlLog
from collector.state.database import Database, ReadOnly
from schema.errors import FengsuiError
from schema.times import to_text

EVERY: Final = "*"
TEXT_MAX: Final = 200
"""Case numbers, names and reasons: a line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One hold; it is in force until it is released. Times in microseconds UTC."""

    id: str
    case_no: str
    sensor: str
    """``*`` for every sensor."""
    from_at: int
    to_at: int
    """Last moment that is held."""
    reason: str
    placed_by: str
    placed_at: int
    released_by: str | None = None
    approved_by: str | None = None
    release_reason: str | None = None
    released_at: int | None = None

    def covers(self, sensor: str, first_at: int, last_at: int) -> bool:
        """Whether it keeps something of this sensor between these times."""
        return (
            self.released_at is None
            and self.sensor in (EVERY, sensor)
            and self.from_at <= last_at
            and first_at <= self.to_at
        )


class Holds:
    """The holds of a site. Each is in the control log too, and stays here after its release."""

    def __init__(self, database: Database | ReadOnly) -> None:
        self._database = database

    def all(self) -> list[Hold]:
        """Every hold there ever was, oldest first."""
        with self._database.read() as state:
            rows = state.execute("SELECT * FROM holds ORDER BY placed_at, id").fetchall()
        return [_hold(row) for row in rows]

    def in_force(self) -> list[Hold]:
        """Those not released."""
        return [hold for hold in self.all() if hold.released_at is None]

    def add(self, hold: Hold) -> Hold:
        """Hold a stretch; raises ``collector.hold.malformed``."""
        _check(case=hold.case_no, reason=hold.reason, name=hold.placed_by)
        if hold.to_at < hold.from_at:
            raise FengsuiError(
                "collector.hold.malformed", "a hold ends before it begins: change --from and --to"
            )
        self._database.write(
            lambda state: state.execute(
                "INSERT INTO holds (id, case_no, sensor, from_at, to_at, reason, placed_by, "
                "placed_at) VALUES (:id, :case_no, :sensor, :from_at, :to_at, :reason, "
                ":placed_by, :placed_at)",
                asdict(hold),
            )
        )
        return hold

    def release(self, hold_id: str, *, by: str, approved_by: str, reason: str, at: int) -> Hold:
        """Let a hold go, decided by two persons.

        Raises ``collector.hold.unknown``, ``.released``, ``.malformed`` or ``.one_person``.
        """
        _check(case="-", reason=reason, name=by)
        _check(case="-", reason=reason, name=approved_by)
        if by.strip() == approved_by.strip():
            raise FengsuiError(
                "collector.hold.one_person",
                "a hold is released by two persons: name another one with --approved-by",
            )

        def job(state: sqlite3.Connection) -> Hold:
            row = state.execute("SELECT * FROM holds WHERE id = ?", (hold_id,)).fetchone()
            if row is None:
                raise FengsuiError(
                    "collector.hold.unknown",
                    f"there is no hold {hold_id[:80]}: `fengsui hold list` names them",
                )
            if row["released_at"] is not None:
                raise FengsuiError("collector.hold.released", f"hold {hold_id} is released already")
            state.execute(
                "UPDATE holds SET released_by = ?, approved_by = ?, release_reason = ?, "
                "released_at = ?, noted = 0 WHERE id = ?",
                (by, approved_by, reason, at, hold_id),
            )
            return _hold(state.execute("SELECT * FROM holds WHERE id = ?", (hold_id,)).fetchone())

        return self._database.write(job)

    def note(self, control: ControlLog) -> None:
        """Have sealed what changed, also while no platform ran."""
        with self._database.read() as state:
            rows = state.execute(
                "SELECT * FROM holds WHERE noted = 0 ORDER BY placed_at"
            ).fetchall()
        for hold in map(_hold, rows):
            _seal(control, hold)
        ids = [(row["id"],) for row in rows]
        if ids:
            # A crash before this line seals them twice, which says nothing else.
            self._database.write(
                lambda state: state.executemany("UPDATE holds SET noted = 1 WHERE id = ?", ids)
            )


def covering(holds: Sequence[Hold], sensor: str, first_at: int, last_at: int) -> list[Hold]:
    """The holds that keep something of this sensor between these times."""
    return [hold for hold in holds if hold.covers(sensor, first_at, last_at)]


def _seal(control: ControlLog, hold: Hold) -> None:
    released = hold.released_at is not None
    labels = {
        "case": hold.case_no,
        "hold": hold.id,
        "from": to_text(hold.from_at),
        "to": to_text(hold.to_at),
        "by": (hold.released_by or "") if released else hold.placed_by,
    }
    if released:
        labels["approved_by"] = hold.approved_by or ""
    control.add(
        "hold_released" if released else "hold_added",
        sensor=hold.sensor,
        reason=hold.release_reason or "" if released else hold.reason,
        at=hold.released_at or hold.placed_at,
        labels=labels,
    )


def _check(*, case: str, reason: str, name: str) -> None:
    told = (("case", case), ("reason", reason), ("name", name))
    for what, text in told:
        if not 0 < len(text.strip()) <= TEXT_MAX:
            raise FengsuiError(
                "collector.hold.malformed", f"a hold's {what} has 1 to {TEXT_MAX} characters"
            )


def _hold(row: sqlite3.Row) -> Hold:
    return Hold(**{name: row[name] for name in row.keys() if name != "noted"})  # noqa: SIM118
