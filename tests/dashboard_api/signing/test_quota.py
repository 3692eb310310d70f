"""Quota: by the second, the minute and the Beijing day, on clocks that may jump."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard_api.applications.model import Application, Operation, Quota
from dashboard_api.signing.call import ITEMS_MAX
from dashboard_api.signing.quota import DAY, SECOND, Quotas, day_began
from schema.errors import FengsuiError

MIDNIGHT = 1_795_622_400 * SECOND
"""2026-11-26 00:00 in Beijing."""
HOUR = 3600 * SECOND


class Clocks:
    def __init__(self, wall: int = MIDNIGHT) -> None:
        self.wall = wall
        self.counted = 12345

    def now(self) -> int:
        return self.wall

    def monotonic(self) -> int:
        return self.counted

    def go(self, microseconds: int) -> None:
        self.wall += microseconds
        self.counted += microseconds


class Desk:
    """One application that asks."""

    def __init__(self, quota: Quota, clocks: Clocks | None = None, used: int = 0) -> None:
        self.clocks = clocks or Clocks()
        self.application = app("payments", quota)
        self.quotas = Quotas(self.clocks, self.clocks.monotonic, {"payments": used})

    def ask(self, items: int = 1, operation: Operation = Operation.SIGN) -> FengsuiError | None:
        try:
            self.quotas.take(self.application, operation, items)
        except FengsuiError as error:
            return error
        return None

    def passed(self, times: int, items: int = 1, operation: Operation = Operation.SIGN) -> int:
        return sum(self.ask(items, operation) is None for _ in range(times))


def app(name: str, quota: Quota) -> Application:
    return Application(id=name, name=name, unit="u", credentials=(), grants={}, quota=quota)


def test_a_day_begins_at_midnight_in_beijing() -> None:
    assert day_began(MIDNIGHT) == MIDNIGHT
    assert day_began(MIDNIGHT - 1) == MIDNIGHT - DAY
    assert day_began(MIDNIGHT + DAY - 1) == MIDNIGHT
    assert MIDNIGHT % DAY == 16 * HOUR


def test_a_second_allows_its_items_and_the_refusal_says_when_to_come_again() -> None:
    desk = Desk(Quota(per_second=10))
    assert desk.passed(15) == 10
    error = desk.ask()
    assert error is not None
    assert error.code == "dashboard_api.quota.exceeded"
    assert error.params == {"retry_seconds": 1, "limit": 10, "period": "second"}
    desk.clocks.go(SECOND // 10)
    assert desk.passed(5) == 1
    desk.clocks.go(HOUR)
    assert desk.passed(15) == 10


def test_a_batch_larger_than_the_rate_passes_and_is_paid_off() -> None:
    desk = Desk(Quota(per_second=10))
    assert desk.ask(ITEMS_MAX) is None
    error = desk.ask(ITEMS_MAX)
    assert error is not None
    retry = error.params["retry_seconds"]
    assert retry == 26
    desk.clocks.go((int(retry) - 1) * SECOND)
    assert desk.ask(ITEMS_MAX) is not None
    desk.clocks.go(SECOND)
    assert desk.ask(ITEMS_MAX) is None


def test_a_refused_call_takes_nothing() -> None:
    desk = Desk(Quota(per_second=10, opens_per_minute=4))
    assert desk.passed(2, 2, Operation.DECRYPT) == 2
    assert desk.passed(50, 1, Operation.DECRYPT) == 0
    assert desk.passed(20) == 6


@pytest.mark.parametrize("operation", [Operation.DECRYPT, Operation.ENVELOPE_OPEN])
def test_what_gives_plaintext_out_has_a_limit_by_the_minute(operation: Operation) -> None:
    desk = Desk(Quota(opens_per_minute=6))
    assert desk.passed(10, operation=operation) == 6
    error = desk.ask(operation=operation)
    assert error is not None
    assert error.code == "dashboard_api.opens.limited"
    assert error.params == {"retry_seconds": 10, "limit": 6}
    assert desk.ask(operation=Operation.ENCRYPT) is None
    desk.clocks.go(10 * SECOND)
    assert desk.passed(10, operation=operation) == 1


def test_decryptions_and_opened_envelopes_count_together() -> None:
    desk = Desk(Quota(opens_per_minute=6))
    assert desk.passed(10, operation=Operation.DECRYPT) == 6
    assert desk.passed(10, operation=Operation.ENVELOPE_OPEN) == 0


def test_nothing_allowed_is_nothing_whatever_the_time() -> None:
    desk = Desk(Quota(per_second=0))
    error = desk.ask()
    assert error is not None
    assert int(error.params["retry_seconds"]) > 0
    desk.clocks.go(DAY)
    assert desk.passed(10) == 0
    shut = Desk(Quota(opens_per_minute=0))
    assert shut.passed(10, operation=Operation.DECRYPT) == 0
    assert shut.passed(10) == 10


def test_a_day_is_spent_until_midnight() -> None:
    desk = Desk(Quota(per_day=5), Clocks(MIDNIGHT + 23 * HOUR))
    assert desk.passed(10) == 5
    error = desk.ask()
    assert error is not None
    assert error.params == {"retry_seconds": 3600, "limit": 5, "period": "day"}
    desk.clocks.go(HOUR - 1)
    assert desk.passed(10) == 0
    desk.clocks.go(1)
    assert desk.passed(10) == 5


def test_no_limit_by_the_day_is_none() -> None:
    desk = Desk(Quota(per_second=10**6, per_day=0))
    assert desk.passed(1000, ITEMS_MAX) == 1000


def test_a_restart_gives_no_second_day() -> None:
    desk = Desk(Quota(per_day=5), used=3)
    assert desk.passed(10) == 2
    desk.clocks.go(DAY)
    assert desk.passed(10) == 5


def test_what_was_used_yesterday_is_not_counted_for_who_asks_first_today() -> None:
    desk = Desk(Quota(per_day=5), used=5)
    desk.clocks.go(DAY)
    assert desk.passed(10) == 5


def test_applications_do_not_spend_each_others_quota() -> None:
    desk = Desk(Quota(per_second=3))
    assert desk.passed(10) == 3
    desk.application = app("identity", Quota(per_second=3))
    assert desk.passed(10) == 3


def test_a_changed_quota_holds_from_the_next_call_on() -> None:
    desk = Desk(Quota(per_second=100, per_day=100))
    desk.application = app("payments", Quota(per_second=2, per_day=100))
    assert desk.passed(10) == 2
    desk.application = app("payments", Quota(per_second=1000, per_day=50))
    desk.clocks.go(SECOND)
    assert desk.passed(100) == 48


@pytest.mark.parametrize("jump", [-30 * DAY, -DAY, -HOUR, HOUR, DAY, 30 * DAY])
def test_a_jump_of_the_wall_clock_gives_no_quota_and_takes_none(jump: int) -> None:
    desk = Desk(Quota(per_second=10, per_day=15))
    assert desk.passed(20) == 10
    desk.clocks.wall += jump
    assert desk.passed(20) == 0
    desk.clocks.go(SECOND)
    assert desk.passed(20) == 5
    desk.clocks.wall -= jump
    assert desk.passed(20) == 0
    desk.clocks.go(DAY)
    assert desk.passed(20) == 10


def test_a_clock_that_is_set_right_at_the_turn_of_the_day_turns_it_once() -> None:
    desk = Desk(Quota(per_day=5), Clocks(MIDNIGHT - HOUR))
    assert desk.passed(10) == 5
    desk.clocks.go(HOUR)
    desk.clocks.wall -= 2 * SECOND
    assert desk.passed(10) == 5
    desk.clocks.go(2 * SECOND)
    assert desk.passed(10) == 0
    desk.clocks.go(DAY)
    assert desk.passed(10) == 5


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 40 * HOUR), st.integers(-3 * DAY, 3 * DAY), st.integers(1, ITEMS_MAX)
        ),
        max_size=60,
    )
)
def test_whatever_the_wall_clock_does_a_days_quota_is_never_given_twice_in_half_a_day(
    steps: list[tuple[int, int, int]],
) -> None:
    desk = Desk(Quota(per_second=10**6, per_day=300))
    given_out: list[tuple[int, int]] = []
    for passes, jump, items in steps:
        desk.clocks.go(passes)
        desk.clocks.wall += jump
        now = desk.clocks.counted
        error = desk.ask(items)
        if error is None:
            given_out.append((now, items))
        else:
            assert 0 < int(error.params["retry_seconds"]) <= 36 * 3600
        # The beginning of one day and the end of the one before at most.
        assert sum(taken for at, taken in given_out if now - at < 12 * HOUR) <= 600


@settings(deadline=None)
@given(
    st.integers(1, 500),
    st.lists(st.tuples(st.integers(0, 3 * SECOND), st.integers(1, ITEMS_MAX)), max_size=60),
)
def test_over_time_nobody_gets_more_than_the_rate_and_one_burst(
    rate: int, steps: list[tuple[int, int]]
) -> None:
    desk = Desk(Quota(per_second=rate))
    began, taken = desk.clocks.counted, 0
    for passes, items in steps:
        desk.clocks.go(passes)
        error = desk.ask(items)
        if error is None:
            taken += items
            elapsed = desk.clocks.counted - began
            assert taken <= rate + elapsed * rate // SECOND + max(0, items - rate)
        else:
            desk.clocks.go(int(error.params["retry_seconds"]) * SECOND)
            assert desk.ask(items) is None
            taken += items
