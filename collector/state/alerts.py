"""Alerts in the state of record: what the rules decided, every revision, and what people decided.

The engine's alerts, its snapshot and its cursors are committed in one transaction, so a crash can
neither lose an alert nor store it twice. Verdicts stand beside an alert and never change it;
neither do exceptions, which are looked up when alerts are read.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from collector.state.alertfilter import seen_by, where
from collector.state.alertrows import FROM, Decision, StoredAlert, decoder, ranked, select, stored
from collector.state.chains import KEPT_FROM, RECORDS_KEPT_US
from collector.state.database import Database
from collector.state.enginesnapshot import KEEP_ENTRY, EngineSnapshot
from collector.state.exceptions import ExceptionDraft, Exceptions
from collector.state.inforce import InForce
from collector.state.missed import save as save_missed
from collector.state.preview import WouldHide, would_hide
from schema.alert import PLATFORM, SEVERITIES, Alert, Closing
from schema.coverage import CoverageRow, Missed
from schema.errors import FengsuiError
from schema.filter import Term

VERDICTS: Final = ("true_positive", "benign", "false_positive", "duplicate", "accepted")
NOTE_NEEDED: Final = frozenset({"false_positive", "accepted"})
NOTE_CHARS_MAX: Final = 4000
PAGE_MAX: Final = 500

_COMPARED: Final = f"substr(rule_id, 1, {len(PLATFORM)}) <> '{PLATFORM}'"

_CURSOR: Final = re.compile(r"(-?[0-9]{1,18})\.([0-9a-f]*)")
"""Time and id of a page's last alert; so many digits fit SQLite's integers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """How an alert stood after one change."""

    at: int
    alert: Alert
    reason: str = ""
    """Why it changed, where that was not the first decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPage:
    """Newest first; ``next_cursor`` is empty on the last page."""

    items: Sequence[StoredAlert]
    next_cursor: str
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCounts:
    """Alerts nobody has judged: in all, by severity, by rule."""

    open: int
    by_severity: tuple[int, ...]
    by_rule: tuple[tuple[str, int], ...]
    hidden: int = 0
    """More that exceptions hide; in none of the other counts."""


class Alerts:
    """The alert store on SQLite; without ``exceptions`` nothing is ever hidden.

    ``sensor_of`` gives the sensor of an event id (hex), None where it is unknown. ``visible`` is
    the set of sensors a person may see, None for all: an alert shows when all its sensors do.
    """

    def __init__(
        self,
        database: Database,
        sensor_of: Callable[[str], str | None] = lambda _id: None,
        exceptions: Exceptions | None = None,
    ) -> None:
        self._database = database
        self._sensor_of = sensor_of
        self._exceptions = exceptions

    def commit(
        self,
        alerts: Sequence[Alert],
        closings: Sequence[Closing],
        *,
        snapshot: dict[str, bytes],
        coverage: Sequence[CoverageRow] = (),
        missed: Sequence[Missed] = (),
        received_at: int,
        reason: str = "",
    ) -> None:
        """Store alerts, closings, coverage, misses and the engine's snapshot in one transaction."""

        sensors = {alert.id: self._sensors(alert) for alert in alerts}

        def job(state: sqlite3.Connection) -> None:
            for alert in alerts:
                _store(state, alert, received_at, reason)
                _store_sensors(state, alert.id, sensors[alert.id])
            for closing in closings:
                _close(state, closing)
            _save_snapshot(state, snapshot)
            _save_coverage(state, coverage, received_at)
            save_missed(state, missed, received_at)

        self._database.write(job)

    def _sensors(self, alert: Alert) -> set[str]:
        found = map(self._sensor_of, alert.events)
        return {sensor for sensor in found if sensor is not None}

    def adopt(self, entries: Iterable[tuple[str, bytes]]) -> int:
        """Store the snapshot of another engine, whose past ours begins with; gives its entries.

        All of it or, where reading ``entries`` raises, nothing.
        """

        def job(state: sqlite3.Connection) -> int:
            return state.executemany(KEEP_ENTRY, entries).rowcount

        return self._database.write(job)

    def snapshot(self) -> Mapping[str, bytes]:
        """The engine's snapshot as last committed, read from the file whenever it is asked."""
        return EngineSnapshot(self._database)

    def final(self) -> Sequence[Alert]:
        """All final alerts of rules in id order; what the platform says of itself is left out."""
        with self._database.read() as state:
            rows = state.execute(
                f"SELECT body FROM alerts WHERE state = 'final' AND {_COMPARED} ORDER BY id"
            )
            return [decoder.decode(row["body"]) for row in rows]

    def decided(self, since: int, until: int) -> Sequence[Alert]:
        """Final alerts of rules decided in since <= time < until, by time."""
        with self._database.read() as state:
            rows = state.execute(
                f"SELECT body FROM alerts WHERE state = 'final' AND {_COMPARED} AND "
                "decided_at >= ? AND decided_at < ? ORDER BY decided_at, id",
                (since, until),
            )
            return [decoder.decode(row["body"]) for row in rows]

    def get(self, alert_id: str) -> StoredAlert | None:
        """One alert by its id."""
        with self._database.read() as state:
            hiding = self._in_force(state)
            row = state.execute(
                f"{select(hiding.asked_by(state))} WHERE a.id = ?", (alert_id,)
            ).fetchone()
        return stored(row, hiding) if row else None

    def _in_force(self, state: sqlite3.Connection) -> InForce:
        return InForce((), {}) if self._exceptions is None else self._exceptions.in_force(state)

    def revisions(self, alert_id: str) -> Sequence[Revision]:
        """How the alert stood after each change, oldest first."""
        with self._database.read() as state:
            rows = state.execute(
                "SELECT received_at, body, reason FROM alert_revisions WHERE alert_id = ? "
                "ORDER BY seq",
                (alert_id,),
            )
            return [
                Revision(at=row[0], alert=decoder.decode(row[1]), reason=row[2]) for row in rows
            ]

    def decisions(self, alert_id: str) -> Sequence[Decision]:
        """What people decided about the alert, oldest first."""
        with self._database.read() as state:
            rows = state.execute(
                "SELECT at, by_user, verdict, note FROM verdicts WHERE alert_id = ? "
                "ORDER BY number",
                (alert_id,),
            )
            return [Decision(at=r[0], by=r[1], verdict=r[2], note=r[3]) for r in rows]

    def page(
        self,
        terms: Sequence[Term],
        *,
        state: str | None = None,
        judged: bool | None = None,
        visible: frozenset[str] | None = None,
        hidden: bool = True,
        limit: int = 100,
        cursor: str = "",
    ) -> AlertPage:
        """Alerts newest first, of one state where given.

        ``judged`` chooses those with or without a verdict; without ``hidden`` those an exception
        hides are left out.
        """
        condition, values = where(terms, judged, state, visible)
        limit = max(1, min(limit, PAGE_MAX))
        after, after_values = _after(cursor)
        with self._database.read() as connection:
            hiding = self._in_force(connection)
            exception = hiding.asked_by(connection)
            if not hidden:
                condition += f" AND ({exception}) IS NULL"
            rows = connection.execute(
                f"{select(exception)} WHERE {condition} AND {after} "
                "ORDER BY a.decided_at DESC, a.id DESC LIMIT ?",
                (*values, *after_values, limit + 1),
            ).fetchall()
            total = connection.execute(
                f"SELECT count(*) {FROM} WHERE {condition}", values
            ).fetchone()[0]
        items = [stored(row, hiding) for row in rows[:limit]]
        more = len(rows) > limit
        last = items[-1].alert if more else None
        return AlertPage(
            items=items, next_cursor=f"{last.decided_at}.{last.id}" if last else "", total=total
        )

    def since(self, seq: int, limit: int = PAGE_MAX) -> Sequence[StoredAlert]:
        """Alerts changed after ``seq``, in change order."""
        with self._database.read() as state:
            hiding = self._in_force(state)
            rows = state.execute(
                f"{select(hiding.asked_by(state))} WHERE a.seq > ? ORDER BY a.seq LIMIT ?",
                (seq, limit),
            ).fetchall()
        return [stored(row, hiding) for row in rows]

    def would_hide(
        self, draft: ExceptionDraft, now: int, visible: frozenset[str] | None = None
    ) -> WouldHide:
        """What an exception made now would hide of the last thirty days' alerts."""
        return would_hide(self._database, draft, now, visible)

    def last_seq(self) -> int:
        """The newest change number, 0 before the first."""
        with self._database.read() as state:
            found: int = state.execute("SELECT ifnull(max(seq), 0) FROM alerts").fetchone()[0]
        return found

    def open_counts(self, visible: frozenset[str] | None = None) -> OpenCounts:
        """Counts of alerts nobody has judged and no exception hides; withdrawn are left out."""
        seen, values = seen_by(visible)
        with self._database.read() as state:
            exception = self._in_force(state).asked_by(state)
            rows = state.execute(
                # Not by an index: its rows lie all over the table, which is ten times slower.
                f"SELECT rule_id, severity, ({exception}) IS NOT NULL AS hidden, count(*) "
                "FROM alerts a WHERE state <> 'withdrawn' "
                "AND a.id NOT IN (SELECT alert_id FROM verdicts) "
                f"AND {seen} GROUP BY +rule_id, severity, hidden",
                values,
            ).fetchall()
        by_severity = [0] * len(SEVERITIES)
        by_rule: dict[str, int] = {}
        left_out = 0
        for rule, severity, hidden, count in rows:
            if hidden:
                left_out += count
                continue
            by_severity[severity] += count
            by_rule[rule] = by_rule.get(rule, 0) + count
        return OpenCounts(
            open=sum(by_severity),
            by_severity=tuple(by_severity),
            by_rule=ranked(by_rule),
            hidden=left_out,
        )

    def acknowledge(self, alert_id: str, *, by: str, verdict: str, note: str, at: int) -> None:
        """Record a person's verdict; raises ``collector.alert.unknown`` or ``.note_missing``."""
        _check_verdict(verdict, note)

        def job(state: sqlite3.Connection) -> None:
            found = state.execute("SELECT 1 FROM alerts WHERE id = ?", (alert_id,)).fetchone()
            if found is None:
                raise FengsuiError(
                    "collector.alert.unknown",
                    f"there is no alert {alert_id[:64]}",
                    id=alert_id[:64],
                )
            state.execute(
                "INSERT INTO verdicts (alert_id, at, by_user, verdict, note) "
                "VALUES (?, ?, ?, ?, ?)",
                (alert_id, at, by, verdict, note),
            )
            state.execute("UPDATE alerts SET seq = ? WHERE id = ?", (_next_seq(state), alert_id))

        self._database.write(job)


