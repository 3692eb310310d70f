"""CEF is taken apart as its standard says, escapes and all, and nothing makes it fail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.sources.mapping.cef import cef_columns
from sensors.sources.mapping.description import COLUMNS_MAX

HEAD = r"CEF:0|Some\|Vendor|WAF|1.0|100\\7|SQL injection|8|"


def test_head_and_extension_become_columns() -> None:
    text = f"{HEAD}src=10.0.0.1 spt=123 request=/a?b\\=c&d msg=two words\\nand a line act=blocked"
    assert cef_columns(text) == {
        "deviceVendor": "Some|Vendor",
        "deviceProduct": "WAF",
        "deviceVersion": "1.0",
        "signatureId": "100\\7",
        "name": "SQL injection",
        "severity": "8",
        "src": "10.0.0.1",
        "spt": "123",
        "request": "/a?b=c&d",
        "msg": "two words\nand a line",
        "act": "blocked",
    }


def test_a_head_of_syslog_may_stand_before_it() -> None:
    found = cef_columns(f"<134>Nov 26 10:00:00 waf {HEAD}src=10.0.0.1")
    assert found is not None
    assert found["src"] == "10.0.0.1"


def test_a_custom_field_stands_under_its_label_too() -> None:
    found = cef_columns(f"{HEAD}cs1=R-1 cs1Label=Rule id cs2=x cs2Label=src src=10.0.0.1")
    assert found is not None
    assert found["Rule id"] == "R-1"
    assert found["src"] == "10.0.0.1"


def test_an_escaped_equals_sign_begins_no_key() -> None:
    found = cef_columns(f"{HEAD}msg=set act\\=allow now src=10.0.0.1")
    assert found is not None
    assert found["msg"] == "set act=allow now"
    assert "act" not in found


def test_the_extension_may_be_missing() -> None:
    found = cef_columns("CEF:0|v|p|1|7|name|High")
    assert found is not None
    assert found["severity"] == "High"


@pytest.mark.parametrize(
    "text", ["", "CEF", "CEF:", "CEF:9|a|b|c|d|e|f|", "CEF:0|a|b|c", "x" * 600 + HEAD, "LEEF:1.0|a"]
)
def test_anything_else_is_none(text: str) -> None:
    assert cef_columns(text) is None


def test_columns_are_bounded() -> None:
    found = cef_columns(HEAD + " ".join(f"k{at}=v" for at in range(COLUMNS_MAX * 2)))
    assert found is not None
    assert len(found) == COLUMNS_MAX


@given(st.text())
def test_any_text_gives_columns_or_none(text: str) -> None:
    for candidate in (text, f"CEF:0|{text}", HEAD + text):
        found = cef_columns(candidate)
        assert found is None or len(found) <= COLUMNS_MAX
