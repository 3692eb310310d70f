"""Values: an answer is the same the first time and every time after, whatever came before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analytics.expression import Atom
from analytics.values import (
    CACHED_CHARS_MAX,
    CACHED_VALUES_MAX,
    PARTS_PREFILTER_FROM,
    REGEX_PREFILTER_FROM,
    FieldValues,
    atom_test,
)

_NUMBERS = {Atom("f", "number", 1): 1, Atom("f", "boolean", True): 2, Atom("f", "equals", "1"): 4}


def test_truth_and_one_are_told_apart_in_either_order() -> None:
    for values in ((1, True, "1", 1), (True, 1, "1", True)):
        asked = FieldValues(_NUMBERS)
        assert {(type(value), asked.mask(value)) for value in values} == {
            (int, 5),
            (bool, 2),
            (str, 5),
        }
        assert 1 not in asked.known


@given(st.text(alphabet="-0123456789", max_size=30) | st.just("9" * 5000))
def test_a_text_that_is_no_number_is_told_so_and_ends_nothing(text: str) -> None:
    asked = FieldValues({Atom("f", "gte", -(10**30)): 1})
    digits = text.removeprefix("-")
    assert asked.mask(text) == (digits.isdecimal() and len(digits) <= 20)


def test_long_values_are_answered_and_not_kept() -> None:
    asked = FieldValues({Atom("f", "contains", "needle"): 1})
    long = "x" * CACHED_CHARS_MAX + "NEEDLE"
    assert asked.mask(long) == 1
    assert long not in asked.known


def test_the_values_kept_are_bounded() -> None:
    asked = FieldValues({Atom("f", "contains", "7"): 1})
    for number in range(CACHED_VALUES_MAX * 2 + 10):
        assert asked.mask(f"v{number}") == ("7" in str(number))
    assert len(asked.known) <= CACHED_VALUES_MAX


_WORDS = st.text(alphabet="ab.%|(", min_size=1, max_size=3)


@given(
    st.lists(_WORDS, min_size=PARTS_PREFILTER_FROM, max_size=PARTS_PREFILTER_FROM + 8, unique=True),
    st.text(alphabet="ab.%|(xA", max_size=6),
)
def test_many_substrings_answer_as_each_alone(words: list[str], value: str) -> None:
    atoms = {Atom("f", "contains", word): 1 << place for place, word in enumerate(words)}
    asked = FieldValues(atoms).mask(value)
    alone = sum(bit for atom, bit in atoms.items() if atom_test(atom)(value.lower(), value))
    assert asked == alone


@given(
    st.lists(
        st.sampled_from(["a+b", "(?i)AB", "b$", "^a", "[x.]", "(?m)^b$", "a|x", "(a)(b)"]),
        min_size=REGEX_PREFILTER_FROM,
        unique=True,
    ),
    st.text(alphabet="abxA.\n", max_size=6),
)
def test_many_expressions_answer_as_each_alone(expressions: list[str], value: str) -> None:
    atoms = {Atom("f", "regex", text): 1 << place for place, text in enumerate(expressions)}
    asked = FieldValues(atoms).mask(value)
    alone = sum(bit for atom, bit in atoms.items() if atom_test(atom)(value.lower(), value))
    assert asked == alone
