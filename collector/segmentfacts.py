"""SegmentFacts: what must be known of a closed segment before it may go, read from its bytes.

Nothing is taken on trust: a segment whose footer, frames or numbers are not sound has no facts,
and therefore never expires.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from collector.control import SENSOR as CONTROL
from crypto import sm3
from schema import batch as batches
from schema import segment
from schema.batch import Batch, Header
from schema.errors import FengsuiError
from schema.retention import LOG, Periods, RetentionClass


class _Record(msgspec.Struct, frozen=True):
    """What a control record tells of a batch."""

    action: str = msgspec.field(name="event.action", default="")
    sensor: str = msgspec.field(name="gov.batch.sensor", default="")
    number: int = msgspec.field(name="gov.batch.number", default=0)


_decoder: Final = msgspec.json.Decoder(_Record)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentFacts:
    """A closed, sound segment. Times in microseconds UTC."""

    name: str
    bytes: int
    footer: str
    first: Header
    last: Header
    hash: str
    """Of the last header."""
    count: int
    redacted: int
    first_at: int
    last_at: int
    kind: RetentionClass
    """The longest-kept class of what it holds."""
    received: Mapping[str, tuple[int, int]]
    """The lowest and highest batch whose receipt it has, by sensor (the control chain's)."""
    redacted_of: Mapping[str, int]
    """The highest batch of whose redactions it has a record, by sensor."""


@dataclass(slots=True)
class _Gathered:
    headers: list[Header] = field(default_factory=list)
    hash: str = ""
    redacted: int = 0
    kind: RetentionClass = LOG
    received: dict[str, tuple[int, int]] = field(default_factory=dict)
    redacted_of: dict[str, int] = field(default_factory=dict)


def read(path: Path, periods: Periods) -> SegmentFacts:
    """The facts of a segment; raises ``collector.retention.unsound`` or ``OSError``."""
    raw = path.read_bytes()
    found, footer = _Gathered(), ""
    segment.check_magic(raw, str(path))
    frames = list(segment.frames(raw, len(segment.MAGIC)))
    for item in reversed(frames):
        if isinstance(item, segment.Broken):
            raise unsound(path, "it is damaged")
        if item.kind == segment.FOOTER:
            if item is not frames[-1] or sm3.digest(raw[: item.start]) != item.payload:
                raise unsound(path, "its footer is of other bytes")
            footer = item.payload.hex()
    for item in frames:
        if isinstance(item, segment.Frame) and item.kind == segment.BATCH:
            _gather(found, batches.from_bytes(item.payload), path, periods)
    if not footer or not found.headers:
        raise unsound(path, "it was never closed")
    headers = found.headers
    return SegmentFacts(
        name=path.name,
        bytes=len(raw),
        footer=footer,
        first=headers[0],
        last=headers[-1],
        hash=found.hash,
        count=sum(header.count for header in headers),
        redacted=found.redacted,
        first_at=min(header.min_time for header in headers),
        last_at=max(header.max_time for header in headers),
        kind=found.kind,
        received=found.received,
        redacted_of=found.redacted_of,
    )


def newest_header(path: Path) -> Header | None:
    """The header of a segment's last sound batch."""
    raw, found = path.read_bytes(), None
    for item in segment.frames(raw, len(segment.MAGIC)):
        if isinstance(item, segment.Frame) and item.kind == segment.BATCH:
            found = item
    return batches.from_bytes(found.payload).header if found else None


def oldest_header(path: Path) -> Header | None:
    """The header of a segment's first batch, None where it cannot be read."""
    with path.open("rb") as file:
        raw = file.read(len(segment.MAGIC) + segment.FRAME_BYTES_MAX)
    item = next(segment.frames(raw, len(segment.MAGIC)), None)
    sound = isinstance(item, segment.Frame) and item.kind == segment.BATCH
    return batches.from_bytes(item.payload).header if sound else None  # type: ignore[union-attr]


def unsound(path: Path, why: str) -> FengsuiError:
    """The error for a segment that cannot be read as a whole."""
    return FengsuiError(
        "collector.retention.unsound",
        f"{path} does not expire: {why}; run `fengsui verify --all`",
        path=str(path),
    )


def _gather(found: _Gathered, batch: Batch, path: Path, periods: Periods) -> None:
    expected = found.headers[-1].number + 1 if found.headers else segment.first_number(path.name)
    if batch.header.number != expected:
        raise unsound(path, f"batch {batch.header.number} stands where {expected} should")
    # The footer has spoken for every byte: neither signature nor root is worked out again.
    body = batches.unpack_body(batch.body, batch.header.count)
    payloads = [payload for payload in body.payloads if payload is not None]
    found.headers.append(batch.header)
    found.hash = batch.hash
    found.redacted += len(body.leaves)
    kind = periods.class_of(payloads)
    if periods.months[kind.name] > periods.months[found.kind.name]:
        found.kind = kind
    if batch.header.sensor == CONTROL:
        _records(found, payloads)


def _records(found: _Gathered, payloads: Sequence[bytes]) -> None:
    for payload in payloads:
        record = _decoder.decode(payload)
        sensor, number = record.sensor, record.number
        if record.action == "batch_received":
            low, high = found.received.get(sensor, (number, number))
            found.received[sensor] = (min(low, number), max(high, number))
        elif record.action == "event_redacted":
            found.redacted_of[sensor] = max(found.redacted_of.get(sensor, 0), number)
