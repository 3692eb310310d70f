"""Few: packed hits are the hits, in order, whatever order they come in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analytics.keys.few import (
    HITS_MAX,
    Few,
    first,
    hits_of,
    is_few,
    last_at,
    more,
    of_plain,
    pack,
    plain,
)
from analytics.memory import NEVER, Hit

_CARRIED = st.one_of(
    st.text(max_size=5), st.integers(-9, 9), st.booleans(), st.tuples(st.text(max_size=3))
)
_HITS = st.lists(
    st.builds(
        lambda time, sensor, number, values: (
            time, sensor, number, number.to_bytes(2, "big"), 1, values
        ),
        st.integers(-5, 50),
        st.sampled_from("ab"),
        st.integers(0, 999),
        st.tuples() | st.tuples(_CARRIED),
    ),
    min_size=1,
    max_size=HITS_MAX,
    unique_by=lambda hit: hit[:3],
)  # fmt: skip


def packed(hits: list[Hit], until: int = -NEVER) -> Few:
    few = first(hits[0], pack(hits[0]))
    for hit in hits[1:]:
        few = more(few, hit, pack(hit), until=until)
    return few


@given(_HITS)
def test_the_hits_are_held_in_their_one_order(
    hits: list[Hit],
) -> None:
    few = packed(hits)
    assert hits_of(few) == tuple(sorted(hits, key=lambda hit: hit[:3]))
    assert (few[0], last_at(few)) == (len(hits), max(hit[0] for hit in hits))
    assert is_few(few)


@given(_HITS, st.integers(-5, 50))
def test_hits_begin_anew_behind_what_came_too_long_ago(hits: list[Hit], until: int) -> None:
    hits.sort(key=lambda hit: hit[0])
    kept: list[Hit] = []
    for hit in hits:
        if kept and hit[0] > kept[-1][0] and kept[-1][0] <= until:
            kept = []
        kept = sorted([*kept, hit], key=lambda one: one[:3])
    assert hits_of(packed(hits, until)) == tuple(kept)


@given(_HITS)
def test_hits_told_in_plain_are_read_again_as_they_were(hits: list[Hit]) -> None:
    few = packed(hits)
    assert of_plain(plain(few)) == few
    assert not is_few(plain(few))
