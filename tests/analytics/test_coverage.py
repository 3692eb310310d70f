"""No silent miss: what was not evaluated is counted for its minute, source and rule."""

from __future__ import annotations

from analytics_world import (
    START,
    at,
    batch,
    event_rule,
    kind_rule,
    ruleset,
    step,
    threshold_rule,
)

from analytics.engine import Engine
from analytics.partition import KEYS_PER_BUCKET_MAX
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


def test_a_flood_of_entities_drops_the_quietest_and_says_so() -> None:
    engine, evicted = Engine(ruleset(event_rule(entity="source.ip", suppression="1d"))), 0
    # All of one bucket, so that thousands of entities do what half a million would.
    crowd = [name for name in map(str, range(760_000)) if sm3.digest(name.encode())[0] == 0]
    assert len(crowd) > KEYS_PER_BUCKET_MAX + 512
    for number, place in enumerate(range(0, len(crowd), 512), 1):
        part = crowd[place : place + 512]
        events = [at(number * 600, offset=place + 1, ip=name) for name in part]
        engine.feed(batch(events, number=number))
        evicted += sum(row.evicted for row in engine.advance().coverage)
    assert evicted >= KEYS_PER_BUCKET_MAX // 4


def test_who_is_dropped_does_not_depend_on_how_much_is_read_at_once() -> None:
    """Each entity comes twice; it is found where few enough others came in between."""
    crowd = [name for name in map(str, range(760_000)) if sm3.digest(name.encode())[0] == 0]
    order = [*crowd[:2500], *crowd[2000:2500], *crowd[:100], *crowd[:100]]
    events = [at(number, offset=number + 1, ip=name) for number, name in enumerate(order)]
    outcomes = set()
    for size in (97, 1000, len(events)):
        engine, alerts, evicted = Engine(ruleset(threshold_rule(2, "1d"))), [], 0
        for number, place in enumerate(range(0, len(events), size), 1):
            engine.feed(batch(events[place : place + size], number=number))
            output = engine.advance()
            alerts += output.alerts
            evicted += sum(row.evicted for row in output.coverage)
        output = engine.finish()
        alerts += output.alerts
        evicted += sum(row.evicted for row in output.coverage)
        outcomes.add((tuple(sorted(alert.entity for alert in alerts)), evicted))
    ((found, evicted),) = outcomes
    assert set(found) == {*crowd[2000:2500], *crowd[:100]}
    assert evicted == 2500 - KEYS_PER_BUCKET_MAX + 100


def test_deadlines_of_a_crowd_fall_before_anybody_is_dropped_for_the_next() -> None:
    """At any time 1,600 entities wait or have an open cell: none has to go, however it is read."""
    crowd = [name for name in map(str, range(760_000)) if sm3.digest(name.encode())[0] == 0]
    steps = [step("paid"), step("receipt", absent=True)]
    rules = ruleset(kind_rule("sequence", {"within": "1000s", "steps": steps}))
    events = [
        at(number, offset=number + 1, ip=name, event__action="paid")
        for number, name in enumerate(crowd[:2500])
    ]
    for size in (250, len(events)):
        engine, told, evicted = Engine(rules), set(), 0
        for number, place in enumerate(range(0, len(events), size), 1):
            engine.feed(batch(events[place : place + size], number=number))
            output = engine.advance()
            told.update(alert.entity for alert in output.alerts)
            evicted += sum(row.evicted for row in output.coverage)
        assert (told, evicted) == (set(crowd[:1500]), 0)


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
