"""Heads of both standards, and what devices make of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema import times
from sensors.receive.head import Head, read

NOW = times.from_text("2026-11-26T04:00:00.000000Z")


def head(text: str | bytes) -> tuple[Head, str]:
    raw = text if isinstance(text, bytes) else text.encode()
    found = read(raw, utc_offset_minutes=480, now=NOW)
    return found, raw[found.text_at :].decode("utf-8", "replace")


def test_the_new_form_tells_everything() -> None:
    found, text = head(
        '<165>1 2026-11-26T11:30:00.003+08:00 fw-01 traffic 77 ID47 [x@1 a="1" b="q\\"\\]中"][y@1]'
        " \ufeff会话 closed"
    )
    assert found == Head(
        facility="local4", severity="notice", time="2026-11-26T03:30:00.003000Z", host="fw-01",
        app="traffic", process_id="77", message_id="ID47",
        parameters=(("x@1.a", "1"), ("x@1.b", 'q"]中')), text_at=found.text_at,
    )  # fmt: skip
    assert text == "会话 closed"


def test_nil_values_are_none() -> None:
    found, text = head("<13>1 - - - - - - hello")
    assert (found.time, found.host, found.app, found.message_id, text) == ("", "", "", "", "hello")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("<34>Nov 26 11:30:00 gate su[7]: failed", ("gate", "su", "7", "failed")),
        ("<34>Nov  6 11:30:00 gate su: failed", ("gate", "su", "", "failed")),
        ("<34>Nov 26 11:30:00 su: failed", ("", "su", "", "failed")),
        ("<34>Nov 26 2026 11:30:00.5 gate %ASA-6-1: built", ("gate", "", "", "%ASA-6-1: built")),
        ("<34>2026-11-26T11:30:00+08:00 gate su: failed", ("gate", "su", "", "failed")),
        ("<34>Nov 26 11:30:00 waf CEF:0|a|b", ("waf", "", "", "CEF:0|a|b")),
        ("<34>Nov 26 11:30:00 CEF:0|a|b", ("", "", "", "CEF:0|a|b")),
        ("<189>date=2026-11-26 dev=fw", ("", "", "", "date=2026-11-26 dev=fw")),
        ("no head at all", ("", "", "", "no head at all")),
        ("<999>x", ("", "", "", "<999>x")),
    ],
)  # fmt: skip
def test_old_forms_are_read_as_far_as_they_go(
    line: str, expected: tuple[str, str, str, str]
) -> None:
    found, text = head(line)
    assert (found.host, found.app, found.process_id, text) == expected


def test_a_classic_time_is_of_the_year_that_is_near() -> None:
    assert head("<34>Nov 26 11:30:00 gate su: x")[0].time == "2026-11-26T03:30:00.000000Z"
    assert head("<34>Dec 30 11:30:00 gate su: x")[0].time == "2025-12-30T03:30:00.000000Z"
    assert head("<34>Feb 30 11:30:00 gate su: x")[0].time == ""


@given(st.binary())
def test_any_bytes_have_a_head_and_a_text(data: bytes) -> None:
    for raw in (data, b"<13>" + data, b"<13>1 " + data, b"<13>1 - - - - - " + data):
        assert 0 <= read(raw, utc_offset_minutes=480, now=NOW).text_at <= len(raw)
