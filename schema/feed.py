"""Feed: what the collector tells the analytics tier past one process, message after message.

Accepted batches and heartbeats go to their sensor's partition. A control message goes to every
partition, once everything written before it is acknowledged: whoever reads two partitions knows
that what it finds behind the message in either was written with the message known. A time a
control message names is not before the least promise, among all batches, heartbeats and control
written before it, of the sensors waited for: readers may be that far. Encoded as MessagePack; one
writer for a site.
"""

from __future__ import annotations

import itertools
from typing import Annotated, Final, TypeAlias

import msgspec
import zstandard

from crypto import sm3
from schema import limits
from schema.bus import RECORD_BYTES_MAX
from schema.enrichment import Enrichment, unusual_of
from schema.errors import FengsuiError
from schema.event import AcceptedBatch, Fields

PLAIN_BYTES_MAX: Final = 16 * 1024
"""A longer message is compressed: events take four to six times less, and every worker reads it."""

PART_BYTES_MAX: Final = RECORD_BYTES_MAX // 2
"""A batch that is longer travels in parts: events nothing compresses, at the limit of a batch, are
over what a record may hold. One more event, sealing and lengths have room in the other half."""

MESSAGE_BYTES_MAX: Final = RECORD_BYTES_MAX
"""Unpacked: twice the longest part."""

_BESIDE_BYTES: Final = 64
"""Id, time and places of an event, beside it."""

_MARK_BYTES: Final = 8

_COMPRESSED: Final = b"\x28\xb5\x2f\xfd"
"""How a Zstandard frame begins, and no message of MessagePack does."""

_Bounded = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
_Number = Annotated[int, msgspec.Meta(ge=0, le=limits.NUMBER_MAX)]


class Taken(msgspec.Struct, frozen=True, array_like=True, tag=0):
    """A batch the collector let in, or a part of it; see :class:`schema.event.AcceptedBatch`."""

    sensor: str
    number: _Number
    first_sequence: _Number
    low_watermark: _Bounded
    received_at: _Bounded
    indexes: list[_Number]
    ids: list[bytes]
    times: list[_Bounded]
    events: list[Fields]
    unusual: dict[int, Fields] = {}
    """Labels and places of addresses the collector adds; the rest follows from the event."""
    watermark: _Bounded = -(2**62)
    """How far the writer stands: no sensor is ever waited for again from an earlier time."""
    before: _Number = 0
    """Number of the sensor's batch that was written before it; 0 for none."""
    part: _Number = 0
    more: bool = False
    """Whether parts follow; only the last one is a promise."""


