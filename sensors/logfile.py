"""A log file known by what it holds: read forward, never mistaken for another.

Names, inodes and sizes all lie (rename, reuse, truncation and regrowth), so each read checks the
file's first bytes and the bytes just before the place it goes on from. Only content decides.
"""

from __future__ import annotations

import gzip
import os
import zlib
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final, Protocol, cast

from schema.times import SECOND
from sensors.framing import Framer, Records
from sensors.marks import Mark, short_hash
from sensors.sources import Format

HEAD_BYTES: Final = 1024
"""How much of a file's beginning tells it from others; a shorter file is told by all it holds."""

TAIL_BYTES: Final = 256
"""How much before the place reached tells that the file was not written anew behind our back."""

BLOCK_BYTES: Final = 256 * 1024
RECORD_WAIT_US: Final = SECOND
"""How long the last record of a format that joins lines waits for lines that go on with it."""


class Handle(Protocol):
    """An open file's bytes."""

    def read_at(self, offset: int, size: int) -> bytes:
        """At most ``size`` bytes; fewer at the end."""

    def status(self) -> os.stat_result:
        """What the system says of the file."""

    def close(self) -> None:
        """Let go of it."""


class PlainHandle:
    """A file read by position: reading never disturbs another reader."""

    compressed: Final = False

    def __init__(self, path: Path) -> None:
        # O_NONBLOCK: a FIFO put in the log's place must not hang the sensor.
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)

    def read_at(self, offset: int, size: int) -> bytes:
        return os.pread(self._descriptor, size, offset)

    def status(self) -> os.stat_result:
        return os.fstat(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class GzipHandle:
    """A rotated file that was compressed; read in bounded blocks, cheapest forward."""

    compressed: Final = True

    def __init__(self, path: Path) -> None:
        self._raw = path.open("rb")
        self._unpacked = cast(BinaryIO, gzip.GzipFile(fileobj=self._raw))

    def read_at(self, offset: int, size: int) -> bytes:
        try:
            if self._unpacked.seek(offset) != offset:
                return b""
            return self._unpacked.read(size)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            # Still being compressed, or no gzip at all: nothing more to be had for now.
            return b""

    def status(self) -> os.stat_result:
        return os.fstat(self._raw.fileno())

    def close(self) -> None:
        self._unpacked.close()
        self._raw.close()


def open_handle(path: Path) -> PlainHandle | GzipHandle:
    """The file's bytes, unpacked if its name ends in ``.gz``; raises ``OSError``."""
    return GzipHandle(path) if path.suffix == ".gz" else PlainHandle(path)


def holds(handle: Handle, mark: Mark) -> bool:
    """Whether this is the marked file, grown or not: by its first bytes and those before."""
    if short_hash(handle.read_at(0, mark.head_size)) != mark.head:
        return False
    size = min(TAIL_BYTES, mark.offset)
    tail = handle.read_at(mark.offset - size, size)
    return len(tail) == size and short_hash(tail) == mark.tail


class LogFile:
    """One generation of a log, read from where its mark says to its end."""

    def __init__(
        self,
        handle: PlainHandle | GzipHandle,
        *,
        form: Format,
        joins: bool,
        path: str,
        generation: str = "",
        at: int = 0,
    ) -> None:
        self._handle = handle
        self.form = form
        self.path = path
        self.generation = generation
        self._framer = Framer(form.begins, joins=joins, at=at)
        self._head = handle.read_at(0, HEAD_BYTES)
        self._head_hash = short_hash(self._head)
        self._window_start = max(0, at - TAIL_BYTES)
        self._window = handle.read_at(self._window_start, at - self._window_start)
        """What was read last, from at least ``TAIL_BYTES`` before the place taken to."""
        self._tail = self._window
        self._tail_at = at
        status = handle.status()
        self.device, self.inode = status.st_dev, status.st_ino
        self.changed = status.st_mtime_ns
        """The file's own time of change when it was last read, nanoseconds."""
        self.reached = ""
        """The earliest event time of the last piece it gave, as text."""
        self.retired = False
        """Whether another file stands in its place: it will be dropped once it stays idle."""
        self.settled = False
        """Whether nobody writes to it any more, so that its end is final."""
        self.rewritten = False
        """Whether the file no longer holds what was read: it was truncated or written anew."""
        self.done = False
        """Whether nothing more will be read from it; what is framed may still be taken."""
        self.at_end = False
        self.moved_at = 0
        """When it last grew, by the sensor's clock."""

    @property
    def head(self) -> bytes:
        """Its first bytes, as far as they were there."""
        return self._head

    @property
    def waits(self) -> bool:
        """Whether its last record waits for lines that may go on with it."""
        return self._framer.has_open_record

    @property
    def is_linked(self) -> bool:
        """Whether the file still has a name anywhere."""
        return self._handle.status().st_nlink > 0

    def take(self, count_max: int, bytes_max: int, now: int) -> Records:
        """The next whole records; none at the end or once the file was written anew."""
        while not (self._framer.ready or self.rewritten or self.done) and self._read(now):
            pass
        if not self._framer.ready:
            waited = abs(now - self.moved_at) >= RECORD_WAIT_US
            if waited and not self.rewritten and self._framer.has_open_record:
                self._framer.end_record()
        self.at_end = not self._framer.ready
        return self._framer.take(count_max, bytes_max)

    def finish(self) -> None:
        """Nothing more will be written: half a line at the end is a record too."""
        self.done = True
        self._framer.end()
        self.at_end = not self._framer.ready

    def mark(self) -> Mark:
        """Where it goes on once everything taken so far is sealed."""
        self._settle_tail()
        return Mark(
            generation=self.generation,
            offset=self._tail_at,
            head_size=len(self._head),
            head=self._head_hash,
            tail=short_hash(self._tail),
            device=self.device,
            inode=self.inode,
            changed=self.changed,
            path=self.path,
        )

    def is_intact(self) -> bool:
        """Whether the file still holds what was read of it."""
        return self._handle.compressed or holds(self._handle, self.as_read())

    def as_read(self) -> Mark:
        """A mark at the place read to, to find what is left of the file elsewhere."""
        at = self._framer.at
        tail = self._window[-min(TAIL_BYTES, at) :] if at else b""
        return replace(self.mark(), offset=at, tail=short_hash(tail))

    def move_to(self, handle: PlainHandle | GzipHandle) -> None:
        """Go on reading from a copy that holds the same."""
        self._handle.close()
        self._handle = handle
        status = handle.status()
        self.device, self.inode = status.st_dev, status.st_ino
        self.rewritten = False
        self.at_end = False

    def close(self) -> None:
        self._handle.close()

    def _settle_tail(self) -> None:
        """Take what the mark needs out of the window, before that is trimmed."""
        at = self._framer.next_start
        if at != self._tail_at:
            begin = max(0, at - TAIL_BYTES) - self._window_start
            self._tail = self._window[begin : at - self._window_start]
            self._tail_at = at

    def _read(self, now: int) -> bool:
        """Feed the next block to the framer; False at the end or where the content changed."""
        self._settle_tail()
        at = self._framer.at
        known = b"" if self._handle.compressed else self._window[-TAIL_BYTES:]
        data = self._handle.read_at(at - len(known), len(known) + BLOCK_BYTES)
        if not data.startswith(known):
            self.rewritten = True
            return False
        fresh = data[len(known) :]
        if not fresh:
            # Shorter than the bytes it began with: emptied before any of it was read.
            self.rewritten = at < len(self._head) and not self._handle.compressed
            return False
        if not self._head_stands():
            self.rewritten = True
            return False
        keep_from = at if self._framer.in_long_line else self._framer.next_start
        cut = max(0, keep_from - TAIL_BYTES - self._window_start)
        self._window = self._window[cut:] + fresh
        self._window_start += cut
        self._framer.feed(fresh)
        self.changed = self._handle.status().st_mtime_ns
        self.moved_at = now
        return True

    def _head_stands(self) -> bool:
        """Check the first bytes, and learn more of them while the file is short."""
        if self._handle.compressed:
            return True
        head = self._handle.read_at(0, HEAD_BYTES)
        if not head.startswith(self._head):
            return False
        if len(head) > len(self._head):
            self._head, self._head_hash = head, short_hash(head)
        return True
