"""Quotas: exact, against what the register allows at each event's time, once a period."""

from __future__ import annotations

import pytest
from analytics_world import FAILURE, START, Event, at, batch, compiled, detection, ruleset
from hypothesis import given
from hypothesis import strategies as st
from kind_world import check_snapshots, hit, memory

from analytics import kinds
from analytics.engine import Engine
from analytics.explain import explain
from analytics.guards import NoFacts
from analytics.measures.measure import EVENTS_MAX
from analytics.rule import Rule
from schema.alert import Alert
from schema.errors import FengsuiError
from schema.event import Value
from schema.times import DAY, HOUR, SECOND

KEY = ["user.name"]


class Grants(NoFacts):
    """What accounts may do; from a moment on another number."""

    def __init__(self, *rows: tuple[int, Value]) -> None:
        self._rows = rows

    def row(self, register: str, key: tuple[str, ...], time: int) -> dict[str, Value] | None:
        assert register == "grants"
        found = [value for since, value in self._rows if since <= time and key == ("li.na",)]
        return {"daily": found[-1]} if found else None


def quota(**parts: object) -> Rule:
    given = {"period": "day", "register": "grants", "key": KEY, "column": "daily", **parts}
    return compiled(
        id="quota", entity="source.ip", suppression="1h", detection=detection(**FAILURE),
        quota=given,
    )  # fmt: skip


def told(rule: Rule, events: list[Event], grants: Grants) -> tuple[list[Alert], int]:
    engine = Engine(ruleset(rule))
    engine.know(grants)
    engine.feed(batch(events))
    output = engine.finish()
    unkeyed = sum(row.unkeyed for row in output.coverage if row.rule == rule.id)
    return list(output.alerts), unkeyed


def test_it_fires_at_the_first_event_past_what_the_row_allows() -> None:
    events = [at(number, number + 1) for number in range(6)]
    (alert,), _ = told(quota(), events, Grants((0, 3)))
    assert alert.decided_at == events[3].time
    said = explain(alert, quota())
    assert said.reason_zh == (
        "来源地址 10.0.0.1 在这一天内调用次数已达 4，超过台账 grants 允许的 3。"
    )
    assert said.reason_en == (
        "Source address 10.0.0.1 reached 4 events in this day, over the 3 that register grants "
        "allows."
    )
    assert said.counterfactual_en[1] == (
        "Had the register allowed 4 at the time, it would not fire"
    )


def test_what_is_allowed_at_the_time_of_each_event_counts() -> None:
    events = [at(number, number + 1) for number in range(6)]
    raised = Grants((0, 3), (START + 3 * SECOND, 5))
    (alert,), _ = told(quota(), events, raised)
    assert (alert.decided_at, alert.conditions[0].threshold) == (events[5].time, 5)


def test_a_number_written_as_text_allows_as_well() -> None:
    assert len(told(quota(), [at(1), at(2, 1)], Grants((0, "1")))[0]) == 1


@pytest.mark.parametrize("value", ["many", True, ["3"]])
def test_without_a_number_nothing_is_judged(value: Value) -> None:
    assert told(quota(), [at(n, n + 1) for n in range(9)], Grants((0, value))) == ([], 0)


def test_without_a_row_nothing_is_judged_and_without_its_key_the_event_is_counted() -> None:
    events = [at(1, user="wang.wei"), at(2, 1, user=None), at(3, 2)]
    assert told(quota(), events, Grants((0, 1))) == ([], 1)


def test_sums_and_factors() -> None:
    rule = quota(metric="sum", field="gov.pii.rows", times=1500)
    events = [at(number, number + 1, gov__pii__rows=amount) for number, amount in
              enumerate([10, "many", 5, 1])]  # fmt: skip
    (alert,), _ = told(rule, events, Grants((0, 10)))
    assert (alert.decided_at, alert.conditions[0].value) == (events[3].time, 16)


def test_a_period_begins_at_the_clock_of_china() -> None:
    midnight = (DAY - (START + 8 * HOUR) % DAY) // SECOND
    events = [at(midnight + seconds, number + 1) for number, seconds in enumerate((-2, -1, 0, 1))]
    assert told(quota(), events, Grants((0, 2)))[0] == []
    assert len(told(quota(), events, Grants((0, 1)))[0]) == 2


def test_an_alert_names_the_newest_events_of_the_period() -> None:
    one = memory(quota(period="hour"))
    held = [one.push(hit(number / 10, 300, number=number)) for number in range(400)]
    assert held.index(True) == 300
    assert sum(held) == 1
    (finding,) = one.findings()
    assert len(finding.hits) == EVENTS_MAX


@given(
    st.lists(st.tuples(st.integers(0, 6 * 3600), st.integers(0, 9)), max_size=40),
    st.integers(1, 5),
)
def test_it_is_the_count_of_the_period_so_far(raw: list[tuple[int, int]], scale: int) -> None:
    time, hits = 0, []
    for place, (gap, allowed) in enumerate(raw):
        time += gap
        hits.append(hit(time, allowed * scale, number=place))
    one, count, period, passed = memory(quota()), 0, -1, False
    for each in hits:
        today = (each[0] + 8 * HOUR) // DAY
        if today != period:
            count, period, passed = 0, today, False
        count += 1
        now = not passed and count > int(str(each[5][0]))
        passed = passed or now
        assert one.push(each) is now
    check_snapshots(quota(), hits)


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"field": "gov.pii.rows"}, "a count has none"),
        ({"metric": "sum"}, "a count has none"),
        ({"column": ""}, "names its register"),
        ({"key": ["no.such"]}, "no field 'no.such'"),
        ({"times": 0}, r"quota\.times is 0"),
    ],
)
def test_a_quota_that_says_nothing_is_refused(parts: dict[str, object], why: str) -> None:
    with pytest.raises(FengsuiError, match=why):
        quota(**parts)


def test_it_is_described_in_both_languages() -> None:
    rule = quota(times=3000)
    assert kinds.of(rule.pattern).describe(rule) == (
        "一天内 event_count 超过台账 `grants.daily` × 3000‰",
        "event_count of one day over `grants.daily` of the register × 3000‰",
    )
