"""Hours: the open hours and the past of the entities of some buckets, for one model rule."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from analytics.models.features import FIELDS, History, Hour, HourDump, Order
from crypto import sm3
from schema import ids
from schema.event import Fields
from schema.times import DAY, HOUR

HISTORY_KEPT_US: Final = 30 * DAY
"""An entity not seen for a month starts anew, so that the past of passers-by does not pile up."""

OPEN_PER_BUCKET_MAX: Final = 256
"""Entities of one hour in one of the 256 buckets: 65,000 in all, some 100 MB. In a flood of made-up
entities those of the least hashes are kept: the same ones in whatever order they come."""

PAST_PER_BUCKET_MAX: Final = 512
"""Entities whose past is kept; beyond it those not seen for longest are forgotten."""

PREFIX: Final = "hours"


class EntityDump(msgspec.Struct, frozen=True, array_like=True):
    """An entity as it lies in a snapshot."""

    open: tuple[HourDump, ...]
    history: History
    alert_cell: int | None


_decoder: Final = msgspec.msgpack.Decoder(EntityDump)


class _Entity:
    __slots__ = ("alert_cell", "history", "open")

    def __init__(self) -> None:
        self.open: dict[int, Hour] = {}
        self.history = History()
        self.alert_cell: int | None = None
        """Beginning of the newest cell that has an alert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedHour:
    """An entity's closed hour against its past."""

    entity: str
    hour: Hour
    values: tuple[int, ...]
    history: History
    row: tuple[int, ...] | None


class HourBook:
    """Entities of one model rule in one partition."""

    def __init__(self, rule: str, dataset: str) -> None:
        """``rule`` is its id and version: nothing of another version is taken over."""
        self._rule = rule
        self._fields = FIELDS.get(dataset, ("event.action", "user_agent.original"))
        self._entities: dict[str, _Entity] = {}
        self._by_hour: dict[int, dict[str, None]] = {}
        self._hashes: dict[tuple[int, int], list[tuple[int, str]]] = {}
        """Entities of an open hour and bucket as a heap, the greatest hash first."""
        self._past: dict[int, dict[str, None]] = {}
        """Entities with a past, by bucket."""
        self._changed: dict[str, None] = {}
        self.evicted: dict[int, int] = {}
        """Entities, or events of them, left out since last asked, by the beginning of the hour."""

    def add(self, entity: str, event: Fields, order: Order) -> None:
        """Count an event in its hour."""
        begin = order[0] - order[0] % HOUR
        found = self._entities.get(entity)
        hour = found.open.get(begin) if found else None
        if hour is None:
            if not self._admit(entity, begin):
                return
            found = self._entities.setdefault(entity, _Entity())
            hour = found.open[begin] = Hour(begin)
            self._by_hour.setdefault(begin, {})[entity] = None
        hour.add(event, self._fields, order)
        self._changed[entity] = None

    def _admit(self, entity: str, begin: int) -> bool:
        """Whether the hour has room; a greater hash makes room and never comes back."""
        hashes = self._hashes.setdefault((begin, ids.bucket(entity)), [])
        place = (-int.from_bytes(sm3.digest(entity.encode())[:8], "big"), entity)
        if len(hashes) < OPEN_PER_BUCKET_MAX:
            heapq.heappush(hashes, place)
            return True
        self._leave_out(begin, 1)
        _, gone = heapq.heappushpop(hashes, place)
        if gone == entity:
            return False
        del self._by_hour[begin][gone]
        del self._entities[gone].open[begin]
        self._let_go(gone)
        return True

    def _leave_out(self, begin: int, count: int) -> None:
        self.evicted[begin] = self.evicted.get(begin, 0) + count

    def _let_go(self, entity: str) -> None:
        """Drop an entity of which nothing is known any more."""
        found = self._entities[entity]
        if not found.open and not found.history.hours:
            del self._entities[entity]
        self._changed[entity] = None

    def first_open(self) -> int | None:
        """Beginning of the earliest open hour."""
        return min(self._by_hour, default=None)

    def close(self, begin: int) -> list[ClosedHour]:
        """Close an hour of all its entities: each becomes part of its own past."""
        closed: list[ClosedHour] = []
        for entity in self._by_hour.pop(begin, {}):
            found = self._entities[entity]
            hour = found.open.pop(begin)
            values, history = hour.values(), found.history
            if history.hours and begin - history.last_hour > HISTORY_KEPT_US:
                history = History()
            found.history = history.after(begin, values)
            self._past.setdefault(ids.bucket(entity), {})[entity] = None
            self._changed[entity] = None
            closed.append(
                ClosedHour(
                    entity=entity,
                    hour=hour,
                    values=values,
                    history=history,
                    row=history.row(values),
                )
            )
        for bucket in {bucket for hour, bucket in self._hashes if hour == begin}:
            del self._hashes[begin, bucket]
        return closed

    def trim(self, begin: int) -> None:
        """Forget the past of the entities beyond the limit that were not seen for longest."""
        for past in self._past.values():
            if len(past) <= PAST_PER_BUCKET_MAX:
                continue
            order = sorted(past, key=lambda name: (self._entities[name].history.last_hour, name))
            for entity in order[: len(past) - PAST_PER_BUCKET_MAX]:
                self._forget(entity)
                self._leave_out(begin, 1)

    def _forget(self, entity: str) -> None:
        found = self._entities[entity]
        found.history, found.alert_cell = History(), None
        del self._past[ids.bucket(entity)][entity]
        self._let_go(entity)

    def forget(self, before: int) -> None:
        """Drop entities last seen in an hour before this time."""
        for past in self._past.values():
            for entity in list(past):
                if self._entities[entity].history.last_hour < before - HISTORY_KEPT_US:
                    self._forget(entity)

    def claim(self, entity: str, cell: int) -> bool:
        """Whether the cell has no alert of this entity yet; from now on it has."""
        found = self._entities[entity]
        if found.alert_cell is not None and found.alert_cell >= cell:
            return False
        found.alert_cell = cell
        return True

    def snapshot(self) -> Iterator[tuple[str, bytes]]:
        """Entries changed since last asked."""
        for entity in self._changed:
            name = self._name(entity)
            found = self._entities.get(entity)
            if found is None:
                yield name, b""
                continue
            dump = EntityDump(
                open=tuple(hour.dump() for hour in found.open.values()),
                history=found.history,
                alert_cell=found.alert_cell,
            )
            yield name, msgspec.msgpack.encode(dump)
        self._changed.clear()

    def names(self) -> list[str]:
        """Its entries in the snapshot, those to be deleted among them."""
        return [self._name(entity) for entity in {**self._entities, **self._changed}]

    def _name(self, entity: str) -> str:
        return f"{PREFIX}/{ids.bucket(entity):03d}/{self._rule}/{entity}"

    def restore(self, entity: str, raw: bytes) -> None:
        """Take over one entry."""
        dump = _decoder.decode(raw)
        found = self._entities[entity] = _Entity()
        found.history, found.alert_cell = dump.history, dump.alert_cell
        if found.history.hours:
            self._past.setdefault(ids.bucket(entity), {})[entity] = None
        for hour in dump.open:
            place = (-int.from_bytes(sm3.digest(entity.encode())[:8], "big"), entity)
            heapq.heappush(self._hashes.setdefault((hour.hour, ids.bucket(entity)), []), place)
            found.open[hour.hour] = Hour.restore(hour)
            self._by_hour.setdefault(hour.hour, {})[entity] = None
