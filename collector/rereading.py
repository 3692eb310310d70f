"""Rereading: batches already taken in, column for column as they were then.

The analytics tier catches up from its own cursor after a crash: what was left out at first is
left out again, and receipts and watermarks are those recorded, whatever the clock says now.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from collector import columns
from collector.geo.geography import FOLDER, Geography
from collector.state import chains
from collector.state.chains import BatchRow, ChainState
from collector.state.database import Database
from schema import batch as batches
from schema import log
from schema.batch import Batch
from schema.event import AcceptedBatch
from schema.log import Cursor


class Rereader:
    """Follows the log up to where intake has come; keeps a place for each sensor."""

    def __init__(
        self, segments: Path, database: Database, taken: Callable[[str], ChainState]
    ) -> None:
        self._segments = segments
        self._database = database
        self._taken = taken
        self._readers: dict[str, log.Reader] = {}
        self._geography = Geography(segments.parent / FOLDER)

    def read(self, sensor: str, after_number: int, count_max: int) -> list[AcceptedBatch]:
        """Batches behind that number, at most ``count_max``; empty once intake is reached."""
        last = self._taken(sensor).number
        rows = chains.load_batches(self._database, sensor, after=after_number, count_max=count_max)
        if not rows or after_number >= last:
            self._readers.pop(sensor, None)
            return []
        reader = self._readers.get(sensor)
        if reader is None or reader.cursor.number != after_number:
            reader = log.Reader(self._segments / sensor, Cursor(number=after_number))
        found = reader.read(len(rows))
        self._readers[sensor] = reader
        return [
            again(batch, rows[batch.header.number], self._geography)
            for batch in found
            if batch.header.number in rows
        ]

    def rewritten(self, sensor: str) -> None:
        """A segment was swapped: the place in it is not where it was."""
        self._readers.pop(sensor, None)


def again(batch: Batch, row: BatchRow, geography: Geography) -> AcceptedBatch:
    """A batch of the log as it was taken in."""
    found = columns.read_again(batch, batches.verify_body(batch), frozenset(row.dropped))
    return columns.accepted(
        found, batch, received_at=row.received_at, low_watermark=row.low_watermark,
        geography=geography,
    )  # fmt: skip
