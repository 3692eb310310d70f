"""Crowd: who goes from a full bucket, as looking at every entity would choose."""

from __future__ import annotations

from analytics_world import threshold_rule
from hypothesis import given
from hypothesis import strategies as st

from analytics.keys.crowd import Crowd
from analytics.keys.few import first, pack
from analytics.keys.shelf import Shelf
from analytics.keys.state import Evaluator
from analytics.memory import Hit
from schema.times import SECOND

MOST = 12
RETENTION = 60 * SECOND
RULES = [threshold_rule(9, "60s", id=name) for name in "abc"]


def put(shelf: Shelf, entity: str, second: int) -> None:
    hit: Hit = (second * SECOND, "s", second, b"1", 1, ())
    shelf.held[entity] = first(hit, pack(hit))


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 9)), max_size=120),
    st.integers(0, 40),
)
def test_room_is_made_as_by_looking_at_everyone(
    steps: list[tuple[int, int, int]], quiet: int
) -> None:
    shelves = [Shelf(Evaluator(number, rule), 0) for number, rule in enumerate(RULES)]
    crowd, second = None, 0
    for which, name, gap in steps:
        second += gap + (quiet if gap == 9 else 0)
        shelf, entity = shelves[which], f"e{name}"
        if entity in shelf.held:
            put(shelf, entity, second)
            continue
        if sum(len(one.held) for one in shelves) >= MOST:
            crowd = crowd or Crowd(shelves)
            expected = {
                (one.name, each)
                for one in shelves
                for each in one.held
                if one.last_at(each) + RETENTION <= second * SECOND
            }
            idle = set()
            while found := crowd.next_idle(second * SECOND):
                if found[0].idle_at(found[1]) <= second * SECOND:
                    idle.add((found[0].name, found[1]))
                    del found[0].held[found[1]]
                else:
                    crowd.wait(*found)
            assert idle == expected
        if sum(len(one.held) for one in shelves) >= MOST:
            sizes = {one.name: len(one.held) for one in shelves if one.held}
            share = MOST / len({*sizes, shelf.name})
            of = shelf
            if len(shelf.held) < share:
                of = max(shelves, key=lambda one: (len(one.held), one.name))
                assert len(of.held) > share
            victim = min(of.held, key=lambda each: (of.last_at(each), each))
            assert crowd is not None
            assert crowd.quietest(shelf, MOST) == (of, victim)
            del of.held[victim]
        put(shelf, entity, second)
        if crowd is not None:
            crowd.join(shelf, entity)
