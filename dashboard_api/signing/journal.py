"""FileJournal: the audit chain of one signing process, durable before any answer leaves.

``add`` notes an entry, ``commit`` writes all that was noted as one group and waits once for the
disk. The format, and how anyone checks it, stands in ``journal_file``. After an ``OSError`` the
journal refuses every commit until it is opened anew: signing stops rather than goes unaudited.

A chain alone shows no cut tail: the API process signs heads (``heads``), and what ends before the
newest of them is refused. What was written after it, at most about a second, a thief of the
folder could cut unseen; keep heads outside too.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from crypto import keys, sm3
from dashboard_api.signing.heads import SignedHead
from dashboard_api.signing.journal_file import (
    GENESIS,
    Group,
    Place,
    Reader,
    broken,
    cut,
    entry_of,
    files,
    name_of,
    pack,
)
from dashboard_api.signing.ports import Mark
from dashboard_api.signing.usage import Count, Tally
from schema.errors import FengsuiError

FILE_BYTES_MAX: Final = 64 * 1024 * 1024
"""A file that has grown past this gets no more groups: what is read at once when a process comes
back, some 190,000 entries, in a third of a second."""
MAC_KEY_BYTES: Final = 32

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What a journal asks of the system for its files, so that tests can fill and break a disk."""

    write: Callable[[int, bytes], int] = os.write
    sync: Callable[[int], None] = os.fdatasync
    truncate: Callable[[int, int], None] = os.ftruncate


