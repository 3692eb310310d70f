"""Stage: a share of the engine's work that reads one partition of a lane and writes to others.

Lanes carry messages in order inside a partition and at least once; whoever runs stages makes what
a stage wrote, its snapshot and its place in its partition durable together or not at all. Stages
are pure: no clock, no file, no network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias

Lane: TypeAlias = Literal["accepted", "hits", "hours", "decided"]
"""``accepted``: batches and control from the collector, by sensor. ``hits``: what rules matched, by
bucket, and the watermarks of its origins. ``hours``: what model rules count, one partition.
``decided``: alerts, closings and coverage for the state of record."""


class Sent(NamedTuple):
    """A message a stage wrote."""

    lane: Lane
    partition: int
    message: bytes


class Stage(Protocol):
    """Reads one partition of a lane, message after message."""

    def take(self, message: bytes) -> Sequence[Sent]:
        """Take the next message; one taken before changes nothing.

        Raises ``analytics.stream.malformed`` for bytes no stage or collector wrote.
        """

    def look(self, now: int) -> Sequence[Sent]:
        """Provisional alerts where the watermark lags behind ``now`` (microseconds UTC)."""

    def snapshot(self) -> Mapping[str, bytes]:
        """Entries changed since last asked; empty bytes delete an entry."""


class Stages(Protocol):
    """Makes the stages of one site."""

    def open(self, lane: Lane, partition: int, entries: Mapping[str, bytes]) -> Stage:
        """The stage that reads a partition, as it was when these entries had been written."""
