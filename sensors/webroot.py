"""Web roots: files that were created, changed or deleted below the folders of a web server.

By looking again and again, so that it needs no privilege and loses nothing to a full queue: what
is created and gone between two looks is not seen, nor what changed while no sensor ran, and who
wrote a file is not known, only whose it is now. A file that was moved is one deleted and one
created with the same SM3. What stood there at the first look is the baseline and no event; the
same content written again is no change. Links are not followed. Standard library only.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from crypto import sm3
from schema import times
from schema.event import Fields
from sensors.proc import PENDING_MAX, Inventory, Machine, shown

__all__ = ["WebrootSource"]

INTERVAL_US: Final = 10 * times.SECOND
"""Between two looks: twenty thousand files cost a tenth of a second."""
FILES_MAX: Final = 100_000
"""Files remembered over all roots, some thirty megabytes; folders of uploads may grow without end.
What is past it is not watched, and that is told as trouble."""
DEPTH_MAX: Final = 32
"""Folders inside folders; deeper ones are not watched."""
HASHED_BYTES_MAX: Final = 32 * 1024 * 1024
"""A larger file is no page and no script: its size and times stand for its content."""
LOOK_BYTES_MAX: Final = 64 * 1024 * 1024
"""Read in one look, a third of a second; the rest waits for the next one."""
_CHUNK: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _File:
    mark: tuple[int, int, int, int]
    """Inode, size, and the times of content and inode: equal where nothing was written."""
    owner: int
    size: int
    digest: str = ""
    """Empty until there was time to read it, and for a large file."""


class WebrootSource(Inventory):
    """``file_created``, ``file_changed`` and ``file_deleted`` of dataset ``host.file``."""

    kind = "webroot"

    def __init__(
        self,
        name: str,
        machine: Machine,
        roots: Iterable[Path],
        *,
        interval_us: int = INTERVAL_US,
        files_max: int = FILES_MAX,
    ) -> None:
        super().__init__(name, machine, interval_us=interval_us)
        self._roots = tuple(roots)
        self._files_max = files_max
        self._known: dict[str, _File] = {}
        self._seen: set[Path] = set()
        """Roots that were looked through since the start: the others have no baseline yet."""
        self._room = 0
        self._blind: list[str] = []
        """Beginnings of paths of which the last look saw nothing, or not all."""

    def look(self, last: int, now: int) -> Iterable[Fields]:  # noqa: ARG002 - the base's signature
        self._room, self.unread, self._blind = LOOK_BYTES_MAX, 0, []
        found: dict[str, _File] = {}
        for root in self._roots:
            before = self._below(root)
            if not root.is_dir() or not os.access(root, os.R_OK | os.X_OK):
                # What is below is not known now: nothing of it counts as deleted.
                self.refused[str(root)] += 1
                self.unread += 1
                found.update(before)
                continue
            fresh = root not in self._seen
            self._seen.add(root)
            for path, file in self._files(root, len(found)):
                if fresh:
                    self._known.setdefault(path, file)
                found[path] = file
        changes = list(self._changes(found, now))
        self._known = found
        self._read_baseline()
        yield from changes

    def _below(self, root: Path) -> dict[str, _File]:
        start = f"{root}{os.sep}"
        return {path: file for path, file in self._known.items() if path.startswith(start)}

    def _files(self, root: Path, count: int) -> Iterator[tuple[str, _File]]:
        """The plain files below a root, in order of their paths' folders."""
        waiting = [(str(root), 0)]
        while waiting:
            folder, depth = waiting.pop()
            try:
                with os.scandir(folder) as entries:
                    ordered = sorted(entries, key=lambda one: one.name)
            except OSError:
                self._refuse(folder, folder)
                continue
            for entry in ordered:
                try:
                    told = entry.stat(follow_symlinks=False)
                except OSError:
                    continue  # It went while we looked.
                if stat.S_ISDIR(told.st_mode):
                    if depth + 1 < DEPTH_MAX:
                        waiting.append((entry.path, depth + 1))
                    else:
                        self._refuse(entry.path, entry.path)
                elif stat.S_ISREG(told.st_mode):
                    count += 1
                    if count > self._files_max:
                        self._refuse("files past the limit", str(root))
                        return
                    mark = told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns
                    yield entry.path, _File(mark, told.st_uid, told.st_size)

    def _refuse(self, what: str, below: str) -> None:
        self.refused[what] += 1
        self.unread += 1
        self._blind.append(f"{below}{os.sep}")

    def _changes(self, found: dict[str, _File], now: int) -> Iterator[Fields]:
        """What differs from the last look; ``found`` is completed by what was read of it."""
        told = 0
        for path, file in found.items():
            before = self._known.get(path)
            if before is not None and before.mark == file.mark:
                found[path] = before
                continue
            if told >= PENDING_MAX or not self._has_room(file):
                # Left to the next look, as if it had not been seen.
                found[path] = before if before is not None else replace(file, mark=_UNSEEN)
                continue
            found[path] = read = replace(file, digest=self._digest(path, file))
            if before is None or before.mark == _UNSEEN:
                told += 1
                yield self._told("file_created", path, read, now)
            elif before.owner != read.owner or not before.digest or before.digest != read.digest:
                told += 1
                yield self._told("file_changed", path, read, now)
        blind = tuple(self._blind)
        for path in [path for path in self._known if path not in found]:
            before = self._known[path]
            if before.mark == _UNSEEN:
                continue
            # A folder that cannot be read now has lost no file.
            if told >= PENDING_MAX or path.startswith(blind):
                found[path] = before
                continue
            told += 1
            yield self._told("file_deleted", path, before, now)

    def _read_baseline(self) -> None:
        """Read what was there at the first look, a part each time."""
        for path, file in self._known.items():
            if self._room <= 0:
                return
            if not file.digest and file.mark != _UNSEEN and 0 < file.size <= HASHED_BYTES_MAX:
                self._known[path] = replace(file, digest=self._digest(path, file))

    def _has_room(self, file: _File) -> bool:
        return self._room > 0 or not 0 < file.size <= HASHED_BYTES_MAX

    def _digest(self, path: str, file: _File) -> str:
        """SM3 of a file, nothing for a large one or one that cannot be read."""
        if file.size > HASHED_BYTES_MAX:
            return ""
        try:
            # Never through a link, nor waiting for the other end of a pipe put in its place.
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            self.refused["file.hash.sm3"] += 1
            return ""
        state, left = sm3.new(), HASHED_BYTES_MAX
        try:
            while left > 0 and (chunk := os.read(handle, min(left, _CHUNK))):
                state.update(chunk)
                left -= len(chunk)
                self._room -= len(chunk)
        except OSError:
            return ""
        finally:
            os.close(handle)
        return state.digest().hex()

    def _told(self, action: str, path: str, file: _File, now: int) -> Fields:
        name = Path(path).name
        fields: Fields = {
            "@timestamp": times.to_text(now),
            "event.action": action,
            "event.dataset": "host.file",
            "file.name": shown(name),
            "file.owner": self.machine.user_of(file.owner),
            "file.path": shown(path),
            "file.size": file.size,
            "host.name": self.machine.host,
        }
        extension = Path(name).suffix.lstrip(".")
        more: Mapping[str, str] = {
            "file.extension": shown(extension.lower()),
            "file.hash.sm3": file.digest,
        }
        fields.update({key: text for key, text in more.items() if text})
        return fields


_UNSEEN: Final = (-1, -1, -1, -1)
"""The mark of a file that is there and was not told yet."""
