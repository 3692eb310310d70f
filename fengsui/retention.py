"""Retention: once a day, and whenever the disk runs low, lets go what is past its period.

It runs beside the pipeline and reads the machine's clock and the disk through what it is given.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector.control import ControlLog
from collector.expiry import Expiry
from collector.index.unavailable import IndexUnavailableError
from collector.room import Gate, Marks, Room, decide
from collector.state import kept
from collector.state.database import Database
from schema.ports import Clock
from schema.times import DAY, to_text
from schema.tombstone import Tombstone

_logger = logging.getLogger(__name__)

EVERY_SECONDS: Final = 10.0
"""Between two looks at the disk: at a hundred megabytes a second the full mark still holds out a
moment, and the writes behind it are refused, taken back and tried again."""

JUMP_MAX_US: Final = 31 * DAY
"""A run this long after the one before waits for a person: the platform stood still, or the clock
jumped ahead, and nothing is to age by that alone."""

PLATFORM: Final = "platform"
_STOOD_STILL: Final = "fengsui.retention.clock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Bytes of the disk."""

    free: int
    total: int


def space_of(folder: Path) -> Space:
    """The disk a folder lies on, as far as this user may fill it."""
    found = os.statvfs(folder)
    return Space(free=found.f_bavail * found.f_frsize, total=found.f_blocks * found.f_frsize)


class Retention:
    """Expiry and the watch over the disk, in a thread of its own after :meth:`start`."""

    def __init__(
        self,
        expiry: Expiry,
        *,
        database: Database,
        control: ControlLog,
        gate: Gate,
        marks: Marks,
        space: Callable[[], Space],
        clock: Clock,
    ) -> None:
        self.expiry = expiry
        self.space = space
        self._database = database
        self._control = control
        self._gate = gate
        self._marks = marks
        self._clock = clock
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._expiring = threading.Lock()
        self.room = Room(level="ample", expire_now=False, admit=True)
        self.waits_since: int | None = None
        """The run before a jump of the clock, until a person has expiry go on."""

    def start(self) -> None:
        """Look every few seconds until :meth:`stop`."""
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End between two segments."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def warnings(self) -> list[str]:
        """Codes of what needs a person, though the site does its work."""
        told = ["collector.storage.low"] if self.room.level == "low" and self.room.admit else []
        return told + ([_STOOD_STILL] if self.waits_since is not None else [])

    def failures(self) -> list[str]:
        """Codes of what stands still: intake, while the disk is full."""
        return [] if self._gate.admits else ["collector.storage.full"]

    def look(self) -> None:
        """One look: at the calendar, then at the disk. Raises ``OSError``."""
        now = self._clock.now()
        try:
            if self._due(now):
                self.expiry.look_over()
                self._let_go(PLATFORM)
                kept.ran(self._database, now)
        finally:
            # Whatever keeps old things from going, search nodes that are away say.
            self._watch()

    def run(self, *, by: str, seconds: float) -> list[Tombstone]:
        """Let go now what is past its period, for a person, for so long at most."""
        deadline = threading.Event()
        timer = threading.Timer(seconds, deadline.set)
        timer.start()
        try:
            gone = self._let_go(by, also=deadline.is_set)
        finally:
            timer.cancel()
        self.waits_since = None
        kept.ran(self._database, self._clock.now())
        return gone

    def _run(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            try:
                self.look()
            except Exception:
                # The outermost loop of the thread: named in the log, tried again.
                if not self._stop.is_set():
                    _logger.exception("a look at what is past its period failed")

    def _due(self, now: int) -> bool:
        """Whether a day has passed, and no more than the calendar can be trusted with."""
        before = kept.last_run(self._database)
        if before is None:
            self.expiry.look_over()
            kept.ran(self._database, now)
            return False
        if now - before > JUMP_MAX_US:
            if self.waits_since is None:
                _logger.warning(
                    "nothing expires: the clock jumped, or the platform stood still",
                    extra={"before": to_text(before), "now": to_text(now)},
                )
            self.waits_since = before
            return False
        return now - before >= DAY

    def _watch(self) -> None:
        before, admitted = self.room, self._gate.admits
        free = self.space().free
        may_go = free < self._marks.low and self._may_go()
        room = decide(free, self._marks, admitted=admitted, may_go=may_go)
        if room.expire_now:
            self._let_go(PLATFORM)
            # What it freed counts at once: intake must not go on into a disk that is still full.
            room = decide(self.space().free, self._marks, admitted=admitted, may_go=self._may_go())
        self._gate.set(admit=room.admit)
        self.room = room
        if (room.level, room.admit) != (before.level, before.admit):
            self._tell(room)

    def _may_go(self) -> bool:
        if self.waits_since is not None:
            return False
        try:
            return self.expiry.anything(self._clock.now())
        except IndexUnavailableError:
            # Nothing goes while the index cannot be asked: a full disk must shut the gate.
            return False

    def _tell(self, room: Room) -> None:
        free = self.space().free
        message = {
            "ample": f"there is room again: {free} bytes are free",
            "low": f"the disk runs low: {free} bytes are free; add room, nothing is deleted early",
            "full": f"the disk is full: {free} bytes are free, nothing is past its period",
        }[room.level]
        if not room.admit:
            message += "; nothing new is taken in, sensors keep what is theirs"
        _logger.warning("the disk", extra={"told": message})
        action = {"ample": "storage_ample", "low": "storage_low", "full": "storage_full"}
        self._control.add(action[room.level], reason=room.level, message=message)  # type: ignore[arg-type]

    def _let_go(self, by: str, *, also: Callable[[], bool] = lambda: False) -> list[Tombstone]:
        with self._expiring:
            return self.expiry.run(by=by, stopped=lambda: self._stop.is_set() or also())
