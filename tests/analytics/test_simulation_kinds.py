"""Rules of order and relation in one seeded world, read in every way: the same final alerts."""

from __future__ import annotations

import random

import pytest
from analytics_world import (
    START,
    Event,
    World,
    at,
    detection,
    kind_rule,
    ruleset,
    run,
    step,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.memory import NEVER
from schema.times import MINUTE

ACTIONS = ("a", "b", "c", "d", "seen")
NAMED = {"suppression": "5m"}


def sequence(*steps: dict[str, object], **more: object) -> dict[str, object]:
    return {"within": "2m", "steps": list(steps), **more}


RULES = ruleset(
    kind_rule("sequence", sequence(step("a"), step("b"), step("c", absent=True)), id="then-not"),
    kind_rule(
        "sequence",
        sequence(step("c", absent=True), step("a"), step("b"), warm_up=False),
        id="without-before",
        **NAMED,
    ),
    kind_rule(
        "sequence",
        sequence(step("d", absent=True), step("seen")),
        id="warmed-up",
        **NAMED,
    ),
    kind_rule(
        "sequence",
        sequence(step("a"), step("b", absent=True), step("c", 2)),
        id="not-between",
        **NAMED,
    ),
    kind_rule(
        "together",
        {
            "within": "1m",
            "steps": [step("a", 2), step("b"), step("c"), step("d")],
            "condition": "a and (b or c) and not d",
        },
        **NAMED,
    ),
    kind_rule(
        "together",
        {"within": "1m", "steps": [step("a"), step("b"), step("c"), step("d")], "at_least": 3},
        id="three-of-four",
        **NAMED,
    ),
    kind_rule(
        "together",
        {
            "within": "2m",
            "steps": [step("a"), step("b"), step("c")],
            "condition": "a and (b or c)",
            "ordered": True,
        },
        id="ordered",
        **NAMED,
    ),
    kind_rule("absence", {"within": "90s", "register": "hosts"}, suppression="4m"),
    kind_rule("unique", {"field": "user.name", "within": "2m"}, **NAMED),
    kind_rule(
        "states",
        {"field": "event.action", "within": "10m", "forbidden": {"a": ["d"], "b": ["a", "c"]}},
        detection=detection(**{"user.name|exists": True}),
        **NAMED,
    ),
    kind_rule(
        "join",
        {
            "within": "1m",
            "steps": [step("a"), step("b"), step("c")],
            "where": [
                {"left": "a.user.name", "op": "ne", "right": "b.user.name"},
                {"left": "b.user.name", "op": "eq", "right": "c.user.name"},
            ],
        },
        **NAMED,
    ),
    kind_rule(
        "graph",
        {
            "within": "5m",
            "hops": 2,
            "edges": [
                step("a", **{"from": "user.name", "to": "host.name"}),
                step("b", **{"from": "host.name", "to": "user.target.name"}),
            ],
            "alert": step("c", **{"from": "user.name", "to": "user.target.name"}),
        },
        **NAMED,
    ),
    kind_rule("unique", {"field": "host.name", "within": "30s"}, id="unique-host", **NAMED),
)
ADDRESSES = [f"10.0.0.{number}" for number in range(4)]
VERSIONS = (
    ("hosts", [((name,), START, NEVER) for name in (*ADDRESSES, "10.0.9.9")], START - MINUTE),
    (
        "hosts",
        [
            *(((name,), START, NEVER) for name in ADDRESSES[1:]),
            (("10.0.9.9",), START, START + 40 * MINUTE),
            (("10.0.9.8",), START + 35 * MINUTE, NEVER),
        ],
        START + 20 * MINUTE,
    ),
)


def happenings(seed: int, count: int, hours: float) -> list[Event]:
    chance = random.Random(seed)
    events = []
    for number in range(count):
        seconds = number // 6 * (hours * 3600 * 6 / count) + chance.random() * chance.choice(
            (5, 60)
        )
        events.append(
            at(
                seconds + number / 1_000_000,
                offset=number + 1,
                sensor=chance.choice("abc"),
                ip=chance.choice(ADDRESSES),
                user=chance.choice(("root", "li.na", "wu.qiang", None)),
                event__action=chance.choice(ACTIONS),
                host__name=chance.choice(("h1", "h2")),
                user__target__name=chance.choice(("t1", "t2", "t3")),
            )
        )
    return events


