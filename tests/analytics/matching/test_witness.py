"""Witness: no condition holds where none of its witnesses does, and rare ones are chosen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from matching_world import EVENTS, NODES, holds

from analytics.expression import All, Atom, Node, Not, Some
from analytics.matching.witness import Witnesses
from schema.event import Fields

RARE = Atom("a", "contains", "sekurlsa::logonpasswords")
COMMON = Atom("a", "contains", "http")


@given(node=NODES, events=st.lists(EVENTS, max_size=8))
def test_a_condition_holds_only_where_a_witness_does(node: Node, events: list[Fields]) -> None:
    chosen = Witnesses([node]).of(node)
    for event in events:
        if chosen is not None and holds(node, event):
            assert any(holds(atom, event) for atom in chosen)


def test_of_all_that_must_hold_the_rarest_is_chosen() -> None:
    for node in (All((COMMON, RARE)), All((Atom("b", "exists"), Some((RARE,))))):
        assert Witnesses([node]).of(node) == (RARE,)


def test_a_text_that_many_conditions_name_is_a_poor_witness() -> None:
    often, seldom = Atom("a", "endswith", "\\tool.exe"), Atom("a", "endswith", "\\other.exe")
    node = All((often, seldom))
    assert Witnesses([node, often, often]).of(node) == (seldom,)


def test_one_of_each_branch_is_a_witness() -> None:
    other = Atom("b", "equals", "x")
    node = Some((All((COMMON, RARE)), other))
    assert Witnesses([node]).of(node) == (RARE, other)


def test_what_may_hold_without_a_true_atom_has_none() -> None:
    for node in (Not(RARE), Some((RARE, Not(COMMON))), All(())):
        assert Witnesses([node]).of(node) is None
    assert Witnesses([RARE]).of(Not(Not(RARE))) == (RARE,)
    assert Witnesses([RARE]).of(Some(())) == ()
