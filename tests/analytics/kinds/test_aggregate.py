"""Aggregates: the figures of Sigma's correlations over a sliding time, or at its end."""

from __future__ import annotations

import random
import statistics
from fractions import Fraction

import msgspec
import pytest
from analytics_world import FAILURE, START, at, compiled, detection, ruleset, run
from hypothesis import given, settings
from hypothesis import strategies as st
from kind_world import bursts, check_least, check_orders, check_snapshots, hit, memory, only, told

from analytics import kinds
from analytics.kinds.aggregate import NUMBER_MAX, aggregate
from analytics.measures.recent import HITS_MAX
from analytics.rule import Rule
from schema.errors import FengsuiError
from schema.times import SECOND

WITHIN = 60
FUNCTIONS = ("event_count", "value_count", "value_sum", "value_avg", "value_median",
             "value_percentile", "value_share")  # fmt: skip
TESTS = {
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "eq": lambda left, right: left == right,
    "neq": lambda left, right: left != right,
}


def figure(function: str, field: object = "gov.pii.count", **compared: object) -> Rule:
    asked = {"within": f"{WITHIN}s", "function": function, **compared}
    if function != "event_count":
        asked["field"] = field
    if function == "value_percentile":
        asked.setdefault("permille", 900)
    return compiled(
        id="figure", entity="source.ip", detection=detection(**FAILURE), aggregate=asked
    )


def amounts(*values: object, gap: float = 1) -> list:
    return [at(place * gap, place + 1, gov__pii__count=one) for place, one in enumerate(values)]


def test_a_sum_fires_at_the_event_that_passes_it() -> None:
    events = amounts(40, 50, 11, 500)
    alert, said = only(figure("value_sum", gt=100), events)
    assert alert.decided_at == events[2].time
    assert said.reason_zh == "来源地址 10.0.0.1 在 1 分钟内的gov.pii.count合计为 101，符合 > 100。"
    assert said.reason_en == (
        "Source address 10.0.0.1 had a sum of gov.pii.count of 101 within 1 minute: > 100."
    )
    assert said.counterfactual_en == ("Were it not > 100, it would not fire",)


@pytest.mark.parametrize(
    ("function", "values", "fires_at", "value"),
    [
        ("value_avg", (10, 20, 31), 2, 21),
        ("value_median", (10, 30, 11, 40), 3, 21),
        ("value_percentile", (10, 10, 25), 2, 22),
        ("value_count", tuple(range(22)), 20, 21),
        ("event_count", (0,) * 22, 20, 21),
    ],
)
def test_each_figure_fires_where_it_first_holds(
    function: str, values: tuple[int, ...], fires_at: int, value: int
) -> None:
    events = amounts(*values)
    alert, said = only(figure(function, gt=20), events)
    assert alert.decided_at == events[fires_at].time
    assert alert.conditions[0].value == value
    assert "> 20" in said.reason_en


def test_fewer_than_is_judged_when_the_time_is_over() -> None:
    # Two logins where there should be three; then five, which is enough.
    events = [at(0, 1), at(10, 2), *[at(200 + n, 10 + n) for n in range(5)], at(400, 99)]
    alert, said = only(figure("event_count", lt=3, judge="end"), events)
    assert alert.decided_at == START + WITHIN * SECOND
    assert len(alert.events) == 2
    assert said.reason_en == (
        "Source address 10.0.0.1 had a number of events of 2 within 1 minute: < 3."
    )


def test_a_range_and_an_exception_hold_together() -> None:
    rule = figure("event_count", gt=2, lte=5, neq=4, judge="end")
    for count, fires in ((2, False), (3, True), (4, False), (5, True), (6, False)):
        found = run(ruleset(rule), [*[at(n) for n in range(count)], at(999)]).alerts
        assert bool(found) is fires
    (alert,) = run(ruleset(rule), [*[at(n) for n in range(5)], at(999)]).alerts.values()
    # What differs is above or below, and so it is shown.
    assert [one.comparison for one in alert.conditions] == ["gt", "lte", "gt", "lt"]


def test_fewer_than_holds_at_the_first_event_unless_judged_at_the_end() -> None:
    alert, _ = only(figure("event_count", lt=3), [at(0), at(1), at(2), at(3)])
    assert alert.decided_at == START


def test_a_share_is_that_of_the_newest_value() -> None:
    events = amounts(1, 1, 1, 1, 2)
    alert, said = only(figure("value_share", lte=20), events)
    assert alert.decided_at == events[-1].time
    assert said.reason_zh == (
        "来源地址 10.0.0.1 在 1 分钟内的gov.pii.count最新值所占百分比为 20，符合 ≤ 20。"
    )


def test_of_a_list_each_item_counts() -> None:
    rule = figure("value_count", "gov.pii.types", gte=4)
    events = [at(1, gov__pii__types=["a", "b"]), at(2, gov__pii__types=["b", "c", "d"])]
    alert, _ = only(rule, events)
    assert len(alert.events) == 2


def test_numbers_between_whole_ones_are_compared_exactly() -> None:
    pattern = aggregate(
        "value_avg", within_us=SECOND, fields=("a",), compared={"gt": Fraction(5, 2)}
    )
    rule = msgspec.structs.replace(figure("value_avg", gt=1), pattern=pattern)
    one = memory(rule)
    assert [one.push(hit(0, 2, number=0)), one.push(hit(0.1, 3)), one.push(hit(0.2, 3))] == [
        False,
        False,
        True,
    ]
    assert kinds.of(pattern).describe(rule)[0] == "1 秒内 value_avg `a` > 5/2"


