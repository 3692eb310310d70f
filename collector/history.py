"""History: the batches that were taken in, read again for a trial or a replay; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from collector import rereading
from collector.control import SENSOR as CONTROL
from collector.door import known_sensors
from collector.state import chains
from collector.state.database import Readable
from schema import log
from schema.event import AcceptedBatch
from schema.log import Cursor

_ROWS: Final = 64
"""Batches read at once: a few megabytes."""


class History:
    """The log of one folder up to where intake has come."""

    def __init__(self, segments: Path, database: Readable) -> None:
        self._segments = segments
        self._database = database

    def sensors(self) -> list[str]:
        """Sensors whose events rules judge."""
        return [sensor for sensor in known_sensors(self._segments) if sensor != CONTROL]

    def batches(self, sensor: str, since: int) -> Iterator[AcceptedBatch]:
        """The sensor's batches with an event at or after ``since``, in order."""
        number = 0
        reader = log.Reader(self._segments / sensor, Cursor(number=0))
        while rows := chains.load_batches(self._database, sensor, after=number, count_max=_ROWS):
            for batch in reader.read(len(rows)):
                number = batch.header.number
                row = rows.get(number)
                if row is not None and batch.header.max_time >= since:
                    yield rereading.again(batch, row)
            if number < max(rows):
                # Taken in, but gone from the log: what is left is what can be judged.
                return
