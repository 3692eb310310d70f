"""Expressions: a text said to be required stands in whatever RE2 finds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.matching.expressions import DEPTH_MAX, required_texts
from analytics.matching.literals import fold
from analytics.matching.values import compile_regex
from schema.errors import FengsuiError


@pytest.mark.parametrize(
    ("expression", "texts"),
    [
        ("abc", ("abc",)),
        ("ab+c", ("ab",)),
        ("ab*cde", ("cde",)),
        ("ab{2,}c", ("ab",)),
        ("ab{0,3}cd", ("cd",)),
        ("x(?:foo|bar)y", ("foo", "bar")),
        ("(?i)net\\s+user", ("user",)),
        ("(?P<name>abc)d?", ("abc",)),
        ("(?is:abc)", ("abc",)),
        (r"\.exe\t", (".exe\t",)),
        ("[abc]def[[:alpha:]]", ("def",)),
        ("[]a]bc", ("bc",)),
        ("a|bc", ("a", "bc")),
        ("é?abc", ("abc",)),
        ("(abc)?d", ("d",)),
    ],
)
def test_the_longest_texts_are_named(expression: str, texts: tuple[str, ...]) -> None:
    assert required_texts(expression) == texts


_UNCERTAIN = r"a* abc| abc|d* \Qa|b\E \x41bc \pLabc \d+ (.){200,} a{,2}b abc) (abc a(?i)*"


@pytest.mark.parametrize(
    "expression",
    [
        *_UNCERTAIN.split(),
        "",
        "(" * (DEPTH_MAX + 2) + "abc" + ")" * (DEPTH_MAX + 2),
    ],
)
def test_what_is_not_certain_is_not_named(expression: str) -> None:
    assert required_texts(expression) == ()


_PIECES = (
    r"a b s k K . | ( ) [ ] ^ $ * + ? { } , 2 - \ é "
    r"(?i) (?: (?s: [^a] [[:alpha:]] {2} {0,1} \s \b \. \x61"
)


@given(
    st.lists(st.sampled_from(_PIECES.split()), max_size=9).map("".join),
    st.text(alphabet="abskK\u017f\u212aé.-(]{ \n", max_size=9),
)
def test_no_match_is_without_a_required_text(expression: str, value: str) -> None:
    try:
        found = compile_regex(expression).search(value)
    except FengsuiError:
        return
    texts = required_texts(expression)
    if found is not None and texts:
        assert any(fold(text) in fold(value) for text in texts)
