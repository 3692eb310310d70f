"""Messages: what stages hand each other, as MessagePack.

Every message names its origin and carries a number, dense for each origin and partition it is
sent to: one heard before changes nothing, one that is missing is noticed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from sys import intern
from typing import Annotated, Final, TypeAlias, TypeVar

import msgspec

from analytics.keys.waiting import Row
from analytics.memory import NEVER, Carried
from analytics.rule import LEVELS_MAX
from schema import ids, limits
from schema.alert import Alert, Closing
from schema.coverage import CoverageRow, Missed
from schema.errors import FengsuiError
from schema.event import Fields
from schema.feed import Control

MESSAGE_BYTES_MAX: Final = 4 * 1024 * 1024
"""What is longer is sent in parts: half of what a record of the bus may hold."""

_Time: TypeAlias = Annotated[int, msgspec.Meta(ge=-NEVER, le=NEVER)]
_Number: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=limits.NUMBER_MAX)]
_Partition: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=ids.BUCKETS)]
_Level: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=LEVELS_MAX)]

PackedRow: TypeAlias = tuple[
    _Time, _Number, bytes, _Number, str, _Partition, _Number, tuple[Carried, ...]
]
"""(event time, sequence, event id, place of its rule, entity, bucket, bits of the steps, values)"""


class Packed(msgspec.Struct, frozen=True, array_like=True):
    """Hits of one sensor, or of alerts that rise, on rules that are named once."""

    sensor: str
    rules: list[tuple[str, _Level]]
    """Evaluators by name, with the level of each."""
    rows: list[PackedRow]


class Hits(msgspec.Struct, frozen=True, array_like=True, tag=0):
    """What one accepted partition says to one partition of the hits."""

    origin: _Partition
    number: _Number
    low: _Time
    """The least promise of its sensors; ``NEVER`` where none of them is waited for."""
    earliest: _Time
    """No hit of the message is of before."""
    began: dict[str, _Time]
    """Beginnings of datasets that changed."""
    controls: list[Control]
    hits: Packed


class Risen(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """What one partition of the hits says to another of the alerts nothing can change any more."""

    origin: _Partition
    number: _Number
    lows: Annotated[list[_Time], msgspec.Meta(max_length=LEVELS_MAX)]
    """By level: no alert of before is still to come."""
    hits: Packed


class Hours(msgspec.Struct, frozen=True, array_like=True):
    """What one accepted partition says to the model rules."""

    origin: _Partition
    number: _Number
    low: _Time
    controls: list[Control]
    sensor: str
    rules: list[str]
    """Model rules by the name of their state."""
    events: list[tuple[_Number, str, Fields, _Time, _Number, bytes]]
    """(place of its rule, entity, what of the event is counted, time, sequence, id)"""


class Trained(msgspec.Struct, frozen=True, array_like=True):
    """A model was trained for hours from an event time on."""

    model: str
    digest: str
    rows: int
    effective_at: int


class Decided(msgspec.Struct, frozen=True, array_like=True):
    """What a stage tells the state of record."""

    origin: str
    """Lane and partition the stage reads, such as ``hits/3``."""
    number: int
    watermark: int
    """Where the stage stands; the least of all stages of the hits is the site's watermark."""
    alerts: list[Alert] = []
    closings: list[Closing] = []
    coverage: list[CoverageRow] = []
    missed: list[Missed] = []
    trained: list[Trained] = []
    control: tuple[int, bytes] | None = None
    """Number and mark of the control message just taken, for its writer to know it again."""
    pending: _Number = 0
    """Hits that wait for the watermark here."""


_Read = TypeVar("_Read")
_encoder: Final = msgspec.msgpack.Encoder()
_hits: Final[msgspec.msgpack.Decoder[Hits | Risen]] = msgspec.msgpack.Decoder(Hits | Risen)
_hours: Final = msgspec.msgpack.Decoder(Hours)
_decided: Final = msgspec.msgpack.Decoder(Decided)
_Any: TypeAlias = Hits | Risen | Hours | Decided


def encode(message: _Any) -> bytes:
    """The bytes of a message."""
    return _encoder.encode(message)


def hits_of(raw: bytes) -> Hits | Risen:
    """A message of the hits; raises ``analytics.stream.malformed``."""
    return _read(_hits, raw)


def hours_of(raw: bytes) -> Hours:
    """A message of the hours; raises ``analytics.stream.malformed``."""
    return _read(_hours, raw)


def decided_of(raw: bytes) -> Decided:
    """A message to the state of record; raises ``analytics.stream.malformed``."""
    return _read(_decided, raw)


def _read(decoder: msgspec.msgpack.Decoder[_Read], raw: bytes) -> _Read:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise malformed(str(error)) from error


def malformed(why: str) -> FengsuiError:
    """For bytes no stage or collector wrote."""
    return FengsuiError("analytics.stream.malformed", f"a message cannot be read: {why}")


NOTHING: Final = Packed("", [], [])


def pack(rows: Sequence[Row], levels: Mapping[str, int]) -> Packed:
    """Rows of one sensor; ``levels`` has the level of every evaluator by name."""
    if not rows:
        return NOTHING
    places: dict[str, int] = {}
    packed: list[PackedRow] = []
    for row in rows:
        place = places.get(row[4])
        if place is None:
            place = places[row[4]] = len(places)
        packed.append((row[0], row[2], row[3], place, row[5], row[6], row[7], row[8:]))
    return Packed(rows[0][1], [(name, levels[name]) for name in places], packed)


def unpack(hits: Packed, *, division: int, divisions: int) -> dict[int, list[Row]]:
    """The rows by level; raises ``analytics.stream.malformed`` for those of another division."""
    sensor, names = intern(hits.sensor), [intern(name) for name, _ in hits.rules]
    levels = [level for _, level in hits.rules]
    found: dict[int, list[Row]] = {level: [] for level in levels}
    takes = [found[level].append for level in levels]
    for time, sequence, event, rule, entity, bucket, bits, values in hits.rows:
        if rule >= len(names) or bucket % divisions != division:
            raise malformed("a hit is of another division, or of no rule")
        takes[rule]((time, sensor, sequence, event, names[rule], entity, bucket, bits, *values))
    return found