def test_several_fields_are_one_value() -> None:
    rule = figure("value_count", ["user.name", "process.name"], gte=3)
    same = [at(n, user="a", process__name="x") for n in range(3)]
    assert not run(ruleset(rule), same).alerts
    assert run(ruleset(rule), [*same, at(5, user="a", process__name="y"), at(6, user="b")]).alerts


def _figure(function: str, window: list) -> float | Fraction:
    values = [each[5][0] for each in window] if function != "event_count" else []
    match function:
        case "event_count":
            return len(window)
        case "value_count":
            return len(set(values))
        case "value_sum":
            return sum(values)
        case "value_avg":
            return Fraction(sum(values), len(values))
        case "value_median":
            return statistics.median(values)
        case "value_share":
            return Fraction(100 * values.count(values[-1]), len(values))
    place = Fraction(9, 10) * (len(values) - 1)
    values.sort()
    above = min(int(place) + 1, len(values) - 1)
    return values[int(place)] + (place - int(place)) * (values[above] - values[int(place)])


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(-3, 9)), max_size=40),
    st.sampled_from(FUNCTIONS),
    st.dictionaries(st.sampled_from(sorted(TESTS)), st.integers(0, 12), min_size=1, max_size=3),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_it_holds_as_computing_it_anew_would(
    raw: list[tuple[int, int]], function: str, compared: dict[str, int], at_end: bool
) -> None:
    rule = figure(function, judge="end" if at_end else "event", **compared)
    time, hits = 0, []
    for place, (gap, value) in enumerate(raw):
        time += gap
        hits.append(hit(time, *([] if function == "event_count" else [value]), number=place))
    expected = []
    holds = lambda window: all(  # noqa: E731
        TESTS[op](_figure(function, window), value) for op, value in compared.items()
    )
    if not at_end:
        for place, each in enumerate(hits):
            window = [old for old in hits[: place + 1] if each[0] - old[0] < WITHIN * SECOND]
            if holds(window):
                expected.append(each[0])
    else:
        rest = hits
        while rest:
            end = rest[0][0] + WITHIN * SECOND
            window = [each for each in rest if each[0] < end]
            rest = rest[len(window) :]
            if holds(window):
                expected.append(end)
    until = (time + 2 * WITHIN) * SECOND
    found = told(memory(rule), hits, until)
    assert [one.at for one in found] == expected
    for one in found:
        for condition in one.conditions[:-1]:
            assert TESTS[condition.comparison](condition.value, condition.threshold)
    check_snapshots(rule, hits, until)


@pytest.mark.parametrize("function", ["event_count", "value_count", "value_sum"])
def test_the_least_set_in_every_order(function: str) -> None:
    chance = random.Random(9)
    events = [
        at(seconds, number + 1, gov__pii__count=chance.randrange(4, 9))
        for number, seconds in enumerate(bursts(9, 300, 70, size=7))
    ]
    rule = figure(function, gte={"event_count": 6, "value_count": 4, "value_sum": 36}[function])
    alerts = check_orders(rule, events)
    assert alerts
    check_least(rule, events, alerts)


@pytest.mark.parametrize("compared", [{"lt": 6}, {"eq": 3}, {"neq": 4}, {"gt": 1, "lte": 9}])
def test_no_order_shows_at_the_end_of_a_time(compared: dict[str, int]) -> None:
    chance = random.Random(1)
    events = [
        at(seconds, number + 1, ip=f"10.0.0.{chance.randrange(2)}")
        for number, seconds in enumerate(bursts(1, 300, 30))
    ]
    last = [at(9_000, 9_000 + n, ip=f"10.0.0.{n}") for n in range(2)]
    rule = figure("event_count", judge="end", **compared)
    assert check_orders(rule, events + last)


def test_of_more_hits_than_are_kept_the_newest_are_judged() -> None:
    one = memory(figure("value_avg", gt=4))
    held = [
        one.push(hit(n / 1000, 0 if n < 5_000 else 5, number=n)) for n in range(HITS_MAX + 4_999)
    ]
    assert held.count(True) == 1_999
    assert len(one.dump()[1]) == HITS_MAX


def test_what_is_no_number_counts_nothing() -> None:
    assert not run(ruleset(figure("value_sum", gte=0)), amounts("many")).alerts


@pytest.mark.parametrize(
    ("function", "fields", "permille", "compared"),
    [
        ("value_sum", (), 0, {"gt": 1}),
        ("event_count", ("a",), 0, {"gt": 1}),
        ("value_avg", ("a", "b"), 0, {"gt": 1}),
        ("value_percentile", ("a",), 0, {"gt": 1}),
        ("value_percentile", ("a",), 1000, {"gt": 1}),
        ("value_median", ("a",), 5, {"gt": 1}),
        ("event_count", (), 0, {}),
        ("event_count", (), 0, {"gt": 1, "lt": 5, "neq": 2, "lte": 6}),
        ("event_count", (), 0, {"gt": 10_001}),
        ("event_count", (), 0, {"gt": -1}),
        ("value_sum", ("a",), 0, {"gt": NUMBER_MAX + 1}),
    ],
)
def test_what_cannot_be_judged_is_refused(
    function: str, fields: tuple[str, ...], permille: int, compared: dict[str, int]
) -> None:
    with pytest.raises(FengsuiError):
        aggregate(function, within_us=SECOND, fields=fields, permille=permille, compared=compared)


def test_it_describes_itself() -> None:
    rule = figure("value_percentile", permille=950, judge="end", gt=10, lte=20)
    assert kinds.of(rule.pattern).describe(rule) == (
        "1 分钟内期满时 value_percentile 950‰ `gov.pii.count` > 10，≤ 20",
        "within 1 minute, judged at its end",
    )
