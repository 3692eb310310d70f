"""Keeper: keeps open stages in memory only while they are what their durable entries say.

A stage takes messages in memory; what it changed is written by the checkpoint. Between the two
the checkpoint may be dropped, or the partition may go to another worker and come back. No library
tells of every such case in time, so the keeper trusts none: with the first message after a
checkpoint it writes a fresh lease beside the entries, and a stage counts only while the entries
hold its lease. A dropped checkpoint leaves an older lease, another worker a different one; either
way the stage is thrown away and opened again from its entries.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

from analytics.streaming.runner.shelf import Shelf
from analytics.streaming.stage import Lane, Sent, Stage, Stages

LEASE: Final = "\x00lease"
"""Name of the lease's entry; stages name theirs in printable text."""
_LEASE_BYTES: Final = 16

PART: Final = "\x00part"
PART_BYTES_MAX: Final = 4 * 1024 * 1024
"""A longer entry is written in parts: half of what a record of the changelog may hold. An entity in
a flood has a minute of hits in its entry, and the rows of a second wait in a few entries."""

LOOK_US: Final = 500_000
"""A stage is asked for provisional alerts at most so often, which costs it a step over all that is
not yet released: they are due where the watermark lags more than a second."""

IDLE_US: Final = 60_000_000
"""A stage without a message for so long may be another worker's by now: its memory is let go, and
read again from the entries if not. Sensors send heartbeats each second."""


@runtime_checkable
class Timed(Protocol):
    """A stage that knows how far event time has come."""

    def watermark(self) -> int | None:
        """Nothing older is waited for (microseconds UTC); None before the first word of it."""


@dataclass(slots=True)
class _Open:
    stage: Stage
    lease: bytes | None
    taken_at: int
    looked_at: int = 0
    parts: dict[str, int] = field(default_factory=dict)
    """How many parts beside its own entry those have that are long."""
    shelf: Shelf | None = None
    """Set from the first message after a checkpoint until the next checkpoint."""


@dataclass(slots=True, kw_only=True)
class Written:
    """What one checkpoint wrote."""

    entries: int = 0
    size_bytes: int = 0


@dataclass(slots=True)
class Keeper:
    """The open stages of this process; for one thread at a time."""

    stages: Stages
    clock: Callable[[], int]
    """Now, microseconds UTC."""
    opened: Callable[[Lane, int], None] = lambda _lane, _partition: None
    """Told when a stage was opened from its entries."""
    _open: dict[tuple[Lane, int], _Open] = field(default_factory=dict)

    def take(self, lane: Lane, partition: int, shelf: Shelf, message: bytes) -> Sequence[Sent]:
        """What the partition's stage writes at this message; raises what the stage raises."""
        now = self.clock()
        kept = self._valid(lane, partition, shelf)
        if kept.shelf is None:
            kept.lease = secrets.token_bytes(_LEASE_BYTES)
            shelf.put(LEASE, kept.lease)
        kept.shelf = shelf
        kept.taken_at = now
        sent = kept.stage.take(message)
        if now - kept.looked_at < LOOK_US:
            return sent
        kept.looked_at = now
        return [*sent, *kept.stage.look(now)]

    def store(self) -> Written:
        """Write what changed since the last checkpoint onto the shelves of this one."""
        written = Written()
        for kept in self._open.values():
            if kept.shelf is None:
                continue
            for name, value in kept.stage.snapshot().items():
                _write(kept.shelf, name, value, kept.parts)
                written.entries += 1
                written.size_bytes += len(value)
            kept.shelf = None
        self._forget_idle()
        return written

    @property
    def count(self) -> int:
        """How many stages are open."""
        return len(self._open)

    def watermarks(self) -> dict[tuple[Lane, int], int]:
        """How far event time has come, by partition, where its stage knows."""
        return {
            place: mark
            for place, kept in self._open.items()
            if isinstance(kept.stage, Timed) and (mark := kept.stage.watermark()) is not None
        }

    def _valid(self, lane: Lane, partition: int, shelf: Shelf) -> _Open:
        lease = shelf.get(LEASE)
        kept = self._open.get((lane, partition))
        if kept is None or kept.lease != lease:
            entries, parts = _whole(shelf.entries())
            stage = self.stages.open(lane, partition, entries)
            kept = _Open(stage, lease, self.clock(), parts=parts)
            self._open[lane, partition] = kept
            self.opened(lane, partition)
        return kept

    def _forget_idle(self) -> None:
        since = self.clock() - IDLE_US
        for place in [place for place, kept in self._open.items() if kept.taken_at < since]:
            del self._open[place]


def _write(shelf: Shelf, name: str, value: bytes, parts: dict[str, int]) -> None:
    """Write an entry, or delete it where it is empty; ``parts`` says what stands of it."""
    if value:
        shelf.put(name, value[:PART_BYTES_MAX])
    else:
        shelf.delete(name)
    if len(value) <= PART_BYTES_MAX and name not in parts:
        return
    count = max(0, -(-len(value) // PART_BYTES_MAX) - 1)
    for number in range(1, count + 1):
        begin = number * PART_BYTES_MAX
        shelf.put(_part(name, number), value[begin : begin + PART_BYTES_MAX])
    for number in range(count + 1, parts.pop(name, 0) + 1):
        shelf.delete(_part(name, number))
    if count:
        parts[name] = count


def _whole(written: Mapping[str, bytes]) -> tuple[dict[str, bytes], dict[str, int]]:
    """The entries of a stage with their parts put together, and how many parts which have."""
    entries: dict[str, bytes] = {}
    parts: dict[str, int] = {}
    for name, value in written.items():
        if name.startswith(PART):
            _, number, of = name.split("/", 2)
            parts[of] = max(parts.get(of, 0), int(number))
        elif name != LEASE:
            entries[name] = value
    for name, count in parts.items():
        some = [written[_part(name, number)] for number in range(1, count + 1)]
        entries[name] = b"".join([entries[name], *some])
    return entries, parts


def _part(name: str, number: int) -> str:
    return f"{PART}/{number}/{name}"
