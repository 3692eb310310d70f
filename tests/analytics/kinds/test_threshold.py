"""Thresholds: distinct values with few events each, and more values than can be counted exactly."""

from __future__ import annotations

import random

import pytest
from analytics_world import at, threshold_rule
from hypothesis import given, settings
from hypothesis import strategies as st
from kind_world import bursts, check_least, check_orders, check_snapshots, hit, memory, only

from analytics import kinds
from analytics.kinds import threshold
from analytics.measures.sketch import EXACT_MAX
from analytics.rule import Rule
from schema.errors import FengsuiError

WITHIN = 600


def few(count: int, most: int) -> Rule:
    """So many accounts within ten minutes, with at most so many tries each."""
    within = {"within": f"{WITHIN}s", "count": count, "distinct": "user.name"}
    return threshold_rule(threshold={**within, "each_at_most": most}, suppression="1h")


def many(count: int, within: str = "16h") -> Rule:
    return threshold_rule(count, within, "user.name", suppression="1d")


def test_spraying_fires_where_each_account_is_tried_a_few_times() -> None:
    tries = [at(second, user=f"u{second % 4}") for second in range(8)]
    alert, said = only(few(4, 2), tries)
    assert [one.value for one in alert.conditions[:2]] == [4, 1]
    assert said.reason_zh == (
        "来源地址 10.0.0.1 在 3 秒内出现 4 个不同账号，各至多 1 次，达到 10 分钟内 4 的门槛。"
    )
    assert said.reason_en == (
        "Source address 10.0.0.1 had 4 different values of account, each at most 1 times, "
        "in 3 seconds; the threshold is 4 in 10 minutes."
    )
    assert said.counterfactual_en[1] == "With more than 2 of each it would not fire"


def test_guessing_one_account_beside_others_is_no_spraying() -> None:
    tries = [at(second / 2, second + 1, user=f"u{second % 4}") for second in range(12)]
    one = memory(few(4, 2))
    held = [one.push(hit(place, event.fields["user.name"])) for place, event in enumerate(tries)]
    assert held == [False] * 3 + [True] * 5 + [False] * 4


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 200), st.sampled_from("abcde")), max_size=40),
    st.integers(1, 4),
    st.integers(1, 3),
)
def test_values_with_few_events_are_counted_as_by_looking_at_everything(
    raw: list[tuple[int, str]], count: int, most: int
) -> None:
    time, hits = 0, []
    for place, (gap, value) in enumerate(raw):
        time += gap
        hits.append(hit(time, value, number=place))
    one = memory(few(count, most))
    for place, each in enumerate(hits):
        window = [old for old in hits[: place + 1] if each[0] - old[0] < WITHIN * 10**6]
        of_each = {old[5]: sum(other[5] == old[5] for other in window) for old in window}
        enough = sum(number <= most for number in of_each.values()) >= count
        assert one.push(each) is (enough and of_each[each[5]] <= most)
    check_snapshots(few(count, most), hits)


def test_the_least_set_of_spraying_in_every_order() -> None:
    chance = random.Random(4)
    events = [
        at(seconds, number + 1, user=f"u{chance.randrange(25)}")
        for number, seconds in enumerate(bursts(4, 300, 28))
    ]
    rule = few(9, 2)
    alerts = check_orders(rule, events)
    assert alerts
    check_least(rule, events, alerts)


def test_of_more_hits_than_are_kept_the_newest_count() -> None:
    one = memory(few(2, 10_000))
    for number in range(10_050):
        one.push(hit(number / 100, "a", number=number))
    assert len(one.dump()) == 10_000


@pytest.mark.parametrize("count", [20_000, 50_000])
def test_an_estimate_is_within_five_percent(count: int) -> None:
    one = memory(many(count))
    fired = next(number for number in range(2 * count) if one.push(hit(number, f"user{number}")))
    assert abs(fired - count) < count * 5 // 100
    (finding,) = one.findings()
    assert finding.conditions[0].name == "estimated user.name"
    assert len(finding.hits) == 1


def test_an_estimate_counts_a_value_once_and_forgets_the_old() -> None:
    one = memory(many(EXACT_MAX + 1, "16m"))
    assert not any(one.push(hit(number / 100, f"u{number % 9000}")) for number in range(30_000))
    assert not any(one.push(hit(1300 + number / 100, f"v{number}")) for number in range(9000))


def test_a_restored_estimate_goes_on() -> None:
    hits = [hit(number / 20, f"u{number % 15_000}", number=number) for number in range(16_000)]
    check_snapshots(many(12_000, "10m"), hits)


def test_an_alert_of_an_estimate_says_so() -> None:
    rule = many(EXACT_MAX + 1, "10h")
    alert, said = only(
        rule, [at(number, number + 1, user=f"u{number}") for number in range(10_500)]
    )
    estimated = alert.conditions[0].value
    assert said.reason_zh.startswith("来源地址 10.0.0.1 在 ")
    assert f"约 {estimated} 个不同账号" in said.reason_zh
    assert said.counterfactual_en == (
        "With fewer than about 10001 different values of account in 10 hours it would not fire",
    )


@pytest.mark.parametrize(
    "part",
    [
        {"within": "1m", "count": 3, "each_at_most": 2},
        {"within": "1m", "count": threshold.ESTIMATED_MAX + 1, "distinct": "user.name"},
        {"within": "1m", "count": EXACT_MAX + 1},
        {"within": "1m", "count": EXACT_MAX + 1, "distinct": "user.name", "each_at_most": 2},
    ],
)
def test_what_cannot_be_counted_is_refused(part: dict[str, object]) -> None:
    with pytest.raises(FengsuiError):
        threshold_rule(threshold=part)


def test_it_describes_itself() -> None:
    assert kinds.of(few(3, 2).pattern).describe(few(3, 2)) == (
        "10 分钟内各至多 2 次的不同 `user.name` ≥ 3",
        "3 or more different ones, each at most 2 times, within 10 minutes",
    )
