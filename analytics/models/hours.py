"""Hours: the open hours and the past of the entities of some buckets, for one model rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from analytics.models.features import FIELDS, History, Hour, HourDump, Order
from schema import ids
from schema.event import Fields
from schema.times import DAY, HOUR

HISTORY_KEPT_US: Final = 30 * DAY
"""An entity not seen for a month starts anew, so that the past of passers-by does not pile up."""

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

    def __init__(self, rule_id: str, dataset: str) -> None:
        self._rule_id = rule_id
        self._fields = FIELDS.get(dataset, ("event.action", "user_agent.original"))
        self._entities: dict[str, _Entity] = {}
        self._by_hour: dict[int, dict[str, None]] = {}
        self._changed: dict[str, None] = {}

    def add(self, entity: str, event: Fields, order: Order) -> None:
        """Count an event in its hour."""
        found = self._entities.get(entity)
        if found is None:
            found = self._entities[entity] = _Entity()
        begin = order[0] - order[0] % HOUR
        hour = found.open.get(begin)
        if hour is None:
            hour = found.open[begin] = Hour(begin)
            self._by_hour.setdefault(begin, {})[entity] = None
        hour.add(event, self._fields, order)
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
        return closed

    def forget(self, before: int) -> None:
        """Drop entities last seen in an hour before this time."""
        for entity, found in list(self._entities.items()):
            if not found.open and found.history.last_hour < before - HISTORY_KEPT_US:
                del self._entities[entity]
                self._changed[entity] = None

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
            name = f"{PREFIX}/{ids.bucket(entity):03d}/{self._rule_id}/{entity}"
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

    def restore(self, entity: str, raw: bytes) -> None:
        """Take over one entry."""
        dump = _decoder.decode(raw)
        found = self._entities[entity] = _Entity()
        found.history, found.alert_cell = dump.history, dump.alert_cell
        for hour in dump.open:
            found.open[hour.hour] = Hour.restore(hour)
            self._by_hour.setdefault(hour.hour, {})[entity] = None
