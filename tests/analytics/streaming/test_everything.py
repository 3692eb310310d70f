"""Every kind of rule at once, in worlds made up of everything that may happen to a site."""

from __future__ import annotations

import random

import pytest
import test_guarded
import test_levels
import test_simulation
from analytics_world import START, World, model_rule, ruleset
from stream_world import check, fed, play
from test_simulation_kinds import RULES, VERSIONS, happenings

from analytics.engine import BEGINNING
from schema.times import MINUTE

ALL = ruleset(
    *RULES.rules,
    *test_simulation.RULES.rules,
    *test_levels.RULES.rules,
    *test_guarded.RULES.rules,
    model_rule(hours=1),
    digest="a1",
)
SOME = ruleset(*ALL.rules[::2], digest="a2")
MOST = ruleset(*ALL.rules[5:], digest="a3")


def check_world(seed: int) -> None:
    """A seed says how many partitions, whose rules, who is silent and who crashes."""
    chance = random.Random(seed)
    accepted, hits = chance.choice((1, 2, 4, 16)), chance.choice((1, 2, 4, 16))
    midway = chance.choice(((), (MOST,), (SOME, MOST, ALL)))
    silences = chance.choice((0, 0.1))
    events = happenings(seed, chance.choice((200, 500)), chance.choice((0.3, 1.0, 2.5)))
    world = World(
        events,
        seed=seed,
        batch_max=chance.choice((5, 40, 200)),
        versions=VERSIONS,
        end=chance.choice((BEGINNING, START + 200 * MINUTE)),
    )
    one = fed(
        world,
        chance.choice((ALL, SOME)),
        accepted=accepted,
        midway=midway,
        silences=silences,
        learn=chance.choice((None, test_guarded.learn)),
        trainer=test_simulation._trainer,
    )
    assert one.expected.alerts
    heard = play(one, hits=hits, seed=seed, crash=chance.choice((0, 0.05)), repeat=0.1)
    check(one, heard, missed=not (midway and silences))


@pytest.mark.parametrize("seed", range(4))
def test_a_few_worlds(seed: int) -> None:
    check_world(seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 300))
def test_many_worlds(seed: int) -> None:
    check_world(seed)
