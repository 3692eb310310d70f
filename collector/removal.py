"""Removal: what follows a tombstone. Index rows, state rows and marks go first, the file last.

Each step can be done again with the same result, so whatever a crash cuts short the next start
finds the tombstone and ends: the folder verifies in between.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from collector import segmentfacts
from collector.idindex import IdIndex
from collector.segmentfacts import SegmentFacts
from collector.state import kept
from collector.state.database import Database
from collector.state.kept import Gone
from schema import log, segment, tombstone
from schema.disk import PosixDisk, remove_file
from schema.errors import FengsuiError
from schema.ports import EventIndex, Expired
from schema.retention import Periods
from schema.tombstone import Tombstone

_logger = logging.getLogger(__name__)

CONTROL: Final = "collector"


class Removal:
    """Takes away what tombstones stand for, in one data folder."""

    def __init__(
        self,
        segments: Path,
        *,
        database: Database,
        index: EventIndex,
        ids: IdIndex,
        periods: Periods,
    ) -> None:
        self._segments = segments
        self._database = database
        self._index = index
        self._ids = ids
        self._periods = periods

    def resume(self) -> None:
        """Finish what a crash cut short, or what a restored state does not know of yet."""
        done = kept.numbers(self._database)
        disk = PosixDisk()
        for sensor in log.sensors(self._segments, disk):
            stones = tombstone.read(self._segments / sensor, disk)
            if stones.last is None:
                continue
            for stone in stones.stones:
                stands = (self._segments / sensor / stone.segment).exists()
                if stands or stone.last > done.get(sensor, 0):
                    _logger.warning("an expiry is finished", extra={"segment": stone.segment})
                    self.finish(stone, self._facts(stone) if stands else None)

    def finish(self, stone: Tombstone, facts: SegmentFacts | None) -> dict[tuple[str, str], int]:
        """Take away what the tombstone stands for; returns the marks that went with it."""
        folder = self._segments / stone.sensor
        self._index.expire(
            [
                Expired(
                    sensor=stone.sensor,
                    number=stone.last,
                    first_at=stone.first_at,
                    last_at=stone.last_at,
                )
            ]
        )
        marks = self._finished_files(stone, facts)
        kept.forget(
            self._database,
            Gone(
                sensor=stone.sensor,
                number=stone.last,
                oldest_at=self._oldest_behind(stone),
                marks=marks,
            ),
        )
        self._ids.expired(stone.sensor, stone.segment)
        remove_file(folder / stone.segment)
        return marks

    def _facts(self, stone: Tombstone) -> SegmentFacts | None:
        path = self._segments / stone.sensor / stone.segment
        try:
            return segmentfacts.read(path, self._periods)
        except FengsuiError:
            # Marks that nobody asks for any more stay: they do no harm.
            return None

    def _finished_files(
        self, stone: Tombstone, facts: SegmentFacts | None
    ) -> dict[tuple[str, str], int]:
        """Marks of files whose events are all gone and that the sensor reads no more."""
        names = log.segment_names(self._segments / stone.sensor, PosixDisk())
        if facts is None or not names:
            return {}
        head = segmentfacts.newest_header(self._segments / stone.sensor / names[-1])
        if head is None:
            return {}
        read = {position.generation for position in head.positions.values()}
        return {file: offset for file, offset in facts.marks.items() if file[1] not in read}

    def _oldest_behind(self, stone: Tombstone) -> int:
        """Of the oldest batch left once the tombstone's segment is gone."""
        folder = self._segments / stone.sensor
        for name in log.segment_names(folder, PosixDisk()):
            if segment.first_number(name) > stone.last:
                return oldest_of(self._database, folder / name) or stone.received_at
        return stone.received_at


def oldest_of(database: Database, path: Path) -> int | None:
    """The earliest event of a segment's first batch, or its receipt where that is earlier."""
    head = segmentfacts.oldest_header(path)
    if head is None:
        return None
    received = kept.received(database, head.sensor, head.number)
    return min(head.min_time, received or head.min_time)
