"""The container of an EVTX file: chunks of 64 KiB and where each record stands in them. Pure.

Layout after libyal's description of the Windows XML event log format. What is inside a record
(binary XML) is not looked at here. Damage costs the records it lies on and no other: behind a
record that is not sound the next sound one is looked for.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

FILE_HEADER_BYTES: Final = 4096
CHUNK_BYTES: Final = 65536
RECORDS_AT: Final = 512
"""Where a chunk's records begin, behind its header."""
RECORD_BYTES_MIN: Final = 28
"""Magic, size, number, time, and the size once more."""
FILE_MAGIC: Final = b"ElfFile\0"
CHUNK_MAGIC: Final = b"ElfChnk\0"
RECORD_MAGIC: Final = b"**\0\0"
PEEK_BYTES: Final = RECORDS_AT + 24
"""Of a chunk's beginning: enough for the number of its first record."""
NUMBER_MAX: Final = 2**63 - 1

_FREE_AT: Final = 48
_NUMBER_AT: Final = 24
COVER_BYTES_MIN: Final = 32
"""The least that can stand before a record; less is the debris of one."""
_ALIGNED: Final = 8
"""Records begin at multiples of eight."""
_EMPTY_DOCUMENT: Final = b"\x0f\x01\x01\x00\x00"
"""A binary XML fragment without anything in it."""


@dataclass(frozen=True, slots=True)
class Record:
    """Where a sound record stands in its chunk, and its number."""

    number: int
    start: int
    size: int


def first_number(head: bytes) -> int:
    """Number of the first record by the first :data:`PEEK_BYTES` of a chunk; 0 where none shows."""
    if head[RECORDS_AT : RECORDS_AT + 4] == RECORD_MAGIC and len(head) >= PEEK_BYTES:
        number: int = struct.unpack_from("<Q", head, RECORDS_AT + 8)[0]
    elif head.startswith(CHUNK_MAGIC) and len(head) >= _NUMBER_AT + 8:
        number = struct.unpack_from("<Q", head, _NUMBER_AT)[0]
    else:
        return 0
    return number if 0 < number <= NUMBER_MAX else 0


def records(chunk: bytes) -> list[Record]:
    """The sound records of a chunk in order, each with a number above the one before.

    What stands behind the end that the header tells is an earlier use of the chunk, unless its
    numbers go on: Windows writes the header of an open chunk late.
    """
    found: list[Record] = []
    free = _free(chunk)
    last, at = 0, RECORDS_AT
    while at + RECORD_BYTES_MIN <= len(chunk):
        one = _record(chunk, at)
        if one and one.number > last and (at < free or one.number == last + 1 or not last):
            found.append(one)
            last, at = one.number, at + one.size
        else:
            following = chunk.find(RECORD_MAGIC, at + 1)
            if following < 0:
                break
            at = following
    return found


def alone(chunk: bytes, wanted: Record) -> bytes:
    """A file that holds the chunk and shows one record of it.

    What stands before it becomes one record without content: its bytes stay where they are, for
    names and templates lie in earlier records and are pointed at.
    """
    made = bytearray(chunk.ljust(CHUNK_BYTES, b"\0"))
    if wanted.start > RECORDS_AT:
        struct.pack_into("<4sIQQ", made, RECORDS_AT, RECORD_MAGIC, wanted.start - RECORDS_AT, 0, 0)
        made[RECORDS_AT + 24 : RECORDS_AT + 24 + len(_EMPTY_DOCUMENT)] = _EMPTY_DOCUMENT
    made[:8] = CHUNK_MAGIC
    struct.pack_into("<QQQQ", made, 8, 1, wanted.number, 1, wanted.number)
    struct.pack_into("<III", made, 40, 128, wanted.start, wanted.start + wanted.size)
    # Tables of names and templates only save looking: their pointers may be damaged, or stale.
    made[128:RECORDS_AT] = bytes(RECORDS_AT - 128)
    return file_header(1) + bytes(made)


def file_header(chunks: int) -> bytes:
    """A header of a file of so many chunks, version 3.1."""
    head = bytearray(FILE_HEADER_BYTES)
    struct.pack_into(
        "<8sQQQIHHHH", head, 0, FILE_MAGIC, 0, chunks - 1, 1, 128, 1, 3, FILE_HEADER_BYTES, chunks
    )
    return bytes(head)


def _free(chunk: bytes) -> int:
    if not chunk.startswith(CHUNK_MAGIC) or len(chunk) < RECORDS_AT:
        return CHUNK_BYTES
    free: int = struct.unpack_from("<I", chunk, _FREE_AT)[0]
    return free if RECORDS_AT <= free <= CHUNK_BYTES else CHUNK_BYTES


def _record(chunk: bytes, at: int) -> Record | None:
    magic, size, number = struct.unpack_from("<4sIQ", chunk, at)
    if magic != RECORD_MAGIC or at % _ALIGNED or size < RECORD_BYTES_MIN:
        return None
    if size > len(chunk) - at or not 0 < number <= NUMBER_MAX:
        return None
    # Written last: a record under way, or torn, has another one.
    again: int = struct.unpack_from("<I", chunk, at + size - 4)[0]
    return Record(number, at, size) if again == size else None
