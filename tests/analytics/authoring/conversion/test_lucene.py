"""An expression as Lucene's regexp: it matches a whole value where RE2 finds it anywhere in it.

Python's ``re`` reads what is written here as Lucene does, with a dot that is any character.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.authoring.conversion.lucene import quoted, regexp
from analytics.matching.values import compile_regex
from schema.errors import FengsuiError

EXPRESSIONS = [
    "abc",
    "^abc",
    "abc$",
    "^a|b$",
    "(a|b)c",
    "^(a|b)$",
    r"\s(a|b)(\s|$)",
    "(^|a)b",
    r"a.c",
    r"(?s)a.c",
    r"(?i)ab-c",
    r"(?i)[a-c]b",
    r"(?i)[^a-c]b",
    r"[^\s]a",
    r"\d{2,3}a",
    r"a\.b\*c",
    r"a{2}",
    r"(?:ab)+c?",
    r"(a|bc)*c$",
    r"a*?b",
    r"[\]\-a]b",
    r"\x41b",
    "",
]
LETTERS = "abcABC \n.-*]1" + "\t"


@pytest.mark.parametrize("expression", EXPRESSIONS)
@given(value=st.text(LETTERS, max_size=7))
def test_the_whole_value_matches_where_the_expression_is_found(expression: str, value: str) -> None:
    wanted = compile_regex(expression).search(value.encode()) is not None
    assert (re.fullmatch(regexp(expression), value, re.DOTALL) is not None) is wanted


@given(value=st.text(max_size=6))
def test_quoted_text_stands_for_itself(value: str) -> None:
    assert re.fullmatch(quoted(value), value, re.DOTALL)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        (r"\bsh\b", r"word boundary \\b"),
        (r"a\Bb", r"word boundary \\B"),
        ("a^b", "anchor"),
        ("a$b", "anchor"),
        ("(a$)+", "anchor"),
        ("(?m)^a", "flag 'm'"),
        ("a(?i:b)", "group"),
        ("(?i)ä", "letter 'ä'"),
        (r"\pL", r"escape \\p"),
        ("a.{0,60}b", "repetition of up to 60"),
        (r"[[:alpha:]]", "named class"),
    ],
)
def test_what_lucene_lacks_is_refused_by_name(expression: str, why: str) -> None:
    with pytest.raises(FengsuiError, match=why):
        regexp(expression)
