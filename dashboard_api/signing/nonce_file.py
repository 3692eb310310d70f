"""The files nonces are kept in: a header with the floor, then records of one size, appended.

``DIR/signing/<slot>/nonces/<number>.nonces``, big-endian, each part closed by its CRC32C:
header ``FSNONCE1``, floor (unix seconds, 8 bytes), 4 zero bytes, CRC; record: when it was noted
(microseconds UTC, 8), the request's timestamp (unix seconds, 8), fingerprint (16), CRC.
"""

from __future__ import annotations

import fcntl
import os
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import crc32c

from crypto import sm3
from schema.disk import Disk, PosixDisk
from schema.errors import FengsuiError

MAGIC: Final = b"FSNONCE1"
FINGERPRINT_BYTES: Final = 16
"""Of SM3: to meet another's by chance takes 2**128 / 4 million tries, and gains a refusal."""
_HEADER: Final = struct.Struct(">8sQ4xI")
_RECORD: Final = struct.Struct(">QQ16sI")
_SUM: Final = struct.Struct(">I")
_BODY: Final = struct.Struct(">QQ16s")
HEADER_BYTES: Final = _HEADER.size
RECORD_BYTES: Final = _RECORD.size
_NAME: Final = re.compile(r"[0-9]{8}\.nonces")
_LOCK: Final = "lock"
_NEVER: Final = 2**64


class Record(NamedTuple):
    """One nonce that was used up."""

    noted_at: int
    """Microseconds UTC."""
    timestamp: int
    """Of the request, unix seconds."""
    fingerprint: bytes


@dataclass(slots=True)
class Content:
    """What a file holds, but for the fingerprints."""

    floor: int = 0
    sound_bytes: int = 0
    """Length without a torn tail; 0 for a file whose header was never whole."""
    damaged: bool = False
    """Something that once was whole is not: what it said is lost."""
    first_noted_at: int = 0
    last_noted_at: int = 0
    timestamp: int = 0
    """The newest of its requests."""


class Files(Disk, Protocol):
    """Durable bytes as ``Disk``, and what else files of nonces need."""

    def lock(self, folder: Path) -> None:
        """Make the folder this process's alone; raises ``dashboard_api.signing.busy``."""

    def remove(self, path: Path) -> None:
        """Take a file away."""

    def release(self) -> None:
        """Let go of everything."""


class PosixFiles(PosixDisk):
    """The real thing."""

    def __init__(self) -> None:
        super().__init__()
        self._lock: int | None = None

    def lock(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise FengsuiError(
                "dashboard_api.signing.busy",
                "the signing process before this one still runs: nothing of this call was done; "
                "send it again in 1 s",
                retry_seconds=1,
            ) from None
        self._lock = descriptor

    def remove(self, path: Path) -> None:
        self.close(path)
        path.unlink(missing_ok=True)

    def release(self) -> None:
        for path in list(self._writing):
            self.close(path)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def file_name(number: int) -> str:
    """The name of a file; later ones have higher numbers."""
    return f"{number:08}.nonces"


def names(folder: Path, disk: Disk) -> list[str]:
    """The names of the files in a folder, oldest first."""
    return [name for name in disk.names(folder) if _NAME.fullmatch(name)]


def fingerprint_of(credential: str, nonce: str) -> bytes:
    """What is kept of a nonce."""
    return sm3.digest(f"{credential}\0{nonce}".encode())[:FINGERPRINT_BYTES]


def encode_header(floor: int) -> bytes:
    """The first bytes of a file: no timestamp up to ``floor`` is to be believed."""
    head = _HEADER.pack(MAGIC, floor, 0)[: -_SUM.size]
    return head + _SUM.pack(crc32c.crc32c(head))


def encode(record: Record) -> bytes:
    """One record."""
    body = _BODY.pack(*record)
    return body + _SUM.pack(crc32c.crc32c(body))


def decode(raw: bytes, take: Callable[[bytes], None]) -> Content:
    """Read a file: each sound fingerprint is taken, wherever it stands. One pass: there may be
    millions, and callers wait.
    """
    if len(raw) < HEADER_BYTES or not any(raw):
        # A first write that never reached the disk: older files were not taken away before it.
        return Content()
    floor = _floor(raw)
    found = Content(floor=floor or 0, damaged=floor is None, sound_bytes=HEADER_BYTES)
    whole = (len(raw) - HEADER_BYTES) // RECORD_BYTES * RECORD_BYTES
    view = memoryview(raw)[HEADER_BYTES : HEADER_BYTES + whole]
    first, last, newest, at, sound = _NEVER, 0, 0, 0, 0
    for noted_at, timestamp, fingerprint, checksum in _RECORD.iter_unpack(view):
        if crc32c.crc32c(view[at : at + _BODY.size]) == checksum:
            # A torn tail has nothing whole behind it.
            found.damaged = found.damaged or sound < at
            first, last = min(first, noted_at), max(last, noted_at)
            newest = max(newest, timestamp)
            take(fingerprint)
            sound = at + RECORD_BYTES
        at += RECORD_BYTES
    if sound:
        found.sound_bytes += sound
        found.first_noted_at, found.last_noted_at, found.timestamp = first, last, newest
    return found


def _floor(raw: bytes) -> int | None:
    magic, floor, checksum = _HEADER.unpack_from(raw)
    sound = magic == MAGIC and crc32c.crc32c(raw[: HEADER_BYTES - _SUM.size]) == checksum
    return int(floor) if sound else None
