"""Calendar months of the sites' zone, never fewer than the law says, whatever their length."""

import calendar
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import FengsuiError
from schema.event import encode
from schema.retention import CLASSES, GIVEN, LOG, kept_until, oldest_required, periods
from schema.times import DAY, SECOND, ZONE, from_text, to_text

_FIRST, _LAST = from_text("1995-01-01T00:00:00.000000Z"), from_text("2095-01-01T00:00:00.000000Z")
TIMES = st.integers(min_value=_FIRST, max_value=_LAST)
MONTHS = st.integers(min_value=6, max_value=120)


def _at(text: str) -> int:
    """Microseconds of a time of the sites' zone."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()) * SECOND


def _local(time_us: int) -> datetime:
    return datetime.fromtimestamp(time_us // SECOND, ZONE)


@pytest.mark.parametrize(
    ("record", "months", "until"),
    [
        ("2026-01-15 00:00:00", 6, "2026-07-16 00:00:00"),
        ("2026-01-15 23:59:59", 6, "2026-07-16 00:00:00"),
        ("2026-08-31 12:00:00", 6, "2027-03-01 00:00:00"),
        ("2027-08-31 12:00:00", 6, "2028-03-01 00:00:00"),
        ("2027-08-29 12:00:00", 6, "2028-03-01 00:00:00"),
        ("2027-08-28 12:00:00", 6, "2028-02-29 00:00:00"),
        ("2026-03-31 12:00:00", 6, "2026-10-01 00:00:00"),
        ("2024-02-29 12:00:00", 36, "2027-03-01 00:00:00"),
        ("2026-11-25 08:00:00", 36, "2029-11-26 00:00:00"),
    ],
)
def test_a_record_is_kept_to_the_end_of_its_corresponding_day(
    record: str, months: int, until: str
) -> None:
    assert kept_until(_at(record), months) == _at(until)


def test_the_day_is_that_of_the_sites_zone_not_of_utc() -> None:
    late = from_text("2026-01-14T16:00:00.000000Z")
    assert to_text(kept_until(late, 6)) == "2026-07-15T16:00:00.000000Z"
    assert to_text(kept_until(late - 1, 6)) == "2026-07-14T16:00:00.000000Z"


@given(TIMES, MONTHS)
def test_no_record_goes_before_its_corresponding_day_is_over(time_us: int, months: int) -> None:
    begun, over = _local(time_us), _local(kept_until(time_us, months) - 1)
    passed = (over.year - begun.year) * 12 + over.month - begun.month
    assert passed == months
    month_end = calendar.monthrange(over.year, over.month)[1]
    assert over.day == min(begun.day, month_end)
    assert (over + timedelta(seconds=1)).hour == 0


@given(TIMES, st.integers(min_value=0, max_value=400 * DAY), MONTHS)
def test_an_earlier_record_never_outlasts_a_later_one(time_us: int, more: int, months: int) -> None:
    assert kept_until(time_us, months) <= kept_until(time_us + more, months)


@given(TIMES, MONTHS)
def test_a_longer_period_never_ends_earlier(time_us: int, months: int) -> None:
    assert kept_until(time_us, months) <= kept_until(time_us, months + 1)


@given(TIMES, MONTHS)
def test_the_oldest_required_day_is_the_first_that_may_not_go(now_us: int, months: int) -> None:
    first = oldest_required(now_us, months)
    assert kept_until(first, months) > now_us
    assert kept_until(first - 1, months) <= now_us


@given(TIMES)
def test_six_calendar_months_are_never_less_than_181_days(time_us: int) -> None:
    assert kept_until(time_us, LOG.floor_months) - time_us >= 181 * DAY


@pytest.mark.parametrize("months", [{"log_months": 5}, {"given_months": 35}, {"log_months": 9999}])
def test_a_period_below_the_floor_is_refused_and_a_longer_one_is_not(
    months: dict[str, int],
) -> None:
    with pytest.raises(FengsuiError) as raised:
        periods(**months)
    assert raised.value.code == "schema.retention.below_floor"
    assert periods(log_months=12, given_months=60).months == {"log": 12, "given": 60}


def test_the_floors_are_six_months_and_three_years() -> None:
    assert {one.name: one.floor_months for one in CLASSES} == {"log": 6, "given": 36}


def test_a_segment_is_of_the_longest_class_of_anything_in_it() -> None:
    log = encode({"event.dataset": "nginx.access", "message": 'says "event.dataset":"share.api"'})
    shared = encode({"event.dataset": "app.event", "gov.share.requester_id": "tax"})
    named = encode({"event.dataset": "share.api"})
    plain, patterned = periods(), periods(given_datasets=("share.*",))
    assert plain.class_of([log, named]) == LOG
    assert plain.class_of([log, shared, log]) == GIVEN
    assert patterned.class_of([log]) == LOG
    assert patterned.class_of([log, named]) == GIVEN
    assert plain.class_of([]) == LOG
    # What tells of data given to others is a log as well.
    assert periods(log_months=60).class_of([log, shared]) == LOG
