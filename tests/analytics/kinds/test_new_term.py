"""New terms: what an entity has not shown for so long, once its ways were learnt."""

from __future__ import annotations

import random

import pytest
from analytics_world import FAILURE, at, compiled, detection, ruleset, run
from hypothesis import given, settings
from hypothesis import strategies as st
from kind_world import bursts, check_orders, check_snapshots, hit, memory, only, told

from analytics import kinds
from analytics.kinds.new_term import TERMS_MAX
from analytics.measures.measure import day_of
from analytics.rule import Rule
from schema.errors import FengsuiError

DAY = 86_400


def new_term(fields: object = "source.ip", history: str = "30d", learn: str = "7d") -> Rule:
    return compiled(
        id="new",
        entity="user.name",
        detection=detection(**FAILURE),
        new_term={"fields": fields, "history": history, "learn": learn},
    )


def test_a_new_address_fires_once_the_account_is_known() -> None:
    events = [at(day * DAY, day + 1, ip="10.0.0.1") for day in range(9)]
    alert, said = only(new_term(), [*events, at(8.3 * DAY, 99, ip="10.0.0.2")])
    assert len(alert.events) == 1
    assert said.reason_zh == (
        "账号 li.na 出现新的来源地址：此前从未出现；该对象已观察 8 天，学习期为 7 天。"
    )
    assert said.reason_en == (
        "Account li.na showed a new source address it had never shown before; "
        "it has been known for 8 days and was learnt for 7."
    )
    assert said.counterfactual_en == (
        "Had it been seen before, it would not fire",
        "Known for less than 7 days, it would not fire",
    )


def test_an_address_of_before_the_history_is_new_again() -> None:
    events = [at(0, 1, ip="10.0.0.2")]
    events += [at(day * DAY, day + 1, ip="10.0.0.1") for day in range(1, 32)]
    alert, said = only(new_term(), [*events, at(31.1 * DAY, 99, ip="10.0.0.2")])
    assert alert.conditions[0].value == 30
    assert "已 30 天未出现" in said.reason_zh
    assert said.counterfactual_zh[0] == "若近 30 天内出现过，则不触发"
    assert not run(
        ruleset(new_term(history="31d")), [*events, at(31.1 * DAY, 99, ip="10.0.0.2")]
    ).alerts


def test_nothing_is_new_while_an_entity_is_learnt() -> None:
    events = [at(day * DAY, day + 1, ip=f"10.0.0.{day}") for day in range(7)]
    assert not run(ruleset(new_term()), events).alerts


def test_a_dormant_account_wakes() -> None:
    dormant = new_term((), "90d", "30d")
    silent = [at(0, 1), at(92 * DAY, 2)]
    alert, said = only(dormant, silent)
    assert alert.conditions[0].value == 91
    assert said.reason_en == (
        "Account li.na showed itself unseen for 91 days; it has been known for 92 days "
        "and was learnt for 30."
    )
    assert not run(ruleset(dormant), [at(0, 1), at(90 * DAY, 2)]).alerts
    assert not run(ruleset(dormant), silent[1:]).alerts


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3 * DAY), st.sampled_from("abc")), max_size=30),
    st.integers(1, 6),
    st.integers(1, 6),
)
def test_it_fires_as_looking_through_all_days_would(
    raw: list[tuple[int, str]], history: int, learn: int
) -> None:
    rule = new_term("source.ip", f"{history}d", f"{learn}d")
    time, hits = 0, []
    for place, (gap, value) in enumerate(raw):
        time += gap
        hits.append(hit(time, value, number=place))
    one = memory(rule)
    for place, each in enumerate(hits):
        today = day_of(each[0])
        known = today - day_of(hits[0][0])
        days = [day_of(old[0]) for old in hits[:place] if old[5] == each[5]]
        silent = all(today - day > history for day in days)
        assert one.push(each) is (known >= learn and silent)
    check_snapshots(rule, hits)


def test_of_too_many_values_those_seen_longest_ago_are_forgotten() -> None:
    one = memory(new_term("source.ip", "400d", "1d"))
    last = TERMS_MAX + 1
    for number in range(last):
        one.push(hit(0 if number <= TERMS_MAX // 10 else DAY, str(number)))
    assert len(one.dump()[1]) == last - TERMS_MAX // 10
    assert one.push(hit(3 * DAY, "0"))
    assert not one.push(hit(3 * DAY + 1, str(last - 1)))


def test_no_order_shows_and_the_deciding_event_is_needed() -> None:
    chance = random.Random(5)
    rule = new_term(["source.ip", "process.name"], "3d", "1d")
    events = [
        at(
            seconds,
            number + 1,
            user=chance.choice("ab"),
            ip=f"10.0.0.{min(chance.randrange(9), chance.randrange(30))}",
        )
        for number, seconds in enumerate(bursts(5, 300, 7200))
    ]
    alerts = check_orders(rule, events)
    assert len(alerts) > 5
    for alert in alerts[::3]:
        # What came before stands as conditions; of the events only the new one is named.
        rest = [event for event in events if event.id.hex() not in alert.events]
        same = run(ruleset(rule), rest).alerts.get(alert.id)
        assert same is None or same.decided_at > alert.decided_at


def test_an_entity_forgotten_is_learnt_anew() -> None:
    one = memory(new_term())
    one.push(hit(0, "a"))
    one.clear()
    assert not told(one, [hit(9 * DAY, "b")])


@pytest.mark.parametrize(
    "part",
    [
        {"history": "12h"},
        {"history": "30d", "learn": "1h"},
        {"history": "30d", "fields": ["a", "b", "c", "d"]},
    ],
)
def test_what_says_nothing_is_refused(part: dict[str, object]) -> None:
    with pytest.raises(FengsuiError):
        compiled(id="new", entity="user.name", detection=detection(**FAILURE), new_term=part)


def test_it_describes_itself() -> None:
    rule = new_term()
    assert kinds.of(rule.pattern).describe(rule) == (
        "新的来源地址 30 天未出现后出现（先学习 7 天）",
        "a new source address not seen for 30 days, after 7 days of learning",
    )
