"""What every kind of rule is asked in its tests: snapshots, orders of arrival, least sets."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import msgspec
from analytics_world import Event, World, ruleset, run

from analytics import kinds
from analytics.explain import Explanation, explain
from analytics.memory import NEVER, Carried, Finding, Hit, Memory
from analytics.rule import Rule
from schema.alert import Alert
from schema.times import SECOND

_READINGS = (
    (1, 5, 1, 0.0),
    (2, 40, 4, 0.2),
    (3, 1000, 2, 0.1),
    *((seed, 3, 2, 0.0) for seed in range(4, 12)),
)
"""(seed, batch size, partitions, share of crashes); the last ones until something was revised."""


def memory(rule: Rule, dump: object = None) -> Memory:
    """A memory of the rule's kind."""
    return kinds.of(rule.pattern).memory(rule, dump)


def hit(seconds: float, *values: Carried, steps: int = 1, number: int | None = None) -> Hit:
    """A hit some seconds behind the epoch of a test; told apart by its time unless numbered."""
    place = round(seconds * 1000) if number is None else number
    return (round(seconds * SECOND), "s", place, place.to_bytes(16, "big"), steps, values)


def told(one: Memory, hits: Iterable[Hit], until: int = -NEVER) -> list[Finding]:
    """What a memory finds at these hits in order and at the deadlines before them."""
    found: list[Finding] = []

    def elapse(through: int) -> None:
        while one.due() <= through:
            if one.elapse(one.due()):
                found.extend(one.findings())

    for each in hits:
        elapse(each[0])
        if one.push(each):
            found.extend(one.findings())
    elapse(until)
    return found


def check_snapshots(rule: Rule, hits: Sequence[Hit], until: int = -NEVER) -> None:
    """Restored from its dump at any third of the way, or copied, a memory goes on as it would."""
    for place in {0, len(hits) // 3, 2 * len(hits) // 3}:
        one = memory(rule)
        told(one, hits[:place])
        dump = one.dump()
        raw = msgspec.msgpack.encode(dump)
        other, copy = memory(rule, msgspec.msgpack.decode(raw) if dump else None), one.copy()
        expected = told(one, hits[place:], until)
        # Nothing the original does afterwards shows in a copy, nor the reverse.
        assert told(copy, hits[place:], until) == expected
        assert told(other, hits[place:], until) == expected
        assert other.dump() == one.dump() == copy.dump()


def bursts(seed: int, count: int, every: float, *, size: int = 4) -> list[float]:
    """Seconds of bursts around the multiples of a time: they arrive out of order and late.

    The start of the tests lies on an hour, so hours and days end amid a burst.
    """
    chance = random.Random(seed)
    return [max(0.0, (number // size) * every + chance.uniform(-25, 25)) for number in range(count)]


def check_orders(rule: Rule, events: list[Event], *, revises: bool = True) -> list[Alert]:
    """The final alerts, which no order, batch size, partition count or crash changes.

    Some came late enough to revise what had been told, where that can be.
    """
    expected = run(ruleset(rule), events)
    revised = False
    for seed, size, partitions, crash in _READINGS:
        played = World(events, seed=seed, batch_max=size).play(
            ruleset(rule), partitions=partitions, crash=crash
        )
        assert played.canonical() == expected.canonical()
        revised = revised or played.revised + played.withdrawn > 0
        if seed >= 3 and (revised or not revises):
            break
    assert revised or not revises
    return sorted(expected.alerts.values(), key=lambda alert: (alert.decided_at, alert.id))


def check_least(rule: Rule, events: list[Event], alerts: Sequence[Alert]) -> None:
    """The least set of each alert raises it alone, and not without any one of its events."""
    by_id = {event.id.hex(): event for event in events}
    for alert in alerts:
        least = [by_id[name] for name in alert.events]
        assert alert.id in run(ruleset(rule), least).alerts
        for left_out in least:
            rest = [event for event in least if event is not left_out]
            assert not rest or alert.id not in run(ruleset(rule), rest).alerts


def only(rule: Rule, events: list[Event]) -> tuple[Alert, Explanation]:
    """The one alert these events make, and what it says."""
    (alert,) = run(ruleset(rule), events).alerts.values()
    return alert, explain(alert, rule)
