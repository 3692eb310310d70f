"""Folding keeps the way back: every folded character knows where it was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.folding import fold, fold_text

pieces = st.sampled_from(
    [
        "%",
        "%25",
        "%41",
        "%E5%AF%86",
        "%C3%DC",
        "%FF",
        "\\x41",
        "\\u5bc6",
        "%u5bc6",
        "\\ud83d",
        "密",
        "６",
        "⑩",
        "\u200b",
        "–",
        "a",
        "9",
        " ",
        "\n",
        "%E5%AF",
        "%81%30%81%30",
        "\ud800",
    ]
)
texts = st.one_of(st.text(), st.lists(pieces, max_size=30).map("".join))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("３５０Ｘ", "350X"),
        ("%33%35", "35"),
        ("%2533%25252535", "35"),
        (r"\x33\x35", "35"),
        (r"\u79d8%u5bc6", "秘密"),
        ("%E5%AF%86", "密"),
        ("%C3%DC%A1%EF", "密★"),
        ("%FF%E5%AF%86", "\ufffd密"),
        ("%ef%bc%93", "3"),
        ("1–2\u200b3", "1-23"),
        ("100%", "100%"),
    ],
)
def test_spellings_fold_to_what_a_reader_sees(written: str, read: str) -> None:
    assert fold_text(written, escapes=True) == read
    assert fold(written, escapes=True).text == read


@given(texts, st.booleans())
def test_places_point_into_the_text_in_order(text: str, escapes: bool) -> None:
    folded = fold(text, escapes=escapes)
    assert len(folded.text) == len(folded.starts) == len(folded.ends)
    assert folded.starts == sorted(folded.starts)
    assert all(0 <= a < b <= len(text) for a, b in zip(folded.starts, folded.ends, strict=True))


@given(st.text(alphabet=st.characters(max_codepoint=126)))
def test_ascii_without_escapes_is_itself(text: str) -> None:
    assert fold_text(text, escapes=False) == text == fold(text, escapes=False).text


@given(texts)
def test_folding_twice_the_short_way_gives_the_same(text: str) -> None:
    assert fold_text(text, escapes=True) == fold_text(text, escapes=True)
