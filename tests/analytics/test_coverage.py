"""No silent miss: what was not evaluated is counted for its minute, source and rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from analytics_world import (
    START,
    Event,
    at,
    batch,
    detection,
    event_rule,
    kind_rule,
    ruleset,
    step,
    threshold_rule,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.engine import Engine
from analytics.keys.partition import KEYS_PER_BUCKET_MAX
from analytics.ruleset import RuleSet
from crypto import sm3
from schema.times import MINUTE, SECOND

ONE = ruleset(event_rule(entity="source.ip"))


def test_coverage_counts_each_minute_and_source_and_the_greatest_lag() -> None:
    engine = Engine(ONE)
    engine.feed(batch([at(30), at(10, event__dataset="nginx.access"), at(31), at(29), at(61)]))
    rows = {
        ((row.minute - START) // MINUTE, row.dataset): (row.events, row.lag_max_us // SECOND)
        for row in engine.advance().coverage
    }
    assert rows == {
        (0, "system.auth"): (3, 33),
        (0, "nginx.access"): (1, 52),
        (1, "system.auth"): (1, 1),
    }
    assert engine.advance().coverage == []


def test_a_match_without_an_entity_is_counted_for_its_rule() -> None:
    engine = Engine(ONE)
    engine.feed(batch([at(1, ip=None)]))
    output = engine.finish()
    assert output.alerts == []
    assert [(row.rule, row.unkeyed) for row in output.coverage if row.rule] == [("event", 1)]


@pytest.fixture(scope="module")
def crowd() -> list[str]:
    """Entities all of one bucket, so that thousands of them do what a million would."""
    names = list(map(str, range(1_400_000)))
    hashes = sm3.digest_many([name.encode() for name in names])
    found = [name for name, each in zip(names, hashes, strict=True) if each[0] == 0]
    assert len(found) > KEYS_PER_BUCKET_MAX + 512
    return found


def told(rules: RuleSet, events: Sequence[Event], size: int) -> tuple[list[str], dict[str, int]]:
    """Who has an alert, and how many keys of each rule were dropped, read so many at once."""
    engine, alerts, evicted = Engine(rules), [], Counter()
    for number, place in enumerate(range(0, len(events), size), 1):
        engine.feed(batch(events[place : place + size], number=number))
        for output in (
            engine.advance(),
            *((engine.finish(),) if place + size >= len(events) else ()),
        ):
            alerts += output.alerts
            for row in output.coverage:
                evicted[row.rule] += row.evicted
    return sorted(alert.entity for alert in alerts), dict(+evicted)


def test_a_flood_of_entities_drops_the_quietest_and_says_so(crowd: list[str]) -> None:
    rules = ruleset(event_rule(entity="source.ip", suppression="1d"))
    events = [at(number, offset=number + 1, ip=name) for number, name in enumerate(crowd)]
    _, evicted = told(rules, events, 512)
    assert evicted == {"event": len(crowd) - KEYS_PER_BUCKET_MAX}


def test_who_is_dropped_does_not_depend_on_how_much_is_read_at_once(crowd: list[str]) -> None:
    """Each entity comes twice; it is found where few enough others came in between."""
    most = KEYS_PER_BUCKET_MAX + 400
    again = crowd[most - 500 : most]
    order = [*crowd[:most], *again, *crowd[:100], *crowd[:100]]
    events = [at(number, offset=number + 1, ip=name) for number, name in enumerate(order)]
    outcomes = [told(ruleset(threshold_rule(2, "1d")), events, size) for size in (97, len(events))]
    assert outcomes[0] == outcomes[1] == (sorted([*again, *crowd[:100]]), {"threshold": 500})


def test_what_is_idle_goes_before_anything_is_dropped(crowd: list[str]) -> None:
    """An entity is idle an hour after its last event; its alert's day is not over before that."""
    rules = ruleset(threshold_rule(2, "1h", suppression="1s"))
    names = crowd[: KEYS_PER_BUCKET_MAX + 400]
    events = [at(number, offset=number + 1, ip=name) for number, name in enumerate(names)]
    assert told(rules, events, 700) == ([], {})


@settings(max_examples=4, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5000)), min_size=50, max_size=200),
    st.integers(20, 300),
    st.booleans(),
)
def test_a_flooded_rule_drops_no_key_of_another(
    crowd: list[str], quiet: list[tuple[int, int]], size: int, follow: bool
) -> None:
    """Two quiet rules find what they would find alone, the flood of a third or not."""
    rules = [
        threshold_rule(2, "1d", id=name, detection=detection(**{"event.action": name}))
        for name in ("a", "b", "flood")
    ]
    actions = [(("a", "b", "a")[which], crowd[entity]) for which, entity in quiet]
    flood = [("flood", name) for name in crowd[: KEYS_PER_BUCKET_MAX + 300]]
    mixed = [*actions, *flood, *(actions if follow else actions[::-1])]
    events = [
        at(number, offset=number + 1, ip=name, event__action=action)
        for number, (action, name) in enumerate(mixed)
    ]
    found, evicted = told(ruleset(*rules), events, len(events) // 3 + size)
    assert set(evicted) == {"flood"}
    few = [event for event in events if event.fields["event.action"] != "flood"]
    alone, _ = told(ruleset(*rules), few, size)
    assert found == alone
    assert (found, evicted) == told(ruleset(*rules), events, 2000)


def test_deadlines_of_a_crowd_fall_before_anybody_is_dropped_for_the_next(
    crowd: list[str],
) -> None:
    """At any time 3,600 entities wait or have an open cell: none has to go, however it is read."""
    steps = [step("paid"), step("receipt", absent=True)]
    rules = ruleset(kind_rule("sequence", {"within": "3000s", "steps": steps}))
    events = [
        at(number, offset=number + 1, ip=name, event__action="paid")
        for number, name in enumerate(crowd[:5000])
    ]
    for size in (500, len(events)):
        engine, told, evicted = Engine(rules), set(), 0
        for number, place in enumerate(range(0, len(events), size), 1):
            engine.feed(batch(events[place : place + size], number=number))
            output = engine.advance()
            told.update(alert.entity for alert in output.alerts)
            evicted += sum(row.evicted for row in output.coverage)
        assert (told, evicted) == (set(crowd[:2000]), 0)


def test_an_event_past_the_budget_is_counted_and_not_evaluated() -> None:
    engine = Engine(ONE)
    engine.feed(batch([at(600, ip="10.9.9.9")]))
    engine.advance()
    engine.feed(batch([at(600 - 61)], number=2, low=START + 601 * SECOND))
    output = engine.finish()
    assert output.alerts == []
    assert [(row.late, row.too_late) for row in output.coverage if row.late] == [(1, 1)]


def test_too_late_does_not_depend_on_how_much_is_read_at_once() -> None:
    first = batch([at(600, ip="10.9.9.9")])
    second = batch([at(600 - 61)], number=2, low=START + 601 * SECOND)
    engine = Engine(ONE)
    engine.feed(first)
    engine.feed(second)
    assert [alert.entity for alert in engine.finish().alerts] == ["10.9.9.9"]


def test_an_empty_value_is_none_of_the_distinct_ones_and_is_counted() -> None:
    """Guessers send no user name at all; each time would else be another account."""
    rules = ruleset(threshold_rule(distinct="user.name"))
    engine = Engine(rules)
    engine.feed(batch([at(second, user="") for second in (1, 2, 3)]))
    output = engine.finish()
    assert output.alerts == []
    assert [(row.rule, row.unkeyed) for row in output.coverage if row.rule] == [("threshold", 3)]
