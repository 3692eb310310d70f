"""Conditions, lists, keywords and special values, as the table says."""

from __future__ import annotations

import pytest
from sigma_world import compiled, holds, refusal, true

from analytics.sigma import compile_detection

A, B = {"a": "1"}, {"b": "1"}


def condition(text: object, event: dict, **selections: object) -> bool:
    detection = {"one": A, "two": B, "_hidden": {"c": "1"}, **selections, "condition": text}
    return true(compile_detection(detection, lambda name: name), event)


def test_and_or_not() -> None:
    assert condition("one and two", {**A, **B})
    assert not condition("one and two", A)
    assert condition("one or two", B)
    assert condition("one and not two", A)
    assert condition("not one and not two", {"x": "1"})


def test_not_binds_closest_then_and() -> None:
    assert condition("one or two and not one", A)
    assert not condition("(one or two) and not one", A)
    assert condition("not (one and two)", A)


def test_one_of() -> None:
    assert condition("1 of t*", B)
    assert not condition("1 of t*", A)
    assert condition("1 of *o", B)
    assert condition("1 of one", A)


def test_all_of() -> None:
    assert condition("all of *", {**A, **B})
    assert not condition("all of o*", B)


def test_them_leaves_out_what_begins_with_an_underscore() -> None:
    assert condition("all of them", {**A, **B})
    assert not condition("1 of them", {"c": "1"})
    assert condition("1 of them", A)
    assert condition("not 1 of them", {"c": "1"})


def test_a_list_of_conditions_is_any_of_them() -> None:
    assert condition(["one", "two"], B)
    assert not condition(["one and two", "not one and not two"], B)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("other", "not defined"),
        ("one and", "end of text"),
        ("one AND two", "end of text"),
        ("one | count() > 3", "pipe"),
        ("1 of x*", "match any"),
        ("2 of them", "."),
    ],
)
def test_a_wrong_condition_is_refused_where_it_stands(text: str, why: str) -> None:
    found = refusal(A, condition=text, one=A, two=B)
    assert found.params["pointer"] == "/condition"
    assert why in str(found) or why == "."
    listed = refusal(A, condition=["selection", text], one=A, two=B)
    assert listed.params["pointer"] == "/condition/1"


@pytest.mark.parametrize(
    ("written", "matches", "misses"),
    [
        ("r*t", "RabbiT", "rabbits"),
        ("r?t", "r1t", "root"),
        (r"r\*t", "R*T", "root"),
        (r"r\?t", "r?t", "r1t"),
        (r"a\\*", r"a\b", "ab"),
        (r"a\\\*", r"a\*", r"a\b"),
        (r"a\b", r"A\B", "ab"),
        (r"a\\b", r"a\b", r"a\\b"),
        (r"\\\\srv", r"\\srv", r"\srv"),
        ("a.c+", "a.c+", "abc"),
        ("口*令", "口 令", "口"),
    ],
)
def test_wildcards_and_escapes(written: str, matches: str, misses: str) -> None:
    assert holds({"f": written}, {"f": matches})
    assert not holds({"f": written}, {"f": misses})
    assert holds({"f|contains": written}, {"f": f"x{matches}y"})


def test_strings_compare_whole_and_without_regard_to_case() -> None:
    assert holds({"f": "Root"}, {"f": "rOOT"})
    assert not holds({"f": "roo"}, {"f": "root"})


def test_values_of_a_list_are_any_and_fields_of_a_map_all() -> None:
    assert holds({"f": ["a", "b"]}, {"f": "B"})
    assert not holds({"f": "a", "g": "b"}, {"f": "a"})


def test_maps_of_a_list_are_any() -> None:
    selection = [{"f": "a", "g": "1"}, {"f": "b"}]
    assert holds(selection, {"f": "b"})
    assert holds(selection, {"f": "a", "g": "1"})
    assert not holds(selection, {"f": "a"})
    assert holds([{"f": "a"}, "word"], {"g": "a word"})


def test_numbers() -> None:
    assert holds({"f": 22}, {"f": 22})
    assert holds({"f": 22}, {"f": "22"})
    assert holds({"f": "22"}, {"f": 22})
    assert not holds({"f": 1}, {"f": True})
    assert holds({"f": 4.0}, {"f": 4})
    assert not holds({"f": 4.5}, {"f": 4})
    refusal({"f": float("inf")})


def test_booleans() -> None:
    assert holds({"f": True}, {"f": True})
    assert holds({"f": True}, {"f": "TRUE"})
    assert not holds({"f": False}, {})


def test_an_empty_string_is_a_value() -> None:
    assert holds({"f": ""}, {"f": ""})
    assert not holds({"f": ""}, {"f": "x"})
    assert not holds({"f": ""}, {})


def test_null_is_an_absent_field() -> None:
    assert holds({"f": None}, {"g": "x"})
    assert not holds({"f": None}, {"f": ""})
    # In a list too, which the specification would not have.
    assert holds({"f": [None, "a"]}, {"f": "a"})
    assert holds({"f": [None, "a"]}, {"g": "x"})


def test_an_absent_field_makes_a_question_false_and_its_denial_true() -> None:
    for selection in ({"f": "a"}, {"f|re": "a"}, {"f|lt": 3}, {"f|cidr": "10.0.0.0/8"}):
        assert not holds(selection, {"g": "x"})
        assert true(compiled(selection, "not selection"), {"g": "x"})


def test_a_field_with_several_values_matches_with_any_of_them() -> None:
    assert holds({"f": "b"}, {"f": ["a", "B"]})
    assert not true(compiled({"f": "b"}, "not selection"), {"f": ["a", "B"]})


def test_keywords_are_looked_for_in_every_value() -> None:
    assert holds(["panic", "oops"], {"m": "kernel: OOPS at 0"})
    assert not holds(["panic"], {"m": "calm", "panic": "no"})
    assert holds("panic", {"x": "a", "y": "Panic!"})


def test_keywords_with_wildcards_numbers_and_expressions() -> None:
    assert holds(["a*z"], {"m": "1 a to z 2"})
    assert holds([404], {"m": "got 404"})
    assert holds([1.5], {"m": "took 1.5 s"})
    assert holds({"|re": "o+ps$"}, {"m": "ooops"})
    assert holds({"|cased": "Oops"}, {"m": "an Oops"})
    assert not holds({"|cased": "Oops"}, {"m": "an oops"})


def test_all_keywords() -> None:
    assert holds({"|all": ["one", "two"]}, {"m": "one", "n": "and two"})
    assert not holds({"|all": ["one", "two"]}, {"m": "one"})


def test_a_keyword_that_is_no_word_is_refused() -> None:
    assert refusal([None]).params["pointer"] == "/selection"
    assert refusal({"|cidr": "10.0.0.0/8"}).params["pointer"] == "/selection/|cidr"


def test_an_unknown_field_is_refused_where_it_stands() -> None:
    detection = {"s": [{"f": "a"}, {"g|contains": "b"}], "condition": "s"}
    with pytest.raises(Exception, match="no field 'g'") as found:
        compile_detection(detection, lambda name: name if name == "f" else None)
    assert found.value.params["pointer"] == "/s/1/g|contains"


@pytest.mark.parametrize(
    "selection",
    [{}, [], {"f": {"g": "a"}}, {"f": [["a"]]}, [{"f": "a"}, {}]],
)
def test_what_is_no_selection_is_refused(selection: object) -> None:
    assert refusal(selection).params["pointer"].startswith("/selection")
