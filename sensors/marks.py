"""Marks: where each file of a source stands, written into the sealed position of the source.

A position of a file source is one text: how many generations the source has begun and up to where
the files of its pattern are finished, then a mark for each file it is not done with, oldest first.
Nothing else is needed to go on after a crash.

    3,18a3b…,0c1d…;9f0c…,1f40,400,5d1e…,77ab…,fd00,2a31,18a3c…,;…
    └ begun, finished; then generation, offset, head size, head, tail, device, inode, change, path

A signed header cannot be redacted: a path that holds a person's number or a marking stands there
as its hash.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

from crypto import sm3
from schema import privacy
from schema.errors import FengsuiError

HASH_CHARS: Final = 16
HASHED: Final = "#"
"""Before the hash of a path that may not be written down."""
MARK_BYTES_MAX: Final = 112
"""A mark without its path: four hashes or times of 16 characters, the rest shorter."""
BEGINNING_BYTES_MAX: Final = 48
"""What stands before the marks: a count, a time and a hash."""
NOTHING: Final = (0, "")
"""The place before every file: no file is finished."""
_PARTS: Final = 9
_ANY_BYTES: Final = "surrogateescape"
"""A file's name may be no UTF-8 at all: GBK on machines set up long ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A file and how far it is sealed: all that is needed to find it again and go on."""

    generation: str
    offset: int
    head_size: int
    head: str
    """First 8 bytes of the SM3 of its first ``head_size`` bytes, hex."""
    tail: str
    """The same of the at most 256 bytes before ``offset``."""
    device: int
    inode: int
    changed: int
    """The file's own time of change when it was last read, nanoseconds."""
    path: str
    """The path it was written under, before any rotation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a position says: all a source needs to go on."""

    begun: int = 0
    """Generations begun ever."""
    finished: tuple[int, str] = NOTHING
    """Files of the pattern up to this :func:`place` are read, and done with."""
    marks: Sequence[Mark] = ()


def short_hash(data: bytes) -> str:
    """The first 8 bytes of the SM3, hex."""
    return sm3.digest(data).hex()[:HASH_CHARS]


def place(altered: int, path: str) -> tuple[int, str]:
    """Where a file stands in the order in which those of a pattern are begun and finished."""
    return altered, short_hash(os.fsencode(path))


@lru_cache(maxsize=4096)
def written(path: str) -> str:
    """The path as it may stand in a header: a person's number or a marking in it is hashed."""
    quoted = quote(path, errors=_ANY_BYTES)
    if privacy.find(path) or privacy.find(quoted):
        return HASHED + short_hash(os.fsencode(path))
    return quoted


def to_text(reading: Reading, own_path: str) -> str:
    """The text form; ``own_path`` is left out, since most sources have that one path."""
    altered, hashed = reading.finished
    parts = [f"{reading.begun:x}" + (f",{altered:x},{hashed}" if altered else "")]
    for mark in reading.marks:
        path = "" if mark.path == own_path else written(mark.path)
        parts.append(
            f"{mark.generation},{mark.offset:x},{mark.head_size:x},{mark.head},{mark.tail},"
            f"{mark.device:x},{mark.inode:x},{mark.changed:x},{path}"
        )
    return ";".join(parts)


def from_text(text: str, own_path: str) -> Reading:
    """What the position says; raises ``sensors.position.malformed``.

    The path of a mark stays the hash it was written as, if it was.
    """
    try:
        first, *rest = text.split(";")
        begun, *finished = first.split(",")
        return Reading(
            begun=int(begun, 16),
            finished=(int(finished[0], 16), finished[1]) if finished else NOTHING,
            marks=[_mark(part.split(","), own_path) for part in rest],
        )
    except (ValueError, IndexError) as error:
        raise FengsuiError(
            "sensors.position.malformed",
            f"the sealed position {text[:60]!r} is not one of a file source: the source was of "
            "another kind; give it a new name",
        ) from error


def _mark(parts: list[str], own_path: str) -> Mark:
    if len(parts) != _PARTS:
        raise ValueError(f"{len(parts)} parts")
    generation, offset, head_size, head, tail, device, inode, changed, path = parts
    return Mark(
        generation=generation,
        offset=int(offset, 16),
        head_size=int(head_size, 16),
        head=head,
        tail=tail,
        device=int(device, 16),
        inode=int(inode, 16),
        changed=int(changed, 16),
        path=unquote(path, errors=_ANY_BYTES) or own_path,
    )