def _check_verdict(verdict: str, note: str) -> None:
    if verdict not in VERDICTS:
        raise FengsuiError(
            "collector.alert.verdict", f"a verdict is one of {', '.join(VERDICTS)}", verdict=verdict
        )
    if len(note) > NOTE_CHARS_MAX or (verdict in NOTE_NEEDED and not note.strip()):
        raise FengsuiError(
            "collector.alert.note_missing",
            f"the verdict {verdict} needs a note of 1 to {NOTE_CHARS_MAX} characters",
            verdict=verdict,
        )


def _next_seq(state: sqlite3.Connection) -> int:
    found: int = state.execute("SELECT ifnull(max(seq), 0) + 1 FROM alerts").fetchone()[0]
    return found


def _store(state: sqlite3.Connection, alert: Alert, received_at: int, reason: str) -> None:
    body = msgspec.json.encode(alert)
    old = state.execute("SELECT body FROM alerts WHERE id = ?", (alert.id,)).fetchone()
    if old is not None and old["body"] == body:
        return
    seq = _next_seq(state)
    state.execute(
        "INSERT INTO alerts (id, seq, rule_id, severity, entity_field, entity, state, decided_at, "
        "received_at, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
        "seq = excluded.seq, severity = excluded.severity, state = excluded.state, "
        "decided_at = excluded.decided_at, body = excluded.body",
        (
            alert.id,
            seq,
            alert.rule_id,
            alert.severity,
            alert.entity_field,
            alert.entity,
            alert.state,
            alert.decided_at,
            received_at,
            body,
        ),
    )
    state.execute(
        "INSERT INTO alert_revisions (alert_id, seq, received_at, body, reason) "
        "VALUES (?, ?, ?, ?, ?)",
        (alert.id, seq, received_at, body, reason),
    )


