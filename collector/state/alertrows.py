"""Alert rows: an alert as it is read from the state of record, with what people added to it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from collector.state.exceptions import mark_of
from collector.state.inforce import ExceptionMark, InForce
from schema.alert import Alert

Verdict = Literal["true_positive", "benign", "false_positive", "duplicate", "accepted"]

decoder: Final = msgspec.json.Decoder(Alert)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A person's verdict on an alert. Time in microseconds UTC."""

    at: int
    by: str
    verdict: Verdict
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAlert:
    """An alert with its place in the change order, its closing and the newest decision."""

    seq: int
    alert: Alert
    count: int
    """Matching events of the whole cell so far."""
    last_at: int
    decision: Decision | None
    sensors: frozenset[str]
    """Sensors its least set of events comes from; empty where none is known any more."""
    exception: ExceptionMark | None = None
    """The exception that hides it at the time of reading."""


_COLUMNS: Final = """
SELECT a.seq, a.body, a.decided_at, a.id, c.count, c.last_at, v.at, v.by_user, v.verdict, v.note,
  (SELECT group_concat(sensor) FROM alert_sensors s WHERE s.alert_id = a.id) AS sensors,
"""
FROM: Final = """
FROM alerts a
LEFT JOIN closings c ON c.alert_id = a.id
LEFT JOIN verdicts v ON v.number =
  (SELECT max(number) FROM verdicts w WHERE w.alert_id = a.id)
"""


def select(exception: str) -> str:
    """SQL of the rows, with which SQL tells the exception that hides one."""
    return f"{_COLUMNS} {exception} AS exception {FROM}"


def ranked(counts: dict[str, int]) -> tuple[tuple[str, int], ...]:
    """Most first."""
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def stored(row: sqlite3.Row, hiding: InForce) -> StoredAlert:
    """The alert of a row, hidden by one of these."""
    alert = decoder.decode(row["body"])
    decision = None
    if row["verdict"] is not None:
        decision = Decision(
            at=row["at"], by=row["by_user"], verdict=row["verdict"], note=row["note"]
        )
    return StoredAlert(
        seq=row["seq"],
        alert=alert,
        count=alert.count if row["count"] is None else row["count"],
        last_at=alert.decided_at if row["last_at"] is None else row["last_at"],
        decision=decision,
        sensors=frozenset((row["sensors"] or "").split(",")) - {""},
        exception=mark_of(hiding[row["exception"]]) if row["exception"] else None,
    )
