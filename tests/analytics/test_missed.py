"""What comes too late is named for exactly the rules and entities it matters to, and made good."""

from __future__ import annotations

import random
from collections.abc import Iterator

from analytics_world import (
    START,
    Event,
    Standing,
    at,
    batch,
    event_rule,
    ruleset,
    sequence_rule,
    threshold_rule,
)

from analytics import reevaluation, replay
from analytics.engine import Engine
from schema.alert import canonical
from schema.coverage import Missed
from schema.event import AcceptedBatch
from schema.times import MINUTE, SECOND

RULES = ruleset(event_rule(entity="source.ip"), threshold_rule(3, "60s"), sequence_rule(3, "60s"))
GAP = (START + 120 * SECOND, START + 180 * SECOND)
"""For these sixty seconds one of two sensors is not heard."""


def recorded() -> dict[str, list[Event]]:
    """Ten minutes of two sensors; each has its own addresses, and they share one."""
    chance = random.Random(11)
    found: dict[str, list[Event]] = {"a": [], "b": []}
    for second in range(600):
        for sensor, own in (("a", "10.1.0."), ("b", "10.2.0.")):
            if chance.random() < 0.2:
                ip = "10.9.9.9" if chance.random() < 0.2 else own + str(chance.randrange(6))
                event = at(second + chance.random(), 0, sensor, ip=ip, ok=chance.random() < 0.1)
                found[sensor].append(event)
    return found


def minutes(events: list[Event]) -> Iterator[AcceptedBatch]:
    """The events in a batch for each half minute, each promising what it has read."""
    first = 0
    for number in range(20):
        end = START + (number + 1) * 30 * SECOND
        part = [event for event in events if end - 30 * SECOND <= event.time < end]
        if part:
            yield batch(part, number + 1, low=end, first=first)
            first += len(part)


def run_with_gap(found: dict[str, list[Event]]) -> tuple[Standing, list[Missed]]:
    """Sensor b is excluded while it is silent; what it had sealed comes five minutes later."""
    engine, standing, missed = Engine(RULES, required=["a", "b"]), Standing(), []
    held: list[AcceptedBatch] = []
    streams = {
        sensor: {one.low_watermark: one for one in minutes(found[sensor])} for sensor in "ab"
    }
    for number in range(20):
        end = START + (number + 1) * 30 * SECOND
        for sensor in "ab":
            one = streams[sensor].get(end)
            if one is None:
                continue
            if sensor == "b" and GAP[0] < end <= GAP[1] + 300 * SECOND:
                engine.exclude("b")
                held.append(one)
            else:
                for late in [*held, one] if sensor == "b" else [one]:
                    engine.feed(late)
                if sensor == "b":
                    held.clear()
                    engine.readmit("b", end)
        output = engine.advance()
        standing.take(output)
        missed += output.missed
    output = engine.finish()
    standing.take(output)
    return standing, [*missed, *output.missed]


def test_exactly_what_was_missed_is_named() -> None:
    found = recorded()
    _, missed = run_with_gap(found)
    # All that sensor b held back is behind the watermark of a by more than the budget, but for
    # the last minute of it.
    back = GAP[1] + 300 * SECOND
    lost = [event for event in found["b"] if GAP[0] <= event.time < back - 60 * SECOND]
    expected: dict[tuple[str, str], list[int]] = {}
    for event in lost:
        success = event.fields["event.outcome"] == "success"
        for rule in ("sequence",) if success else ("event", "threshold", "sequence"):
            expected.setdefault((rule, str(event.fields["source.ip"])), []).append(event.time)
    named = {(one.rule_id, one.entity): (one.first_at, one.last_at, one.events) for one in missed}
    assert {one.sensor for one in missed} == {"b"}
    assert named == {key: (min(times), max(times), len(times)) for key, times in expected.items()}


def test_a_second_look_makes_good_what_was_missed_and_nothing_else() -> None:
    found = recorded()
    standing, missed = run_with_gap(found)
    whole = Standing()
    for output in replay.run(RULES, _sources(found), train=_no_model):
        whole.take(output)
    assert standing.canonical() != whole.canonical()

    scope = reevaluation.scope_of(missed, RULES)
    assert scope is not None
    assert scope.entities is not None
    assert not any(
        entity.startswith("10.1.") for names in scope.entities.values() for entity in names
    )
    again = Standing()
    for output in replay.run(RULES, _sources(found), train=_no_model, watched=scope.entities):
        again.take(output)
    until = START + 3600 * SECOND
    now = [one for one in again.alerts.values() if reevaluation.holds(scope, one, until)]
    before = [one for one in standing.alerts.values() if reevaluation.holds(scope, one, until)]
    for alert in reevaluation.revisions(now, before):
        if alert.state == "withdrawn":
            del standing.alerts[alert.id]
        else:
            standing.alerts[alert.id] = alert
    assert standing.canonical() == whole.canonical()


def test_nothing_is_revised_where_nothing_differs() -> None:
    whole = Standing()
    for output in replay.run(RULES, _sources(recorded()), train=_no_model):
        whole.take(output)
    assert whole.alerts
    assert reevaluation.revisions(whole.alerts.values(), whole.alerts.values()) == []
    one = next(iter(whole.alerts.values()))
    (gone,) = reevaluation.revisions([], [one])
    assert (gone.state, canonical(gone)) == ("withdrawn", canonical(one))


def test_misses_of_rules_that_are_gone_ask_for_nothing() -> None:
    miss = Missed(rule_id="gone", entity="x", sensor="b", first_at=1, last_at=MINUTE, events=1)
    assert reevaluation.scope_of([miss], RULES) is None


def _sources(found: dict[str, list[Event]]) -> dict[str, Iterator[AcceptedBatch]]:
    return {sensor: minutes(events) for sensor, events in found.items()}


def _no_model(request: object) -> object:
    raise AssertionError(request)
