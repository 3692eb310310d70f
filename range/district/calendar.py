"""Calendar: days of the town, which of them are worked, and how busy an hour is.

Holidays are those announced for 2026 by the General Office of the State Council, with the days
worked in exchange.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["DAY_US", "HOUR_US", "MINUTE_US", "SECOND_US", "ZONE", "Day", "days_from", "working"]

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US
ZONE: Final = dt.timezone(dt.timedelta(hours=8))

_HOLIDAYS: Final = (
    ("2026-01-01", 3), ("2026-02-15", 9), ("2026-04-04", 3), ("2026-05-01", 5),
    ("2026-06-19", 3), ("2026-09-25", 3), ("2026-10-01", 7),
)  # fmt: skip
_MADE_UP: Final = frozenset(
    dt.date.fromisoformat(day)
    for day in ("2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10")
)
_FREE: Final = frozenset(
    dt.date.fromisoformat(first) + dt.timedelta(days=more)
    for first, count in _HOLIDAYS
    for more in range(count)
)

OFFICE: Final = (0, 0, 0, 0, 0, 0, 0, 2, 30, 100, 95, 70, 25, 55, 95, 90, 65, 20, 4, 2, 1, 1, 0, 0)
"""How busy each hour is at the counters and desks of a working day."""
PUBLIC: Final = (
    3,
    2,
    1,
    1,
    1,
    3,
    10,
    30,
    60,
    95,
    100,
    80,
    60,
    65,
    85,
    85,
    70,
    55,
    50,
    55,
    60,
    50,
    25,
    10,
)
"""How busy each hour is among citizens at home and on the way, of every day."""
NIGHT: Final = (30, 100, 100, 60, 30, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 15)
"""Batches of departments."""
FLAT: Final = (1,) * 24


def working(day: dt.date) -> bool:
    """Whether the day is worked."""
    return day in _MADE_UP or (day.weekday() < 5 and day not in _FREE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day of the town."""

    number: int
    """From 0, warm-up days first."""
    date: dt.date
    measured: bool
    """False while the baselines warm up."""
    volume: float
    """Factor of honest traffic."""

    @property
    def start(self) -> int:
        """Its midnight in Beijing, microseconds UTC."""
        midnight = dt.datetime(self.date.year, self.date.month, self.date.day, tzinfo=ZONE)
        return int(midnight.timestamp()) * SECOND_US

    @property
    def working(self) -> bool:
        """Whether offices are open."""
        return working(self.date)

    def count(self, chance: random.Random, base: float) -> int:
        """How many of something there are this day, where ``base`` is usual at volume 1."""
        mean = base * self.volume
        whole = int(mean)
        return max(0, round(chance.gauss(mean, mean**0.5))) if whole > 8 else _poisson(chance, mean)

    def moment(self, chance: random.Random, hours: Sequence[int] = OFFICE) -> int:
        """A moment of the day, likely where the curve is high. Microseconds UTC."""
        (hour,) = chance.choices(range(24), weights=hours)
        return self.at(hour) + chance.randrange(HOUR_US)

    def at(self, hour: int, minute: int = 0, second: int = 0) -> int:
        """A time of the day by the clock of China."""
        return self.start + hour * HOUR_US + minute * MINUTE_US + second * SECOND_US


def _poisson(chance: random.Random, mean: float) -> int:
    left, count = mean, 0
    while (left := left - chance.expovariate(1.0)) > 0:
        count += 1
    return count


GROWTH_PERMILLE: Final = 5
"""Of each day over the one before, where business drifts: it has doubled after 139 days."""
CAMPAIGN: Final = range(10, 17)
"""Measured days of the week in which everybody is told to come."""
CAMPAIGN_TIMES: Final = 3.0


NEW_OFFICE: Final = "new_office"
"""Scenario: one unit opens on the first measured day, and nobody has seen anything of it before."""


def busy(scenario: str, number: int, warm_up: int) -> float:
    """How much busier than usual a day is: in ``drift``, in a ``campaign``, or as ever."""
    if scenario == "drift":
        return float((1 + GROWTH_PERMILLE / 1000) ** number)
    return CAMPAIGN_TIMES if scenario == "campaign" and number - warm_up in CAMPAIGN else 1.0


def days_from(
    first: dt.date, *, warm_up: int, measured: int, volume: float, scenario: str = ""
) -> list[Day]:
    """Consecutive days."""
    return [
        Day(
            number=number,
            date=first + dt.timedelta(days=number),
            measured=number >= warm_up,
            volume=volume * busy(scenario, number, warm_up),
        )
        for number in range(warm_up + measured)
    ]
