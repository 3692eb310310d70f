"""Features: an entity's hour as integers, gathered in any order, told against its own past.

Ratios to the entity's own normal are logarithms in sixteenths of a doubling, so that a forest
trained on quiet hours still sees how far a loud one is away. Less than normal counts as normal.
"""

from __future__ import annotations

import zlib
from bisect import insort
from typing import Final, TypeAlias

import msgspec

from schema.event import Fields
from schema.times import HOUR

FEATURES: Final = (
    "request_count",
    "distinct_values",
    "failures",
    "bytes",
    "distinct_agents",
    "night_permille",
)
"""Names of the features, in the order of every row."""

DISTINCT_MAX: Final = 10_000
"""Distinct values counted of one entity's hour; more are more than any person reads."""

EVIDENCE_MAX: Final = 20
"""Events of the hour that an alert names."""

EVIDENCE_HOURS_MIN: Final = 3
"""Hours of its own an entity must have before one can be told against them."""

RATIO_MAX: Final = 1_000_000
"""A thousandfold, in thousandths: also keeps every feature exact in the trainer's 32-bit floats."""

_SCALE: Final = 1000
_EWMA: Final = 4
"""A new hour has a quarter of the weight: a changed habit is normal after a working day."""

_FLOORS: Final = (20, 10, 10, 100_000, 2)
"""Normals are taken as at least this, so that three requests after one are no threefold rise."""

_NIGHT_OWL_PERMILLE: Final = 100
"""An entity with this share of night hours is at home at night."""

_ZONE_HOURS: Final = 8
_NIGHT: Final = frozenset({22, 23, 0, 1, 2, 3, 4, 5})
"""Beijing time, the one legal time of the country, whatever the server's zone."""

FIELDS: Final[dict[str, tuple[str, str]]] = {
    "nginx.access": ("url.path", "user_agent.original"),
    "system.auth": ("user.name", "event.action"),
    "postgresql.log": ("gov.db.statement", "gov.db.application"),
}
"""Fields whose distinct values are counted, by dataset: what is asked for, and with what."""

Order: TypeAlias = tuple[int, str, int, bytes]
"""(event time, sensor, sequence, event id)"""


_COUNTED: Final = frozenset(
    {
        "event.outcome",
        "http.response.body.bytes",
        "event.action",
        "user_agent.original",
        *(name for names in FIELDS.values() for name in names),
    }
)


def counted_of(event: Fields) -> Fields:
    """What of an event an hour counts."""
    return {name: value for name, value in event.items() if name in _COUNTED}


class HourDump(msgspec.Struct, frozen=True, array_like=True):
    """An open hour as it lies in a snapshot."""

    hour: int
    count: int
    failures: int
    size: int
    values: tuple[int, ...]
    agents: tuple[int, ...]
    first: tuple[Order, ...]
    last_at: int


class Hour:
    """What an entity did in one hour; adding is commutative."""

    __slots__ = ("_agents", "_values", "count", "failures", "first", "hour", "last_at", "size")

    def __init__(self, hour: int) -> None:
        self.hour = hour
        self.count = 0
        self.failures = 0
        self.size = 0
        self._values: set[int] = set()
        self._agents: set[int] = set()
        self.first: list[Order] = []
        """The first events of the hour, in order."""
        self.last_at = hour

    def add(self, event: Fields, fields: tuple[str, str], order: Order) -> None:
        """Count one event."""
        self.count += 1
        if event.get("event.outcome") == "failure":
            self.failures += 1
        size = event.get("http.response.body.bytes")
        if isinstance(size, int):
            self.size += size
        # Checksums instead of texts: eight bytes each, equal on every machine; at the limit
        # one hour in a hundred counts one value too few.
        value = event.get(fields[0])
        if value is not None and len(self._values) < DISTINCT_MAX:
            self._values.add(zlib.crc32(str(value).encode()))
        agent = event.get(fields[1])
        if agent is not None and len(self._agents) < DISTINCT_MAX:
            self._agents.add(zlib.crc32(str(agent).encode()))
        self.last_at = max(self.last_at, order[0])
        first = self.first
        if len(first) < EVIDENCE_MAX or order < first[-1]:
            insort(first, order)
            del first[EVIDENCE_MAX:]

    def values(self) -> tuple[int, ...]:
        """The hour in absolute numbers, one for each feature."""
        local = (self.hour // HOUR + _ZONE_HOURS) % 24
        night = _SCALE if local in _NIGHT else 0
        return (
            self.count,
            len(self._values),
            self.failures,
            self.size,
            len(self._agents),
            night,
        )

    def dump(self) -> HourDump:
        """The snapshot form."""
        return HourDump(
            hour=self.hour,
            count=self.count,
            failures=self.failures,
            size=self.size,
            values=tuple(sorted(self._values)),
            agents=tuple(sorted(self._agents)),
            first=tuple(self.first),
            last_at=self.last_at,
        )

    @staticmethod
    def restore(dump: HourDump) -> Hour:
        """An open hour of a snapshot."""
        hour = Hour(dump.hour)
        hour.count, hour.failures, hour.size = dump.count, dump.failures, dump.size
        hour._values, hour._agents = set(dump.values), set(dump.agents)
        hour.first, hour.last_at = list(dump.first), dump.last_at
        return hour


class History(msgspec.Struct, frozen=True, array_like=True):
    """An entity's own past: how many hours, and its normal hour in thousandths."""

    hours: int = 0
    normal: tuple[int, ...] = ()
    last_hour: int = 0

    def after(self, hour: int, values: tuple[int, ...]) -> History:
        """The history once this hour belongs to it."""
        scaled = tuple(value * _SCALE for value in values)
        if not self.hours:
            return History(hours=1, normal=scaled, last_hour=hour)
        normal = tuple(
            old + (new - old) // _EWMA for old, new in zip(self.normal, scaled, strict=True)
        )
        return History(hours=self.hours + 1, normal=normal, last_hour=hour)

    def normals(self) -> tuple[int, ...]:
        """The normal hour in whole numbers."""
        return tuple(value // _SCALE for value in self.normal)

    def row(self, values: tuple[int, ...]) -> tuple[int, ...] | None:
        """The features of an hour against this past, None while the past is too short."""
        if self.hours < EVIDENCE_HOURS_MIN:
            return None
        rises = [
            _rise(value, normal, floor)
            for value, normal, floor in zip(values, self.normal, _FLOORS, strict=False)
        ]
        # Busy at night says something only of those who otherwise are not.
        at_night = values[5] and self.normal[5] < _NIGHT_OWL_PERMILLE * _SCALE
        return (*rises, rises[0] if at_night else 0)


def _rise(value: int, normal: int, floor: int) -> int:
    """How far above normal, in sixteenths of a doubling; 0 at or below it."""
    base = max(normal, floor * _SCALE)
    ratio = min(RATIO_MAX, value * _SCALE * _SCALE // base)
    return max(0, _log2_sixteenths(ratio) - _LOG2_OF_ONE) if ratio > _SCALE else 0


def _log2_sixteenths(number: int) -> int:
    """16·log2 of a number of at least 16, linear between powers of two."""
    bits = number.bit_length()
    return bits * 16 + ((number >> (bits - 5)) & 15)


_LOG2_OF_ONE: Final = _log2_sixteenths(_SCALE)