class Beat(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """A sensor that has nothing before this time."""

    sensor: str
    low_watermark: _Bounded
    watermark: _Bounded = -(2**62)
    """See :class:`Taken`."""


class Require(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Wait for the sensor too, from that event time on."""

    number: int
    sensor: str
    since: _Bounded


class Release(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """The sensor's enrolment has ended."""

    number: int
    sensor: str
    until: _Bounded = 2**62
    """See :class:`Exclude`."""


class Exclude(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """Wait for the sensor no longer."""

    number: int
    sensor: str
    until: _Bounded = 2**62
    """Where nobody is waited for any more: how far the writer stands, and no reader goes further
    until somebody is. One that has heard other partitions' promises to the end, and not yet that
    their sensors are out too, would."""


class Readmit(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """Wait for the sensor again, from that event time on."""

    number: int
    sensor: str
    since: _Bounded


class Adopt(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """Judge events from that time on by the rule set of an artefact."""

    number: int
    digest: str
    artefact: str
    since: _Bounded
    watermark: _Bounded = -(2**62)
    """See :class:`Taken`: a partition without sensors hears of it here."""


class Watch(msgspec.Struct, frozen=True, array_like=True, tag=7):
    """Whom a register holds from that time on: the rows are an artefact."""

    number: int
    register: str
    artefact: str
    effective_at: _Bounded


class Know(msgspec.Struct, frozen=True, array_like=True, tag=8):
    """Registers and indicators as they are from now on, an artefact."""

    number: int
    artefact: str


class End(msgspec.Struct, frozen=True, array_like=True, tag=9):
    """The end of a replay: release what waits; deadlines fall up to that time."""

    number: int
    deadlines: _Bounded


Control: TypeAlias = Require | Release | Exclude | Readmit | Adopt | Watch | Know | End
"""Numbered densely from 1 by the one writer; one heard before changes nothing."""

Message: TypeAlias = Taken | Beat | Control

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Message)


def taken(batch: AcceptedBatch, watermark: int = -(2**62), *, before: int = 0) -> Taken:
    """The message of an accepted batch from a writer that stands so far."""
    return Taken(
        batch.sensor,
        batch.number,
        batch.first_sequence,
        batch.low_watermark,
        batch.received_at,
        list(batch.indexes),
        list(batch.ids),
        list(batch.times),
        list(batch.events),
        {place: dict(labels) for place, labels in unusual_of(batch.enrichment).items()},
        watermark,
        before,
    )


def accepted(message: Taken) -> AcceptedBatch:
    """The batch of a message; raises ``schema.feed.malformed`` where columns differ in length."""
    count = len(message.ids)
    columns = (message.indexes, message.times, message.events)
    if count > limits.BATCH_EVENTS_MAX or any(len(one) != count for one in columns):
        raise FengsuiError("schema.feed.malformed", "the columns of a batch differ in length")
    if any(not 0 <= place < count for place in message.unusual):
        raise FengsuiError("schema.feed.malformed", "labels stand at a place without an event")
    return AcceptedBatch(
        sensor=message.sensor,
        number=message.number,
        first_sequence=message.first_sequence,
        low_watermark=message.low_watermark,
        received_at=message.received_at,
        indexes=message.indexes,
        ids=message.ids,
        times=message.times,
        events=message.events,
        enrichment=Enrichment(
            message.events,
            message.ids,
            received_at=message.received_at,
            unusual=message.unusual,
        ),
    )


def mark_of(message: bytes) -> bytes:
    """What tells one control message, as it was written, from any other of its number."""
    return sm3.digest(message)[:_MARK_BYTES]


def encode(message: Message) -> bytes:
    """The bytes of a message, compressed where it is long."""
    return _packed(_encoder.encode(message))


def encode_parts(whole: Taken) -> list[bytes]:
    """The bytes of a batch, in parts none of which is over the limit of a record.

    The same batch has the same parts each time, however far the writer stands.
    """
    raw = _encoder.encode(whole)
    if len(raw) - len(_encoder.encode(whole.watermark)) <= PART_BYTES_MAX:
        return [_packed(raw)]
    ends = _ends(whole)
    return [
        encode(
            msgspec.structs.replace(
                whole,
                indexes=whole.indexes[begin:end],
                ids=whole.ids[begin:end],
                times=whole.times[begin:end],
                events=whole.events[begin:end],
                unusual={
                    place - begin: labels
                    for place, labels in whole.unusual.items()
                    if begin <= place < end
                },
                part=part,
                more=end < len(whole.events),
            )
        )
        for part, (begin, end) in enumerate(itertools.pairwise([0, *ends]))
    ]


def _ends(whole: Taken) -> list[int]:
    """Behind which events of the batch a part ends."""
    ends: list[int] = []
    size = 0
    for place, event in enumerate(whole.events):
        one = len(_encoder.encode((event, whole.unusual.get(place)))) + _BESIDE_BYTES
        if size + one > PART_BYTES_MAX:
            ends.append(place)
            size = 0
        size += one
    return [*ends, len(whole.events)]


def _packed(raw: bytes) -> bytes:
    if len(raw) <= PLAIN_BYTES_MAX:
        return raw
    return zstandard.ZstdCompressor(level=1).compress(raw)


def decode(raw: bytes) -> Message:
    """The message of these bytes; raises ``schema.feed.malformed``."""
    try:
        if raw.startswith(_COMPRESSED):
            if zstandard.frame_content_size(raw) > MESSAGE_BYTES_MAX:
                raise FengsuiError("schema.feed.malformed", "a message is over its limit")
            raw = zstandard.ZstdDecompressor().decompress(raw, max_output_size=MESSAGE_BYTES_MAX)
        message: Message = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, zstandard.ZstdError) as error:
        raise FengsuiError("schema.feed.malformed", f"no message of the feed: {error}") from error
    return message
