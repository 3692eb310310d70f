"""Looking at /proc: the machine, its processes, and a source that tells only what changed."""

from __future__ import annotations

import pwd
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Final

from schema import times
from schema.batch import Position
from schema.event import Fields
from sensors.source import Polled
from sensors.sources import record

INTERVAL_US: Final = 2 * times.SECOND
"""Between two looks: a look at two hundred processes costs some milliseconds."""
PENDING_MAX: Final = 8192
"""Events waiting to be polled. A look that would pass it leaves the rest to the next one."""
KNOWN_MAX: Final = 65536
"""Processes or ports remembered; twice the default ``pid_max``."""
FILE_BYTES_MAX: Final = 4 * 1024 * 1024
"""The most read of one /proc file: tens of thousands of sockets."""
COMMAND_CHARS_MAX: Final = 4096
"""A command line is cut here; the kernel allows two mebibytes."""


@lru_cache(maxsize=1024)
def user_name(uid: int) -> str:
    """The account's name, or its number where there is no such account."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine looked at; ``proc`` is another folder in tests."""

    host: str
    boot_id: str
    now: Callable[[], int]
    """Microseconds UTC."""
    proc: Path = Path("/proc")
    user_of: Callable[[int], str] = user_name


class Inventory(ABC):
    """Looks at most once an interval, queues the differences, hands them out in order."""

    kind: str

    def __init__(self, name: str, machine: Machine, *, interval_us: int = INTERVAL_US) -> None:
        self.name = name
        self.machine = machine
        self._interval_us = interval_us
        self._queue: deque[Fields] = deque()
        self._counter = 0
        self._looked_at = 0
        self.restored = False
        self.unread = 0
        """What the whole of the last look could not be done without, and was not to be had."""
        self.refused: Counter[str] = Counter()

    @property
    def unreadable(self) -> Mapping[str, int]:
        """What the last look was not allowed to read, and how often."""
        return dict(self.refused)

    def restore(self, position: Position) -> None:
        """Carry on counting if the machine has not booted since."""
        self.restored = True
        if position.generation == self.machine.boot_id:
            self._counter = position.offset

    def poll(self, limit: int) -> Polled:
        """See :class:`sensors.source.Source`."""
        now = self.machine.now()
        # A clock set back must not stop the looking.
        if not self._queue and not 0 <= now - self._looked_at < self._interval_us:
            self.refused.clear()
            self._queue.extend(islice(self.look(self._looked_at, now), PENDING_MAX))
            self._looked_at = now
        taken = [self._queue.popleft() for _ in range(min(limit, len(self._queue)))]
        first = self._counter
        self._counter += len(taken)
        generation = self.machine.boot_id
        return Polled(
            events=taken,
            places=[(generation, first + index) for index in range(len(taken))],
            position=Position(generation, self._counter),
            watermark=self._told_until(),
            at_end=not self._queue,
            troubles={"unreadable": self.unread},
            problem=", ".join(sorted(self.refused)) if self.unread else "",
        )

    def _told_until(self) -> int:
        """Times of one look never go back, so what waits first is the earliest."""
        if not self._queue:
            return self._looked_at
        return times.from_text(str(self._queue[0]["@timestamp"]))

    @abstractmethod
    def look(self, last: int, now: int) -> Iterable[Fields]:
        """The differences since the last look, in time order, from ``last`` to ``now``."""

    def read(self, path: Path, what: str) -> bytes:
        """A /proc file's bytes, nothing if it is gone or forbidden; the latter is counted."""
        try:
            with path.open("rb") as file:
                return file.read(FILE_BYTES_MAX)
        except PermissionError:
            self.refused[what] += 1
        except OSError:
            pass  # It ended while we looked.
        return b""

    def processes(self) -> list[int]:
        """The numbers of all processes we may see, in order."""
        try:
            names = [path.name for path in self.machine.proc.iterdir()]
        except OSError:
            self.refused[str(self.machine.proc)] += 1
            return []
        return sorted(int(name) for name in names if name.isascii() and name.isdecimal())


@dataclass(frozen=True, slots=True)
class Stat:
    """What we keep of ``/proc/PID/stat``."""

    name: str
    parent: int
    started_ticks: int


def read_stat(raw: bytes) -> Stat | None:
    """``/proc/PID/stat``; the name in parentheses may hold parentheses and spaces itself."""
    head, mark, tail = raw.decode("utf-8", "backslashreplace").rpartition(") ")
    cells = tail.split()
    if not mark or len(cells) < 20:
        return None
    try:
        return Stat(head.partition("(")[2], int(cells[1]), int(cells[19]))
    except ValueError:
        return None


def shown(text: str) -> str:
    """A name or command line as text that can be sealed: escaped where it must be, and cut."""
    plain = text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    return record.cut(plain, COMMAND_CHARS_MAX) if len(plain) > COMMAND_CHARS_MAX else plain