END = START + 70 * MINUTE
"""Up to here all sensors promise to have said everything."""
EVENTS = happenings(11, 900, 1.0)
EXPECTED = run(RULES, EVENTS, versions=VERSIONS, end=END).canonical()


def test_the_world_makes_alerts_of_every_rule() -> None:
    found = {
        rule.id: sum(f'"{rule.id}"'.encode() in raw for raw in EXPECTED) for rule in RULES.rules
    }
    assert all(found.values()), found
    assert len(EXPECTED) > 100


@pytest.mark.parametrize("partitions", [1, 2, 4, 8])
@pytest.mark.parametrize("batch_max", [1, 16, 1024])
def test_order_batches_and_partitions_do_not_show(partitions: int, batch_max: int) -> None:
    world = World(EVENTS, seed=batch_max, batch_max=batch_max, versions=VERSIONS, end=END)
    assert world.play(RULES, partitions=partitions).canonical() == EXPECTED


@pytest.mark.parametrize("seed", range(5))
def test_crashes_at_any_round_do_not_show(seed: int) -> None:
    world = World(EVENTS, seed=seed, batch_max=60, versions=VERSIONS, end=END)
    assert world.play(RULES, partitions=4, crash=0.2).canonical() == EXPECTED


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 200), st.sampled_from([1, 2, 8]))
def test_no_seed_shows(seed: int, batch_max: int, partitions: int) -> None:
    events = happenings(seed, 200, 0.4)
    world = World(events, seed=seed, batch_max=batch_max, versions=VERSIONS, end=END)
    played = world.play(RULES, partitions=partitions, crash=0.1)
    assert played.canonical() == run(RULES, events, versions=VERSIONS, end=END).canonical()


def test_the_world_arrives_late_enough_to_revise_and_to_withdraw() -> None:
    world = World(EVENTS, seed=5, batch_max=16, versions=VERSIONS, end=END)
    played = world.play(RULES)
    assert played.revised > 5
    assert played.withdrawn > 3


LEAST = {"together", "three-of-four", "ordered", "unique", "unique-host", "join", "then-not"}


def test_each_least_set_fires_alone_and_not_without_one_of_its_events() -> None:
    by_id = {event.id.hex(): event for event in EVENTS}
    end = at(7200, offset=10_000, ip="10.0.3.3", user=None, event__action="none")
    told = [one for one in run(RULES, EVENTS, end=END).alerts.values() if one.rule_id in LEAST]
    assert {alert.rule_id for alert in told} == LEAST
    for alert in told[::3]:
        least = [by_id[name] for name in alert.events]
        assert alert.id in run(RULES, [*least, end]).alerts
        for left_out in least:
            rest = [event for event in least if event is not left_out]
            assert alert.id not in run(RULES, [*rest, end]).alerts


def test_a_clock_that_lies_ahead_holds_nothing_up_and_changes_nothing_of_others() -> None:
    liar = [
        at(number * 60 + 3600 * 24, offset=number + 1, sensor="z", ip="10.7.7.7", event__action="a")
        for number in range(30)
    ]
    world = World([*EVENTS, *liar], seed=3, batch_max=40, versions=VERSIONS, end=END)
    one = world.play(RULES, partitions=2, crash=0.1).canonical()
    other = World([*EVENTS, *liar], seed=9, batch_max=200, versions=VERSIONS, end=END).play(RULES)
    assert one == other.canonical()
    own = [raw for raw in one if b'"10.7.7.7"' not in raw]
    assert set(EXPECTED) <= set(own)
