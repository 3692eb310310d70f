"""Marks: where each file of a source stands, written into the sealed position of the source.

A position of a file source is one text: how many generations the source has begun, then a mark
for each file it is not done with, oldest first. Nothing else is needed to go on after a crash.

    3;9f0c…,1f40,400,5d1e…,77ab…,fd00,2a31,18a3c…,;…
    └ generations begun; then generation, offset, head size, head, tail, device, inode, change, path
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from schema.errors import FengsuiError

HASH_CHARS: Final = 16
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


def to_text(begun: int, marks: Sequence[Mark], own_path: str) -> str:
    """The text form; ``own_path`` is left out, since most sources have that one path."""
    parts = [f"{begun:x}"]
    for mark in marks:
        path = "" if mark.path == own_path else quote(mark.path, errors=_ANY_BYTES)
        parts.append(
            f"{mark.generation},{mark.offset:x},{mark.head_size:x},{mark.head},{mark.tail},"
            f"{mark.device:x},{mark.inode:x},{mark.changed:x},{path}"
        )
    return ";".join(parts)


def from_text(text: str, own_path: str) -> tuple[int, list[Mark]]:
    """Generations begun and marks; raises ``sensors.position.malformed``."""
    try:
        begun, *rest = text.split(";")
        return int(begun, 16), [_mark(part.split(","), own_path) for part in rest]
    except ValueError as error:
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
