"""Rotation: which files may hold what was once written under a path, and which of them does.

logrotate and its like name what they put aside after the log itself: ``app.log.1``,
``app.log-20261123``, ``app.log.2026-11-23_00.gz``. Files moved elsewhere are looked for where the
settings say.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sensors.logfile import GzipHandle, PlainHandle, holds, open_handle
from sensors.marks import Mark

SIBLINGS_MAX: Final = 256
"""Rotated files looked at, newest first: most of a year of daily ones."""

_SUFFIX: Final = re.compile(r"(?:[-._]\d[\d.:T_-]{0,39}|\.old)(?:\.gz)?\Z|\.gz\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A file that is there now."""

    path: Path
    device: int
    inode: int
    changed: int
    """Its time of change, nanoseconds."""
    altered: int
    """When anything about it was altered last, nanoseconds: nobody can set this one back."""
    size: int
    """Bytes."""

    @property
    def identity(self) -> tuple[int, ...]:
        """Differs once anything was done to the file or in its place."""
        return self.device, self.inode, self.changed, self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The file a mark is of, opened."""

    place: Candidate
    handle: PlainHandle | GzipHandle


def base_of(path: str) -> str:
    """The path without a rotation suffix; the same path where it has none."""
    return _SUFFIX.sub("", path)


def expand(pattern: str) -> list[str]:
    """The paths a pattern matches now, sorted; a path without wildcards as it is."""
    if not any(char in pattern for char in "*?["):
        return [pattern]
    whole = Path(pattern).absolute()
    found = Path(whole.anchor).glob(str(whole.relative_to(whole.anchor)))
    return sorted(str(path) for path in found)


def folder_of(pattern: str) -> str:
    """The deepest folder a pattern names without wildcards; of a plain path the one it is in."""
    parts = list(Path(pattern).parts[:-1])
    wild = next((at for at, part in enumerate(parts) if any(char in part for char in "*?[")), None)
    return str(Path(*parts[:wild])) if parts else "."


def beside(paths: Sequence[str]) -> list[str]:
    """Everything that stands in the folders of these paths."""
    found: list[str] = []
    for folder in {Path(path).parent for path in paths}:
        with suppress(OSError):
            found += [entry.path for entry in os.scandir(folder)]
    return found


def must_be_allowed(path: Path) -> None:
    """Raise ``PermissionError`` where nobody lets us see whether there is a file."""
    try:
        path.stat()
    except PermissionError:
        raise
    except OSError:
        return


def candidate(path: Path) -> Candidate | None:
    """The regular file at the path; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return Candidate(
        path=path,
        device=status.st_dev,
        inode=status.st_ino,
        changed=status.st_mtime_ns,
        altered=status.st_ctime_ns,
        size=status.st_size,
    )


def rotated(path: str, elsewhere: Sequence[str]) -> list[Candidate]:
    """What rotation has put aside from this path, oldest first; empty files are no news.

    A compressed file whose uncompressed one is still there is left out: it is being written.
    """
    found = {str(one.path): one for one in _beside(Path(path))}
    for pattern in elsewhere:
        for name in expand(pattern):
            one = candidate(Path(name))
            if one and name != path:
                found[name] = one
    whole = [
        one
        for name, one in found.items()
        if one.size and name.removesuffix(".gz") not in found.keys() - {name}
    ]
    return sorted(whole, key=lambda one: one.changed)[-SIBLINGS_MAX:]


def _beside(path: Path) -> Iterator[Candidate]:
    try:
        entries = [entry.name for entry in os.scandir(path.parent)]
    except OSError:
        return
    for name in entries:
        if name.startswith(path.name) and _SUFFIX.fullmatch(name[len(path.name) :]):
            one = candidate(path.parent / name)
            if one:
                yield one


def find(
    mark: Mark, among: Sequence[Candidate], but: Collection[tuple[int, int]] = ()
) -> Found | None:
    """The file that holds what the mark says, opened; the one with its inode is tried first.

    A copy is never older than what was read; of several, the first made is the right one, since
    later ones may begin alike. Raises ``OSError`` where the file with the mark's inode may not be
    read: the mark must then be kept.
    """

    def is_other(one: Candidate) -> bool:
        return (one.device, one.inode) != (mark.device, mark.inode)

    for one in sorted(among, key=is_other):
        is_older = one.changed < mark.changed and is_other(one)
        if is_older or (one.device, one.inode) in but:
            continue
        try:
            handle = open_handle(one.path)
        except OSError:
            if not is_other(one):
                raise
            continue
        if holds(handle, mark):
            return Found(place=one, handle=handle)
        handle.close()
    return None


def copy_of(mark: Mark, among: Sequence[Candidate]) -> Candidate | None:
    """As :func:`find`, without opening it for good."""
    found = find(mark, among)
    if found is None:
        return None
    found.handle.close()
    return found.place
