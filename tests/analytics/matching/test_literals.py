"""Literals: where an atom holds, one of its literals stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from matching_world import ATOMS, VALUES

from analytics.expression import Atom, Op
from analytics.matching.literals import CHARS_MAX, Wanted, fold, literals
from analytics.matching.scanner import HyperscanScanner
from analytics.matching.values import RELATED, Scalar, atom_test, lowered, scalars, text_of


def stands(wanted: Wanted, value: Scalar) -> bool:
    text = fold(text_of(value))
    match wanted.place:
        case "whole":
            return text == wanted.text
        case "start":
            return text.startswith(wanted.text)
        case "end":
            return text.endswith(wanted.text)
    return wanted.text in text


@given(atom=ATOMS.filter(lambda atom: atom.op not in RELATED), held=VALUES)
def test_one_of_its_literals_stands_where_an_atom_holds(atom: Atom, held: object) -> None:
    test, found = atom_test(atom), literals(atom)
    for value in scalars(held):  # type: ignore[arg-type]
        if found and test(lowered(text_of(value)), value):
            assert any(stands(wanted, value) for wanted in found)


@pytest.mark.parametrize(
    ("atom", "expected"),
    [
        (Atom("f", "contains", "AB"), Wanted("anywhere", "ab")),
        (Atom("f", "startswith", "AB"), Wanted("start", "ab")),
        (Atom("f", "equals", ""), Wanted("whole", "")),
        (Atom("f", "wildcard", "ab*cde*f"), Wanted("anywhere", "cde")),
        (Atom("f", "wildcard", r"*\*abc"), Wanted("end", "*abc")),
        (Atom("f", "wildcard", r"a\\b"), Wanted("whole", r"a\b")),
        (Atom("f", "contains", "ab\0cde"), Wanted("anywhere", "cde")),
    ],
)
def test_the_longest_text_is_looked_for(atom: Atom, expected: Wanted) -> None:
    assert literals(atom) == (expected,)


@pytest.mark.parametrize(
    ("op", "expected"),
    [("contains", "a" + "b" * (CHARS_MAX - 1)), ("endswith", "b" * (CHARS_MAX - 1) + "c")],
)
def test_of_a_very_long_text_only_a_part_is_looked_for(op: Op, expected: str) -> None:
    atom = Atom("f", op, "a" + "b" * 40_000 + "c")
    (wanted,) = literals(atom)
    assert wanted.text == expected
    HyperscanScanner([wanted])


@pytest.mark.parametrize(
    "atom",
    [
        Atom("f", "contains", ""),
        Atom("f", "contains", "\0"),
        Atom("f", "wildcard", "*?"),
        Atom("f", "regex", "a*"),
        Atom("f", "number", 5),
        Atom("f", "exists"),
    ],
)
def test_an_atom_that_needs_no_text_has_no_literal(atom: Atom) -> None:
    assert literals(atom) == ()
