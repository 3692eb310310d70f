"""Quota: how much an application may ask for, in items, by the second, the day and the minute.

Per second and, for what gives plaintext out, per minute a bucket holds one such period's worth: a
rested application may spend that at once, and over time gets exactly its rate. A call larger than
the bucket passes when the bucket is full and is paid off before the next, so that a batch never
depends on the rate. A call that is refused takes nothing.

Days are Beijing calendar days (UTC+8). Time between calls is taken from the monotonic clock; the
wall clock is asked at the turn of a day only for when the next one is. So a wall clock that jumps
gives no second quota, and a spent one comes back within a day and a half at the very most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from dashboard_api.applications.model import OPENS, Application, Operation
from schema.errors import FengsuiError
from schema.ports import Clock

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
DAY: Final = 86_400 * SECOND
BEIJING: Final = 8 * 3600 * SECOND
"""China has one time zone and no summer time."""
_DAY_MIN: Final = DAY // 2
"""A turn of the day nearer than this is the one that has just been: the clocks disagree a little,
or the wall clock jumped. The day lasts until the turn after."""
_NEVER_SECONDS: Final = 3600
"""When to ask again for what the quota does not allow at all: it may be changed meanwhile."""


def day_began(now: int) -> int:
    """The beginning of the Beijing day that holds ``now``, in microseconds UTC."""
    return (now + BEIJING) // DAY * DAY - BEIJING


@dataclass(slots=True)
class _Bucket:
    """A level in items times microseconds, so that refilling needs no fractions."""

    period: int
    level: int
    at: int

    def refill(self, rate: int, now: int) -> None:
        gained = max(0, now - self.at) * rate
        self.level = min(self.level + gained, rate * self.period)
        self.at = now

    def lacks(self, rate: int, items: int) -> int:
        """Microseconds until so many items are to be had; 0 for now."""
        wanted = min(items, rate) * self.period - self.level
        return -(-wanted // rate) if wanted > 0 else 0


@dataclass(slots=True)
class _Spent:
    """What one application has taken."""

    calls: _Bucket
    opens: _Bucket
    today: int


class Quotas:
    """The quotas of the applications that one signing process serves."""

    def __init__(
        self, clock: Clock, monotonic: Callable[[], int], used_today: Mapping[str, int]
    ) -> None:
        """``monotonic`` in microseconds; ``used_today`` counts items since ``day_began``."""
        self._clock = clock
        self._monotonic = monotonic
        self._used = dict(used_today)
        self._spent: dict[str, _Spent] = {}
        now = clock.now()
        self._day_ends = monotonic() + day_began(now) + DAY - now

    def take(self, application: Application, operation: Operation, items: int) -> None:
        """Count a call; raises ``dashboard_api.quota.exceeded`` or ``dashboard_api.opens.limited``.

        Both say in ``retry_seconds`` when a call of this size may pass.
        """
        now, quota = self._monotonic(), application.quota
        if now >= self._day_ends:
            self._turn_day(now)
        spent = self._spent.get(application.id)
        if spent is None:
            spent = self._spent[application.id] = _Spent(
                _Bucket(SECOND, quota.per_second * SECOND, now),
                _Bucket(MINUTE, quota.opens_per_minute * MINUTE, now),
                self._used.pop(application.id, 0),
            )
        if quota.per_day and spent.today + items > quota.per_day:
            raise _exceeded(-(-(self._day_ends - now) // SECOND), quota.per_day, "day")
        spent.calls.refill(quota.per_second, now)
        if quota.per_second <= 0:
            raise _exceeded(_NEVER_SECONDS, quota.per_second, "second")
        lacking = spent.calls.lacks(quota.per_second, items)
        if lacking:
            raise _exceeded(-(-lacking // SECOND), quota.per_second, "second")
        if operation in OPENS:
            self._take_opens(spent.opens, quota.opens_per_minute, items, now)
        spent.calls.level -= items * SECOND
        spent.today += items

    def _take_opens(self, opens: _Bucket, rate: int, items: int, now: int) -> None:
        opens.refill(rate, now)
        lacking = opens.lacks(rate, items) if rate > 0 else _NEVER_SECONDS * SECOND
        if lacking:
            raise FengsuiError(
                "dashboard_api.opens.limited",
                f"the application may open {rate} ciphertexts a minute: try again in "
                f"{-(-lacking // SECOND)} s, or ask the administrator for a larger quota",
                retry_seconds=-(-lacking // SECOND),
                limit=rate,
            )
        opens.level -= items * MINUTE

    def _turn_day(self, now: int) -> None:
        self._used.clear()
        for spent in self._spent.values():
            spent.today = 0
        wall = self._clock.now()
        left = day_began(wall) + DAY - wall
        self._day_ends = now + (left if left >= _DAY_MIN else left + DAY)


def _exceeded(retry_seconds: int, limit: int, period: str) -> FengsuiError:
    return FengsuiError(
        "dashboard_api.quota.exceeded",
        f"the application may ask for {limit} items a {period}: try again in {retry_seconds} s, "
        "or ask the administrator for a larger quota",
        retry_seconds=retry_seconds,
        limit=limit,
        period=period,
    )
