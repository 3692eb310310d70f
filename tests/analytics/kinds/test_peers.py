"""Peers: a member against its group, at the end of each day."""

from __future__ import annotations

import random

import pytest
from analytics_world import FAILURE, START, at, compiled, detection, ruleset, run
from hypothesis import given, settings
from hypothesis import strategies as st
from kind_world import bursts, check_orders, check_snapshots, hit, memory, only, told

from analytics import kinds
from analytics.explain import explain
from analytics.kinds.peers import CHI_SQUARE_PERMILLE, PAIRS_MAX
from analytics.measures.measure import deviation, median
from analytics.reevaluation import Scope, holds
from analytics.rule import Rule
from schema.errors import FengsuiError
from schema.times import HOUR

DAY_S = 86_400
MIDNIGHT = START + 8 * HOUR


def peers(**part: object) -> Rule:
    asked = {"member": "user.name", "window": "30d", "metric": "distinct", "field": "source.ip",
             "times": 3000, "members": 3, **part}  # fmt: skip
    return compiled(
        id="peers",
        entity="host.name",
        detection=detection(**{"event.action": "ssh_login"}),
        peers={key: value for key, value in asked.items() if value is not None},
    )


def shares(**part: object) -> Rule:
    """The share of an operator's failures against that of the others."""
    failed = {"name": "failed", "zh": "失败", "detection": detection(**FAILURE)}
    return peers(metric="share", field=None, part=failed, at_least=20, **part)


def _looked(user: str, count: int, *, first: int = 1, day: float = 0, ok: bool = False) -> list:
    return [
        at(day * DAY_S + first + n, first + n, user=user, ip=f"10.0.{first}.{n}", ok=ok,
           host__name="desk")
        for n in range(count)
    ]  # fmt: skip


def _office() -> list:
    return [
        *_looked("a", 3, first=1000),
        *_looked("b", 4, first=2000),
        *_looked("c", 5, first=3000),
        *_looked("d", 30, first=4000),
    ]


END = [at(3 * DAY_S, 99_999, user="z", host__name="desk")]


def test_a_member_far_above_the_others_is_named_at_the_end_of_the_day() -> None:
    alert, said = only(peers(), _office() + END)
    assert alert.decided_at == MIDNIGHT
    assert (alert.entity_field, alert.entity) == ("host.name+user.name", "desk+d")
    # Of 3, 4, 5 and 30 the median is 4 and the deviation 1.
    assert [(one.value, one.threshold) for one in alert.conditions] == [(30, 7), (4, 3)]
    assert said.reason_zh == (
        "账号 d 在 30 天内不同来源地址数为 30，超过由同组 4 个成员得出的上限 7。"
    )
    assert said.reason_en == (
        "Account d had different values of source address of 30 over 30 days, above the limit of 7 "
        "made of the 4 members of the group."
    )
    assert said.counterfactual_en == (
        "With 7 or less it would not fire",
        "In a group of fewer than 3 it would not fire",
    )


def test_the_event_named_is_the_newest_of_the_member() -> None:
    events = _office()
    alert, _ = only(peers(), events + END)
    assert alert.events == (max(events).id.hex(),)


def test_a_second_look_at_a_group_takes_its_members_along() -> None:
    alert, _ = only(peers(), _office() + END)
    for group, concerned in (("desk", True), ("hall", False)):
        scope = Scope(rules=ruleset(peers()), entities={"peers": {group}}, since=0)
        assert holds(scope, alert, alert.decided_at + 1) is concerned


def test_nobody_stands_out_of_a_small_group_or_below_the_floor() -> None:
    assert not run(ruleset(peers(members=5)), _office() + END).alerts
    assert not run(ruleset(peers(at_least=31)), _office() + END).alerts


def test_who_goes_on_standing_out_is_named_once() -> None:
    again = [*_office(), *_looked("d", 1, first=5000, day=1), *_looked("d", 1, first=6000, day=2)]
    assert len(run(ruleset(peers()), again + END).alerts) == 1


def test_days_before_the_window_count_no_more() -> None:
    others = [*_looked("a", 3, first=1, day=4), *_looked("b", 4, first=9, day=4)]
    events = [*_looked("d", 30), *others, *_looked("d", 2, first=50, day=4)]
    end = [at(9 * DAY_S, 99_999, user="z", host__name="desk")]
    assert not run(ruleset(peers(window="3d", members=3)), events + end).alerts
    assert run(ruleset(peers(window="9d", members=3)), events + end).alerts


