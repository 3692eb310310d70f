"""History: the batches that were taken in, read again for a trial or a replay; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from collector import rereading
from collector.control import SENSOR as CONTROL
from collector.door import known_sensors
from collector.geo.geography import FOLDER, Geography
from collector.judged import judged
from collector.state import chains
from collector.state.database import Readable
from schema import log, tombstone
from schema.event import AcceptedBatch
from schema.log import Cursor

_ROWS: Final = 64
"""Batches read at once: a few megabytes."""


class History:
    """The log of one folder up to where intake has come."""

    def __init__(self, segments: Path, database: Readable) -> None:
        self._segments = segments
        self._database = database
        self._geography = Geography(segments.parent / FOLDER)

    def sensors(self) -> list[str]:
        """Sensors whose events rules judge."""
        return list(known_sensors(self._segments))

    def batches(self, sensor: str, since: int) -> Iterator[AcceptedBatch]:
        """The sensor's batches with an event at or after ``since``, in order."""
        reader = log.Reader(self._segments / sensor, Cursor(number=0))
        # Led by the log: what has expired is not there, whatever the state still knows of it.
        while found := reader.read(_ROWS):
            rows = chains.load_batches(
                self._database, sensor, after=found[0].header.number - 1, count_max=len(found)
            )
            for batch in found:
                row = rows.get(batch.header.number)
                if row is not None and batch.header.max_time >= since:
                    yield judged(rereading.again(batch, row, self._geography))
            if not rows and found[-1].header.number > tombstone.gone(self._segments / sensor):
                # Not taken in yet.
                return

    def expired_to(self) -> dict[str, int]:
        """Until when (microseconds UTC) events of a sensor may be gone, where any are.

        Our own records are left out: rules look back on them by minutes, not by months.
        """
        found: dict[str, int] = {}
        for sensor in self.sensors():
            if sensor == CONTROL:
                continue
            stones = tombstone.read(self._segments / sensor).stones
            if stones:
                # A clock far ahead tells nothing: no event is later than its receipt.
                found[sensor] = max(min(one.last_at, one.received_at) for one in stones)
        return found
