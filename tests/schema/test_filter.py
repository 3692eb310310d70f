"""The filter grammar: each form once, and no text whatever makes it crash."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema import filter as filters
from schema.errors import FengsuiError
from schema.filter import Term


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("severity:high", Term(field="severity", match="equals", value="high")),
        (
            "-source.ip:127.0.0.1",
            Term(field="source.ip", match="equals", value="127.0.0.1", denied=True),
        ),
        ("url.path:*admin*", Term(field="url.path", match="contains", value="admin")),
        ("url.path:/admin*", Term(field="url.path", match="prefix", value="/admin")),
        ("url.path:*.php", Term(field="url.path", match="suffix", value=".php")),
        ("user.name:*", Term(field="user.name", match="present")),
        ("-user.name:*", Term(field="user.name", match="present", denied=True)),
        ("@timestamp:a..b", Term(field="@timestamp", match="range", low="a", high="b")),
        ("@timestamp:a..", Term(field="@timestamp", match="range", low="a")),
        ("@timestamp:..b", Term(field="@timestamp", match="range", high="b")),
        ("口令", Term(field="*", match="contains", value="口令")),
        ("-口令", Term(field="*", match="contains", value="口令", denied=True)),
        ('"two words"', Term(field="*", match="contains", value="two words")),
        ('user.name:"a b"', Term(field="user.name", match="equals", value="a b")),
        (r'user.name:"a\"b\\c"', Term(field="user.name", match="equals", value='a"b\\c')),
        ('url.path:"*"', Term(field="url.path", match="equals", value="*")),
        ("url.path:*../*", Term(field="url.path", match="contains", value="../")),
        ("url.path:/..*", Term(field="url.path", match="prefix", value="/..")),
        ('url.path:"a..b"', Term(field="url.path", match="equals", value="a..b")),
        ("url.path:a:b", Term(field="url.path", match="equals", value="a:b")),
        ("10:30", Term(field="*", match="contains", value="10:30")),
    ],
)
def test_each_form_of_a_term_is_understood(text: str, term: Term) -> None:
    assert filters.parse(text) == (term,)


def test_terms_stand_side_by_side_with_any_blanks() -> None:
    terms = filters.parse('  severity:high\t-a:"b c"\n口令 ')
    assert [(one.field, one.value) for one in terms] == [
        ("severity", "high"),
        ("a", "b c"),
        ("*", "口令"),
    ]


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_nothing_is_no_term(text: str) -> None:
    assert filters.parse(text) == ()


@pytest.mark.parametrize(
    ("text", "position"), [('"open', 1), ('a:b c"d', 5), (r'"a\b"', 1), ('"a"b', 1), ('a:"b"c', 1)]
)
def test_what_is_not_understood_is_shown_where_it_stands(text: str, position: int) -> None:
    with pytest.raises(FengsuiError) as caught:
        filters.parse(text)
    assert caught.value.code == "schema.filter.malformed"
    assert abs(int(caught.value.params["position"]) - position) <= 1


def test_terms_and_values_have_limits() -> None:
    assert len(filters.parse("a " * filters.TERMS_MAX)) == filters.TERMS_MAX
    filters.parse("a" * filters.VALUE_CHARS_MAX)
    for text in ("a " * (filters.TERMS_MAX + 1), "a" * (filters.VALUE_CHARS_MAX + 1)):
        with pytest.raises(FengsuiError):
            filters.parse(text)


pieces = st.lists(
    st.one_of(st.sampled_from(list('-:"\\*. @ab口\n\x1c\x85\u2028')), st.text(max_size=3)),
    max_size=30,
).map("".join)


@given(st.one_of(st.text(), pieces))
def test_no_text_makes_it_crash(text: str) -> None:
    with suppress(FengsuiError):
        terms = filters.parse(text)
        assert len(terms) <= filters.TERMS_MAX
        assert all(len(one.value) <= filters.VALUE_CHARS_MAX for one in terms)


@given(st.text(max_size=60))
def test_any_value_can_be_looked_for_in_quotes(value: str) -> None:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    assert filters.parse(f'user.name:"{quoted}"') == (
        Term(field="user.name", match="equals", value=value),
    )


@pytest.mark.parametrize("piece", ["a", '"', "\\", "-", ":", "*", "a:", '"a', "a ", ".", " "])
def test_a_long_hostile_text_takes_no_long_time(piece: str) -> None:
    begun = time.process_time()
    for text in (piece * 100_000, 'a:"' + piece * 100_000):
        with suppress(FengsuiError):
            filters.parse(text)
    assert time.process_time() - begun < 2
