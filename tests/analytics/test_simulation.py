"""One seeded world, read in every way: the final alerts are the same, byte for byte."""

from __future__ import annotations

import random

import msgspec
import pytest
from analytics_world import (
    START,
    Event,
    World,
    at,
    event_rule,
    model_rule,
    ruleset,
    run,
    sequence_rule,
    threshold_rule,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.models.artefact import Artefact, Forest, TrainingRequest, Tree, from_trainer
from schema.times import HOUR

RULES = ruleset(
    event_rule(id="each", detection={"one": {"user.name": "root"}, "condition": "one"}),
    event_rule(id="once", entity="source.ip", suppression="10m"),
    threshold_rule(4, "90s", id="count", suppression="5m"),
    threshold_rule(3, "2m", "user.name", id="spray", suppression="15m"),
    sequence_rule(3, "2m", suppression="5m"),
)


def happenings(seed: int, count: int, hours: float, addresses: int) -> list[Event]:
    """Events in bursts, with times that no two events of a sensor share."""
    chance = random.Random(seed)
    events: list[Event] = []
    for number in range(count):
        burst = chance.choice((0.2, 5, 40))
        seconds = number // 8 * (hours * 3600 * 8 / count) + chance.random() * burst
        events.append(
            at(
                seconds + number / 1_000_000,
                offset=number + 1,
                sensor=chance.choice(("a", "b", "c")),
                ip=f"10.0.0.{chance.randrange(addresses)}",
                user=chance.choice(("root", "li.na", "wu.qiang", "zhao.min", None)),
                ok=chance.random() < 0.25,
            )
        )
    return events


EVENTS = happenings(7, 1200, 1.0, 5)
EXPECTED = run(RULES, EVENTS).canonical()


def test_the_world_makes_alerts_of_every_rule() -> None:
    found = {
        rule.id: sum(f'"{rule.id}"'.encode() in raw for raw in EXPECTED) for rule in RULES.rules
    }
    assert all(found.values()), found
    assert len(EXPECTED) > 100


@pytest.mark.parametrize("partitions", [1, 2, 4])
@pytest.mark.parametrize("batch_max", [1, 16, 1024])
def test_order_batches_and_partitions_do_not_show(partitions: int, batch_max: int) -> None:
    world = World(EVENTS, seed=batch_max, batch_max=batch_max)
    assert world.play(RULES, partitions=partitions).canonical() == EXPECTED


@pytest.mark.parametrize("seed", range(6))
def test_crashes_at_any_round_do_not_show(seed: int) -> None:
    world = World(EVENTS, seed=seed, batch_max=60)
    assert world.play(RULES, partitions=4, crash=0.2).canonical() == EXPECTED


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 200), st.sampled_from([1, 2, 4]))
def test_no_seed_shows(seed: int, batch_max: int, partitions: int) -> None:
    events = happenings(seed, 200, 0.3, 3)
    played = World(events, seed=seed, batch_max=batch_max).play(
        RULES, partitions=partitions, crash=0.1
    )
    assert played.canonical() == run(RULES, events).canonical()


def test_each_least_set_fires_alone_and_not_without_one_of_its_events() -> None:
    by_id = {event.id.hex(): event for event in EVENTS}
    for alert in list(run(RULES, EVENTS).alerts.values())[::5]:
        least = [by_id[name] for name in alert.events]
        assert alert.id in run(RULES, least).alerts
        for left_out in least:
            rest = [event for event in least if event is not left_out]
            assert not rest or alert.id not in run(RULES, rest).alerts


def _trainer(request: TrainingRequest) -> Artefact:
    """A forest that tells by requests and depends on every row it was trained on."""
    mark = sum(map(sum, request.rows)) % 7
    tree = Tree(
        feature=(0, 0, 0),
        threshold=(16 + mark, 0, 0),
        left=(1, 0, 0),
        right=(2, 0, 0),
        length=(0, 900, 100),
    )
    totals = tuple(1000 - score for score in range(1000))
    return from_trainer(request, msgspec.json.encode(Forest(trees=(tree,), totals=totals)))


def test_the_world_arrives_late_enough_to_revise() -> None:
    world = World(EVENTS, seed=5, batch_max=16)
    assert world.play(RULES).revised > 5


def test_the_model_is_the_same_in_every_order() -> None:
    rules = ruleset(model_rule())
    chance = random.Random(3)
    loud = {12: 7, 36: 11}
    events = [
        at(
            hour * 3600 + chance.random() * 3500 + number / 1_000_000,
            offset=hour * 10_000 + number + 1,
            sensor=chance.choice("ab"),
            ip=f"10.0.0.{number % 40}",
            user=f"u{chance.randrange(30)}",
        )
        for hour in range(38)
        for number in range(5000 if hour in loud else 80)
        if number < 80 or number % 40 == loud[hour]
    ]
    worlds = [
        World(events, seed=seed, batch_max=size).play(
            rules, partitions=parts, crash=crash, trainer=_trainer
        )
        for seed, size, parts, crash in ((1, 1024, 1, 0), (2, 90, 2, 0.1), (3, 300, 4, 0.2))
    ]
    assert worlds[1].canonical() == worlds[2].canonical() == worlds[0].canonical()
    found = {
        (alert.entity, (alert.decided_at - START) // HOUR) for alert in worlds[0].alerts.values()
    }
    assert found == {("10.0.0.7", 12), ("10.0.0.11", 36)}
