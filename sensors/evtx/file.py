"""EvtxFile: the records of one ``.evtx`` file in the order of their numbers, from any number on.

A log of Windows is a ring of chunks: which comes first is told by the numbers in them alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple

from crypto import sm3
from schema.errors import FengsuiError
from sensors.evtx import layout
from sensors.evtx.rendering import Unreadable, rendered

CHUNKS_MAX: Final = 65_535
"""What the file's header can count: 4 GiB, the most Windows lets a log grow to."""


class Read(NamedTuple):
    """One record; ``xml`` is a line that says why where it could not be rendered."""

    number: int
    xml: bytes
    mark: str
    """First 8 bytes of the SM3 of the record as it stands in the file, hex."""


class EvtxFile:
    """Raises OSError if it cannot be opened, ``sensors.evtx.unsound`` for what is no such file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            head = os.pread(self._file, len(layout.FILE_MAGIC), 0)
            if head != layout.FILE_MAGIC:
                raise FengsuiError(
                    "sensors.evtx.unsound", f"{path} is no EVTX file", path=str(path)
                )
            self.damaged = 0
            """Chunks in which nothing can be read."""
            self._chunks = self._ordered()
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> EvtxFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)

    def _ordered(self) -> list[tuple[int, int]]:
        """First number and place of each chunk that has one, in order of numbers."""
        size = os.fstat(self._file).st_size - layout.FILE_HEADER_BYTES
        count = min(CHUNKS_MAX, -(-size // layout.CHUNK_BYTES))
        found: list[tuple[int, int]] = []
        for index in range(count):
            at = layout.FILE_HEADER_BYTES + index * layout.CHUNK_BYTES
            head = os.pread(self._file, layout.PEEK_BYTES, at)
            if number := layout.first_number(head) or self._first_below(at):
                found.append((number, at))
            elif head.strip(b"\0"):
                # One that Windows has not used yet holds nothing but zeros.
                self.damaged += head[:8] != layout.CHUNK_MAGIC
        return sorted(found)

    def _first_below(self, at: int) -> int:
        """Number of the first sound record of a chunk whose beginning tells none."""
        found = layout.records(os.pread(self._file, layout.CHUNK_BYTES, at))
        return found[0].number if found else 0

    def mark_of(self, number: int) -> str | None:
        """The mark of the record with that number; None where it is not in the file."""
        for chunk, record in self._from(number):
            if record.number >= number:
                return _mark(chunk, record) if record.number == number else None
        return None

    @property
    def last(self) -> int:
        """The highest number in the file; 0 without records."""
        return max((record.number for _, record in self._from(layout.NUMBER_MAX)), default=0)

    def after(self, number: int) -> Iterator[Read]:
        """The records with higher numbers, in order, each number once."""
        for chunk, record in self._from(number + 1):
            if record.number <= number:
                continue
            number = record.number
            try:
                xml = rendered(chunk, record)
            except Unreadable as error:
                said = str(error).replace("\n", " ")
                xml = f"EVTX record {number} cannot be read: {said}".encode()
            yield Read(number, xml, _mark(chunk, record))

    def _from(self, number: int) -> Iterator[tuple[bytes, layout.Record]]:
        """Records with their chunks, from the chunk in which that number would stand."""
        begun = max(
            (at for at, (first, _) in enumerate(self._chunks) if first <= number), default=0
        )
        for _, at in self._chunks[begun:]:
            chunk = os.pread(self._file, layout.CHUNK_BYTES, at)
            for record in layout.records(chunk):
                yield chunk, record


def _mark(chunk: bytes, record: layout.Record) -> str:
    return sm3.digest(chunk[record.start : record.start + record.size]).hex()[:16]
