"""QuotaBook: calls counted by day of Beijing time, in memory, and kept once a second.

A call is counted before it is answered and written by a thread of its own, so an answer never waits
for the disk. A clean stop keeps everything; a crash loses what was counted since the last writing,
a second's calls. Where the disk refuses or hangs, counting goes on for ``UNKEPT_MAX_US`` and is
then refused with ``QuotaUnkeptError``: what cannot be kept has to end some time. Bounded:
``COUNTED_MAX`` pairs a day. Counts of days long gone are deleted.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from typing import Final, TypeAlias

from collector.state.database import Database
from schema.errors import FengsuiError
from schema.ports import Clock
from schema.times import DAY, HOUR, SECOND

_logger = logging.getLogger(__name__)

COUNTED_MAX: Final = 100_000
"""Pairs of requester and service counted in a day: beyond it nobody new is let through a quota."""
KEEP_SECONDS: Final = 1.0
"""Between two writings: what a crash loses. One transaction a second costs the disk nothing."""
UNKEPT_MAX_US: Final = 60 * SECOND
"""How long calls are counted though nothing can be written: a full disk is told of by then."""
DAYS_KEPT: Final = 8
"""Days whose counts are kept, so that somebody can look at a week."""
_BEIJING: Final = 8 * HOUR

Pair: TypeAlias = tuple[str, str]


class QuotaUnkeptError(Exception):
    """Calls have been counted for too long without being kept."""


def day_of(now: int) -> int:
    """The day of Beijing time, counted from 1970."""
    return (now + _BEIJING) // DAY


class QuotaBook:
    """The calls of one site's days. Safe from any thread."""

    def __init__(
        self, database: Database, clock: Clock, *, keep_seconds: float = KEEP_SECONDS
    ) -> None:
        self._database = database
        self._clock = clock
        self._keep_seconds = keep_seconds
        self._counting = threading.Lock()
        self._keeping = threading.Lock()
        self._day = -1
        self._used: dict[Pair, int] = {}
        self._unkept: dict[tuple[int, str, str], int] = {}
        self._writing_since = 0
        """When the writing began that has not succeeded yet; 0 for none."""
        self._waiting = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def left(self, pair: Pair, quota: int, *, count: bool) -> int:
        """What is left of the quota behind this call; negative where there is none for it.

        Raises ``QuotaUnkeptError``, and what the state of record raises when a day begins.
        """
        now = self._clock.now()
        day = day_of(now)
        with self._counting:
            if day != self._day:
                self._begin(day)
            if self._writing_since and now - self._writing_since > UNKEPT_MAX_US:
                raise QuotaUnkeptError
            used = self._used.get(pair, 0)
            if used >= quota or (pair not in self._used and len(self._used) >= COUNTED_MAX):
                return -1
            if count:
                self._used[pair] = used = used + 1
                self._unkept[day, *pair] = used
                self._wake()
            return quota - used

    def keep(self) -> None:
        """Write what was counted since the last time; raises what the state of record raises."""
        with self._keeping:
            with self._counting:
                counted = dict(self._unkept)
                if counted and not self._writing_since:
                    self._writing_since = self._clock.now()
            if not counted:
                return
            self._write(counted)
            with self._counting:
                self._writing_since = 0
                for what, used in counted.items():
                    if self._unkept[what] == used:
                        del self._unkept[what]

    def close(self) -> None:
        """Keep everything and end the thread; what cannot be kept is told of."""
        self._stopped.set()
        self._waiting.set()
        if self._thread is not None:
            self._thread.join()
        self._try()

    def _begin(self, day: int) -> None:
        """Take over what is known of a day; under the lock."""
        with self._database.read() as state:
            rows = state.execute(
                "SELECT requester, service, used FROM grant_calls WHERE day = ?", (day,)
            ).fetchall()
        used = {(row[0], row[1]): row[2] for row in rows}
        for (of, requester, service), count in self._unkept.items():
            if of == day:
                used[requester, service] = count
        self._day, self._used = day, used

    def _write(self, counted: dict[tuple[int, str, str], int]) -> None:
        def job(state: sqlite3.Connection) -> None:
            state.executemany(
                "INSERT INTO grant_calls (day, requester, service, used) VALUES (?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET used = max(used, excluded.used)",
                [(*what, used) for what, used in counted.items()],
            )
            oldest = day_of(self._clock.now()) - DAYS_KEPT
            state.execute("DELETE FROM grant_calls WHERE day < ?", (oldest,))

        self._database.write(job)

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="grant-quota", daemon=True)
            self._thread.start()
        self._waiting.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._waiting.wait()
            self._stopped.wait(self._keep_seconds)
            self._waiting.clear()
            if not self._try():
                self._waiting.set()

    def _try(self) -> bool:
        try:
            self.keep()
        except (FengsuiError, OSError, sqlite3.Error) as error:
            _logger.warning("calls counted for quotas cannot be kept: %s", error)
            return False
        return True
