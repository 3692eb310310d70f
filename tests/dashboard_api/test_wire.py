import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard_api.wire import TIME_MAX, time_of
from schema.errors import FengsuiError
from schema.times import to_text

START = 1_763_625_600_000_000


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2025-11-20T08:00:00Z", START),
        ("2025-11-20T16:00:00+08:00", START),
        ("2025-11-20T08:00:00.000001Z", START + 1),
        ("", 7),
    ],
)
def test_a_time_is_read_with_its_zone_to_the_microsecond(text, time):
    assert time_of(text, absent=7) == time


@pytest.mark.parametrize("text", ["yesterday", "2025-11-20T08:00:00", "2025-13-01T00:00:00Z", "1"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(FengsuiError) as caught:
        time_of(text, absent=0)
    assert caught.value.code == "dashboard_api.time.malformed"


@given(st.integers(min_value=0, max_value=TIME_MAX))
def test_every_time_we_write_is_read_back(time):
    assert time_of(to_text(time), absent=0) == time


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading(text):
    with contextlib.suppress(FengsuiError):
        assert isinstance(time_of(text, absent=0), int)
