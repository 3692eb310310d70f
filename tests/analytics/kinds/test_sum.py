"""Sums: exact, over any number of events, and fired at the event that reaches a level."""

from __future__ import annotations

import random

import pytest
from analytics_world import FAILURE, at, compiled, detection, ruleset, run
from hypothesis import given, settings
from hypothesis import strategies as st
from kind_world import check_least, check_orders, check_snapshots, hit, memory, only

from analytics import kinds
from analytics.kinds.sum import LEVEL_MAX, SLICES
from analytics.measures.measure import EVENTS_MAX
from analytics.rule import Rule
from schema.errors import FengsuiError
from schema.times import SECOND


def total(levels: object = 100, within: str = "12m", **parts: object) -> Rule:
    return compiled(
        **{
            "id": "sum",
            "entity": "source.ip",
            "detection": detection(**FAILURE),
            "sum": {"field": "gov.pii.count", "within": within, "levels": levels},
            **parts,
        }
    )


def counts(seconds: float, amount: object, **fields: object) -> object:
    return at(seconds, gov__pii__count=amount, **fields)


def test_it_fires_at_the_event_that_reaches_the_level() -> None:
    events = [counts(1, 40), counts(2, 59), counts(3, 1), counts(4, 500)]
    alert, said = only(total(), events)
    assert alert.decided_at == events[2].time
    assert said.reason_zh == "来源地址 10.0.0.1 在 12 分钟内的gov.pii.count合计为 100，达到 100。"
    assert said.counterfactual_en == ("With a sum below 100 it would not fire",)


def test_each_step_of_a_grading_fires_when_it_is_crossed() -> None:
    events = [counts(number * 60, 60, offset=number + 1) for number in range(6)]
    rule = total([100, 300], suppression="60s")
    crossed = [one.conditions[0].threshold for one in run(ruleset(rule), events).alerts.values()]
    assert sorted(crossed) == [100, 300]


def test_a_jump_over_two_levels_names_the_higher() -> None:
    alert, _ = only(total([100, 300]), [counts(1, 50), counts(2, 400)])
    assert alert.conditions[0].threshold == 300


def test_what_is_no_number_counts_nothing() -> None:
    assert not run(ruleset(total()), [counts(1, "many"), counts(2, 99), counts(3, None)]).alerts


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 240), st.integers(0, 60)), max_size=40), st.integers(1, 200)
)
def test_it_is_the_sum_over_whole_slices(raw: list[tuple[int, int]], level: int) -> None:
    # With 12 minutes a slice is a second, so whole seconds are summed exactly.
    time, hits = 0, []
    for place, (gap, amount) in enumerate(raw):
        time += gap
        hits.append(hit(time, amount, number=place))
    one = memory(total(level))
    for place, each in enumerate(hits):
        window = [old for old in hits[: place + 1] if each[0] - old[0] < SLICES * SECOND]
        now = sum(old[5][0] for old in window)
        assert one.push(each) is (now - each[5][0] < level <= now)
        if now - each[5][0] < level <= now:
            assert one.findings()[0].conditions[0].value == now
    check_snapshots(total(level), hits)


def test_it_is_exact_over_more_events_than_it_names() -> None:
    one = memory(total(10_000, "30d"))
    held = [one.push(hit(number * 10, 2, number=number)) for number in range(5_000)]
    assert held.index(True) == 4_999
    (finding,) = one.findings()
    assert finding.conditions[0].value == 10_000
    assert len(finding.hits) == EVENTS_MAX


def test_the_least_set_in_every_order() -> None:
    chance = random.Random(8)
    events = [
        counts(
            number * 20 + chance.random(),
            chance.randrange(30 if number // 40 % 2 else 6),
            offset=number + 1,
        )
        for number in range(400)
    ]
    check_orders(total([200, 400, 600], suppression="10m"), events)
    rule = total(300, suppression="10m")
    alerts = check_orders(rule, events)
    assert len(alerts) > 3
    check_least(rule, events, alerts)


@pytest.mark.parametrize("levels", [0, [], [5, 5], [9, 5], LEVEL_MAX + 1, list(range(1, 30))])
def test_levels_that_do_not_rise_are_refused(levels: object) -> None:
    with pytest.raises(FengsuiError):
        total(levels)


def test_it_describes_itself() -> None:
    rule = total([100, 300])
    assert kinds.of(rule.pattern).describe(rule) == (
        "12 分钟内 `gov.pii.count` 合计达到 100、300",
        "its sum within 12 minutes reaches 100, 300",
    )
