"""Bus: an ordered, partitioned log between processes, and the few things asked of one.

A record is acknowledged once so many replicas have it as the topic asks for. Records of one
partition are read in the order they were written; a reader that failed between storing and
committing reads again, so what it stores must not change by a repeat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from schema import ids

RECORD_BYTES_MAX: Final = 8 * 1024 * 1024
"""The longest record: one sealed batch at its limit, sealed once more for the bus."""


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Record(NamedTuple):
    """A record as it was read."""

    place: Place
    offset: int
    key: bytes
    value: bytes


class BusWriter(Protocol):
    """Writes records; safe from one thread."""

    def send(self, place: Place, *, key: bytes, value: bytes) -> None:
        """Hand a record over; it counts once :meth:`flush` has returned.

        Raises ``schema.bus.too_long`` and ``schema.bus.full`` (its queue: flush, then send again).
        """

    def flush(self) -> None:
        """Wait until everything handed over is acknowledged.

        Raises ``schema.bus.unacknowledged``: what was sent may be there or not; send it again.
        ``schema.bus.no_place`` and ``schema.bus.refused`` where sending again does not help: no
        such partition, no such right.
        """

    def close(self) -> None:
        """Flush and let go."""


class BusReader(Protocol):
    """Reads records of the partitions it was given or its group gave it; for one thread."""

    def read(self, *, records_max: int, wait_seconds: float) -> Sequence[Record]:
        """The next records, at most that many; empty when none came in that time.

        Raises ``schema.bus.unreachable`` when no broker answers; the next read goes on. So it
        does after ``schema.bus.gone``: records were deleted before they were read. Raises
        ``schema.bus.no_place`` and ``schema.bus.refused`` as a writer does.
        """

    def commit(self) -> None:
        """Everything read so far is stored: never read it again. Nothing for fixed starts."""

    def lag(self) -> Mapping[Place, int]:
        """Records written but not yet read, by partition."""

    def close(self) -> None:
        """Let go of the partitions without committing."""


def partition_of(name: str, partitions: int) -> int:
    """The partition of everything that belongs to a name: its bucket, so all writers agree."""
    return ids.bucket(name) % partitions
