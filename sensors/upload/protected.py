"""Protected files: SM3 hashes of the register ``classified_files``, as it is exported.

One file a line, its hash first; what stands behind a comma or blank is for people. Read again
whenever the file has changed, so that an export needs no restart.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from schema.errors import FengsuiError
from sensors.upload.budget import unchecked

BYTES_MAX: Final = 64 * 1024 * 1024
"""Of the list: about half a million files with their remarks."""
_HEADER: Final = "file_sm3"
_HASH: Final = re.compile(r"[0-9a-f]{64}")


class Protected:
    """The hashes of one file; without a path there are none.

    Raises ``sensors.upload.protected`` when it is made and its file is not such a list.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._mark: tuple[int, int, int] | None = None
        self._hashes: frozenset[str] = frozenset()
        self._load()

    def holds(self, sm3: str) -> bool:
        """Whether the hash is listed now; ``sensors.upload.unchecked`` where nobody can tell."""
        try:
            self._load()
        except FengsuiError as error:
            raise unchecked("no_list") from error
        return sm3 in self._hashes

    def _load(self) -> None:
        if self._path is None:
            return
        try:
            told = self._path.stat()
            mark = told.st_ino, told.st_size, told.st_mtime_ns
            if mark == self._mark:
                return
            if told.st_size > BYTES_MAX:
                raise _wrong(self._path, f"it has more than {BYTES_MAX} bytes")
            text = self._path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise _wrong(self._path, str(error)) from error
        self._hashes = frozenset(_hashes(self._path, text))
        self._mark = mark


def _hashes(path: Path, text: str) -> list[str]:
    found: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        first = line.replace(",", " ").replace('"', " ").split(maxsplit=1)
        if not first or line.startswith("#") or (number == 1 and first[0] == _HEADER):
            continue
        if not _HASH.fullmatch(first[0].lower()):
            raise _wrong(path, f"line {number} does not begin with an SM3 hash")
        found.append(first[0].lower())
    return found


def _wrong(path: Path, why: str) -> FengsuiError:
    return FengsuiError(
        "sensors.upload.protected",
        f"the list of protected files {path} cannot be read: {why}",
        path=str(path),
        why=why,
    )
