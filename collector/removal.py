"""Removal: what follows a tombstone. Index rows, state rows and marks go first, the file last.

Each step can be done again with the same result, so whatever a crash cuts short the next start
finds the tombstone and ends: the folder verifies in between.
"""

from __future__ import annotations

import logging
from pathlib import Path

from collector import segmentfacts
from collector.idindex import IdIndex
from collector.state import kept
from collector.state.database import Database
from collector.state.kept import Gone
from schema import log, segment, tombstone
from schema.disk import PosixDisk, remove_file
from schema.ports import EventIndex, Expired
from schema.tombstone import Tombstone

_logger = logging.getLogger(__name__)


class Removal:
    """Takes away what tombstones stand for, in one data folder."""

    def __init__(
        self,
        segments: Path,
        *,
        database: Database,
        index: EventIndex,
        ids: IdIndex,
    ) -> None:
        self._segments = segments
        self._database = database
        self._index = index
        self._ids = ids

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
                    self.finish(stone)

    def finish(self, stone: Tombstone) -> list[tuple[str, str]]:
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
        marks = kept.forget(
            self._database,
            Gone(
                sensor=stone.sensor,
                number=stone.last,
                oldest_at=self._oldest_behind(stone),
                reading=self._reading(folder),
            ),
        )
        self._ids.expired(stone.sensor, stone.segment)
        remove_file(folder / stone.segment)
        return marks

    def _reading(self, folder: Path) -> set[str]:
        """File generations the newest header still names."""
        for name in reversed(log.segment_names(folder, PosixDisk())):
            head = segmentfacts.newest_header(folder / name)
            if head is not None:
                return {position.generation for position in head.positions.values()}
        return set()

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
