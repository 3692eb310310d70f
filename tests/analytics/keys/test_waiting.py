"""Waiting: each hit is released once, in order, and a snapshot holds those that still wait."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.keys.waiting import PAGE_US, Row, Waiting, hit_of, row_of, rows_of
from analytics.memory import Hit

_NEAR = st.integers(0, 6 * PAGE_US)
_STEP = st.one_of(
    st.lists(_NEAR, max_size=8),
    st.tuples(st.just("release"), _NEAR),
    st.tuples(st.just("cancel"), st.integers(0, 50)),
    st.just("snapshot"),
)


def row(time: int, number: int) -> Row:
    hit: Hit = (time, "s", number, number.to_bytes(4, "big"), 1, ("v", True, ("x", "y")))
    return row_of(hit, "rule@1", f"e{number % 3}", number % 3)


@settings(deadline=None)
@given(st.lists(_STEP, max_size=30))
def test_what_waits_is_released_in_order_and_lies_in_the_snapshot(steps: list[object]) -> None:
    waiting, expected, parts, number = Waiting("0/0"), [], {}, 0
    for step in steps:
        if step == "snapshot":
            parts |= dict(waiting.snapshot())
            stored = [one for raw in parts.values() if raw for one in rows_of(raw)]
            assert sorted(stored) == sorted(expected)
        elif isinstance(step, list):
            fresh = [row(time, number + place) for place, time in enumerate(step)]
            number += len(step)
            waiting.add(fresh)
            expected += fresh
        elif step[0] == "release":
            found = waiting.release(step[1])
            assert found == sorted(one for one in expected if one[0] < step[1])
            expected = [one for one in expected if one[0] >= step[1]]
        elif step[1] < len(expected):
            gone = expected.pop(step[1])
            waiting.cancel(gone[4], gone[5], [hit_of(gone)])
        assert len(waiting) == len(expected)
        assert sorted(waiting) == sorted(expected)


def test_a_snapshot_tells_only_of_pages_that_changed() -> None:
    waiting = Waiting("0/0")
    waiting.add([row(0, 1), row(3 * PAGE_US, 2)])
    assert set(dict(waiting.snapshot())) == {"wait/0/0/0/0", "wait/0/0/3/0"}
    waiting.add([row(3 * PAGE_US, 3)])
    assert set(dict(waiting.snapshot())) == {"wait/0/0/3/1"}
    waiting.release(PAGE_US)
    assert dict(waiting.snapshot()) == {"wait/0/0/0/0": b""}
    assert dict(waiting.snapshot()) == {}
