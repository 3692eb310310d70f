"""Clock: the town's time while a deed is being done, and which deed it was at a true time."""

from __future__ import annotations

import time
from bisect import bisect_right
from typing import Final, NamedTuple

__all__ = ["Clock", "Moment"]

SECOND_US: Final = 1_000_000


class Moment(NamedTuple):
    """Where a true time lies in the town's time, and of which episode."""

    at: int
    """Microseconds UTC of the town."""
    episode: str


class Clock:
    """One deed after the other; the town's time is the deed's and what truly passed since."""

    def __init__(self, start: int) -> None:
        self._at = start
        self._began = time.time()
        self._episode = ""
        self._true: list[float] = [self._began]
        self._deeds: list[Moment] = [Moment(start, "")]

    def begin(self, at: int, episode: str) -> None:
        """A deed of the town's ``at`` begins now."""
        self._at, self._began, self._episode = at, time.time(), episode
        self._true.append(self._began)
        self._deeds.append(Moment(at, episode))

    def now(self) -> int:
        """The town's time, microseconds UTC."""
        return self._at + int((time.time() - self._began) * SECOND_US)

    def moment(self, true_s: float) -> Moment:
        """The town's time when it truly was ``true_s`` (Unix time)."""
        place = max(0, bisect_right(self._true, true_s) - 1)
        deed = self._deeds[place]
        since = max(0.0, true_s - self._true[place])
        return Moment(deed.at + int(since * SECOND_US), deed.episode)
