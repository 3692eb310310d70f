"""Episodes of attacks on payments: how often, from when to when, and on whom an alert may fall."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final

from district.calendar import HOUR_US, MINUTE_US, SECOND_US, ZONE, working
from district.deed import Deed
from district.episode import Episode, Plan
from district.system import Occasion

__all__ = ["date_of", "files_judged", "moment", "planned", "times"]

WAIT_US: Final = 8 * HOUR_US
"""How long the rules on balances wait for the rest of a file."""


def times(occasion: Occasion) -> int:
    """One to three such events."""
    return max(1, occasion.strength // 1000)


def planned(
    use_case: str,
    occasion: Occasion,
    deeds: Iterable[Deed],
    *,
    start: int = 0,
    end: int = 0,
    hours: int = 0,
    entities: tuple[str, ...] = (),
    collect: tuple[str, ...] = (),
) -> Plan:
    """The labelled episode; alerts count until ``end``, or so long after the last deed."""
    listed = list(deeds)
    last = max(one.at for one in listed)
    return Plan(
        Episode(
            id=f"{use_case}/{occasion.id}",
            use_case=use_case,
            kind="attack" if occasion.strength >= 1000 else "below",
            # The platform writes milliseconds: its lines must not lie before the label.
            start=(start or occasion.start) // 1000 * 1000,
            end=end or last + hours * HOUR_US + 20 * MINUTE_US,
            strength=occasion.strength,
            entities=entities,
            collect=collect,
        ),
        listed,
    )


def date_of(at: int) -> dt.date:
    """The day by the clock of China."""
    return dt.datetime.fromtimestamp(at // SECOND_US, ZONE).date()


def moment(day: dt.date, hour: int, minute: int) -> int:
    """A time of that day by the clock of China."""
    at = dt.datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE)
    return int(at.timestamp()) * SECOND_US


def _next_working(day: dt.date) -> dt.date:
    day += dt.timedelta(days=1)
    while not working(day):
        day += dt.timedelta(days=1)
    return day


def files_judged(at: int) -> int:
    """When the money of that day was held against the treasury's file."""
    return moment(_next_working(date_of(at)), 10, 30) + WAIT_US
