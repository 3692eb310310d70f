"""Time texts: exactly one form, both ways."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schema import times
from schema.errors import FengsuiError

FIRST = -62_135_596_800 * times.SECOND
LAST = 253_402_300_800 * times.SECOND - 1


def test_a_time_is_written_with_six_digits_and_a_z() -> None:
    assert times.to_text(1_795_439_772_000_007) == "2026-11-23T13:16:12.000007Z"


@given(st.integers(FIRST, LAST))
@example(FIRST)
@example(LAST)
@example(-1)
def test_a_time_comes_back_from_its_text(time_us: int) -> None:
    assert times.from_text(times.to_text(time_us)) == time_us


@given(st.lists(st.integers(FIRST, LAST)))
def test_texts_sort_as_their_times_do(moments: list[int]) -> None:
    assert sorted(map(times.to_text, moments)) == list(map(times.to_text, sorted(moments)))


@pytest.mark.parametrize("time_us", [FIRST - 1, LAST + 1, 10**30, -(10**30)])
def test_a_time_outside_the_calendar_is_refused(time_us: int) -> None:
    with pytest.raises(FengsuiError) as caught:
        times.to_text(time_us)
    assert caught.value.code == "schema.time.out_of_range"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-23T13:16:12Z",
        "2026-11-23T13:16:12.000Z",
        "2026-11-23T13:16:12.000000+00:00",
        "2026-11-23 13:16:12.000000Z",
        "2026-11-23t13:16:12.000000Z",
        "2026-11-23T13:16:12.000000z",
        "2026-11- 3T13:16:12.000000Z",
        "２０２６-11-23T13:16:12.000000Z",
        "2026-11-23T13:16:12.00000٣Z",
        "2026-11-23T13:16:12.+00000Z",
        "2026-11-23T13:16:60.000000Z",
        "2026-11-31T13:16:12.000000Z",
        "0000-11-23T13:16:12.000000Z",
    ],
)
def test_every_other_form_is_malformed(text: str) -> None:
    with pytest.raises(FengsuiError) as caught:
        times.from_text(text)
    assert caught.value.code == "schema.time.malformed"


near = st.from_regex(
    r"[0-9０-９ ]{4}-[0-9 ]{2}-[0-9 ]{2}[Tt][0-9 ]{2}:[0-9 ]{2}:[0-9 ]{2}\.[0-9]{6}Z"
)


@given(st.one_of(st.text(max_size=40), near))
def test_what_is_read_is_what_would_be_written(text: str) -> None:
    with suppress(FengsuiError):
        assert times.to_text(times.from_text(text)) == text
