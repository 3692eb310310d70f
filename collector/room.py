"""Room: what follows from the free bytes of the disk the data folder lies on. Pure.

A disk that fills never shortens what must be kept. It is told of early; then what is past its
period goes at once instead of once a day; and where that does not help, nothing new is taken in:
sensors keep what is theirs until a receipt says it is here.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final, Literal

from schema.errors import FengsuiError

Level = Literal["ample", "low", "full"]

MIB: Final = 1024 * 1024
LOW_FREE_MB: Final = 2048
"""Where people are told: days of a small site, and time enough to add a disk."""
FULL_FREE_MB: Final = 256
"""Kept for what must still be written: the state of record, the control chain, the audit."""
_AGAIN: Final = 4
"""Intake goes on once a quarter of the way from full to low is free again: no flutter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Free bytes below which the disk is low, and full."""

    low: int = LOW_FREE_MB * MIB
    full: int = FULL_FREE_MB * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How the disk stands and what is to be done about it."""

    level: Level
    expire_now: bool
    """Let go now what is past its period; never anything else."""
    admit: bool
    """Whether new batches are taken in."""


def decide(free: int, marks: Marks, *, admitted: bool, may_go: bool) -> Room:
    """What to do at so many free bytes.

    ``admitted`` is whether batches were let in until now, ``may_go`` whether anything is past its
    period. Intake stops only when the disk is full and nothing may go.
    """
    if free >= marks.low:
        return Room(level="ample", expire_now=False, admit=True)
    if free < marks.full:
        return Room(level="full", expire_now=may_go, admit=may_go and admitted)
    again = marks.full + (marks.low - marks.full) // _AGAIN
    return Room(level="low", expire_now=may_go, admit=admitted or free >= again)


class Gate:
    """Whether new batches are let in. Safe from any thread; open at first."""

    def __init__(self) -> None:
        self._shut = threading.Event()

    @property
    def admits(self) -> bool:
        """Whether something new may be stored."""
        return not self._shut.is_set()

    def set(self, *, admit: bool) -> None:
        """Open or shut it."""
        if admit:
            self._shut.clear()
        else:
            self._shut.set()

    def check(self) -> None:
        """Raise ``collector.storage.full`` while nothing is let in."""
        if not self.admits:
            raise FengsuiError(
                "collector.storage.full",
                "the platform's disk is full and nothing on it is past its period: nothing new is "
                "taken in until there is room; keep what you have and send it again",
            )
