"""The town's time while deeds are carried out one after the other."""

from __future__ import annotations

import time

from living.clock import Clock

AT = 1_794_900_000_000_000


def test_a_line_is_moved_to_the_deed_that_was_being_done_when_it_was_written() -> None:
    clock = Clock(AT)
    clock.begin(AT + 10, "one")
    first = time.time()
    time.sleep(0.02)
    clock.begin(AT + 5_000_000, "two")
    second = time.time()
    assert clock.moment(first).episode == "one"
    assert 0 <= clock.moment(first).at - (AT + 10) < 10_000
    assert clock.moment(second).episode == "two"
    assert 0 <= clock.moment(second).at - (AT + 5_000_000) < 10_000


def test_what_follows_inside_a_deed_keeps_its_true_distance() -> None:
    clock = Clock(AT)
    clock.begin(AT, "")
    now = time.time()
    assert clock.moment(now + 1.5).at - clock.moment(now).at == 1_500_000


def test_a_line_from_before_all_deeds_stands_at_the_start() -> None:
    clock = Clock(AT)
    assert clock.moment(0.0) == (AT, "")


def test_the_clock_goes_on_within_a_deed() -> None:
    clock = Clock(AT)
    clock.begin(AT + 1, "")
    first = clock.now()
    time.sleep(0.01)
    assert clock.now() - first >= 10_000
