"""Laws that every part of the made-up district keeps, each alone in its town."""

from __future__ import annotations

import functools
from collections import Counter

import pytest
from district.run import District, Today
from district.systems import NAMES, makers

_DAYS = 6
_DAILY = ("daily", "identity")
"""Parts that promise a look-alike of each use case on every day."""

every_part = pytest.mark.parametrize("name", NAMES)


def run(name: str, volume: float = 1.0) -> tuple[Today, ...]:
    """A week of one part."""
    return tuple(District(makers([name]), seed=5, volume=volume, warm_up=0, measured=_DAYS).run())


@functools.cache
def lived(name: str) -> tuple[Today, ...]:
    return run(name)


def cases(name: str) -> set[str]:
    return {attack.use_case for attack in District(makers([name]), seed=5).systems[0].attacks}


@every_part
def test_a_seed_gives_the_same_lines(name: str) -> None:
    assert [day.lines for day in lived(name)] == [day.lines for day in run(name)]


@every_part
def test_every_use_case_is_carried_out_twice_and_once_below(name: str) -> None:
    kinds = Counter(
        (one.use_case, one.kind)
        for today in lived(name)
        for one in today.episodes
        if one.kind != "lookalike"
    )
    assert set(kinds) == {(case, kind) for case in cases(name) for kind in ("attack", "below")}
    assert all(count == (2 if kind == "attack" else 1) for (_, kind), count in kinds.items())


@pytest.mark.parametrize("name", _DAILY)
def test_every_use_case_has_an_honest_look_alike_each_day_in_a_quiet_town_too(name: str) -> None:
    for today in run(name, volume=0.3):
        found = {one.use_case for one in today.episodes if one.kind == "lookalike"}
        assert found == cases(name)
