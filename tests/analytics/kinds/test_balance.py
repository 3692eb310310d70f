"""Balances: sums of a period that must be equal, judged when every side has come."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from analytics_world import START, at, compiled, detection, ruleset, run
from hypothesis import given, settings
from hypothesis import strategies as st
from kind_world import bursts, check_orders, check_snapshots, hit, memory, only, told

from analytics import kinds
from analytics.rule import Rule
from schema.errors import FengsuiError
from schema.times import DAY, HOUR

DAY_S = 86_400
LOCAL_S = 8 * 3600
SIDES = ("orders", "bank", "treasury")


def balance(**part: object) -> Rule:
    """Orders of a day, settled the day after and received by the treasury the day after that."""
    steps = [
        {"name": name, "zh": zh, "field": "gov.pii.count", **({"delay": delay} if delay else {}),
         "detection": detection(**{"event.action": name})}
        for name, zh, delay in zip(SIDES, ("订单", "结算", "入库"), ("", "1d", "2d"), strict=True)
    ]  # fmt: skip
    asked = {"period": "day", "wait": "2h", "steps": steps, **part}
    return compiled(id="balance", entity="host.name", balance=asked)


def paid(day: float, side: str, amount: object, offset: int = 0) -> object:
    return at(
        day * DAY_S,
        offset or round(day * 1000) + 1,
        event__action=side,
        gov__pii__count=amount,
        host__name="dept",
    )


END = paid(9.01, "orders", 0)
FULL = [
    paid(0.1, "orders", 700), paid(0.11, "orders", 300), paid(1.12, "bank", 1000),
    paid(2.13, "treasury", 1000), END,
]  # fmt: skip


def test_equal_sums_are_silent() -> None:
    assert not run(ruleset(balance()), FULL).alerts


def test_a_missing_fen_is_told_when_all_sides_have_had_their_time() -> None:
    short = [*FULL[:3], paid(2.13, "treasury", 999), END]
    alert, said = only(balance(), short)
    # The first day ends at midnight, eight hours behind the start; two days and two hours later.
    assert alert.decided_at == START + 8 * HOUR + 48 * HOUR + 2 * HOUR
    assert [(one.name, one.value, one.comparison) for one in alert.conditions] == [
        ("orders", 1000, "eq"),
        ("bank", 1000, "eq"),
        ("treasury", 999, "lt"),
    ]
    assert len(alert.events) == 3
    assert said.reason_zh == ("主机 dept 同一周期内的合计不一致：订单 1000，结算 1000、入库 999。")
    assert said.counterfactual_zh == ("若入库合计为 1000，则不触发",)
    assert said.counterfactual_en == ("With treasury at 1000 it would not fire",)


def test_a_side_that_never_came_counts_as_nothing() -> None:
    alert, _ = only(balance(), [FULL[0], FULL[1], FULL[2], END])
    assert [one.value for one in alert.conditions] == [1000, 1000, 0]


@given(
    st.lists(
        st.tuples(st.integers(0, 60_000), st.integers(0, 2), st.sampled_from([1, 1, 2, "x"])),
        max_size=30,
    )
)
@settings(max_examples=60, deadline=None)
def test_it_judges_as_adding_up_each_day_would(raw: list[tuple[int, int, object]]) -> None:
    time, hits, days = 0, [], {}
    for place, (gap, side, amount) in enumerate(raw):
        time += gap
        hits.append(hit(time, amount, steps=1 << side, number=place))
        if amount != "x":
            day = (time - side * DAY_S + LOCAL_S) // DAY_S
            days.setdefault(day, [0, 0, 0])[side] += amount
    expected = [(day, sums) for day, sums in sorted(days.items()) if len(set(sums)) > 1]
    until = (time + 5 * DAY_S) * 10**6
    found = told(memory(balance()), hits, until)
    assert [
        ((one.at // 10**6 + LOCAL_S - 2 * 3600) // DAY_S - 3, [it.value for it in one.conditions])
        for one in found
    ] == expected
    check_snapshots(balance(), hits, until)


def files(**part: object) -> Rule:
    """Orders of a day against files that name the day themselves."""
    steps = [
        {"name": name, "zh": zh, "field": "gov.pii.count",
         "detection": detection(**{"event.action": name})}
        for name, zh in zip(SIDES, ("订单", "结算", "入库"), strict=True)
    ]  # fmt: skip
    by = {"by": "gov.pay.business_date", "missing": "12d"}
    asked = {"period": "day", "wait": "2h", "steps": steps, **by, **part}
    return compiled(id="balance", entity="host.name", balance=asked)


def row(day: float, side: str, amount: int, date: str, offset: int = 0) -> object:
    return at(
        day * DAY_S,
        offset or round(day * 1000) + 1,
        event__action=side,
        gov__pii__count=amount,
        gov__pay__business_date=date,
        host__name="dept",
    )


TODAY = (START + LOCAL_S * 10**6) // DAY
DATE = dt.date.fromordinal(dt.date(1970, 1, 1).toordinal() + TODAY).isoformat()
"""The day the tests begin in, in Beijing."""
EARLIER = (dt.date.fromisoformat(DATE) - dt.timedelta(days=1)).isoformat()
PAID = [row(0.1, "orders", 700, DATE), row(0.11, "orders", 300, DATE)]
FAR = row(20, "orders", 5, "2020-01-01")


@pytest.mark.parametrize("behind", [1, 3, 9])
def test_a_file_that_names_its_day_may_come_on_any_day(behind: int) -> None:
    bank = row(behind, "bank", 1000, DATE)
    received = row(behind + 1, "treasury", 1000, DATE)
    assert not run(ruleset(files()), [*PAID, bank, received, FAR]).alerts


def test_a_day_is_judged_the_wait_after_its_last_side_began_to_come() -> None:
    short = [*PAID, row(3, "bank", 999, DATE), row(4, "treasury", 1000, DATE), FAR]
    alert, said = only(files(), short)
    assert alert.decided_at == START + 4 * DAY + 2 * HOUR
    assert [(one.name, one.value) for one in alert.conditions[:3]] == [
        ("orders", 1000), ("bank", 999), ("treasury", 1000),
    ]  # fmt: skip
    assert said.reason_zh == f"主机 dept {DATE} 的合计不一致：订单 1000，结算 999、入库 1000。"
    assert f"sums of {DATE} that differ" in said.reason_en
    assert said.counterfactual_en == ("With bank at 1000 it would not fire",)


BEFORE = [row(0.01 + place / 1000, side, 5, EARLIER) for place, side in enumerate(SIDES)]
"""A day that is even, by which each side is known."""


def test_a_side_that_does_not_come_is_told_when_it_is_missing() -> None:
    alert, _ = only(files(), [*BEFORE, *PAID, row(1, "bank", 1000, DATE), FAR])
    end = START - (START + LOCAL_S * 10**6) % DAY + DAY
    assert alert.decided_at == end + 12 * DAY
    assert [one.value for one in alert.conditions[:3]] == [1000, 1000, 0]


def test_a_side_that_never_came_at_all_is_a_source_the_site_does_not_have() -> None:
    assert not run(ruleset(files()), [*PAID, row(1, "bank", 1000, DATE), FAR]).alerts


def test_what_is_sent_after_a_day_was_judged_is_judged_with_it() -> None:
    equal = [*PAID, row(1, "bank", 1000, DATE), row(2, "treasury", 1000, DATE)]
    again = row(5, "bank", 1, DATE)
    alert, _ = only(files(), [*equal, again, FAR])
    assert alert.decided_at == START + 5 * DAY + 2 * HOUR
    rest = row(2.01, "treasury", 400, DATE)
    whole = [*PAID, row(1, "bank", 1000, DATE), row(2, "treasury", 600, DATE), rest, FAR]
    assert not run(ruleset(files()), whole).alerts


@pytest.mark.parametrize("date", ["2020-01-01", "9999-12-31", "tomorrow", ""])
def test_a_day_long_ago_far_ahead_or_unnamed_opens_no_account(date: str) -> None:
    one = memory(files())
    one.push(hit(START / 10**6, date, 5))
    assert one.dump() == []


def test_a_day_named_by_its_events_survives_snapshots_and_any_order() -> None:
    dates = [
        (dt.date.fromisoformat(DATE) + dt.timedelta(days=more)).isoformat() for more in range(5)
    ]
    chance = random.Random(8)
    seconds = bursts(8, 150, 2 * 3600)
    hits = [
        hit(START / 10**6 + second, chance.choice(dates[:3]), chance.choice((5, 5, 7)),
            steps=1 << chance.randrange(3), number=place)
        for place, second in enumerate(sorted(seconds))
    ]  # fmt: skip
    check_snapshots(files(), hits, START + 40 * DAY)
    events = [
        row(time / DAY_S, chance.choice(SIDES), chance.choice((5, 7)), chance.choice(dates), n + 1)
        for n, time in enumerate(seconds)
    ]  # fmt: skip
    told = check_orders(files(), [*events, row(20, "orders", 0, "x", 999)], revises=False)
    assert len(told) > 2


@pytest.mark.parametrize(
    "change",
    [
        {"missing": ""},
        {"by": ""},
        {"missing": "32d"},
        {"period": "hour"},
    ],
)
def test_a_day_by_its_events_asks_for_all_it_needs(change: dict[str, object]) -> None:
    with pytest.raises(FengsuiError):
        files(**change)


def test_a_day_by_its_events_needs_no_delay() -> None:
    with pytest.raises(FengsuiError, match="no delay"):
        balance(by="gov.pay.business_date", missing="3d")


def test_no_order_shows() -> None:
    chance = random.Random(6)
    events = [
        paid(seconds / DAY_S, chance.choice(SIDES), chance.choice((5, 5, 7)), number + 1)
        for number, seconds in enumerate(bursts(6, 200, 4 * 3600))
    ]  # fmt: skip
    # What is late by seconds comes long before a period is judged, so nothing is revised.
    told = check_orders(balance(), [*events, paid(12, "orders", 0, 999)], revises=False)
    assert len(told) > 3


def test_books_forgotten_are_empty() -> None:
    one = memory(balance())
    one.push(hit(0, 5))
    one.clear()
    assert one.dump() == []


@pytest.mark.parametrize("change", [{"wait": "32d"}, {"steps": []}, {"period": "week"}])
def test_what_cannot_be_judged_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(FengsuiError):
        balance(**change)


def test_two_sides_need_two_names() -> None:
    step = {"name": "a", "field": "gov.pii.count", "detection": detection(message="x")}
    with pytest.raises(FengsuiError, match="same name"):
        balance(steps=[step, step])


def test_it_describes_itself() -> None:
    rule = balance()
    assert kinds.of(rule.pattern).describe(rule) == (
        "每 1 天的订单、结算、入库合计不相等（等候 2 小时后判断）",
        "sums of orders, bank, treasury over 1 day that differ, judged 2 hours later",
    )
    rule = files()
    assert kinds.of(rule.pattern).describe(rule) == (
        (
            "同一 `gov.pay.business_date` 的订单、结算、入库合计不相等"
            "（各方到齐后 2 小时判断，至多等 12 天）"
        ),
        (
            "sums of orders, bank, treasury over one `gov.pay.business_date` that differ, "
            "judged 2 hours after all came, or 12 days after the day"
        ),
    )
