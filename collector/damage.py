"""Damage: what a re-enrolment does with the part of a chain that nobody can read any more.

It is put aside beside the segments under a name of its own, byte for byte; the chain then ends
with its last readable batch, which the new enrolment names. A check goes on naming what is missing.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from schema import log, segment
from schema.disk import PosixDisk, replace_file
from schema.errors import FengsuiError

_logger = logging.getLogger(__name__)

ASIDE: Final = ".damaged"
"""Ends the names of files put aside: they are no segments any more."""


def readable_end(folder: Path, after: int) -> int:
    """Number of the last batch that can be read behind ``after``; damage is put aside.

    What was taken in up to ``after`` counts as read. Raises ``OSError`` when the disk refuses.
    """
    number = after
    while True:
        reader = log.Reader(folder, log.Cursor(number=number))
        try:
            # Opened as the chain's next writer will: it looks at what lies before, too.
            while reader.read(1):
                pass
            log.Writer(folder)
        except FengsuiError as error:
            if not error.code.startswith("schema.segment."):
                raise
            number = reader.cursor.number
            _put_aside(Path(str(error.params["path"])), int(error.params.get("offset", 0)))
        else:
            return reader.cursor.number


def _put_aside(path: Path, offset: int) -> None:
    """Move the segment from its damage on, and all behind it, out of the chain's way."""
    disk = PosixDisk()
    _logger.warning("a damaged segment is put aside", extra={"path": str(path), "offset": offset})
    for name in log.segment_names(path.parent, disk):
        if name > path.name:
            (path.parent / name).rename(_free(path.parent / (name + ASIDE)))
    if offset <= len(segment.MAGIC):
        path.rename(_free(path.with_name(path.name + ASIDE)))
        return
    replace_file(_free(path.with_name(path.name + ASIDE)), path.read_bytes())
    disk.truncate(path, offset)


def _free(path: Path) -> Path:
    """The path, or the first free one like it: nothing put aside is ever written over."""
    found, count = path, 1
    while found.exists():
        count += 1
        found = path.with_name(f"{path.name}-{count}")
    return found
