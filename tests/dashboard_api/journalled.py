"""Journals for tests: marks nobody made, a disk that fills or breaks, and groups taken apart."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import crc32c

from dashboard_api.signing.journal import Calls, FileJournal
from dashboard_api.signing.journal_file import HEADER_BYTES, Group, Place, Reader, entries, files
from dashboard_api.signing.ports import Mark

KEY = bytes(range(32))
NOON = 1_795_752_000_000_000
"""2026-11-27T04:00:00Z: noon in Beijing."""


class FakeClock:
    """Time that moves by hand."""

    def __init__(self, now: int = NOON) -> None:
        self.time = now

    def now(self) -> int:
        return self.time


class BadDisk:
    """A disk that works until told to fail; ``room`` bytes still fit."""

    def __init__(self) -> None:
        self.room: int | None = None
        self.syncs_fail = False
        self.truncates_fail = False
        self.syncs = 0
        self.calls = Calls(write=self.write, sync=self.sync, truncate=self.truncate)

    def write(self, descriptor: int, data: bytes) -> int:
        if self.room is None:
            # As the system may at any time, it takes less than it was given.
            return os.write(descriptor, data[:100])
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = os.write(descriptor, data[: self.room])
        self.room -= done
        return done

    def sync(self, descriptor: int) -> None:
        self.syncs += 1
        if self.syncs_fail:
            raise OSError(errno.ENOSPC, "No space left on device")
        os.fdatasync(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        if self.truncates_fail:
            raise OSError(errno.EIO, "Input/output error")
        os.ftruncate(descriptor, size)


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
    place, found = Place(), []
    listed = files(folder / "journal")
    for _, path in listed:
        for group in Reader(path, place, last=path == listed[-1][1]).groups():
            found += [one.n for one in entries(group, path)]
    return found


def resummed(raw: bytes, **changes: bytes) -> bytes:
    """A group with parts of its header changed by somebody who can compute checksums."""
    head, lines = raw[:HEADER_BYTES].split(b" "), changes.get("lines", raw[HEADER_BYTES:])
    for name, place in (("first", 1), ("count", 2), ("previous", 4)):
        head[place] = changes.get(name, head[place])
    head[3], head[5] = b"%010d" % len(lines), b"%08x" % crc32c.crc32c(lines)
    begun = b" ".join(head[:6]) + b" "
    return begun + b"%08x\n" % crc32c.crc32c(begun) + lines
