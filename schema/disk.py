"""Disk: the few file operations the log needs, so that tests can crash, tear and fill it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol


class Disk(Protocol):
    """Durable bytes. A write counts only after :meth:`sync`; ``OSError`` says what failed."""

    def append(self, path: Path, data: bytes) -> None:
        """Add bytes at the end of a file, creating it and its folder."""

    def sync(self, path: Path) -> None:
        """Return once the file's bytes, and its name in the folder, are on stable storage."""

    def read(self, path: Path, offset: int, size: int) -> bytes:
        """At most ``size`` bytes from ``offset``."""

    def truncate(self, path: Path, size: int) -> None:
        """Cut the file to ``size`` bytes, durably."""

    def names(self, folder: Path) -> list[str]:
        """Sorted names inside the folder; empty where there is none."""


class PosixDisk:
    """The real thing: one open descriptor for each file being appended to, fdatasync."""

    def __init__(self) -> None:
        self._writing: dict[Path, int] = {}
        self._named: set[Path] = set()

    def append(self, path: Path, data: bytes) -> None:
        descriptor = self._writing.get(path)
        if descriptor is None:
            _make_folder(path.parent)
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._writing[path] = descriptor
        before = os.fstat(descriptor).st_size
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(descriptor, view) :]
        except OSError:
            # A full disk may leave half a record: take it back, so that a retry starts clean.
            os.ftruncate(descriptor, before)
            raise

    def sync(self, path: Path) -> None:
        writing = self._writing.get(path)
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC) if writing is None else writing
        try:
            os.fdatasync(descriptor)
        finally:
            if writing is None:
                os.close(descriptor)
        if path not in self._named:
            _sync_folder(path.parent)
            self._named.add(path)

    def read(self, path: Path, offset: int, size: int) -> bytes:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def truncate(self, path: Path, size: int) -> None:
        with path.open("r+b") as file:
            file.truncate(size)
            os.fsync(file.fileno())

    def names(self, folder: Path) -> list[str]:
        return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []

    def close(self, path: Path) -> None:
        """Let go of a file that is written to its end."""
        descriptor = self._writing.pop(path, None)
        if descriptor is not None:
            os.close(descriptor)


def _make_folder(folder: Path) -> None:
    """Create the folder and those above it, each durably named before the next."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Put ``data`` at ``path`` in one step: a reader sees the old bytes or the new ones."""
    _make_folder(path.parent)
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    _sync_folder(path.parent)


def remove_file(path: Path) -> None:
    """Take the file away durably; one that is gone already is no error."""
    path.unlink(missing_ok=True)
    _sync_folder(path.parent)
