"""The log of sealed batches on one machine: spool, bus and evidence in one copy.

One writer for each sensor appends; any number of readers follow with a cursor. A batch is in the
log once :meth:`Writer.append` returns, and not before.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from crypto import sm3
from schema import batch as batches
from schema import limits, segment
from schema.batch import Batch
from schema.disk import Disk, PosixDisk
from schema.errors import FengsuiError

_READ_BYTES: Final = 8 * 1024 * 1024


def sensors(folder: Path, disk: Disk) -> list[str]:
    """Names of the sensors that have a chain in this log."""
    return [name for name in disk.names(folder) if segment_names(folder / name, disk)]


def segment_names(folder: Path, disk: Disk) -> list[str]:
    """Names of a sensor's segment files, in batch order."""
    return [name for name in disk.names(folder) if name.endswith(segment.SUFFIX)]


def _whole(path: Path, disk: Disk) -> bytes:
    return disk.read(path, 0, limits.SEGMENT_BYTES_MAX + segment.FRAME_BYTES_MAX + 4096)


class Writer:
    """Appends one sensor's batches; reopening finds the head and cuts a torn tail."""

    def __init__(
        self,
        folder: Path,
        disk: Disk | None = None,
        *,
        segment_bytes_max: int = limits.SEGMENT_BYTES_MAX,
    ) -> None:
        self._folder = folder
        self._disk = disk or PosixDisk()
        self._segment_bytes_max = segment_bytes_max
        self._path: Path | None = None
        self._size = 0
        self._hash = sm3.new()
        self._torn: tuple[Path, int] | None = None
        """A file that a failed write may have left longer than it should be, and its true size."""
        self.head: Batch | None = None
        self.torn_bytes = 0
        """Bytes of unacknowledged, half-written batches that reopening cut off."""
        self._reopen()

    def append(self, batch: Batch) -> None:
        """Write the batch and return once it is on stable storage.

        Raises ``OSError`` when the disk refuses; then nothing was added and a retry is sound.
        """
        self._make_sound()
        framed = segment.batch_frame(batch)
        if self._path is None:
            path = self._folder / segment.file_name(batch.header.number)
            framed = segment.MAGIC + framed
        else:
            path = self._path
        before = self._size
        try:
            self._disk.append(path, framed)
            self._disk.sync(path)
        except OSError:
            self._torn = (path, before)
            with suppress(OSError):
                self._take_back()
            raise
        self._path = path
        self._size += len(framed)
        self._hash.update(framed)
        self.head = batch
        if self._size >= self._segment_bytes_max:
            # The batch is in the log already: a disk full just now closes the segment later.
            with suppress(OSError):
                self.close_segment()

    def _make_sound(self) -> None:
        """Finish what an earlier failure left undone; raises ``OSError`` while it cannot be."""
        self._take_back()
        if self._size >= self._segment_bytes_max:
            self.close_segment()

    def _take_back(self) -> None:
        """Cut what a failed append may have left, so that no half batch stands before the next."""
        if self._torn is None:
            return
        path, size = self._torn
        if path.name in self._disk.names(path.parent):
            self._disk.truncate(path, size)
        self._torn = None

    def close_segment(self) -> None:
        """Seal the open segment with its footer hash; the next batch begins a new file.

        Raises ``OSError`` when the disk refuses; then the segment is open as before.
        """
        self._take_back()
        if self._path is None:
            return
        footer = segment.frame(segment.FOOTER, self._hash.digest())
        try:
            self._disk.append(self._path, footer)
            self._disk.sync(self._path)
        except OSError:
            self._torn = (self._path, self._size)
            with suppress(OSError):
                self._take_back()
            raise
        if isinstance(self._disk, PosixDisk):
            self._disk.close(self._path)
        self._start_over()

    def _start_over(self) -> None:
        self._path = None
        self._size = 0
        self._hash = sm3.new()

    def _reopen(self) -> None:
        """Find the head, cut a torn tail, go on in the open segment if there is one.

        Only the newest segment may be torn: the one before was closed before it was begun.
        """
        for age, name in enumerate(reversed(segment_names(self._folder, self._disk))):
            path = self._folder / name
            raw = _whole(path, self._disk)
            last = self._last_sound(path, raw)
            end = last.end if last else 0
            if age > 0 and (last is None or last.kind != segment.FOOTER or end < len(raw)):
                raise segment.damaged(str(path), end)
            if end < len(raw):
                self.torn_bytes += len(raw) - end
                self._disk.truncate(path, end)
            if last is None:
                continue
            # What is found counts as acknowledged, and a footer lets the next segment begin: both
            # must outlast the next crash.
            self._disk.sync(path)
            if last.kind == segment.BATCH:
                self._path, self._size, self._hash = path, end, sm3.new(raw[:end])
            return

    def _last_sound(self, path: Path, raw: bytes) -> segment.Frame | None:
        """The last sound frame, None where there is none; sets the head on the way."""
        last: segment.Frame | None = None
        if not raw or next(segment.frames(raw, 0)) == segment.Broken(start=0, torn=True):
            # Nothing sound anywhere: a first write that never reached the disk.
            return None
        segment.check_magic(raw, str(path))
        for found in segment.frames(raw, len(segment.MAGIC)):
            if isinstance(found, segment.Frame):
                last = found
                if found.kind == segment.BATCH:
                    self.head = batches.from_bytes(found.payload)
            elif not found.torn:
                raise segment.damaged(str(path), found.start)
        return last


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Everything up to this batch has been read; file and offset only save scanning."""

    number: int = 0
    segment: str = ""
    offset: int = 0


class Reader:
    """Follows one sensor's chain from a cursor; sees a batch only once it is whole."""

    def __init__(
        self,
        folder: Path,
        cursor: Cursor | None = None,
        disk: Disk | None = None,
        *,
        window_bytes: int = _READ_BYTES,
    ) -> None:
        self._folder = folder
        self._disk = disk or PosixDisk()
        self._window_bytes = window_bytes
        self.cursor = cursor or Cursor()

    def read(self, count_max: int) -> list[Batch]:
        """The next batches, at most ``count_max``; empty at the end of the log.

        Raises ``schema.segment.damaged`` where acknowledged bytes are unreadable (once all before
        them is read), and ``OSError`` when the disk does; the cursor stands still then.
        """
        found: list[Batch] = []
        begun = self.cursor
        names = self._names_from_cursor()
        try:
            for name in names:
                if len(found) >= count_max:
                    break
                self._read_segment(name, found, count_max, newest=name == names[-1])
        except FengsuiError:
            if not found:
                raise
        except OSError:
            self.cursor = begun
            raise
        return found

    def _names_from_cursor(self) -> list[str]:
        names = segment_names(self._folder, self._disk)
        following = self.cursor.number + 1
        older = sum(segment.first_number(name) <= following for name in names)
        begin = names.index(self.cursor.segment) if self.cursor.segment in names else older - 1
        return names[max(0, begin) :]

    def _read_segment(self, name: str, found: list[Batch], count_max: int, *, newest: bool) -> None:
        """Add the segment's batches behind the cursor, a window of bytes at a time."""
        path = self._folder / name
        start = self.cursor.offset if self.cursor.segment == name else len(segment.MAGIC)
        window = self._window_bytes
        while len(found) < count_max:
            raw = self._disk.read(path, start, window)
            if newest and raw:
                # What is not yet on stable storage may be gone after a crash, and another batch
                # may then take its number: nobody is to have seen it.
                self._disk.sync(path)
            read_to = self._take_frames(name, raw, start, found, count_max)
            at_end = len(raw) < window
            if not newest and at_end and read_to < start + len(raw) and len(found) < count_max:
                raise segment.damaged(str(path), read_to)
            if at_end:
                return
            if read_to == start:
                if window > segment.FRAME_BYTES_MAX:
                    raise segment.damaged(str(path), start)
                # One frame is longer than the window: read it whole, as the limit allows.
                window = segment.FRAME_BYTES_MAX + self._window_bytes
            start = read_to

    def _take_frames(
        self, name: str, raw: bytes, start: int, found: list[Batch], count_max: int
    ) -> int:
        read_to = start
        for item in segment.frames(raw, 0):
            if isinstance(item, segment.Broken):
                if not item.torn:
                    raise segment.damaged(str(self._folder / name), start + item.start)
                break
            read_to = start + item.end
            if item.kind == segment.BATCH:
                batch = batches.from_bytes(item.payload)
                number = max(self.cursor.number, batch.header.number)
                if batch.header.number > self.cursor.number:
                    found.append(batch)
                self.cursor = Cursor(number=number, segment=name, offset=read_to)
                if len(found) == count_max:
                    break
        return read_to
