"""The stages decide what the embedded engine decides, however their messages interleave."""

from __future__ import annotations

import random

import pytest
import test_adopt
import test_levels
import test_simulation
from analytics_world import START, Event, World, at, model_rule, ruleset
from stream_world import check, fed, play
from test_simulation_kinds import END, EVENTS, RULES, VERSIONS

from analytics.ruleset import RuleSet
from schema.times import MINUTE


def model_world() -> tuple[list[Event], RuleSet]:
    """Forty addresses for a day and a half, two of them loud in one hour each."""
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
    return events, ruleset(model_rule())


SHAPES = [(1, 1), (4, 4), (16, 16), (4, 1), (1, 16)]


@pytest.mark.parametrize(("accepted", "hits"), SHAPES)
def test_rules_of_order_and_relation(accepted: int, hits: int) -> None:
    world = World(EVENTS, seed=accepted, batch_max=40, versions=VERSIONS, end=END)
    one = fed(world, RULES, accepted=accepted)
    assert len(one.expected.alerts) > 100
    check(one, play(one, hits=hits, seed=hits))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("count", [1, 4, 16])
def test_crashes_and_repeats(seed: int, count: int) -> None:
    world = World(EVENTS, seed=seed, batch_max=60, versions=VERSIONS, end=END)
    one = fed(world, RULES, accepted=count)
    check(one, play(one, hits=count, seed=seed, crash=0.1, repeat=0.3))


@pytest.mark.parametrize("seed", range(3))
def test_plain_rules(seed: int) -> None:
    one = fed(
        World(test_simulation.EVENTS, seed=seed, batch_max=50), test_simulation.RULES, accepted=4
    )
    assert len(one.expected.alerts) > 100
    check(one, play(one, hits=4, seed=seed, crash=0.05, repeat=0.1))


@pytest.mark.parametrize("seed", range(6))
def test_rules_on_rules_of_two_levels(seed: int) -> None:
    events = test_levels._events(seed)
    count = (1, 4, 16)[seed % 3]
    one = fed(
        World(events, seed=seed, batch_max=30, end=test_levels.END),
        test_levels.RULES,
        accepted=count,
    )
    told = {alert.rule_id for alert in one.expected.alerts.values()}
    assert {"a-b-c", "seq", "top"} <= told
    check(one, play(one, hits=(4, 16, 1)[seed % 3], seed=seed, crash=0.05, repeat=0.1))


@pytest.mark.parametrize("seed", range(6))
def test_other_rules_ahead_and_midway(seed: int) -> None:
    first, second, third = test_adopt._sets()
    adopts = ((second, START + 9 * MINUTE),)
    world = World(
        test_adopt._events(seed), seed=seed, batch_max=30, adopts=adopts, end=START + 40 * MINUTE
    )
    above = ruleset(*third.rules, *test_levels.RULES.rules[1:], digest="14")
    one = fed(world, first, accepted=4, midway=(third, above, first))
    check(one, play(one, hits=4, seed=seed, crash=0.05, repeat=0.1))


@pytest.mark.parametrize("seed", range(8))
def test_sensors_that_fall_silent_and_come_back(seed: int) -> None:
    world = World(EVENTS, seed=seed, batch_max=60, versions=VERSIONS, end=END)
    one = fed(world, RULES, accepted=(1, 4, 16)[seed % 3], silences=0.2)
    assert one.expected.missed
    check(one, play(one, hits=4, seed=seed, crash=0.05, repeat=0.1))


@pytest.mark.parametrize("count", [1, 4])
def test_models_with_training(count: int) -> None:
    events, rules = model_world()
    one = fed(
        World(events, seed=2, batch_max=200),
        rules,
        accepted=count,
        trainer=test_simulation._trainer,
    )
    assert len(one.expected.alerts) == 2
    heard = play(one, hits=count, seed=count, crash=0.02, repeat=0.1)
    check(one, heard)
    assert heard.trained
