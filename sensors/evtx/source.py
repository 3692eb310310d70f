"""EvtxSource: one ``.evtx`` file as a source, by its record numbers; a growing one is followed.

The position is the number of the last record and a mark of its bytes. A file in which that number
stands for another record, or which ends before it, is another log: it is read from its beginning
under a new generation. Numbers that are skipped (overwritten before they were read, or damaged)
are counted as trouble. A copy under another name is another log.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from crypto import sm3
from schema import times
from schema.batch import Position
from schema.errors import FengsuiError
from schema.event import TIME, Fields
from sensors.evtx.file import EvtxFile, Read
from sensors.source import Polled
from sensors.sources.contract import Context
from sensors.sources.windows_xml import WindowsXml

FORMAT: Final = "evtx"
"""Its name in settings, in place of a format of lines."""
LOOK_EVERY_US: Final = 2 * times.SECOND
"""Between two looks at a file that was read to its end: a look reads the head of each chunk."""
POLL_BYTES_MAX: Final = 256 * 1024
"""XML of one poll, as :mod:`sensors.tail` has it of lines: the sensor's batches count on it."""
LATENESS_US: Final = 2 * times.SECOND


class EvtxSource:
    """See :class:`sensors.source.Source`."""

    kind = FORMAT

    def __init__(self, name: str, path: str, *, context: Context) -> None:
        self.name = name
        self._path = Path(path)
        self._context = context
        self._form = WindowsXml()
        self._begun = 1
        self._number = 0
        self._mark = ""
        self._looked_at: int | None = None
        self._missing = 0
        self._damaged = 0
        self._problem = ""
        self._watermark = 0

    def restore(self, position: Position) -> None:
        """Go on behind a sealed record; raises ``sensors.position.malformed``."""
        try:
            begun, _, self._mark = position.generation.partition(",")
            if len(self._mark) not in (0, 16):
                raise ValueError(self._mark)
            self._begun = int(begun, 16)
        except ValueError as error:
            raise FengsuiError(
                "sensors.position.malformed",
                f"the sealed position {position.generation[:60]!r} is not one of an EVTX source: "
                "the source was of another kind; give it a new name",
            ) from error
        self._number = position.offset

    def poll(self, limit: int) -> Polled:
        """See :class:`sensors.source.Source`."""
        now = self._context.now()
        reads: list[Read] = []
        at_end = True
        if self._looked_at is None or abs(now - self._looked_at) >= LOOK_EVERY_US:
            try:
                reads, at_end = self._take(limit)
                self._problem = ""
            except FileNotFoundError:
                self._problem = ""
            except (OSError, FengsuiError) as error:
                why = error.strerror if isinstance(error, OSError) else str(error)
                self._problem = f"{self._path}: {why}"
            self._looked_at = now if at_end else None
        events: list[Fields] = self._form.parse([one.xml for one in reads], self._context)
        generation = self._generation()
        reached = now if at_end else min(times.from_text(str(one[TIME])) for one in events)
        self._watermark = max(self._watermark, min(now, reached) - LATENESS_US)
        return Polled(
            events=events,
            places=[(generation, one.number) for one in reads],
            position=Position(generation=f"{self._begun:x},{self._mark}", offset=self._number),
            watermark=self._watermark,
            at_end=at_end,
            troubles={
                "records_missing": self._missing,
                "chunks_damaged": self._damaged,
                "unreadable": int(bool(self._problem)),
            },
            problem=self._problem,
        )

    def _take(self, limit: int) -> tuple[list[Read], bool]:
        """The next records, and whether the file has no more now."""
        found: list[Read] = []
        size = 0
        with EvtxFile(self._path) as file:
            self._damaged = file.damaged
            self._begin_anew_where_replaced(file)
            for one in file.after(self._number):
                if self._number:
                    self._missing += one.number - self._number - 1
                self._number, self._mark = one.number, one.mark
                found.append(one)
                size += len(one.xml)
                if len(found) >= limit or size >= POLL_BYTES_MAX:
                    return found, False
        return found, True

    def _begin_anew_where_replaced(self, file: EvtxFile) -> None:
        if not self._number:
            return
        mark = file.mark_of(self._number)
        last = file.last
        # An empty file is one just made, or cleared: what comes into it will tell.
        is_other = bool(mark and self._mark and mark != self._mark) or 0 < last < self._number
        if is_other:
            self._begun += 1
            self._number, self._mark = 0, ""

    def _generation(self) -> str:
        """Two logs under one path keep apart by how many were begun there."""
        path = sm3.digest(os.fsencode(self._path)).hex()[:8]
        return f"{self._begun:x}.{path}"
