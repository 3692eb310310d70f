"""Origins: what a stage has heard of the accepted partitions, and how far it may go by that.

Every accepted partition carries every control message. Who is to be waited for holds the
watermark from the first copy of the message on; once its own partition has carried the message,
that partition's promise includes it. So no stage runs ahead of a word one partition has carried
and another not yet.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from analytics.memory import NEVER
from analytics.streaming.messages import malformed
from analytics.tide import BEGINNING
from schema.bus import partition_of
from schema.errors import FengsuiError
from schema.feed import Control, End, Exclude, Readmit, Release, Require


class OriginsDump(msgspec.Struct, frozen=True, array_like=True):
    """Origins as they lie in a snapshot."""

    numbers: list[int]
    controls: list[int]
    lows: list[int]
    holds: dict[int, tuple[int, int]]
    newest: int
    watermark: int
    end: tuple[int, int] | None
    until: int = NEVER


class Origins:
    """The accepted partitions, as many as there are."""

    def __init__(self, count: int) -> None:
        self._numbers = [0] * count
        """Number of the last message of each."""
        self._controls = [0] * count
        """Number of the last control message each has carried."""
        self._lows = [NEVER] * count
        """The promise of each; ``NEVER`` where nobody of its sensors is waited for."""
        self._holds: dict[int, tuple[int, int]] = {}
        """(partition that has not carried it yet, event time) by number of control message."""
        self._newest = 0
        self._end: tuple[int, int] | None = None
        """(number of the message, time up to which deadlines fall) once the end was heard of."""
        self._until = NEVER
        """No further than this while nobody is waited for."""
        self.watermark = BEGINNING

    def unheard(self, controls: Sequence[Control]) -> list[Control]:
        """Those of these control messages no origin has carried."""
        return [control for control in controls if control.number > self._newest]

    def hear(
        self, origin: int, number: int, low: int, controls: Sequence[Control]
    ) -> list[Control] | None:
        """Take a message; the control messages no other origin has carried, None for a repeat.

        Raises ``analytics.stream.gap`` where messages between this and the last are missing.
        """
        if origin >= len(self._numbers):
            raise malformed(f"there is no accepted partition {origin}")
        if not follows(number, self._numbers[origin], f"accepted/{origin}"):
            return None
        self._numbers[origin] = number
        fresh = [control for control in controls if self._carried(origin, control)]
        self._lows[origin] = low
        return fresh

    def _carried(self, origin: int, control: Control) -> bool:
        """An origin carried a control message; whether it is the first to do so."""
        self._controls[origin] = max(self._controls[origin], control.number)
        first = control.number > self._newest
        self._newest = max(self._newest, control.number)
        if first and isinstance(control, Require | Readmit | Exclude | Release):
            self._until = control.until if isinstance(control, Exclude | Release) else NEVER
        if isinstance(control, Require | Readmit):
            place = partition_of(control.sensor, len(self._numbers))
            if place == origin:
                self._holds.pop(control.number, None)
            elif first:
                self._holds[control.number] = place, control.since
        elif isinstance(control, End):
            self._end = control.number, control.deadlines
        return first

    def rise(self) -> int:
        """Move the watermark to where all promises allow it, and say where that is."""
        lows = [low for low in self._lows if low < NEVER]
        lows += [since for _, since in self._holds.values()]
        reached = min(lows, default=self.watermark)
        self.watermark = max(self.watermark, min(reached, self._until))
        if self._end is not None and min(self._controls) >= self._end[0]:
            self.watermark = NEVER
        return self.watermark

    @property
    def deadlines(self) -> int:
        """Up to where deadlines fall, whatever the watermark."""
        return NEVER if self._end is None or self.watermark < NEVER else self._end[1]

    def settled(self, lateness_us: int) -> int:
        """Nothing of before this time comes any more."""
        if abs(self.watermark) >= NEVER:
            return self.watermark
        return self.watermark - lateness_us

    def dump(self) -> OriginsDump:
        """The snapshot form."""
        return OriginsDump(
            list(self._numbers),
            list(self._controls),
            list(self._lows),
            dict(self._holds),
            self._newest,
            self.watermark,
            self._end,
            self._until,
        )

    def restore(self, dump: OriginsDump) -> None:
        """Take over a snapshot of as many origins."""
        count = len(self._numbers)
        if not len(dump.numbers) == len(dump.controls) == len(dump.lows) == count:
            raise FengsuiError(
                "analytics.stream.partitions",
                f"the snapshot is of {len(dump.numbers)} accepted partitions, not {count}",
            )
        self._numbers, self._controls = list(dump.numbers), list(dump.controls)
        self._lows, self._holds = list(dump.lows), dict(dump.holds)
        self._newest, self.watermark, self._end = dump.newest, dump.watermark, dump.end
        self._until = dump.until


def follows(number: int, last: int, origin: str) -> bool:
    """Whether a message is the next one; False for a repeat.

    Raises ``analytics.stream.gap``: what is missing would be missing from alerts in silence.
    """
    if number > last + 1:
        raise FengsuiError(
            "analytics.stream.gap",
            f"messages {last + 1} to {number - 1} of {origin} are missing: rebuild the analytics "
            "tier from the segments",
            origin=origin,
        )
    return number == last + 1
