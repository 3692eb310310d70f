"""Tide: how far everybody who is waited for has promised to have nothing more.

The watermark is the least of these promises. It never falls: who is waited for anew promises at
least as much as had passed before.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Final

import msgspec

from analytics.memory import NEVER

BEGINNING: Final = -NEVER
"""A time before all events."""


class TideDump(msgspec.Struct, frozen=True):
    """A tide as it lies in a snapshot."""

    lows: dict[str, int]
    excluded: tuple[str, ...]
    watermark: int
    required: tuple[str, ...] | None = None


class Tide:
    """The promises of those who may be waited for; ``required`` None means all who were heard."""

    def __init__(self, required: Iterable[str] | None = None) -> None:
        self.lows: dict[str, int] = {}
        self.excluded: set[str] = set()
        """Who is not waited for at present."""
        self.watermark = BEGINNING
        self._required = None if required is None else set(required)

    @property
    def required(self) -> Set[str]:
        """Who is waited for, the excluded among them."""
        return set(self.lows) if self._required is None else self._required

    def low(self, name: str) -> int:
        """What it has promised: nothing of before this time is still to come."""
        return self.lows.get(name, BEGINNING)

    def promise(self, name: str, low: int) -> None:
        """Take its word; one that says less than the word before changes nothing."""
        self.lows[name] = max(self.low(name), low)

    def require(self, name: str, since: int) -> None:
        """Wait for it from that event time on."""
        self._required = {*self.required, name}
        self.readmit(name, since)

    def release(self, name: str) -> None:
        """Forget that it was required; what it has promised so far still counts."""
        self.rise()
        self._required = {*self.required} - {name}
        self.excluded.discard(name)

    def exclude(self, name: str) -> None:
        """Wait for it no longer; what it has promised so far still counts."""
        self.rise()
        self.excluded.add(name)

    def readmit(self, name: str, since: int) -> None:
        """Wait for it again, from that event time on."""
        self.excluded.discard(name)
        self.promise(name, since)

    def waited_for(self) -> set[str]:
        """Who holds the watermark at present."""
        return {*self.required} - self.excluded

    def holding(self) -> str | None:
        """Whose promise is the least, None where nobody is waited for."""
        return min(self.waited_for(), key=lambda name: (self.low(name), name), default=None)

    def lowest(self, default: int) -> int:
        """The least promise at present; ``default`` where nobody is waited for."""
        return min(map(self.low, self.waited_for()), default=default)

    def rise(self) -> int:
        """Move the watermark to where the promises allow it, and say where that is."""
        self.watermark = max(self.watermark, self.lowest(self.watermark))
        return self.watermark

    def dump(self) -> TideDump:
        """The snapshot form."""
        return TideDump(
            lows=self.lows,
            excluded=tuple(sorted(self.excluded)),
            watermark=self.watermark,
            required=None if self._required is None else tuple(sorted(self._required)),
        )

    def restore(self, dump: TideDump) -> None:
        """Take over a snapshot."""
        self.lows, self.excluded = dict(dump.lows), set(dump.excluded)
        self.watermark = dump.watermark
        if dump.required is not None:
            self._required = set(dump.required)
