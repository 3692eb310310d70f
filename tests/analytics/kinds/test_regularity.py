"""Regularity: events at intervals that hardly differ."""

from __future__ import annotations

import itertools
import random
import statistics

import pytest
from analytics_world import FAILURE, at, compiled, detection, ruleset, run
from hypothesis import given, settings
from hypothesis import strategies as st
from kind_world import check_least, check_orders, check_snapshots, hit, memory, only

from analytics import kinds
from analytics.rule import Rule
from schema.errors import FengsuiError
from schema.times import SECOND


def regular(count: int = 10, permille: int = 100, within: str = "1h") -> Rule:
    return compiled(
        id="regular",
        entity="user.name",
        detection=detection(**FAILURE),
        suppression="60s",
        regularity={"within": within, "count": count, "permille": permille},
    )


def test_a_beat_fires_and_a_person_does_not() -> None:
    chance = random.Random(1)
    script = [at(number * 5 + chance.random() * 0.5, number + 1) for number in range(10)]
    alert, said = only(regular(), script)
    assert len(alert.events) == 10
    variation = alert.conditions[1].value
    assert 0 < variation < 100
    assert said.reason_zh.startswith("账号 li.na 在 44 秒内的连续 10 次间隔几乎相同：变异系数 ")
    assert said.counterfactual_en == (
        "With fewer than 10 events it would not fire",
        "With intervals that vary by 10% or more it would not fire",
    )
    person = [at(number * 5 + chance.random() * 4, number + 1) for number in range(30)]
    assert not run(ruleset(regular()), person).alerts


def test_events_of_one_moment_have_no_beat() -> None:
    one = memory(regular(3))
    assert not any(one.push(hit(1, number=number)) for number in range(9))


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 400), max_size=40),
    st.integers(3, 8),
    st.integers(1, 1000),
)
def test_it_holds_as_computing_the_variation_would(
    gaps: list[int], count: int, permille: int
) -> None:
    rule = regular(count, permille, "10m")
    time, hits = 0, []
    for place, gap in enumerate(gaps):
        time += gap
        hits.append(hit(time, number=place))
    one = memory(rule)
    for place, each in enumerate(hits):
        recent = hits[max(0, place + 1 - count) : place + 1]
        times = [old[0] // SECOND for old in recent]
        holds = False
        if len(recent) == count and times[-1] - times[0] < 600 and times[-1] > times[0]:
            between = [after - before for before, after in itertools.pairwise(times)]
            mean, variance = statistics.mean(between), statistics.pvariance(between)
            if abs(variance * 10**6 - permille**2 * mean**2) > 1e-3:
                holds = variance * 10**6 < permille**2 * mean**2
            else:
                holds = one.copy().push(each)
        assert one.push(each) is holds
    check_snapshots(rule, hits)


def test_the_least_set_in_every_order() -> None:
    chance = random.Random(3)
    events = [
        at(number * 4 + chance.random() * (0.2 if number // 40 % 2 else 3), number + 1)
        for number in range(300)
    ]
    rule = regular(6)
    alerts = check_orders(rule, events)
    assert alerts
    check_least(rule, events, alerts)


@pytest.mark.parametrize(("count", "permille"), [(2, 100), (10_001, 100), (10, 0), (10, 1001)])
def test_what_has_no_beat_is_refused(count: int, permille: int) -> None:
    with pytest.raises(FengsuiError):
        regular(count, permille)


def test_it_describes_itself() -> None:
    assert kinds.of(regular().pattern).describe(regular()) == (
        "1 小时内 10 次，间隔的变异系数 < 10%",
        "10 within 1 hour whose intervals vary by less than 10%",
    )
