"""Calls counted for a day's quota outlive a restart, and what cannot be kept ends some time."""

import sqlite3
import time

import pytest

from collector.state.database import Database
from dashboard_api.grants import quota
from dashboard_api.grants.quota import DAYS_KEPT, UNKEPT_MAX_US, QuotaBook, QuotaUnkeptError
from schema.times import DAY, HOUR, from_text

NOON = from_text("2026-11-20T04:00:00.000000Z")
"""Twelve o'clock in Beijing."""
PAIR = ("civil-affairs", "marriage")


class Clock:
    def __init__(self):
        self.at = NOON

    def now(self):
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path / "state")
    yield opened
    opened.close()


@pytest.fixture
def open_book(database, clock):
    """Books whose thread writes far too late to matter here."""
    made = []

    def make(of=database, keep_seconds=3600):
        made.append(QuotaBook(of, clock, keep_seconds=keep_seconds))
        return made[-1]

    yield make
    for one in made:
        one.close()


def kept(database):
    with database.read() as state:
        return [tuple(row) for row in state.execute("SELECT day, used FROM grant_calls")]


class Refusing:
    """A state file on a disk that is full until told otherwise."""

    def __init__(self, database):
        self.database = database
        self.full = True
        self.read = database.read

    def write(self, job):
        if self.full:
            raise OSError("no space left")
        return self.database.write(job)


def test_calls_are_counted_down_and_then_refused(open_book):
    book = open_book()
    assert [book.left(PAIR, 2, count=True) for _ in range(3)] == [1, 0, -1]
    assert book.left(("other", "marriage"), 2, count=True) == 1


def test_a_look_counts_nothing(open_book):
    book = open_book()
    assert [book.left(PAIR, 2, count=False) for _ in range(3)] == [2, 2, 2]


def test_a_clean_stop_loses_nothing(open_book):
    book = open_book()
    for _ in range(7):
        book.left(PAIR, 10, count=True)
    book.close()
    assert open_book().left(PAIR, 10, count=True) == 2


def test_a_crash_loses_what_was_counted_since_the_last_writing(open_book):
    book = open_book()
    book.left(PAIR, 10, count=True)
    book.keep()
    book.left(PAIR, 10, count=True)
    assert open_book().left(PAIR, 10, count=False) == 9


def test_counts_are_written_by_themselves_soon_after(open_book, database):
    book = open_book(keep_seconds=0.01)
    book.left(PAIR, 10, count=True)
    until = time.monotonic() + 10
    while not kept(database) and time.monotonic() < until:
        time.sleep(0.01)
    assert [used for _, used in kept(database)] == [1]


def test_a_day_begins_at_midnight_in_beijing(open_book, clock):
    book = open_book()
    clock.at = NOON + 12 * HOUR - 1
    assert book.left(PAIR, 1, count=True) == 0
    clock.at += 1
    assert book.left(PAIR, 1, count=True) == 0


def test_a_clock_set_back_over_midnight_finds_the_days_count_again(open_book, clock):
    book = open_book()
    book.left(PAIR, 1, count=True)
    clock.at += DAY
    book.left(PAIR, 1, count=True)
    clock.at -= DAY
    assert book.left(PAIR, 1, count=True) == -1


def test_old_days_are_forgotten(open_book, database, clock):
    book = open_book()
    book.left(PAIR, 1, count=True)
    book.keep()
    clock.at += (DAYS_KEPT + 1) * DAY
    book.left(PAIR, 1, count=True)
    book.keep()
    assert len(kept(database)) == 1


def test_a_full_disk_is_borne_for_a_while_and_nothing_is_lost_when_it_mends(
    open_book, database, clock
):
    disk = Refusing(database)
    book = open_book(disk)
    book.left(PAIR, 10, count=True)
    with pytest.raises(OSError, match="no space"):
        book.keep()
    clock.at += UNKEPT_MAX_US
    assert book.left(PAIR, 10, count=True) == 8
    clock.at += 1
    with pytest.raises(QuotaUnkeptError):
        book.left(PAIR, 10, count=True)
    disk.full = False
    book.keep()
    assert kept(database)[0][1] == 2
    assert book.left(PAIR, 10, count=True) == 7


def test_a_state_file_that_cannot_be_read_is_no_empty_day(open_book, database, clock):
    class Unreadable(Refusing):
        def __init__(self, database):
            super().__init__(database)
            self.read = self._refused

        def _refused(self):
            raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(sqlite3.OperationalError):
        open_book(Unreadable(database)).left(PAIR, 1, count=True)


def test_beyond_the_bound_nobody_new_is_let_through(open_book, monkeypatch):
    monkeypatch.setattr(quota, "COUNTED_MAX", 1)
    book = open_book()
    assert book.left(PAIR, 5, count=True) == 4
    assert book.left(("new", "marriage"), 5, count=True) == -1
    assert book.left(PAIR, 5, count=True) == 3
