"""Back-test: what a rule finds in stored events, day by day, and what another form of it finds.

Days are those of the east-eighth zone, where the sites are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import msgspec

from schema.alert import Alert
from schema.times import SECOND, ZONE

SHOWN_MAX: Final = 20
"""Entities and changed alerts named in a result; all of them are counted."""


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """One day's alerts."""

    day: str
    alerts: int
    before: int | None = None
    """Of the form compared with."""


class Busy(msgspec.Struct, frozen=True, kw_only=True):
    """An entity and how many alerts it has."""

    entity: str
    alerts: int


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """An alert only one of two forms raises."""

    entity: str
    decided_at: str
    events: int


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule found."""

    rule_id: str
    version: str
    since: str
    until: str
    events: int
    alerts: int
    days: tuple[Day, ...]
    entities: tuple[Busy, ...]
    """The busiest, at most twenty."""
    gained: tuple[Change, ...] = ()
    lost: tuple[Change, ...] = ()
    gained_count: int | None = None
    lost_count: int | None = None


def day_of(time_us: int) -> str:
    """The day a time belongs to, such as ``2026-11-20``."""
    return datetime.fromtimestamp(time_us // SECOND, UTC).astimezone(ZONE).date().isoformat()


def days(alerts: Iterable[Alert], before: Iterable[Alert] | None) -> tuple[Day, ...]:
    """Alerts for each day that has some, oldest first."""
    now = Counter(day_of(alert.decided_at) for alert in alerts)
    then = None if before is None else Counter(day_of(alert.decided_at) for alert in before)
    return tuple(
        Day(day=day, alerts=now[day], before=None if then is None else then[day])
        for day in sorted({*now, *(then or ())})
    )


def busiest(alerts: Iterable[Alert]) -> tuple[Busy, ...]:
    """The entities with most alerts."""
    counted = Counter(alert.entity for alert in alerts)
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Busy(entity=entity, alerts=count) for entity, count in ranked[:SHOWN_MAX])


def only_in(some: Iterable[Alert], others: Iterable[Alert]) -> list[Alert]:
    """Alerts of ``some`` whose entity and time no alert of ``others`` has."""
    known = {(alert.entity, alert.cell) for alert in others}
    return [alert for alert in some if (alert.entity, alert.cell) not in known]
