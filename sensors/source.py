"""Source: anything a sensor reads events from, behind one small port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from schema.batch import Position
from schema.event import Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """What one poll gave; ``places`` are (generation, offset) of each event."""

    events: Sequence[Fields]
    places: Sequence[tuple[str, int]]
    position: Position
    """Where to go on once these events are sealed."""
    watermark: int
    """Microseconds UTC before which this source gives no later event."""
    at_end: bool
    """Whether everything there is now has been read."""
    troubles: Mapping[str, int] = field(default_factory=dict)
    """What cannot be read now, or was gone unread since the start, by kind: the sensor seals it."""
    problem: str = ""
    """The latest of them in words."""


class Source(Protocol):
    """Read forward only; what was polled must be sealed before its position counts."""

    @property
    def name(self) -> str:
        """Unique among the sensor's sources; part of every event id."""

    @property
    def kind(self) -> str:
        """The format or inventory it reads."""

    def poll(self, limit: int) -> Polled:
        """At most ``limit`` events that came after the last poll; empty when there are none."""

    def restore(self, position: Position) -> None:
        """Go on from a sealed position; called at most once, before the first poll."""


@runtime_checkable
class Bounded(Protocol):
    """A source whose position grows with what it reads; the sensor says how much room it has."""

    def bound(self, position_bytes: int) -> None:
        """Keep the text of every position within that many bytes."""


@runtime_checkable
class Receiving(Protocol):
    """A source that others send to; what it has taken can be polled after it has stopped."""

    def stop(self) -> None:
        """Take nothing more; done once everything taken waits to be polled."""
