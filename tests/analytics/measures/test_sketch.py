"""Sketch: estimates within their error, in any order, restored or copied."""

from __future__ import annotations

import random

import msgspec
import pytest

from analytics.measures.sketch import EXACT_MAX, Distinct, Sketch


@pytest.mark.parametrize("name", ["user{}", "10.0.{}", "{:x}"])
def test_the_error_stays_within_three_times_the_standard_error(name: str) -> None:
    sketch = Sketch()
    for number in range(1, 200_001):
        sketch.add(name.format(number))
        if number in (10_000, 20_000, 50_000, 100_000, 200_000):
            assert abs(sketch.estimate() - number) <= number * 48 // 1000


def test_few_values_are_never_taken_for_many() -> None:
    sketch = Sketch()
    for number in range(5_000):
        sketch.add(str(number))
        assert sketch.estimate() < EXACT_MAX


def test_order_merging_and_snapshots_do_not_show() -> None:
    texts = [str(number) for number in range(3_000)]
    one, left, right = Sketch(), Sketch(), Sketch()
    for text in texts:
        one.add(text)
    random.Random(1).shuffle(texts)
    for text in texts[:100]:
        left.add(text)
    for text in texts[50:]:
        right.add(text)
    copy = left.copy()
    copy.merge(right)
    assert copy.dump() == one.dump()
    assert copy.estimate() == one.estimate()
    assert left.dump() != one.dump()
    for sketch in (left, one):
        assert Sketch(sketch.dump()).dump() == sketch.dump()
        assert Sketch(sketch.dump()).estimate() == sketch.estimate()


def test_distinct_values_are_exact_up_to_ten_thousand_and_estimated_beyond() -> None:
    one = Distinct()
    for number in range(EXACT_MAX):
        assert one.add(str(number)) == number + 1
        assert number % 1000 or one.add(str(number)) == number + 1
    exact = Distinct(msgspec.msgpack.decode(msgspec.msgpack.encode(one.dump())))
    before = len(one)
    for number in range(EXACT_MAX, 30_000):
        count = one.add(str(number))
        assert count >= before
        before = count
    assert abs(before - 30_000) < 1_500
    copy = one.copy()
    restored = Distinct(msgspec.msgpack.decode(msgspec.msgpack.encode(one.dump())))
    assert restored.add("x") == copy.add("x") == one.add("x")
    assert len(exact) == EXACT_MAX
    assert exact.add("0") == EXACT_MAX
