"""Recorded time against true time: one rising line that every log of a recording shares.

The servers of the range run for some minutes of true time. The driver lets recorded time pass
faster (slower in the minutes of an attack) and notes each change of pace as a knot. `restamp`
reads true log times through the same knots, so order is kept across all sources.
"""

from __future__ import annotations

import bisect
import itertools
import threading
import time
from collections.abc import Callable, Sequence

__all__ = ["Pace", "Warp"]


class Warp:
    """A piecewise linear, strictly rising map from true to recorded seconds."""

    def __init__(self, knots: Sequence[tuple[float, float]]) -> None:
        """Take (true, recorded) pairs; raises ValueError when they do not rise strictly."""
        if len(knots) < 2:
            raise ValueError("a warp needs at least two knots")
        self._true = [true for true, _ in knots]
        self._recorded = [recorded for _, recorded in knots]
        for column in (self._true, self._recorded):
            if any(later <= earlier for earlier, later in itertools.pairwise(column)):
                raise ValueError("the knots of a warp must rise strictly")

    def __call__(self, true_s: float) -> float:
        """Return the recorded second; beyond either end time runs at its true pace."""
        if true_s <= self._true[0]:
            return self._recorded[0] + (true_s - self._true[0])
        if true_s >= self._true[-1]:
            return self._recorded[-1] + (true_s - self._true[-1])
        right = bisect.bisect_right(self._true, true_s)
        left = right - 1
        share = (true_s - self._true[left]) / (self._true[right] - self._true[left])
        return self._recorded[left] + share * (self._recorded[right] - self._recorded[left])


class Pace:
    """The running clock of a recording; safe to use from many threads."""

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        """Start at recorded second 0, at true pace."""
        self._now = now
        self._lock = threading.Lock()
        self._knots: list[tuple[float, float]] = [(now(), 0.0)]
        self._speed = 1.0

    def recorded_s(self) -> float:
        """Return how many recorded seconds have passed."""
        with self._lock:
            return self._at(self._now())

    def set_speed(self, speed: float) -> None:
        """Let recorded time pass `speed` times as fast as true time from here on."""
        with self._lock:
            if speed == self._speed:
                return
            true = self._now()
            recorded = self._at(true)
            if true > self._knots[-1][0]:
                self._knots.append((true, recorded))
                self._speed = speed

    def wait_until(self, recorded_s: float) -> None:
        """Sleep until recorded time has come."""
        while True:
            with self._lock:
                left = (recorded_s - self._at(self._now())) / self._speed
            if left <= 0:
                return
            # Short naps, because the speed may change meanwhile.
            time.sleep(min(left, 0.25))

    def knots(self) -> list[tuple[float, float]]:
        """Return the knots so far, closed by one for this moment."""
        with self._lock:
            true = self._now()
            tail = [(true, self._at(true))] if true > self._knots[-1][0] else []
            return [*self._knots, *tail]

    def _at(self, true: float) -> float:
        start_true, start_recorded = self._knots[-1]
        return start_recorded + (true - start_true) * self._speed
