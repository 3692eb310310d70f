"""Times of logs; a wrong one is no time, never an exception."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schema import times
from sensors.sources import clock

PIECES = st.text(alphabet="0123456789:/- +Novx１", max_size=27)


@given(PIECES, PIECES, st.integers(-3000, 3000))
def test_any_text_gives_a_time_or_nothing(one: str, two: str, offset: int) -> None:
    for text in (clock.apache_time(one), clock.yearless(2, one, two, zone=offset, now=0)):
        if text:
            times.from_text(text)
    second = clock.plain_second(one, two, offset)
    assert second == "" or len(second) == 20


def test_a_zone_a_day_wide_and_a_time_before_the_epoch_are_none() -> None:
    assert clock.apache_time("23/Nov/2026:13:16:12 +2400") == ""
    assert clock.apache_time("23/Nov/1926:13:16:12 +0000") == ""
    assert clock.apache_time("31/Dec/9999:23:59:59 -0100") == ""


def test_a_month_has_its_number() -> None:
    assert [clock.month(name) for name in ("Jan", "Dec", "jan", "")] == [1, 12, 0, 0]
