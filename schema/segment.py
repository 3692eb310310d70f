"""Segment files: the append-only evidence, ``<log>/<sensor>/<first-batch>.seg``.

A segment is a magic, then frames: kind (1 byte), length (4, little-endian), CRC32C (4) over kind,
length and payload, payload. Kind ``B`` is a batch in wire form; kind ``F``, the last frame of a
closed segment, holds the SM3 of every byte before it. A broken last frame is a torn write and was
never acknowledged; a broken frame with a sound one behind it is damage.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import crc32c

from schema import batch as batches
from schema import limits
from schema.errors import FengsuiError

MAGIC: Final = b"FSSEG001"
SUFFIX: Final = ".seg"
BATCH: Final = b"B"
FOOTER: Final = b"F"
_HEAD: Final = struct.Struct("<cII")
FRAME_BYTES_MAX: Final = limits.BODY_BYTES_MAX + limits.HEADER_BYTES_MAX + 1024


def file_name(first_number: int) -> str:
    """The name of the segment that begins with this batch; sorts in batch order."""
    return f"{first_number:012d}{SUFFIX}"


def first_number(name: str) -> int:
    """The batch number a segment file's name gives."""
    return int(name.removesuffix(SUFFIX))


def frame(kind: bytes, payload: bytes) -> bytes:
    """One frame."""
    length = len(payload)
    checksum = crc32c.crc32c(payload, crc32c.crc32c(kind + length.to_bytes(4, "little")))
    return _HEAD.pack(kind, length, checksum) + payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A sound frame and where it lies in its file."""

    kind: bytes
    payload: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """Bytes at ``start`` that are no sound frame; ``torn`` when nothing sound follows them."""

    start: int
    torn: bool


def _frame_at(raw: bytes, at: int) -> Frame | None:
    if at + _HEAD.size > len(raw):
        return None
    kind, length, checksum = _HEAD.unpack_from(raw, at)
    end = at + _HEAD.size + length
    if kind not in (BATCH, FOOTER) or length > FRAME_BYTES_MAX or end > len(raw):
        return None
    payload = raw[at + _HEAD.size : end]
    if crc32c.crc32c(payload, crc32c.crc32c(kind + length.to_bytes(4, "little"))) != checksum:
        return None
    return Frame(kind=kind, payload=payload, start=at, end=end)


def _sound_after(raw: bytes, at: int) -> int | None:
    """Where the next sound frame begins after a broken one, or None.

    Tried at the length the broken frame claims, then at every place that looks like a batch.
    """
    if at + _HEAD.size <= len(raw):
        claimed: int = at + _HEAD.size + _HEAD.unpack_from(raw, at)[1]
        if claimed < len(raw) and _frame_at(raw, claimed):
            return claimed
    for kind in (BATCH, FOOTER):
        place = raw.find(kind, at + 1)
        while place != -1:
            if _frame_at(raw, place):
                return place
            place = raw.find(kind, place + 1)
    return None


def check_magic(raw: bytes, where: str) -> None:
    """Raise ``schema.segment.malformed`` unless the bytes begin as a segment does."""
    if raw[: len(MAGIC)] != MAGIC:
        raise FengsuiError(
            "schema.segment.malformed", f"{where} is not a segment file: wrong magic", path=where
        )


def frames(raw: bytes, at: int) -> Iterator[Frame | Broken]:
    """The frames from ``at`` on (the first begins after the magic).

    Goes on behind damage; ends at a torn tail.
    """
    while at < len(raw):
        found = _frame_at(raw, at)
        if found:
            yield found
            at = found.end
            continue
        onward = _sound_after(raw, at)
        yield Broken(start=at, torn=onward is None)
        if onward is None:
            return
        at = onward


def batch_frame(batch: batches.Batch) -> bytes:
    """The frame of a batch."""
    return frame(BATCH, batches.to_bytes(batch))


def damaged(where: str, offset: int) -> FengsuiError:
    """The error for a broken frame that has a sound one behind it."""
    return FengsuiError(
        "schema.segment.damaged",
        f"{where} is damaged at byte {offset}: run `fengsui verify --all`, then restore the file "
        "from a copy, or enrol the sensor anew, which puts the damaged part aside under a name "
        "(the platform's own sensor: `fengsui sensor revoke` it, then start again)",
        path=where,
        offset=offset,
    )
