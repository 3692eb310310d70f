"""The Python matcher says of every event what walking each condition says, however it is asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matching_world import EVENTS, NODES, walked

from analytics.expression import ANY_FIELD, All, Atom, Not, Some
from analytics.matching import index, python
from analytics.matching.port import Question
from analytics.matching.python import PythonPlan
from analytics.matching.scanner import HyperscanScanner, MakeScanner, Re2Scanner
from schema.event import Fields

SCANNERS: list[MakeScanner] = [HyperscanScanner, Re2Scanner]
both = pytest.mark.parametrize("make_scanner", SCANNERS)
QUESTIONS = st.lists(NODES, min_size=1, max_size=20).map(
    lambda nodes: [Question(place // 2, 1 << place % 2, node) for place, node in enumerate(nodes)]
)
MANY = [Some(tuple(Atom("a", "contains", f"{word}{n}") for n in range(9))) for word in "pqr"]
"""Enough literals of one field for a scanner."""


def words(*texts: str, field: str = "a", op: str = "contains") -> list[Question]:
    return [Question(place, 1, Atom(field, op, text)) for place, text in enumerate(texts)]


@both
@given(questions=QUESTIONS, events=st.lists(EVENTS, max_size=12))
def test_it_says_what_walking_each_condition_says(
    make_scanner: MakeScanner, questions: list[Question], events: list[Fields]
) -> None:
    plan = PythonPlan(questions, make_scanner)
    expected = walked(questions, events)
    assert plan.match(events) == expected
    # Remembered values and answers are the same, and those of a batch those of each event.
    assert plan.match(events) == expected
    alone = [
        (place, *rest) for place, event in enumerate(events) for _, *rest in plan.match([event])
    ]
    assert alone == expected


@both
@given(texts=st.lists(st.text(alphabet="pqr0123 \x1fÉſ", max_size=9), max_size=9))
def test_a_scanner_does_not_change_the_answer(make_scanner: MakeScanner, texts: list[str]) -> None:
    questions = [Question(place, 1, node) for place, node in enumerate(MANY)]
    events: list[Fields] = [{"a": text} for text in texts]
    assert PythonPlan(questions, make_scanner).match(events) == walked(questions, events)


@both
def test_matches_come_by_place_and_then_by_rule_and_steps_of_a_rule_are_one(
    make_scanner: MakeScanner,
) -> None:
    asked = [(7, 1, "x"), (3, 4, "y"), (7, 2, "y"), (3, 1, "x")]
    questions = [Question(rule, bit, Atom("a", "contains", text)) for rule, bit, text in asked]
    plan = PythonPlan(questions, make_scanner)
    events: list[Fields] = [{"a": "x"}, {"b": "x"}, {"a": "xy"}]
    assert plan.match(events) == [(0, 3, 1), (0, 7, 1), (2, 3, 5), (2, 7, 3)]


@both
def test_truth_and_one_are_told_apart_in_either_order(make_scanner: MakeScanner) -> None:
    atoms = [Atom("a", "number", 1), Atom("a", "boolean", True), Atom("a", "equals", "1")]
    questions = [Question(place, 1, atom) for place, atom in enumerate(atoms)]
    ones: Sequence[Fields] = [{"a": 1}, {"a": True}, {"a": "1"}]
    for turn in (1, -1):
        plan = PythonPlan(questions, make_scanner)
        for event in ones[::turn] * 2:
            rules = [rule for _, rule, _ in plan.match([event])]
            assert rules == ([1] if event["a"] is True else [0, 2])


@both
def test_a_condition_that_needs_no_true_atom_is_asked_of_every_event(
    make_scanner: MakeScanner,
) -> None:
    plan = PythonPlan([Question(0, 1, Not(Atom("a", "contains", "x")))], make_scanner)
    assert plan.match([{}, {"a": "x"}, {"a": "y"}, {"b": "x"}]) == [(0, 0, 1), (2, 0, 1), (3, 0, 1)]


@both
def test_a_list_meets_what_any_item_meets_and_an_empty_one_is_there(
    make_scanner: MakeScanner,
) -> None:
    conditions = [
        Atom("a", "contains", "x"),
        All((Atom("a", "equals", "x"), Atom("a", "equals", "y"))),
        Atom("a", "exists"),
    ]
    questions = [Question(place, 1, node) for place, node in enumerate(conditions)]
    plan = PythonPlan(questions, make_scanner)
    assert plan.match([{"a": ["z", "X"]}]) == [(0, 0, 1), (0, 2, 1)]
    assert plan.match([{"a": ["y", "x"]}]) == [(0, 0, 1), (0, 1, 1), (0, 2, 1)]
    assert plan.match([{"a": []}]) == [(0, 2, 1)]


@both
def test_nothing_in_a_field_is_as_the_field_absent(make_scanner: MakeScanner) -> None:
    atoms = [Atom("a", "exists"), Atom("a", "contains", ""), Atom("", "contains", "none")]
    questions = [Question(place, 1, Not(atom)) for place, atom in enumerate(atoms)]
    event: Fields = {"a": None}  # type: ignore[dict-item] # what types cannot promise
    assert PythonPlan(questions, make_scanner).match([event]) == [(0, 0, 1), (0, 1, 1), (0, 2, 1)]


@both
def test_a_keyword_is_found_in_any_value_and_not_across_two(make_scanner: MakeScanner) -> None:
    plan = PythonPlan(words("needle", "17", field=ANY_FIELD), make_scanner)
    events: list[Fields] = [
        {"a": "x", "b": "a NEEDLE"},
        {"a": "nee", "b": "dle"},
        {"a": ["hay", "needle"]},
        {"a": 5170},
        {"a": 1, "b": 7},
    ]
    assert plan.match(events) == [(0, 0, 1), (2, 0, 1), (3, 1, 1)]


@both
def test_a_long_value_is_answered_and_not_kept(make_scanner: MakeScanner) -> None:
    plan = PythonPlan(words("needle"), make_scanner)
    long = "x" * max(index.CACHED_CHARS_MAX, python.DECIDED_CHARS_MAX) + "NEEDLE"
    for _ in range(2):
        assert plan.match([{"a": long}, {"a": "needle"}]) == [(0, 0, 1), (1, 0, 1)]
    assert set(plan._indexes["a"].known) == {"needle"}
    assert all(long not in key for key in plan._decided)


@both
def test_what_is_kept_is_bounded_and_the_answers_stay_the_same(make_scanner: MakeScanner) -> None:
    plan = PythonPlan([*words("7"), Question(1, 1, MANY[0])], make_scanner)
    count = 2 * max(index.CACHED_VALUES_MAX, python.DECIDED_MAX) + 10
    for first in range(0, count, 2500):
        events: list[Fields] = [{"a": f"p{number}"} for number in range(first, first + 2500)]
        found = {(place, rule) for place, rule, _ in plan.match(events)}
        assert {place for place, rule in found if rule == 0} == {
            place for place in range(2500) if "7" in str(first + place)
        }
        assert {place for place, rule in found if rule == 1} == {
            place for place in range(2500) if str(first + place)[0] != "9"
        }
        assert len(plan._indexes["a"].known) <= index.CACHED_VALUES_MAX
        assert len(plan._decided) <= python.DECIDED_MAX


@both
def test_a_value_full_of_literals_takes_time_in_line_with_its_length(
    make_scanner: MakeScanner,
) -> None:
    plan = PythonPlan(words(*("abab"[n % 2 :] + "ab" * n for n in range(40))), make_scanner)
    spent = []
    for length in (2_000, 20_000):
        events: list[Fields] = [{"a": "ab" * length + str(number)} for number in range(3)]
        began = time.process_time()
        assert len(plan.match(events)) == 120
        spent.append(time.process_time() - began)
    # Ten times the length; in the square of it, it would be a hundred.
    assert spent[1] < 40 * max(spent[0], 0.005)


@both
def test_shapes_kept_are_bounded(make_scanner: MakeScanner) -> None:
    plan = PythonPlan(words("x"), make_scanner)
    events: list[Fields] = [{"a": "x", f"f{n}": "y"} for n in range(python.SHAPES_MAX + 50)]
    assert len(plan.match(events)) == len(events)
    assert len(plan._shapes) <= python.SHAPES_MAX


@both
def test_only_conditions_that_a_value_makes_worth_asking_are_asked(
    make_scanner: MakeScanner,
) -> None:
    plan = PythonPlan(words(*(f"word{n:03}" for n in range(500))), make_scanner)
    events: list[Fields] = [{"a": f"some word{n:03} here"} for n in range(0, 500, 100)]
    assert plan.match(events) == [(place, place * 100, 1) for place in range(5)]
    made_ready = [number for number, holds in enumerate(plan._short) if holds is not None]
    assert made_ready == [0, 100, 200, 300, 400]


@both
def test_no_events_and_no_questions_match_nothing(make_scanner: MakeScanner) -> None:
    assert PythonPlan([], make_scanner).match([{"a": "x"}]) == []
    assert PythonPlan(words("x"), make_scanner).match([]) == []


@pytest.mark.parametrize("change", [dict, lambda event: dict(reversed(event.items()))])
def test_the_order_of_fields_changes_nothing(change: Callable[[Fields], Fields]) -> None:
    condition = All((Atom("a", "contains", "x"), Atom("b", "equals", 5)))
    plan = PythonPlan([Question(0, 1, condition)], Re2Scanner)
    assert plan.match([change({"a": "xx", "b": "5"}), change({"a": "5", "b": "xx"})]) == [(0, 0, 1)]
