"""Places: where a page of events ended, in the same words whatever holds the events."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schema.errors import FengsuiError
from schema.event import TIME
from schema.ports import EventHit
from schema.times import from_text

PAGE_MAX: Final = 1000
BUCKETS_MAX: Final = 10_000
INTERVAL: Final = re.compile(r"@timestamp/(60|3600|86400)")
"""The fields that count by minute, hour or day."""
ID: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: newest first by time, sensor, batch, index."""

    time: int
    sensor: str
    number: int
    index: int

    def text(self) -> str:
        """The cursor a reader hands back."""
        return f"{self.time}.{self.number}.{self.index}.{self.sensor}"


def next_cursor(hits: Sequence[EventHit], limit: int) -> str:
    """The cursor behind the last hit of the page, empty where there are no more than the limit."""
    if len(hits) <= limit:
        return ""
    last = hits[limit - 1]
    return Place(from_text(str(last.fields[TIME])), last.sensor, last.number, last.index).text()


def place_of(text: str) -> Place:
    """The place a cursor names; raises ``collector.index.cursor``."""
    time, number, index, sensor = (text.split(".", 3) + [""] * 3)[:4]
    if not (time.isdecimal() and number.isdecimal() and index.isdecimal() and len(time) < 19):
        raise FengsuiError("collector.index.cursor", "the cursor is not one this list gave")
    return Place(int(time), sensor, int(number), int(index))
