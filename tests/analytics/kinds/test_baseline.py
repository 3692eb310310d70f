"""Baselines: the running hour or day against the periods of the entity's own past."""

from __future__ import annotations

import random

import pytest
from analytics_world import FAILURE, START, at, compiled, detection, ruleset, run
from hypothesis import given, settings
from hypothesis import strategies as st
from kind_world import bursts, check_orders, check_snapshots, hit, memory, only

from analytics import kinds
from analytics.kinds.baseline import limit_of
from analytics.measures.measure import EVENTS_MAX, LOCAL_US, deviation, median, quantile
from analytics.measures.sketch import EXACT_MAX
from analytics.rule import Rule
from schema.errors import FengsuiError
from schema.times import HOUR

DAY_S, HOUR_S = 86_400, 3_600
QUANTILE = {"method": "quantile", "permille": 990}


def baseline(**part: object) -> Rule:
    asked = {"period": "hour", "history": "28d", "minimum": "24h", **QUANTILE, **part}
    return compiled(
        id="baseline", entity="user.name", detection=detection(**FAILURE), baseline=asked
    )


def _hours(counts: dict[int, int], **fields: object) -> list:
    """So many events in each hour behind the start, spread over the hour."""
    return [
        at(hour * HOUR_S + place * 10, hour * 1000 + place + 1, **fields)
        for hour, count in counts.items()
        for place in range(count)
    ]


def test_it_fires_at_the_event_at_which_the_hour_passes_the_limit() -> None:
    quiet = dict.fromkeys(range(30), 3)
    events = _hours({**quiet, 30: 9})
    alert, said = only(baseline(), events)
    assert alert.decided_at == START + 30 * HOUR + 3 * 10_000_000
    assert len(alert.events) == 4
    assert said.reason_zh == (
        "账号 li.na 在这一小时内日志条数已达 4，超过由其自身此前 30 小时得出的上限 3。"
    )
    assert said.reason_en == (
        "Account li.na had a number of events of 4 in this hour so far, over the limit of 3 made "
        "of its own 30 hours before."
    )
    assert said.counterfactual_en == (
        "With 3 or less in this hour it would not fire",
        "Known for less than 24 hours, it would not fire",
    )
    # Of the hour's events up to the deciding one every single one is needed.
    for left_out in events[-9:-5]:
        rest = [event for event in events if event is not left_out]
        found = run(ruleset(baseline()), [one for one in rest if one.time <= alert.decided_at])
        assert not found.alerts


def test_it_fires_once_a_period_whatever_follows() -> None:
    rule = baseline(period="day", history="28d", minimum="7d")
    one = memory(rule)
    held = [one.push(hit(day * DAY_S, number=day)) for day in range(9)]
    held += [one.push(hit(9 * DAY_S + n * 600, number=100 + n)) for n in range(80)]
    assert held.count(True) == 1


def test_empty_hours_count_as_nothing_was_done() -> None:
    # Of 48 hours two have an event: the 99 % quantile is 1, that of half of them is 0.
    one = memory(baseline(permille=500))
    held = [one.push(hit(hour * HOUR_S)) for hour in (0, 24, 48)]
    assert held == [False, True, True]


def test_nobody_is_judged_before_the_minimum_or_below_the_floor() -> None:
    assert not run(ruleset(baseline()), _hours({**dict.fromkeys(range(23), 1), 23: 50})).alerts
    busy = _hours({**dict.fromkeys(range(30), 1), 30: 9})
    assert not run(ruleset(baseline(at_least=10)), busy).alerts
    alert, _ = only(baseline(at_least=9), busy)
    assert len(alert.events) == 9


def test_the_same_hour_of_the_week_is_compared_with_itself_only() -> None:
    # Each Monday at eight there are twenty; twenty at another hour are unusual.
    usual = {week * 168: 20 for week in range(4)}
    rule = baseline(same_hour=True, method="mad", times=3000, minimum="7d")
    assert not run(ruleset(rule), _hours({**usual, 4 * 168: 20})).alerts
    alert, _ = only(rule, _hours({**usual, 3 * 168 + 5: 20}))
    assert alert.conditions[0].threshold == 0


@pytest.mark.parametrize("metric", ["distinct", "sum"])
def test_distinct_values_and_sums_are_measured_too(metric: str) -> None:
    field = "process.name" if metric == "distinct" else "gov.pii.count"
    rule = baseline(metric=metric, field=field)
    events = _hours(dict.fromkeys(range(30), 2), process__name="a", gov__pii__count=1)
    assert not run(ruleset(rule), events).alerts
    more = [
        at(30 * HOUR_S + n, 99_000 + n, process__name=f"p{n}", gov__pii__count=1) for n in range(5)
    ]
    alert, said = only(rule, events + more)
    limit = {"distinct": 1, "sum": 2}[metric]
    assert [one.value for one in alert.conditions] == [limit + 1, 30]
    assert ("不同进程数" if metric == "distinct" else "gov.pii.count合计") in said.reason_zh


def test_what_is_no_number_is_not_summed() -> None:
    one = memory(baseline(metric="sum", field="gov.pii.count"))
    assert not one.push(hit(0, "many"))
    assert one.dump() is None


