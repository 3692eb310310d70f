"""Rules on rules that end: no partition of the hits waits for one that has let go of them."""

from __future__ import annotations

import random

import msgspec
import pytest
from analytics_world import START, World, at, detection, kind_rule, ruleset
from stream_world import check, fed, play
from test_levels import ALERTS, one

from analytics.memory import NEVER
from schema.times import MINUTE

MANY = msgspec.structs.replace(
    kind_rule(
        "threshold", {"within": "10m", "count": 3}, id="many", entity="rule.id", suppression="1s",
        logsource=ALERTS, detection=detection(**{"rule.id": "a"}),
    ),
    level=1,
)  # fmt: skip
ABOVE = ruleset(one("a"), MANY, digest="above")
BELOW = ruleset(one("a"), digest="below")


@pytest.mark.parametrize("seed", range(6))
def test_rules_on_rules_end_in_every_partition(seed: int) -> None:
    chance = random.Random(seed)
    events = [
        at(
            chance.uniform(0, 160),
            offset=number + 1,
            sensor=chance.choice("ab"),
            event__action="a",
            ip=f"10.0.{chance.randrange(8)}.{chance.randrange(250)}",
        )
        for number in range(1200)
    ]
    world = World(events, seed=seed, batch_max=2, end=START + 40 * MINUTE)
    told = fed(world, ABOVE, accepted=2, midway=(BELOW,))
    assert {alert.rule_id for alert in told.expected.alerts.values()} == {"a", "many"}
    heard = play(told, hits=2, seed=seed, crash=0.02, calm=seed % 2 == 0)
    check(told, heard)
    assert {heard.marks[f"hits/{number}"] for number in range(2)} == {NEVER}
