"""The bus inside one process: lists behind the same port, for one process and for tests.

Nothing outlives the process. Groups share partitions as on brokers: who comes or goes moves them,
and what was read and not committed is read again.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from collector.bus.reading import BEGINNING, END, Group, Starts
from collector.bus.writing import QUEUE_BYTES_MAX, Outstanding, gone, no_place, unacknowledged
from schema.bus import Place, Record
from schema.errors import FengsuiError


class MemoryBus:
    """Topics with their partitions; writers and readers of any thread share one."""

    def __init__(self, topics: Mapping[str, int]) -> None:
        """``topics`` are full names and how many partitions each has."""
        self.stopped = False
        """As if no broker answered."""
        self.changed = threading.Condition()
        self.records: dict[Place, list[Record]] = {
            Place(topic, number): [] for topic, count in topics.items() for number in range(count)
        }
        self.first: dict[Place, int] = dict.fromkeys(self.records, 0)
        self.committed: dict[str, dict[Place, int]] = {}
        self.members: dict[str, list[MemoryReader]] = {}

    def writer(self, *, queue_bytes_max: int = QUEUE_BYTES_MAX) -> MemoryWriter:
        """A new writer."""
        return MemoryWriter(self, queue_bytes_max)

    def reader(self, source: Group | Starts) -> MemoryReader:
        """A new reader; a group's members are those not yet closed."""
        return MemoryReader(self, source)

    def delete_before(self, place: Place, offset: int) -> None:
        """Let records go, as retention does."""
        with self.changed:
            self.first[place] = max(self.first[place], offset)

    def append(self, waiting: Sequence[tuple[Place, bytes, bytes]]) -> None:
        """Put records at the ends of their partitions."""
        with self.changed:
            for place, key, value in waiting:
                log = self.records[place]
                log.append(Record(place, len(log), key, value))
            self.changed.notify_all()


class MemoryWriter:
    """Keeps what is sent until it is flushed, as a network would."""

    def __init__(self, bus: MemoryBus, queue_bytes_max: int) -> None:
        self._bus = bus
        self._outstanding = Outstanding(queue_bytes_max)
        self._waiting: list[tuple[Place, bytes, bytes]] = []

    def send(self, place: Place, *, key: bytes, value: bytes) -> None:
        mark = self._outstanding.hand_over(place, key=key, value=value)
        if place in self._bus.records:
            self._waiting.append((place, key, value))
        else:
            self._outstanding.settle(mark, no_place(place))

    def flush(self) -> None:
        failure = self._outstanding.failure
        waiting, self._waiting = self._waiting, []
        self._outstanding.begin()
        if failure is not None:
            raise failure
        if waiting and self._bus.stopped:
            raise unacknowledged("the bus is stopped")
        self._bus.append(waiting)

    def close(self) -> None:
        self.flush()


class MemoryReader:
    """Reads in order of partitions; for one thread."""

    def __init__(self, bus: MemoryBus, source: Group | Starts) -> None:
        self._bus = bus
        self._source = source
        self.following: dict[Place, int] = {}
        if isinstance(source, Group):
            with bus.changed:
                bus.members.setdefault(source.name, []).append(self)
                self._share(source)
            return
        for place, start in source.items():
            if place not in bus.records:
                raise no_place(place)
            self.following[place] = self._placed(place, start)

    def read(self, *, records_max: int, wait_seconds: float) -> Sequence[Record]:
        bus = self._bus
        with bus.changed:
            if bus.stopped:
                raise _unreachable()
            bus.changed.wait_for(self._behind, timeout=wait_seconds)
            records: list[Record] = []
            for place, at in self.following.items():
                first = bus.first[place]
                if not first <= at <= len(bus.records[place]):
                    if records:
                        break
                    self.following[place] = first
                    raise gone(place, at, first)
                room = records_max - len(records)
                records += bus.records[place][at : at + room]
            for record in records:
                self.following[record.place] = record.offset + 1
            return records

    def commit(self) -> None:
        if isinstance(self._source, Group):
            with self._bus.changed:
                if self._bus.stopped:
                    raise _unreachable()
                kept = self._bus.committed.setdefault(self._source.name, {})
                kept.update(self.following)

    def lag(self) -> Mapping[Place, int]:
        with self._bus.changed:
            return {
                place: len(self._bus.records[place]) - at for place, at in self.following.items()
            }

    def close(self) -> None:
        with self._bus.changed:
            self.following = {}
            if isinstance(self._source, Group):
                members = self._bus.members[self._source.name]
                if self in members:
                    members.remove(self)
                    self._share(self._source)

    def _share(self, group: Group) -> None:
        bus = self._bus
        members = bus.members[group.name]
        committed = bus.committed.get(group.name, {})
        for number, member in enumerate(members):
            member.following = {
                place: committed.get(place, bus.first[place])
                for place in bus.records
                if place.topic in group.topics and place.partition % len(members) == number
            }

    def _behind(self) -> bool:
        return self._bus.stopped or any(
            at != len(self._bus.records[place]) for place, at in self.following.items()
        )

    def _placed(self, place: Place, start: int) -> int:
        if start == END:
            return len(self._bus.records[place])
        return self._bus.first[place] if start == BEGINNING else start


def _unreachable() -> FengsuiError:
    return FengsuiError("schema.bus.unreachable", "the bus is stopped: start it again")