def _store_sensors(state: sqlite3.Connection, alert_id: str, sensors: set[str]) -> None:
    state.execute("DELETE FROM alert_sensors WHERE alert_id = ?", (alert_id,))
    state.executemany(
        "INSERT INTO alert_sensors (alert_id, sensor) VALUES (?, ?)",
        [(alert_id, sensor) for sensor in sorted(sensors)],
    )


def _close(state: sqlite3.Connection, closing: Closing) -> None:
    state.execute(
        "INSERT INTO closings (alert_id, count, last_at) VALUES (?, ?, ?) "
        "ON CONFLICT (alert_id) DO UPDATE SET count = excluded.count, last_at = excluded.last_at",
        (closing.alert_id, closing.count, closing.last_at),
    )


def _save_snapshot(state: sqlite3.Connection, snapshot: dict[str, bytes]) -> None:
    state.executemany(KEEP_ENTRY, [(name, value) for name, value in snapshot.items() if value])
    state.executemany(
        "DELETE FROM engine_snapshot WHERE name = ?",
        [(name,) for name, value in snapshot.items() if not value],
    )


def _save_coverage(
    state: sqlite3.Connection, coverage: Sequence[CoverageRow], received_at: int
) -> None:
    """Rows are increments: counts add up, the greatest lag stays; the old ones go."""
    state.executemany(
        "INSERT INTO coverage (minute, sensor, dataset, rule, events, late, too_late, unkeyed, "
        "evicted, lag_max_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (minute, sensor, dataset, rule) DO UPDATE SET "
        "events = events + excluded.events, late = late + excluded.late, "
        "too_late = too_late + excluded.too_late, unkeyed = unkeyed + excluded.unkeyed, "
        "evicted = evicted + excluded.evicted, "
        "lag_max_us = max(lag_max_us, excluded.lag_max_us)",
        [msgspec.structs.astuple(row) for row in coverage],
    )
    if coverage:
        # In event time, so that a recording of years ago keeps its own; one from the future
        # of a wrong clock does not make the others old.
        newest = min(received_at, state.execute("SELECT max(minute) FROM coverage").fetchone()[0])
        oldest = newest - RECORDS_KEPT_US
        state.execute(f"DELETE FROM coverage WHERE minute < {KEPT_FROM}", (oldest,))


def _after(cursor: str) -> tuple[str, tuple[int | str, ...]]:
    if not cursor:
        return "1", ()
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise FengsuiError("collector.alert.cursor", "the cursor is not one this list gave")
    return "(a.decided_at, a.id) < (?, ?)", (int(found[1]), found[2])
