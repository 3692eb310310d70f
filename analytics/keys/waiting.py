"""Waiting: the reorder buffer, hits the watermark has not passed, by their event time.

Hits lie on short pages of event time, so that an advance costs what it releases, however much
still waits. In a snapshot each page is a few entries: one more whenever hits were added.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

import msgspec

from analytics.memory import Carried, Hit
from schema.times import SECOND

PAGE_US: Final = SECOND // 8
"""Only the page the watermark stands in is looked through more than once."""

PREFIX: Final = "wait"

Row: TypeAlias = "tuple[int, str, int, bytes, str, str, int, int, *tuple[Carried, ...]]"
"""(event time, sensor, sequence, event id, name of the evaluator, entity, bucket, bits of the
steps, carried values…): a hit and whose it is. Flat, so that the garbage collector looks at it
once. Rows sort in the one order of the product."""

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[list[object]]).decode


def hit_of(row: Row) -> Hit:
    """The hit of a row."""
    return (*row[:4], row[7], row[8:])


def row_of(hit: Hit, name: str, entity: str, bucket: int) -> Row:
    """The row of a hit of an entity."""
    return (hit[0], hit[1], hit[2], hit[3], name, entity, bucket, hit[4], *hit[5])


def rows_of(raw: bytes) -> list[Row]:
    """The rows of one entry of a snapshot; raises ``msgspec.DecodeError``."""
    nested = [([*row[:4], row[7], row[8:]], *row[4:7]) for row in _decode(raw)]
    return [row_of(*one) for one in msgspec.convert(nested, list[tuple[Hit, str, str, int]])]


class Waiting:
    """The waiting hits of one partition; ``place`` tells its entries from other partitions'."""

    __slots__ = ("_count", "_mixed", "_numbers", "_pages", "_place", "_touched", "_written")

    def __init__(self, place: str) -> None:
        self._place = place
        self._pages: dict[int, list[Row]] = {}
        self._count = 0
        """Rows on all pages."""
        self._numbers: list[int] = []
        self._touched: set[int] = set()
        """Pages that have changed since the snapshot before."""
        self._mixed: set[int] = set()
        """Those of them whose rows are not only added to: they are written anew."""
        self._written: dict[int, tuple[int, int]] = {}
        """(rows, entries) of each page in the snapshot before."""

    def add(self, rows: Iterable[Row]) -> None:
        """Hold hits until the watermark passes them."""
        pages, touched = self._pages, self._touched
        for row in rows:
            number = row[0] // PAGE_US
            page = pages.get(number)
            if page is None:
                pages[number] = [row]
                heapq.heappush(self._numbers, number)
            else:
                page.append(row)
            self._count += 1
            touched.add(number)

    def release(self, watermark: int) -> list[Row]:
        """Take all hits of before the watermark, in order."""
        found: list[Row] = []
        while self._numbers and self._numbers[0] * PAGE_US < watermark:
            number = self._numbers[0]
            rows = self._pages[number]
            rows.sort()
            self._mix(number)
            if (number + 1) * PAGE_US > watermark:
                place = bisect_left(rows, (watermark,))
                found += rows[:place]
                del rows[:place]
                if rows:
                    break
            else:
                found += rows
            heapq.heappop(self._numbers)
            del self._pages[number]
        self._count -= len(found)
        return found

    def cancel(self, name: str, entity: str, hits: Sequence[Hit]) -> None:
        """Take hits of an entity away."""
        for hit in hits:
            number = hit[0] // PAGE_US
            rows = self._pages.get(number)
            if rows is not None:
                self._count -= len(rows)
                rows[:] = [row for row in rows if row[4:6] != (name, entity) or hit_of(row) != hit]
                self._count += len(rows)
                self._mix(number)

    def _mix(self, number: int) -> None:
        self._touched.add(number)
        self._mixed.add(number)

    def snapshot(self) -> Iterator[tuple[str, bytes]]:
        """Entries changed since last asked; empty bytes for those that are gone."""
        for number in self._touched:
            rows = self._pages.get(number, ())
            count, entries = self._written.pop(number, (0, 0))
            if number in self._mixed:
                for entry in range(entries):
                    yield self._name(number, entry), b""
                count = entries = 0
            if len(rows) > count:
                yield self._name(number, entries), _encode(rows[count:])
                entries += 1
            if entries:
                self._written[number] = len(rows), entries
        self._touched.clear()
        self._mixed.clear()

    def _name(self, number: int, entry: int) -> str:
        return f"{PREFIX}/{self._place}/{number}/{entry}"

    def __iter__(self) -> Iterator[Row]:
        """All rows, those of the earliest pages first."""
        for number in sorted(self._pages):
            yield from self._pages[number]

    def __len__(self) -> int:
        return self._count
