"""Keying: whose an event is for a rule, and what of it the rule carries along."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kind_memories import rule_of

from analytics.expression import Atom
from analytics.keys.keying import ENTITIES_MAX, Keying
from analytics.patterns import Once
from analytics.rule import Rule, Step, entity_name, entity_values

ID = b"\x01" * 16


def rule(*steps: dict[str, tuple[str, ...]], entity: tuple[str, ...] = ("a",)) -> Rule:
    made = [
        Step(name=f"s{n}", condition=Atom("a", "exists"), datasets=("d",), **step)
        for n, step in enumerate(steps)
    ]
    found = rule_of(Once(retention_us=1), made)
    return Rule(
        **{name: getattr(found, name) for name in found.__struct_fields__} | {"entity": entity}
    )


def test_an_event_belongs_to_the_value_of_its_field() -> None:
    keying = Keying(rule({}))
    assert keying.keys({"a": "x"}, 1, ID) == [("x", 1, ())]
    assert keying.keys({"a": 7}, 1, ID) == [("7", 1, ())]


def test_an_event_without_the_field_belongs_to_nobody() -> None:
    assert Keying(rule({})).keys({"b": "x"}, 1, ID) is None
    assert Keying(rule({}, entity=("a", "b"))).keys({"a": "x"}, 1, ID) is None


def test_without_an_entity_an_event_is_its_own() -> None:
    assert Keying(rule({}, entity=())).keys({}, 1, ID) == [(ID.hex(), 1, ())]


def test_of_a_list_each_item_is_an_entity_once() -> None:
    keying = Keying(rule({}))
    assert keying.keys({"a": ["x", "y", "x"]}, 1, ID) == [("x", 1, ()), ("y", 1, ())]
    assert keying.keys({"a": []}, 1, ID) is None


def test_a_list_without_end_has_only_so_many_entities() -> None:
    many = [str(number) for number in range(1000)]
    found = Keying(rule({})).keys({"a": many}, 1, ID)
    assert [entity for entity, _, _ in found] == many[:ENTITIES_MAX]
    pairs = Keying(rule({}, entity=("a", "b"))).keys({"a": many, "b": many}, 1, ID)
    assert len(pairs) == ENTITIES_MAX


def test_several_fields_name_one_entity() -> None:
    keying = Keying(rule({}, entity=("a", "b")))
    assert keying.keys({"a": "x", "b": ["1", "2"]}, 1, ID) == [("x+1", 1, ()), ("x+2", 1, ())]


def test_steps_may_name_the_entity_by_other_fields() -> None:
    keying = Keying(rule({}, {"entity": ("b",)}))
    assert keying.keys({"a": "x", "b": "y"}, 1, ID) == [("x", 1, ())]
    assert keying.keys({"a": "x", "b": "y"}, 2, ID) == [("y", 2, ())]
    assert keying.keys({"a": "x", "b": "y"}, 3, ID) == [("x", 1, ()), ("y", 2, ())]
    assert keying.keys({"a": "x", "b": "x"}, 3, ID) == [("x", 3, ())]


def test_a_step_that_lacks_its_field_leaves_the_others_theirs() -> None:
    keying = Keying(rule({}, {"entity": ("b",)}))
    assert keying.keys({"a": "x"}, 3, ID) == [("x", 1, ())]
    assert keying.keys({"c": "x"}, 3, ID) is None


def test_values_are_carried_by_the_step_that_asks_for_them() -> None:
    keying = Keying(rule({"values": ("v",)}, {"values": ("w", "v")}))
    event = {"a": "x", "v": 1, "w": ["p", "q"]}
    assert keying.keys(event, 3, ID) == [("x", 1, (1,)), ("x", 2, (("p", "q"), 1))]
    same = Keying(rule({"values": ("v",)}, {"values": ("v",)}))
    assert same.keys(event, 3, ID) == [("x", 3, (1,))]


@pytest.mark.parametrize("lacking", [None, ""])
def test_a_value_that_is_not_there_makes_no_hit(lacking: str | None) -> None:
    assert Keying(rule({"values": ("v",)})).keys({"a": "x", "v": lacking}, 1, ID) is None


@pytest.mark.parametrize("event", [{"a": ""}, {"a": [""]}, {"a": ["", ""]}])
def test_an_empty_text_is_no_entity(event: dict[str, str | list[str]]) -> None:
    assert Keying(rule({})).keys({**event}, 1, ID) is None
    assert Keying(rule({}, entity=("a", "b"))).keys({**event, "b": "x"}, 1, ID) is None
    assert Keying(rule({})).keys({"a": ["", "x"]}, 1, ID) == [("x", 1, ())]


def test_false_and_nought_are_values() -> None:
    keying = Keying(rule({"values": ("v", "w")}))
    assert keying.keys({"a": "x", "v": False, "w": 0}, 1, ID) == [("x", 1, (False, 0))]


@given(st.lists(st.text("ab+\\", max_size=4), min_size=1, max_size=4))
def test_an_entity_of_several_values_can_be_taken_apart(values: list[str]) -> None:
    assert entity_values(entity_name(tuple(values)), len(values)) == tuple(values)