class FileJournal:
    """Port ``Journal`` over the files of one slot; one process at a time has it open.

    ``folder`` is ``DIR/signing/<slot>``; ``newest`` what ``heads.newest`` found there. Raises
    ``dashboard_api.journal.broken``, ``.cut`` and ``.in_use``.
    """

    def __init__(
        self,
        folder: Path,
        mac_key: bytes,
        newest: SignedHead | None = None,
        *,
        calls: Calls | None = None,
        file_bytes_max: int = FILE_BYTES_MAX,
    ) -> None:
        if len(mac_key) != MAC_KEY_BYTES:
            raise ValueError(f"the journal's key has {MAC_KEY_BYTES} bytes")
        self._folder = folder / "journal"
        self._calls = Calls() if calls is None else calls
        self._file = -1
        self._file_bytes_max = file_bytes_max
        self._inner = bytes(byte ^ 0x36 for byte in mac_key.ljust(sm3.BLOCK_SIZE, b"\0"))
        self._outer = bytes(byte ^ 0x5C for byte in mac_key.ljust(sm3.BLOCK_SIZE, b"\0"))
        self._encoder = msgspec.json.Encoder()
        self._lines = bytearray()
        self._added: list[Mark] = []
        self._tally = Tally()
        self._failure: OSError | None = None
        self._n, self._digest = 0, GENESIS
        self._path, self._size = self._folder / name_of(1), 0
        self._lock = _hold(folder)
        try:
            self._open(newest)
            self._counted_to = self._n
        except BaseException:
            os.close(self._lock)
            raise

    @property
    def n(self) -> int:
        """The number of the last committed entry."""
        return self._n

    @property
    def digest(self) -> str:
        """SM3 (hex) of the last committed group."""
        return self._digest

    @property
    def stopped(self) -> bool:
        """Whether a commit failed, so that nothing may be answered until it is opened anew."""
        return self._failure is not None

    def add(self, mark: Mark) -> None:
        """Note an entry for the next commit; without effect once a commit has failed."""
        if self._failure is not None:
            return
        start = len(self._lines)
        number = self._n + len(self._added) + 1
        try:
            self._encoder.encode_into(entry_of(number, mark), self._lines, start)
        except BaseException:
            del self._lines[start:]
            raise
        self._lines += b"\n"
        self._added.append(mark)

    def commit(self) -> None:
        """Put what was noted on stable storage as one group; raises ``OSError``, then for good."""
        if self._failure is not None:
            raise OSError(
                self._failure.errno, f"signing has stopped: {self._failure.strerror}"
            ) from self._failure
        if not self._added:
            return
        try:
            raw = pack(self._n + 1, len(self._added), self._lines, self._digest)
            digest = sm3.digest(raw).hex()
            self._write(raw)
            self._calls.sync(self._file)
        except BaseException as error:
            # Whatever it was: nobody knows what of the group is on the disk.
            self._fail(error)
            raise
        self._size += len(raw)
        self._n += len(self._added)
        self._digest = digest
        self._tally.add(self._added)
        self._added.clear()
        self._lines.clear()

    def mac(self, payloads: Sequence[bytes]) -> tuple[bytes, ...]:
        """HMAC-SM3 of each payload, two digests each for any number of them at once."""
        return tuple(sm3.digest_many(sm3.digest_many(payloads, self._inner), self._outer))

    def take_counts(self) -> tuple[int, tuple[Count, ...]]:
        """What was committed since the last call, counted, and the entry it begins behind."""
        after, self._counted_to = self._counted_to, self._n
        return after, self._tally.take()

    def close(self) -> None:
        """Let another process open it; what was noted and not committed is gone."""
        self._failure = self._failure or OSError(errno.EBADF, "the journal is closed")
        self._let_go()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _write(self, raw: bytes) -> None:
        if self._size >= self._file_bytes_max:
            self._let_go()
            self._path, self._size = self._folder / name_of(self._n + 1), 0
        if self._file < 0:
            self._file = os.open(
                self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            # The name must be there before anything in the file counts.
            keys.sync_folder(self._folder)
        done = self._calls.write(self._file, raw)
        while done < len(raw):
            done += self._calls.write(self._file, raw[done:])

    def _fail(self, error: BaseException) -> None:
        if isinstance(error, OSError):
            self._failure = error
        else:
            self._failure = OSError(errno.EIO, type(error).__name__)
        self._added.clear()
        self._lines.clear()
        # After a failed sync the system may show bytes that never reached the disk.
        try:
            if self._file >= 0:
                self._calls.truncate(self._file, self._size)
        except OSError as second:
            _logger.warning("half a group was left", extra={"reason": str(second)})

    def _let_go(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _open(self, newest: SignedHead | None) -> None:
        self._folder.mkdir(exist_ok=True, mode=0o700)
        # The names of slot, its folder and its journal, where this process made them.
        for parent in islice(self._folder.parents, 3):
            keys.sync_folder(parent)
        found = files(self._folder)
        if found:
            self._read(found, newest)
        elif newest is not None:
            raise cut(self._folder, newest.n, "there is none")

    def _read(self, found: list[tuple[int, Path]], newest: SignedHead | None) -> None:
        """Check from the file before the newest head on, and cut what a crash tore."""
        if found[0][0] != 1:
            raise broken(found[0][1], 1, "the file with the first entries is missing")
        signed = newest.n if newest is not None else 0
        # One file earlier, so that the first link that counts is checked, not taken on trust.
        start = max(0, sum(first <= signed for first, _ in found) - 2)
        place = Place() if start == 0 else Place(n=found[start][0] - 1, digest="")
        last: Group | None = None
        seen = newest is None
        for first, path in found[start:]:
            if first != place.n + 1:
                raise broken(path, place.n + 1, f"a file that begins with entry {first} follows")
            reader = Reader(path, place, last=path == found[-1][1])
            last = None
            for last in reader.groups():
                if newest is not None and last.last == newest.n:
                    seen = True
                    if last.digest != newest.digest:
                        raise cut(self._folder, newest.n, "another group stands in its place")
            self._path, self._size = path, reader.end
        if newest is not None and not seen:
            raise cut(self._folder, newest.n, f"no group ends with it; the last is {place.n}")
        self._n, self._digest = place.n, place.digest
        if reader.torn:
            _logger.warning(
                "cut the end of a write that was never acknowledged",
                extra={"path": str(path), "size": reader.torn},
            )
            _truncate(path, reader.end)
        if last is not None:
            _settle(path, last)


def _hold(folder: Path) -> int:
    """Keep every other process out; the system lets go when this one ends."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise FengsuiError(
            "dashboard_api.journal.in_use",
            f"another process has the signing journal {folder} open: stop it first",
            path=str(folder),
        ) from error
    return lock


def _truncate(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())


def _settle(path: Path, group: Group) -> None:
    """Write the last group over itself and wait for the disk.

    The process before may have ended between write and sync, or its sync may have failed: then the
    system shows bytes it does not write again by itself, and the chain would go on behind a hole.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        view, at = memoryview(group.raw), group.offset
        while view:
            done = os.pwrite(descriptor, view, at)
            view, at = view[done:], at + done
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
