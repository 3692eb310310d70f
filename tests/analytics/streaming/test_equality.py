"""The stages decide what the embedded engine decides, however their messages interleave."""

from __future__ import annotations

import pytest
from analytics_world import World
from stream_world import check, fed, play
from test_simulation_kinds import END, EVENTS, RULES, VERSIONS

SHAPES = [(1, 1), (4, 4), (16, 16), (4, 1), (1, 16)]


@pytest.mark.parametrize(("accepted", "hits"), SHAPES)
def test_rules_of_order_and_relation(accepted: int, hits: int) -> None:
    world = World(EVENTS, seed=accepted, batch_max=40, versions=VERSIONS, end=END)
    one = fed(world, RULES, accepted=accepted)
    assert len(one.expected.alerts) > 100
    check(one, play(one, hits=hits, seed=hits))