@given(
    st.lists(
        st.tuples(
            st.integers(0, 30_000), st.sampled_from("abcd"), st.integers(0, 9), st.integers(1, 3)
        ),
        max_size=50,
    ),
    st.sampled_from(["count", "distinct", "sum", "share"]),
    st.integers(1, 4),
)
@settings(max_examples=80, deadline=None)
def test_it_judges_as_keeping_everything_would(
    raw: list[tuple[int, str, int, int]], metric: str, window: int
) -> None:
    if metric == "share":
        failed = {"name": "failed", "detection": detection(**FAILURE)}
        rule = peers(metric="share", field=None, part=failed, window=f"{window}d", at_least=5)
    else:
        named = {"distinct": "source.port", "sum": "source.port", "count": None}[metric]
        rule = peers(metric=metric, field=named, window=f"{window}d", times=1000)
    time, hits = 0, []
    for place, (gap, member, value, steps) in enumerate(raw):
        time += gap
        values = (member,) if metric in ("count", "share") else (member, value)
        hits.append(hit(time, *values, steps=steps if metric == "share" else 1, number=place))
    day_of = lambda each: (each[0] // 10**6 + 8 * 3600) // DAY_S  # noqa: E731
    expected, above = [], set()
    counted = [each for each in hits if each[4] & 1]
    for day in sorted({day_of(each) for each in counted}):
        recent = [each for each in counted if day - window < day_of(each) <= day]
        of_each = {each[5][0]: [] for each in recent}
        for each in recent:
            of_each[each[5][0]].append(each)
        figures = {
            member: {
                "count": len(mine),
                "share": len(mine),
                "distinct": len({each[5] for each in mine}),
                "sum": sum(each[5][-1] for each in mine) if metric == "sum" else 0,
            }[metric]
            for member, mine in of_each.items()
        }
        standing = set()
        for member, mine in of_each.items():
            if len(figures) < 3:
                continue
            if metric == "share":
                part, all_ = sum(each[4] == 3 for each in mine), len(mine)
                others = len(recent) - all_
                other = sum(each[4] == 3 for each in recent) - part
                parts, rest = part + other, len(recent) - part - other
                if all_ >= 5 and parts and rest and part * others > other * all_:
                    chi = len(recent) * (part * (others - other) - other * (all_ - part)) ** 2
                    if chi * 1000 >= CHI_SQUARE_PERMILLE * all_ * others * parts * rest:
                        standing.add(member)
            else:
                ordered = sorted(figures.values())
                limit = median(ordered) + deviation(ordered)
                if figures[member] > limit and figures[member] >= 1:
                    standing.add(member)
        expected += [(day, member) for member in sorted(standing - above)]
        above = standing
    end = time * 10**6 + 2 * DAY_S * 10**6
    found = told(memory(rule), hits, end)
    assert [((one.at // 10**6 + 8 * 3600) // DAY_S - 1, one.entity) for one in found] == expected
    check_snapshots(rule, hits, end)


def test_a_share_far_above_that_of_the_others_is_named() -> None:
    events = []
    for number, (user, failures) in enumerate([("a", 5), ("b", 6), ("c", 60), ("d", 4)]):
        first = 1000 * (number + 1)
        events += _looked(user, failures, first=first)
        events += _looked(user, 100 - failures, first=first + 500, ok=True)
    (alert,) = run(ruleset(shares()), events + END).alerts.values()
    assert alert.entity == "desk+c"
    said = explain(alert, shares())
    assert said.reason_en == (
        'Of the 100 events of account c, 600 in a thousand were "failed", and 50 of those of the '
        "other 3 members; chi-square 148.923 ≥ 10.828 (p<0.001)."
    )
    assert said.counterfactual_zh == (
        "若占比接近同组的千分之 50，则不触发",
        "若日志少于 20 条，则不触发",
    )


def test_no_order_shows() -> None:
    chance = random.Random(2)
    events = [
        at(
            seconds,
            number + 1,
            user=chance.choice("abcdef"),
            ip=f"10.0.0.{chance.randrange(60) ** 2 // 60}",
            host__name=chance.choice(("desk", "hall")),
        )
        for number, seconds in enumerate(bursts(2, 400, 4 * 3600))
    ]
    late = max(events).time
    events += [
        at((late - START) / 10**6 + 2 * DAY_S, 9_000 + number, user="z", host__name=name)
        for number, name in enumerate(("desk", "hall"))
    ]
    assert len(check_orders(peers(window="2d", times=1000), events)) > 3


def test_of_too_many_pairs_those_seen_longest_ago_are_forgotten() -> None:
    one = memory(peers())
    for number in range(PAIRS_MAX + 1):
        one.push(hit(DAY_S * (number > 10_000), "a", str(number), number=number))
    assert len(one.dump()[0]) == PAIRS_MAX + 1 - PAIRS_MAX // 10


def test_made_up_members_of_one_day_take_no_more_room_than_pairs() -> None:
    one = memory(peers())
    for number in range(PAIRS_MAX + 10_000):
        one.push(hit(0, f"made-up-{number}", "x", number=number))
    pairs, newest, _, _ = one.dump()
    assert {member for member, _ in newest} == {pair[0] for pair in pairs}
    assert len(newest) <= PAIRS_MAX


def test_a_group_forgotten_is_new() -> None:
    one = memory(peers())
    told(one, [hit(0, "a", "x")], 2 * DAY_S * 10**6)
    one.clear()
    assert one.dump() == memory(peers()).dump()


@pytest.mark.parametrize(
    "part",
    [
        {"field": None},
        {"metric": "count"},
        {"metric": "share", "field": None},
        {"window": "12h"},
        {"members": 0},
        {"times": 0},
    ],
)
def test_what_says_nothing_is_refused(part: dict[str, object]) -> None:
    with pytest.raises(FengsuiError):
        peers(**part)


def test_it_describes_itself() -> None:
    rule = peers()
    assert kinds.of(rule.pattern).describe(rule) == (
        "30 天内 `user.name` 的 distinct source.ip 超过同组中位数加 3 倍 MAD，至少 1",
        "of a member over 30 days above the median of the peers + 3 MAD, 1 or more",
    )
    assert kinds.of(rule.pattern).describe(shares()) == (
        "30 天内 `user.name` 的“失败”占比显著高于同组（卡方检验 p<0.001，至少 20 条）",
        (
            "share of failed over 30 days above that of the peers (chi-square, p<0.001, "
            "20 events or more)"
        ),
    )


def test_a_share_over_the_median_can_be_asked_for_besides() -> None:
    # The median of 3, 4, 5 and 30 is 4 or 5: seven times that is passed, eight times is not.
    assert run(ruleset(peers(over=6000)), _office() + END).alerts
    assert not run(ruleset(peers(over=8000)), _office() + END).alerts
