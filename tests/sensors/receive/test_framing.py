"""Messages come out of a stream as they went in, however it is cut and whatever else is in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.receive.framing import MESSAGE_BYTES_MAX, Framing


def test_counted_messages_and_lines_may_share_a_stream() -> None:
    framing = Framing()
    assert framing.feed(b"8 <13>a\nb!<13>line\r\n5 <13>x<14>y\0") == [
        b"<13>a\nb!",
        b"<13>line",
        b"<13>x",
        b"<14>y",
    ]


def test_a_line_may_begin_with_a_number() -> None:
    assert Framing().feed(b"12 monkeys\n2026-11-26 log\n") == [b"12 monkeys", b"2026-11-26 log"]


@given(st.lists(st.binary(min_size=1, max_size=40)), st.integers(1, 7))
def test_counted_messages_come_out_as_they_went_in(texts: list[bytes], step: int) -> None:
    messages = [b"<13>" + text.rstrip(b"\r\n\0") for text in texts]
    stream = b"".join(b"%d %s" % (len(one), one) for one in messages)
    framing = Framing()
    found: list[bytes] = []
    for at in range(0, len(stream), step):
        found += framing.feed(stream[at : at + step])
    assert found == messages
    assert framing.end() == []


@given(st.binary(), st.integers(1, 9))
def test_any_bytes_come_out_the_same_however_they_are_cut(data: bytes, step: int) -> None:
    whole, parts = Framing(), Framing()
    expected = whole.feed(data) + whole.end()
    found: list[bytes] = []
    for at in range(0, len(data), step):
        found += parts.feed(data[at : at + step])
    assert found + parts.end() == expected
    assert all(0 < len(one) <= MESSAGE_BYTES_MAX for one in found)


@pytest.mark.parametrize("counted", [True, False])
def test_a_message_too_long_is_cut_and_the_next_one_whole(counted: bool) -> None:
    long = b"<13>" + b"x" * MESSAGE_BYTES_MAX
    stream = (b"%d %s" % (len(long), long) if counted else long + b"\n") + b"<13>next\n"
    framing = Framing()
    found: list[bytes] = []
    for at in range(0, len(stream), 4096):
        found += framing.feed(stream[at : at + 4096])
    assert found == [long[:MESSAGE_BYTES_MAX], b"<13>next"]
    assert framing.cut == 1


def test_what_was_left_when_the_connection_ended_is_a_message() -> None:
    framing = Framing()
    assert framing.feed(b"<13>half a line") == []
    assert framing.end() == [b"<13>half a line"]
