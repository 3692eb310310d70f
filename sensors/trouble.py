"""Trouble: what a sensor could not read, or had to cut, told by sealed events of its own.

A watermark says that nothing before it is missing. Where something may be, a record stands in the
same chain: dataset ``fengsui.sensor``, action ``sensor_trouble``, and ``sensor_trouble_over`` once
all is well again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from schema.batch import Position
from schema.event import DATASET, TIME, TROUBLE, Fields
from schema.ports import Clock
from schema.times import MINUTE, to_text

SOURCE: Final = TROUBLE
"""The name of this source and of its dataset: no source of the settings may have it."""

TELL_EVERY_US: Final = MINUTE
"""The same trouble is told at most this often: a count that grows must not flood the log."""

TEXT_CHARS_MAX: Final = 512
"""What is told of one trouble: a path and a reason."""


class Troubles:
    """Counts by source and kind, and what of them is not told yet."""

    def __init__(self, boot_id: str, clock: Clock) -> None:
        self._boot_id = boot_id
        self._clock = clock
        self._now: dict[tuple[str, str], tuple[int, str]] = {}
        self._told: dict[tuple[str, str], tuple[int, int]] = {}
        """Count and time, as last told."""
        self._offset = 0

    @property
    def position(self) -> Position:
        """Where the sensor's own events go on."""
        return Position(generation=self._boot_id, offset=self._offset)

    def restore(self, position: Position) -> None:
        """Carry on counting if the machine has not booted since."""
        if position.generation == self._boot_id:
            self._offset = position.offset

    def note(self, source: str, counts: Mapping[str, int], text: str = "") -> None:
        """How a source stands now; ``text`` says more of it."""
        for kind, count in counts.items():
            if count or (source, kind) in self._now:
                self._now[source, kind] = (count, text)

    def take(self, not_before: int) -> tuple[list[Fields], list[tuple[str, int]]]:
        """Events that are due, and their places; none is earlier than ``not_before``."""
        clock = self._clock.now()
        now = max(clock, not_before)
        events: list[Fields] = []
        for (source, kind), (count, text) in self._now.items():
            told, at = self._told.get((source, kind), (0, 0))
            if count != told and abs(clock - at) >= TELL_EVERY_US:
                self._told[source, kind] = (count, clock)
                events.append(_event(source, kind, count=count, text=text, now=now))
        places = [(self._boot_id, self._offset + at) for at in range(len(events))]
        self._offset += len(events)
        return events, places


def _event(source: str, kind: str, *, count: int, text: str, now: int) -> Fields:
    return {
        TIME: to_text(now),
        DATASET: SOURCE,
        "event.action": "sensor_trouble" if count else "sensor_trouble_over",
        "event.kind": "state",
        "event.reason": kind,
        "labels.count": str(count),
        "labels.source": source,
        "message": f"{source}: {kind} {count} {text[:TEXT_CHARS_MAX]}".strip(),
    }
