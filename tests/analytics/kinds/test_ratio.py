"""Ratios: a share of so many events, or of those of so many distinct values, within a time."""

from __future__ import annotations

import random

import pytest
from analytics_world import at, compiled, detection, ruleset, run
from hypothesis import given, settings
from hypothesis import strategies as st
from kind_world import bursts, check_least, check_orders, check_snapshots, hit, memory, only

from analytics import kinds
from analytics.measures.recent import HITS_MAX
from analytics.rule import Rule
from schema.errors import FengsuiError

WITHIN = 600


def ratio(count: int = 4, permille: int = 500, distinct: str = "") -> Rule:
    """Of the logins of an address within ten minutes so many failed."""
    part = {"name": "failed", "zh": "失败", "detection": detection(**{"event.outcome": "failure"})}
    return compiled(
        id="ratio",
        entity="source.ip",
        detection=detection(**{"event.action": "ssh_login"}),
        ratio={
            "within": f"{WITHIN}s",
            "count": count,
            "permille": permille,
            "part": part,
            **({"distinct": distinct} if distinct else {}),
        },
    )


def test_it_fires_where_enough_of_enough_are_the_part() -> None:
    alert, said = only(ratio(4, 500), [at(1, ok=True), at(2, ok=True), at(3), at(4)])
    assert [one.value for one in alert.conditions] == [4, 500, 3]
    assert said.reason_zh == (
        "来源地址 10.0.0.1 在 10 分钟内有 4 条日志（门槛 4），其中“失败”占 50%（门槛 50%）；"
        "列出的日志历时 3 秒。"
    )
    assert said.counterfactual_en == (
        "With fewer than 4 events it would not fire",
        'With "failed" below 50% of the events it would not fire',
    )


def test_neither_few_events_nor_a_small_share_fires() -> None:
    assert not run(ruleset(ratio(4, 500)), [at(1), at(2), at(3)]).alerts
    others = [at(number, ok=True) for number in range(4, 10)]
    assert not run(ruleset(ratio(4, 500)), [at(1), at(2), at(3), *others]).alerts


def test_distinct_values_are_counted_and_events_are_shared() -> None:
    events = [at(1, user="a", ok=True), at(2, user="b", ok=True), at(3, user="a"), at(4, user="c")]
    alert, said = only(ratio(3, 500, "user.name"), events)
    assert alert.conditions[0].name == "distinct user.name"
    assert said.reason_en == (
        "Source address 10.0.0.1 had 3 different values of account (threshold 3) within "
        '10 minutes, and "failed" was 50% of the events (threshold 50%); the events named took '
        "2 seconds."
    )
    assert not run(ruleset(ratio(4, 500, "user.name")), events).alerts


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.integers(1, 3), st.sampled_from("abcd")), max_size=40
    ),
    st.integers(1, 4),
    st.integers(1, 1000),
    st.booleans(),
)
def test_it_holds_as_counting_all_of_the_time_would(
    raw: list[tuple[int, int, str]], count: int, permille: int, distinct: bool
) -> None:
    rule = ratio(count, permille, "user.name" if distinct else "")
    time, hits = 0, []
    for place, (gap, steps, value) in enumerate(raw):
        time += gap
        hits.append(hit(time, *([value] if distinct else []), steps=steps, number=place))
    one = memory(rule)
    for place, each in enumerate(hits):
        window = [
            old for old in hits[: place + 1] if each[0] - old[0] < WITHIN * 10**6 and old[4] & 1
        ]
        many = len({old[5] for old in window}) if distinct else len(window)
        share = sum(old[4] == 3 for old in window) * 1000
        holds = each[4] == 3 and many >= count and share >= permille * len(window)
        assert one.push(each) is holds
        if holds:
            (finding,) = one.findings()
            assert finding.hits[-1] == each
            fresh = memory(rule)
            assert [fresh.push(least) for least in finding.hits][-1]
    check_snapshots(rule, hits)


@pytest.mark.parametrize("distinct", ["", "user.name"])
def test_the_least_set_in_every_order(distinct: str) -> None:
    chance = random.Random(len(distinct))
    events = []
    for number, seconds in enumerate(bursts(7, 400, 60)):
        failing = number // 40 % 2
        events.append(
            at(
                seconds,
                number + 1,
                user=f"u{chance.randrange(12)}",
                ok=chance.random() > (0.7 if failing else 0.1),
            )
        )
    rule = ratio(9, 550, distinct)
    alerts = check_orders(rule, events)
    assert alerts
    check_least(rule, events, alerts)


def test_of_more_hits_than_are_kept_the_newest_are_judged() -> None:
    one = memory(ratio(HITS_MAX, 1000))
    held = [
        one.push(hit(n / 100, steps=1 if n < 10 else 3, number=n)) for n in range(HITS_MAX + 10)
    ]
    assert not any(held[:-1])
    assert held[-1]


@pytest.mark.parametrize(("count", "permille"), [(0, 500), (10_001, 500), (5, 0), (5, 1001)])
def test_what_says_nothing_is_refused(count: int, permille: int) -> None:
    with pytest.raises(FengsuiError):
        ratio(count, permille)


def test_it_describes_itself() -> None:
    rule = ratio(4, 305, "user.name")
    assert kinds.of(rule.pattern).describe(rule) == (
        "10 分钟内不同的 `user.name` ≥ 4，且“失败”占 ≥ 30.5%",
        "4 or more different ones within 10 minutes, 30.5% or more of the events failed",
    )
