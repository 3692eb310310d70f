"""Measure: statistics in integers, the same everywhere."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from kind_world import hit

from analytics.measures.measure import (
    EVENTS_MAX,
    carried,
    counted,
    day_of,
    deviation,
    least_sum,
    median,
    quantile,
    text,
)
from schema.times import from_text

_NUMBERS = st.lists(st.integers(-50, 50), min_size=1, max_size=30)


@settings(deadline=None)
@given(_NUMBERS, st.integers(1, 1000))
def test_a_quantile_is_the_smallest_that_enough_do_not_exceed(
    numbers: list[int], permille: int
) -> None:
    found = quantile(sorted(numbers), permille)
    enough = [
        one
        for one in numbers
        if sum(other <= one for other in numbers) * 1000 >= permille * len(numbers)
    ]
    assert found == min(enough)


@settings(deadline=None)
@given(_NUMBERS)
def test_half_lie_at_the_median_or_below_and_as_near_as_the_deviation(numbers: list[int]) -> None:
    ordered = sorted(numbers)
    middle, far = median(ordered), deviation(ordered)
    assert sum(one <= middle for one in numbers) * 2 >= len(numbers)
    assert sum(one < middle for one in numbers) * 2 <= len(numbers)
    assert sum(abs(one - middle) <= far for one in numbers) * 2 >= len(numbers)


def test_different_values_have_different_texts() -> None:
    assert text(("a+b",)) == "a+b"
    assert text(("a", "b")) != text(("a+b", "")) != text(("a", "+b"))


def test_an_alert_carries_its_events_behind_its_values() -> None:
    assert carried(hit(1, "a")) == ("a",)
    assert carried((1, "", 0, b"id", 1, ("a", ("e1", "e2")))) == ("a",)
    assert counted((1, "", 0, b"id", 1, (("e1",),))) == b"id".hex()


def test_days_begin_at_midnight_in_china() -> None:
    days = [day_of(from_text(f"2026-11-{when}.000000Z")) for when in
            ("20T15:59:59", "20T16:00:00", "21T15:59:59")]  # fmt: skip
    assert days[0] + 1 == days[1] == days[2]


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=20), st.data())
def test_a_least_sum_reaches_its_threshold_and_needs_every_hit(
    amounts: list[int], data: st.DataObject
) -> None:
    hits = [hit(place, amount) for place, amount in enumerate(amounts)]
    before, total = sum(amounts[:-1]), sum(amounts)
    if before == total:
        return
    threshold = data.draw(st.integers(before + 1, total))
    chosen = [each[5][0] for each in least_sum(hits, threshold)]
    assert sum(chosen) >= threshold
    assert all(sum(chosen) - one < threshold for one in chosen)


def test_a_sum_of_many_names_so_many_at_most() -> None:
    assert len(least_sum([hit(place, 1) for place in range(1000)], 1000)) == EVENTS_MAX
