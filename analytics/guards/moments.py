"""Guards on time: how far a time lies away, how old a register's date is, working time."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, Literal

import msgspec

from analytics.guards.comparing import number
from analytics.guards.known import Facts
from analytics.language.reading import check_count, refused
from analytics.matching.values import scalars, text_of
from schema.event import Fields, Value
from schema.times import DAY, SECOND, ZONE

AGE_SECONDS_MAX: Final = 366 * 24 * 3600
"""A time more than a year away is judged as any other far one."""


_DAY_SECONDS: Final = 24 * 3600


_SATURDAY: Final = 5


_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


_MILLISECONDS_FROM: Final = 10**11
"""Seconds since 1970 reach it in the year 5138, milliseconds passed it in 1973."""


class Age(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a time the event carries lies from the event's own, in whole seconds.

    The field holds an RFC 3339 text (east-eighth zone where it names none) or a number of seconds
    or milliseconds since 1970.
    """

    field: str
    op: Literal["gt", "lt"]
    seconds: int

    def fields(self) -> tuple[str, ...]:
        """Fields of the event it reads."""
        return (self.field,)

    def check(self) -> None:
        """Raise ``analytics.rule.refused`` for what says nothing."""
        check_count(self.seconds, "age.seconds", at_most=AGE_SECONDS_MAX)

    def holds(self, event: Fields, time: int, facts: Facts) -> bool | None:
        """Whether the time lies further away, or nearer; what is no time is further than any."""
        del facts
        value = event.get(self.field)
        if value is None:
            return None
        moment = _moment(value)
        if moment is None:
            return self.op == "gt"
        away = abs(moment - time) // SECOND
        return away > self.seconds if self.op == "gt" else away < self.seconds


class Dated(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many days before the event the date in a column of the register's row lies.

    A date is its beginning in the east-eighth zone. Without a row, or without a date in it, the
    guard does not hold: what has no known beginning is neither new nor old.
    """

    register: str
    key: tuple[str, ...]
    column: str
    op: Literal["gt", "lt"]
    days: int

    def fields(self) -> tuple[str, ...]:
        """Fields of the event it reads."""
        return self.key

    def check(self) -> None:
        """Raise ``analytics.rule.refused`` for what says nothing."""
        if not self.register or not self.key or not self.column:
            raise refused("a dated guard names its register, the fields of its key and a column")
        check_count(self.days, "dated.days", at_most=AGE_SECONDS_MAX // _DAY_SECONDS)

    def holds(self, event: Fields, time: int, facts: Facts) -> bool | None:
        """Whether the date lies further back, or nearer; None where a field of the key lacks."""
        key = tuple(text_of(next(iter(scalars(event.get(name))), "")) for name in self.key)
        if "" in key:
            return None
        row = facts.row(self.register, key, time)
        told = row.get(self.column) if row is not None else None
        moment = _moment(told) if told is not None else None
        if moment is None:
            return False
        away = time - moment
        length = self.days * DAY
        return away > length if self.op == "gt" else away < length


class Calendar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the event's time is working time by a register of days, in the east-eighth zone.

    A row has ``day``, ``working`` and, where the day has hours of its own, ``opens`` and
    ``closes``. Days without a row: Monday to Friday from ``opens`` to ``closes`` of the guard.
    """

    expect: Literal["working", "closed"]
    register: str = "calendar"
    opens: str = "09:00"
    closes: str = "18:00"

    def fields(self) -> tuple[str, ...]:
        """It reads the event's time only."""
        return ()

    def check(self) -> None:
        """Raise ``analytics.rule.refused`` for what says nothing."""
        if not (_CLOCK.fullmatch(self.opens) and _CLOCK.fullmatch(self.closes)):
            raise refused("opens and closes are times of day such as 09:00")

    def holds(self, event: Fields, time: int, facts: Facts) -> bool | None:
        """Whether it is."""
        del event
        moment = datetime.fromtimestamp(time // SECOND, ZONE)
        row = facts.row(self.register, (moment.date().isoformat(),), time) or {}
        working = bool(row.get("working", moment.weekday() < _SATURDAY))
        opens, closes = str(row.get("opens") or self.opens), str(row.get("closes") or self.closes)
        inside = working and opens <= moment.strftime("%H:%M") < closes
        return inside is (self.expect == "working")


def _moment(value: Value) -> int | None:
    """Microseconds of a time as an event carries it."""
    written = number(value)
    if written is not None:
        return written * 1000 if abs(written) >= _MILLISECONDS_FROM else written * SECOND
    try:
        moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZONE)
        return int(moment.timestamp()) * SECOND
    except (ValueError, OverflowError):
        return None
