"""A marking is found as it was written, in texts of any length."""

from __future__ import annotations

import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema import privacy
from schema.marking import marking

MARKINGS = ["绝密★", "机密☆", "秘密*", "绝 密 ★", "机密＊", "秘\u3000密★"]
SPELLINGS = [
    str,
    quote,
    lambda text: quote(quote(text)),
    lambda text: "".join(f"%{byte:02X}" for byte in text.encode("gb18030")),
    lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    lambda text: text.encode("unicode_escape").decode(),
    lambda text: text.replace(" ", "+"),
]


@pytest.mark.parametrize("text", MARKINGS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_marking_is_returned_as_it_stands(text: str, spelling) -> None:
    assert marking(f"关于 {spelling(text)}10年 的") == spelling(text)


@pytest.mark.parametrize(
    "text", ["", "秘密", "商业秘密 ★", "密码★", "保守秘密。★", "%C3%DC %E5%AF%86"]
)
def test_a_word_is_none(text: str) -> None:
    assert marking(text.replace(" ★", "x★")) == ""


@pytest.mark.parametrize("text", ["絕密★", "祕密✰", "机密⋆", "秘\u200b密✩", "秘密\ufeff★"])
def test_every_marking_the_mask_finds_is_found_in_long_texts_too(text: str) -> None:
    assert [finding.kind for finding in privacy.find(text)] == ["classified"]
    assert marking(f"关于 {text}10年 的") == text


@given(
    st.lists(st.sampled_from(["秘", "密", "★", "%E7%A7%98", "%E5%AF%86", " ", "\\xC3\\xDC", "*"]))
)
def test_what_is_returned_is_in_the_text_and_the_mask_finds_it(parts: list[str]) -> None:
    text = "".join(parts)
    found = marking(text)
    assert found in text
    if found:
        assert [finding.kind for finding in privacy.find(found)] == ["classified"]


@pytest.mark.parametrize("filler", ["a", "\\xff", "%C3%D8", "密", "秘", "%", "\\x", "秘 "])
def test_a_long_text_is_looked_through_quickly(filler: str) -> None:
    start = time.process_time()
    assert marking(filler * (1_000_000 // len(filler)) + "机密★") == "机密★"
    assert time.process_time() - start < 1