@given(
    st.lists(st.tuples(st.integers(0, 5 * HOUR_S), st.sampled_from("abc")), max_size=60),
    st.sampled_from(["quantile", "mad", "ewma"]),
    st.sampled_from(["count", "distinct"]),
    st.integers(1, 1000),
    st.integers(2, 12),
)
@settings(max_examples=60, deadline=None)
def test_it_holds_as_keeping_all_periods_would(
    raw: list[tuple[int, str]], method: str, metric: str, permille: int, history: int
) -> None:
    field = {"metric": metric, "field": "source.ip"} if metric == "distinct" else {}
    rule = baseline(
        method=method, permille=permille, history=f"{history}h", minimum="2h", times=1500, **field
    )
    time, hits = 0, []
    for place, (gap, value) in enumerate(raw):
        time += gap // 9
        hits.append(hit(time, *([value] if metric == "distinct" else []), number=place))
    one, passed = memory(rule), set()
    for place, each in enumerate(hits):
        hour = (each[0] + LOCAL_US) // HOUR
        values: dict[int, list[object]] = {}
        for old in hits[: place + 1]:
            values.setdefault((old[0] + LOCAL_US) // HOUR, []).append(old[5] or old[3])
        size = {at: len(set(seen)) for at, seen in values.items()}
        past = [size.get(at, 0) for at in range(max(min(values), hour - history), hour)]
        holds = hour not in passed and len(past) >= 2 and size[hour] > limit_of(rule.pattern, past)
        assert one.push(each) is holds
        if holds:
            passed.add(hour)
    check_snapshots(rule, hits)


@settings(deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=40), st.integers(1, 1000))
def test_the_limits_are_what_they_are_called(past: list[int], permille: int) -> None:
    ordered = sorted(past)
    three = {
        method: limit_of(baseline(method=method, permille=permille, times=3000).pattern, past)
        for method in ("quantile", "mad", "ewma")
    }
    assert three["quantile"] == 3 * quantile(ordered, permille)
    assert three["mad"] == median(ordered) + 3 * deviation(ordered)
    average = float(past[0])
    for value in past[1:]:
        average += (value - average) * 2 / (28 * 24 + 1)
    assert abs(three["ewma"] - 3 * average) < 1.1


def test_no_order_shows() -> None:
    chance = random.Random(3)
    rule = baseline(period="hour", history="12h", minimum="3h")
    events = [
        at(seconds, number + 1, user=chance.choice("ab"))
        for number, seconds in enumerate(bursts(3, 400, HOUR_S, size=8))
    ]
    assert len(check_orders(rule, events)) > 3


def test_a_busy_period_is_counted_whole_and_named_by_its_newest_events() -> None:
    one = memory(baseline(metric="distinct", field="source.ip", at_least=EXACT_MAX - 1))
    for hour in range(30):
        one.push(hit(hour * HOUR_S, "a"))
    held = [one.push(hit(30 * HOUR_S + n / 10, str(n))) for n in range(EXACT_MAX)]
    assert held.index(True) == EXACT_MAX - 2
    assert len(one.findings()[0].hits) <= EVENTS_MAX


def test_an_entity_forgotten_is_new() -> None:
    one = memory(baseline())
    one.push(hit(0))
    one.clear()
    assert one.dump() is None


@pytest.mark.parametrize(
    "part",
    [
        {"metric": "sum"},
        {"field": "source.ip"},
        {"same_hour": True, "method": "ewma"},
        {"same_hour": True, "period": "day", "minimum": "7d"},
        {"minimum": "29d"},
        {"minimum": "30m"},
        {"history": "101d"},
        {"permille": 0},
        {"times": 0},
    ],
)
def test_what_says_nothing_is_refused(part: dict[str, object]) -> None:
    with pytest.raises(FengsuiError):
        baseline(**part)


def test_it_describes_itself() -> None:
    rule = baseline(times=3000, permille=995, at_least=10)
    assert kinds.of(rule.pattern).describe(rule) == (
        "一小时内 event_count 超过自身过去 672 小时99.5% 分位的 3 倍，至少 10，历史至少 24 小时",
        (
            "of one hour over 3 x the 99.5% quantile of its own 672 hours before, 10 or more, "
            "with 24 hours known"
        ),
    )


def test_only_the_part_fires_but_all_events_make_the_past() -> None:
    part = {"name": "foreign", "zh": "外地", "detection": detection(**{"source.ip": "10.0.0.9"})}
    judged = baseline(part=part)
    usual = _hours(dict.fromkeys(range(30), 3))
    assert not run(ruleset(judged), [*usual, *_hours({30: 9})]).alerts
    alert, said = only(judged, [*usual, *_hours({30: 9}, ip="10.0.0.9")])
    assert alert.decided_at == START + 30 * HOUR + 3 * 10_000_000
    assert 'Were it not "foreign", it would not fire' in said.counterfactual_en
    assert "若不在“外地”，则不触发" in said.counterfactual_zh
    busy = _hours({**dict.fromkeys(range(29), 3), 29: 9})
    assert not run(ruleset(judged), [*busy, *_hours({30: 9}, ip="10.0.0.9")]).alerts
