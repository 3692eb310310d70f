"""A roll says whom a register's version holds, and what changes with the next one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.kinds.absence import Silence, hit_of
from analytics.roll import changes, hits, roll_of, rows_of
from schema.registers import FOREVER, RegisterView, Statement, Table, pack_fields, pack_key

TIMES = st.lists(st.integers(0, 60), max_size=6, unique=True).map(sorted)


def test_rows_that_touch_or_overlap_are_one_span() -> None:
    roll = roll_of([(("a",), 5, 9), (("a",), 0, 5), (("a",), 8, 12), (("a",), 20, 30)], 0)
    assert roll.spans == {"a": ((0, 12), (20, 30))}


def test_a_key_of_several_columns_is_the_entity_of_several_fields() -> None:
    assert roll_of([(("a", "b+c"), 0, 5)], 0).spans == {"a+b\\+c": ((0, 5),)}


def test_a_row_that_ends_before_it_begins_holds_nobody() -> None:
    assert roll_of([(("a",), 5, 5)], 0).spans == {}


def test_a_version_tells_only_what_is_different() -> None:
    before = roll_of([(("a",), 0, 100), (("b",), 0, 100), (("c",), 70, 80)], 1)
    after = roll_of([(("a",), 0, 100), (("b",), 0, 60), (("d",), 0, 100)], 50)
    assert {entity: (list(gone), list(new)) for entity, gone, new in changes(before, after, 0)} == {
        "b": ([], [hit_of(50, 60)]),
        "c": ([hit_of(70, 80)], []),
        "d": ([], [hit_of(50, 100)]),
    }


def test_who_is_no_longer_in_it_leaves() -> None:
    before, after = roll_of([(("a",), 0, 100)], 1), roll_of([], 50)
    assert list(changes(before, after, 0)) == [("a", [], [hit_of(50, 50)])]


def test_a_rule_of_later_hears_of_who_is_in_it_then() -> None:
    rolls = [roll_of([(("a",), 0, 100), (("b",), 0, 20)], 1), roll_of([(("a",), 0, 90)], 50)]
    assert dict(hits(rolls, 30)) == {"a": [hit_of(30, 100), hit_of(50, 90)], "b": []}


def test_a_rule_on_a_register_nobody_imported_hears_of_nobody() -> None:
    assert dict(hits([], 30)) == {}


def test_the_rows_of_a_register_are_those_known_then() -> None:
    fields = pack_fields({"x": 1})
    said = [
        Statement(pack_key(("b",)), fields, 0, FOREVER, known_from=1),
        Statement(pack_key(("a",)), fields, 10, 20, known_from=1),
        Statement(pack_key(("a",)), fields, 30, 40, known_from=5),
        Statement(pack_key(("b",)), b"", 50, FOREVER, known_from=9),
    ]
    view = RegisterView({"r": Table(said)})
    assert list(rows_of(view, "r", 1)) == [(("a",), 10, 20), (("b",), 0, FOREVER)]
    assert list(rows_of(view, "r")) == [
        (("a",), 10, 20),
        (("a",), 30, 40),
        (("b",), 0, 50),
    ]
    assert list(rows_of(view, "other")) == []


def _inside(versions: list[tuple[int, list[tuple[int, int]]]], now: int) -> bool:
    rows = [rows for at, rows in versions if at <= now]
    return bool(rows) and any(begin <= now < end for begin, end in rows[-1])


@given(st.lists(st.tuples(st.integers(1, 20), TIMES), min_size=1, max_size=4), st.integers(0, 60))
def test_the_hits_say_who_is_in_it_at_every_moment(raw: list, since: int) -> None:
    versions, at = [], 0
    for gap, bounds in raw:
        at += gap
        versions.append((at, list(zip(bounds[::2], bounds[1::2], strict=False))))
    rolls = [roll_of([(("a",), *row) for row in rows], at) for at, rows in versions]
    found = dict(hits(rolls, since)).get("a", [])
    random.Random(1).shuffle(found := list(found))
    memory, waiting = Silence(1000, 1000), sorted(found)
    assert len({hit[0] for hit in found}) == len(found)
    for now in range(since, 140):
        while waiting and waiting[0][0] <= now:
            memory.push(waiting.pop(0))
        assert (now < memory._valid_to) is _inside(versions, now)


@pytest.mark.parametrize("step", [1, 2])
def test_versions_told_one_by_one_or_at_once_say_the_same(step: int) -> None:
    chance = random.Random(step)
    for _ in range(200):
        at, rolls = 0, []
        for _ in range(3):
            at += chance.randint(1, 20)
            bounds = sorted(chance.sample(range(60), 4))
            rolls.append(roll_of([(("a",), *bounds[:2]), (("a",), *bounds[2:])][::step], at))
        standing: list = []
        before = None
        for roll in rolls:
            for _, gone, new in changes(before, roll, 0):
                standing = [hit for hit in standing if hit not in gone] + list(new)
            before = roll
        assert standing == dict(hits(rolls, 0)).get("a", [])
