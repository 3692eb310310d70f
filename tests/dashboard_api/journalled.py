"""Journals for tests: marks nobody made, a disk that fills or breaks, and groups taken apart."""

from __future__ import annotations

import errno
from pathlib import Path

import crc32c

from dashboard_api.signing.journal import FileJournal
from dashboard_api.signing.journal_file import HEADER_BYTES, Group, Place, Reader, entries, files
from dashboard_api.signing.ports import Mark
from schema.disk import PosixDisk

KEY = bytes(range(32))
NOON = 1_795_752_000_000_000
"""2026-11-27T04:00:00Z: noon in Beijing."""


class FakeClock:
    """Time that moves by hand."""

    def __init__(self, now: int = NOON) -> None:
        self.time = now

    def now(self) -> int:
        return self.time


class BadDisk(PosixDisk):
    """Writes like a disk until told to fail; ``room`` bytes still fit."""

    def __init__(self) -> None:
        super().__init__()
        self.room: int | None = None
        self.syncs_fail = False
        self.truncates_fail = False
        self.syncs = 0

    def append(self, path: Path, data: bytes) -> None:
        if self.room is not None and self.room < len(data):
            with path.open("ab") as file:
                file.write(data[: self.room])
            raise OSError(errno.ENOSPC, "No space left on device")
        super().append(path, data)

    def sync(self, path: Path) -> None:
        self.syncs += 1
        if self.syncs_fail:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().sync(path)

    def truncate(self, path: Path, size: int) -> None:
        if self.truncates_fail:
            raise OSError(errno.EIO, "Input/output error")
        super().truncate(path, size)


def mark(at: int = NOON, *, items: int = 1, **other: object) -> Mark:
    """An entry of a call that went well."""
    told = {
        "application": "payments", "credential": "0123456789abcdef", "operation": "sign",
        "key": "payments.receipt", "version": 3, "place": "software", "algorithm": "SM2-SM3",
        "mode": "message", "result": "done", "failed": 0,
        "payload_macs": tuple(bytes([number]) * 32 for number in range(items)),
    }  # fmt: skip
    return Mark(at=at, items=items, **{**told, **other})


def open_journal(folder: Path, **other: object) -> FileJournal:
    """The journal of a slot."""
    return FileJournal(folder, KEY, **other)


def written(folder: Path, sizes: tuple[int, ...], **other: object) -> None:
    """Write groups of so many entries, and close."""
    journal = open_journal(folder, **other)
    for size in sizes:
        for _ in range(size):
            journal.add(mark(NOON + journal.n))
        journal.commit()
    journal.close()


def the_file(folder: Path, number: int = 0) -> Path:
    """One file of a slot's journal."""
    return files(folder / "journal")[number][1]


def groups(folder: Path) -> list[Group]:
    """Every group of a slot, read from the start."""
    place, found = Place(), []
    listed = files(folder / "journal")
    for _, path in listed:
        found += Reader(path, place, last=path == listed[-1][1]).groups()
    return found


def numbers(folder: Path) -> list[int]:
    """The number of every entry of a slot."""
    return [one.n for group in groups(folder) for one in entries(group, folder)]


def resummed(raw: bytes, **changes: bytes) -> bytes:
    """A group with parts of its header changed by somebody who can compute checksums."""
    head, lines = raw[:HEADER_BYTES].split(b" "), changes.get("lines", raw[HEADER_BYTES:])
    for name, place in (("first", 1), ("count", 2), ("previous", 4)):
        head[place] = changes.get(name, head[place])
    head[3], head[5] = b"%010d" % len(lines), b"%08x" % crc32c.crc32c(lines)
    begun = b" ".join(head[:6]) + b" "
    return begun + b"%08x\n" % crc32c.crc32c(begun) + lines
