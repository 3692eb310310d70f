"""Values: what each atom means, one line a case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.expression import Atom
from analytics.matching.values import (
    LEAP_SECOND,
    atom_test,
    compile_regex,
    lowered,
    relation_test,
    text_of,
    wildcard_regex,
)
from schema.errors import FengsuiError


def holds(atom: Atom, value: str | int | bool) -> bool:
    return atom_test(atom)(lowered(text_of(value)), value)


def of(op: str, wanted: object = "", *, cased: bool = False, part: str = "") -> Atom:
    return Atom("f", op, wanted, cased, part)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("atom", "value", "expected"),
    [
        (of("equals", "Root"), "rOOT", True),
        (of("equals", "Root", cased=True), "root", False),
        (of("equals", "5"), 5, True),
        (of("equals", "TRUE"), True, True),
        (of("contains", "É"), "caféx", True),
        (of("contains", ""), "", True),
        (of("startswith", "Ab", cased=True), "abc", False),
        (of("endswith", "C"), "abc", True),
        (of("wildcard", "a*b"), "A\nB", True),
        (of("wildcard", "a*a"), "a", False),
        (of("wildcard", "ab*ba"), "aba", False),
        (of("wildcard", "*x*y*"), "ayx", False),
        (of("wildcard", "*x*y*"), "axby", True),
        (of("wildcard", "a?c"), "a口c", True),
        (of("wildcard", "a?c"), "ac", False),
        (of("wildcard", r"a\*c"), "A*C", True),
        (of("wildcard", r"a\*c"), "abc", False),
        (of("wildcard", r"a\\*"), r"a\b", True),
        (of("wildcard", "A*", cased=True), "ab", False),
        (of("wildcard", "A*", cased=True), "Ab", True),
        (of("regex", "a+b"), "xaab", True),
        (of("regex", "a+b"), "XAAB", False),
        (of("regex", "(?i)mask"), "ma\u017f\u212a", True),
        (of("cidr", "10.0.0.0/8"), "10.1.2.3", True),
        (of("cidr", "10.0.0.0/8"), "no address", False),
        (of("exists"), "", True),
        (of("boolean", True), True, True),
        (of("boolean", True), "True", True),
        (of("boolean", True), 1, False),
        (of("boolean", False), 0, False),
        (of("number", 5), 5, True),
        (of("number", 5), "05", True),
        (of("number", 5), "5.0", False),
        (of("number", 1), True, False),
        (of("number", -5), "-5", True),
        (of("gte", 0), "9" * 20, True),
        (of("gte", 0), "9" * 21, False),
        (of("lt", 0.5), 0, True),
        (of("lte", 5), 5, True),
        (of("gt", 5), "٦", False),
    ],
)
def test_an_atom_holds_or_not(atom: Atom, value: str | int | bool, *, expected: bool) -> None:
    assert holds(atom, value) is expected


@pytest.mark.parametrize(
    ("part", "number", "text"),
    [
        ("minute", 30, "2026-11-20T08:30:59Z"),
        ("hour", 23, "2026-11-20t07:00:00.123456789+08:00"),
        ("hour", 8, "2026-11-20 08:00:00z"),
        ("day", 19, "2026-11-20T07:59:59+08:00"),
        ("week", 53, "2027-01-03T00:00:00Z"),
        ("month", 1, "2025-12-31T20:00:00-05:00"),
        ("year", 2026, "2025-12-31T20:00:00-05:00"),
        ("minute", 59, f"2016-12-31T23:59:{LEAP_SECOND}Z"),
    ],
)
def test_a_part_of_a_time_is_that_in_utc(part: str, number: int, text: str) -> None:
    assert holds(of("number", number, part=part), text)
    assert not holds(of("gt", number, part=part), text)


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-20T08:00:00",
        "2026-11-20",
        "2026-02-30T08:00:00Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T08:00:61Z",
        "2026-11-20T08:00:00+24:00",
        "2026-11-20T08:00:00+01:60",
        "0000-11-20T08:00:00Z",
        "9999-12-31T23:59:59-01:00",
        "2026-11-20T08:00:00Z\n",
        "\u0662026-11-20T08:00:00Z",
        "8",
        8,
        True,
    ],
)
@pytest.mark.parametrize("part", ["minute", "hour", "day", "week", "month", "year"])
def test_what_is_no_time_has_no_parts(value: str | int | bool, part: str) -> None:
    assert not holds(of("gte", -1, part=part), value)


@pytest.mark.parametrize(
    ("op", "left", "right", "expected"),
    [
        ("same_as", "Ab", "aB", True),
        ("same_as", 5, "5", True),
        ("same_as", True, "TRUE", True),
        ("starts_as", "abc", "AB", True),
        ("starts_as", "ab", "abc", False),
        ("ends_as", "abc", "BC", True),
        ("contains_as", "xabcx", "ABC", True),
        ("contains_as", "abc", "xabcx", False),
        ("same_as", ["x", "y"], ["z", "Y"], True),
        ("same_as", ["x"], [], False),
        ("same_as", None, "", False),
        ("same_as", "", None, False),
    ],
)
def test_a_field_is_compared_with_another(
    op: str, left: object, right: object, *, expected: bool
) -> None:
    event = {name: value for name, value in (("f", left), ("g", right)) if value is not None}
    assert relation_test(of(op, "g"))(event) is expected  # type: ignore[arg-type]


@given(st.text(alphabet="-0123456789", max_size=30) | st.just("9" * 5000))
def test_a_text_that_is_no_number_is_told_so_and_ends_nothing(text: str) -> None:
    digits = text.removeprefix("-")
    assert holds(of("gte", -(10**30)), text) == (digits.isdecimal() and len(digits) <= 20)


@given(st.text(alphabet="ab*?\\.\n", max_size=8), st.text(alphabet="ab*?\\.\n", max_size=8))
def test_a_wildcard_means_what_its_expression_means(wildcard: str, text: str) -> None:
    expected = compile_regex(wildcard_regex(wildcard)).fullmatch(text) is not None
    assert holds(of("wildcard", wildcard), text) == expected


@pytest.mark.parametrize("atom", [of("regex", r"(a)\1"), of("regex", "a(?=b)"), of("cidr", "x")])
def test_what_cannot_be_evaluated_is_refused(atom: Atom) -> None:
    with pytest.raises(FengsuiError) as refused:
        atom_test(atom)
    assert refused.value.code == "analytics.rule.refused"
