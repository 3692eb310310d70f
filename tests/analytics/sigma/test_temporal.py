"""Every temporal correlation of Sigma is a pattern of our own, and means what Sigma says."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kind_memories import held_by, hits_of, named, rule_of

from analytics.language import truth
from analytics.patterns import Sequence, Together
from analytics.sigma.correlation import Comparison, Correlation
from analytics.sigma.temporal import pattern
from schema.errors import FengsuiError

RULES = ("a", "b", "c")
RAW = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 7), st.just(())), max_size=8)
BOUNDS = st.lists(
    st.builds(
        Comparison,
        st.sampled_from(["gt", "gte", "lt", "lte", "eq", "neq"]),
        st.one_of(st.integers(0, 4), st.sampled_from([0.5, 1.5])),
    ),
    max_size=2,
).map(tuple)


def correlation(kind: str = "temporal", **more: object) -> Correlation:
    given_ = {"id": "x", "title": "x", "rules": RULES, "timespan_us": 10, **more}
    return Correlation(kind=kind, **given_)


def test_all_rules_in_any_order_or_in_theirs() -> None:
    every = (Comparison("gte", 3),)
    found = pattern(correlation(comparisons=every))
    assert found == Together(retention_us=10, within_us=10, counts=(3,))
    found = pattern(correlation("temporal_ordered", comparisons=every))
    assert found == Sequence(retention_us=10, within_us=10)


def test_a_condition_over_names() -> None:
    condition = truth.parse("a and (b or not c)")
    for kind, ordered in (("temporal", False), ("temporal_ordered", True)):
        found = pattern(correlation(kind, condition=condition))
        assert isinstance(found, Together)
        assert found.terms == ((1, 4), (3, 0))
        assert found.ordered is ordered


@pytest.mark.parametrize(
    ("bounds", "why"),
    [
        ((Comparison("gt", 3),), "never so many"),
        ((Comparison("lt", 2),), "nothing was seen"),
        ((Comparison("neq", 2),), "nothing was seen"),
    ],
)
def test_bounds_that_say_nothing_are_refused(bounds: tuple, why: str) -> None:
    with pytest.raises(FengsuiError, match=why):
        pattern(correlation(comparisons=bounds))


def test_figures_are_not_temporal() -> None:
    with pytest.raises(FengsuiError, match="not temporal"):
        pattern(correlation("event_count"))


def _fired(hits: list, place: int, bits: int) -> bool:
    """Whether all of these rules fired in the timespan up to the hit."""
    return all(
        any(hit[4] & bit and hits[place][0] - hit[0] < 10 for hit in hits[: place + 1])
        for bit in (1, 2, 4)
        if bits & bit
    )


@given(RAW, BOUNDS)
def test_so_many_rules_fire_as_counting_them(raw: list, bounds: tuple) -> None:
    hits = hits_of(raw)
    compares = {
        "gt": lambda n, v: n > v, "gte": lambda n, v: n >= v, "lt": lambda n, v: n < v,
        "lte": lambda n, v: n <= v, "eq": lambda n, v: n == v, "neq": lambda n, v: n != v,
    }  # fmt: skip
    try:
        found = pattern(correlation(comparisons=bounds))
    except FengsuiError:
        sizes = [n for n in range(4) if all(compares[one.op](n, one.value) for one in bounds)]
        assert not sizes or 0 in sizes
        return
    expected = []
    for place, hit in enumerate(hits):
        count = sum(_fired(hits, place, bit) for bit in (1, 2, 4))
        if hit[4] and all(compares[one.op](count, one.value) for one in bounds):
            expected.append(hit[0])
    assert [when for when, _ in held_by(rule_of(found, named(*RULES)), hits)] == expected


@given(RAW, st.integers(1, 3))
def test_so_many_rules_in_order_as_trying_every_choice(raw: list, least: int) -> None:
    hits = hits_of(raw)
    found = pattern(correlation("temporal_ordered", comparisons=(Comparison("gte", least),)))
    expected = [
        hit[0]
        for place, hit in enumerate(hits)
        if any(
            all(one[4] & bit for one, bit in zip((*some, hit), bits, strict=True))
            and hit[0] - (*some, hit)[0][0] < 10
            for some in combinations(hits[:place], least - 1)
            for bits in combinations((1, 2, 4), least)
        )
    ]
    assert [when for when, _ in held_by(rule_of(found, named(*RULES)), hits)] == expected
