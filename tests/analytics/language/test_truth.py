"""Conditions over rules are read as they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.language.truth import Either, Every, Fired, Never, named, parse, rules
from schema.errors import FengsuiError

A, B, C = Fired("a"), Fired("b"), Fired("c-1.x")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a", A),
        ("((a))", A),
        ("a and b and c-1.x", Every((A, B, C))),
        ("a or b and c-1.x", Either((A, Every((B, C))))),
        ("(a or b) and c-1.x", Every((Either((A, B)), C))),
        ("not a and b", Every((Never(A), B))),
        ("NOT (a OR b)", Never(Either((A, B)))),
        ("not not a", Never(Never(A))),
        (" a\n and(b)", Every((A, B))),
    ],
)
def test_a_condition_is_a_tree(text: str, tree: object) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize("text", ["", "and", "a or", "a b", "(a", "a)", "a & b", "not", "()"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(FengsuiError):
        parse(text)


def test_the_rules_of_a_condition_in_order_and_under_their_ids() -> None:
    tree = parse("b and not (a or b)")
    assert list(rules(tree)) == ["b", "a", "b"]
    assert list(rules(named(tree, {"a": "1", "b": "2"}))) == ["2", "1", "2"]


@given(st.text(alphabet="ab()andort -", max_size=60))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    try:
        tree = parse(text)
    except FengsuiError:
        return
    assert list(rules(tree))
