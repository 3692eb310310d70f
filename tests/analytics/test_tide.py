"""The watermark is the least promise of those who are waited for, and never falls."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from analytics.tide import BEGINNING, Tide, TideDump

NAMES = st.sampled_from("abc")


def test_nobody_waited_for_moves_nothing() -> None:
    tide = Tide(())
    tide.promise("a", 5)
    assert tide.rise() == BEGINNING
    assert tide.holding() is None
    assert tide.lowest(7) == 7


def test_who_is_not_named_is_waited_for_once_heard() -> None:
    tide = Tide()
    tide.promise("a", 5)
    tide.promise("b", 3)
    assert tide.rise() == 3
    assert tide.holding() == "b"


def test_a_smaller_promise_changes_nothing() -> None:
    tide = Tide("a")
    tide.promise("a", 5)
    tide.promise("a", 3)
    assert tide.low("a") == 5


def test_the_excluded_hold_nothing_until_they_are_back() -> None:
    tide = Tide("ab")
    tide.promise("a", 5)
    assert tide.rise() == BEGINNING
    tide.exclude("b")
    assert tide.rise() == 5
    tide.readmit("b", 5)
    tide.promise("a", 9)
    assert tide.rise() == 5
    tide.release("b")
    assert tide.rise() == 9


def test_what_the_excluded_had_promised_counts_however_seldom_it_rose() -> None:
    asked, unasked = Tide("abc"), Tide("abc")
    for tide in (asked, unasked):
        for name, low in (("a", 5), ("b", 9), ("c", 7)):
            tide.promise(name, low)
        for name in "abc":
            tide.exclude(name)
            if tide is asked:
                tide.rise()
    assert asked.watermark == unasked.rise() == 7


WORDS = st.tuples(
    st.sampled_from(["promise", "require", "release", "exclude", "readmit"]),
    NAMES,
    st.integers(0, 50),
)


@given(st.lists(WORDS, max_size=30))
def test_it_never_falls_and_a_snapshot_goes_on_as_it_would(words: list) -> None:
    tide, seen = Tide(()), BEGINNING
    for kind, name, time in words:
        if kind in ("require", "readmit", "promise"):
            getattr(tide, kind)(name, time)
        else:
            getattr(tide, kind)(name)
        other = Tide(())
        other.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(tide.dump()), type=TideDump))
        assert (other.waited_for(), other.lows) == (tide.waited_for(), tide.lows)
        assert other.rise() == tide.rise() >= seen
        seen = tide.watermark
