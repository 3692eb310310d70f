"""The two file forms of the id index: a journal of an open segment, a sorted file of a closed one.

Journal: blocks of head (magic, number, receipt, counts, CRC32C of the whole block), leaf
beginnings, ids, indexes. Sorted: magic, counts, CRC32C of all the rest, a table of batches (number,
receipt, place in the segment, leaves), the leaf beginnings, then records of id, batch number and
index in id order. A file whose sum is wrong is no index.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import crc32c
import numpy as np
import numpy.typing as npt

from schema import segment
from schema.disk import replace_file

LEAF_BYTES: Final = 8
"""Enough to name a changed event; the proof itself uses the whole leaf."""

_JOURNAL_MAGIC: Final = b"FSJ2"
_SORTED_MAGIC: Final = b"FSIDX002"
_BLOCK: Final = struct.Struct("<4sQqHHI")
_SORTED_HEAD: Final = struct.Struct("<8sIII")
_RECORD: Final = np.dtype([("high", ">u8"), ("low", ">u8"), ("number", "<u4"), ("index", "<u2")])
_BATCH: Final = np.dtype(
    [("number", "<u8"), ("received", "<i8"), ("offset", "<u8"), ("count", "<u4"), ("leaf", "<u4")]
)
_FRAME_HEAD: Final = struct.Struct("<cII")
_SUM_BYTES: Final = 4
_SUM_STEP: Final = 1024 * 1024
_GROW: Final = 4096

Place = tuple[int, int, int]
"""Batch number, index in it, receipt time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One accepted batch: every leaf, and the ids of the events that were let in."""

    number: int
    received_at: int
    leaves: Sequence[bytes]
    ids: Sequence[bytes]
    indexes: Sequence[int]


def open_path(segment_path: Path) -> Path:
    """Where the journal of a segment lies."""
    return segment_path.with_suffix(".ids")


def closed_path(segment_path: Path) -> Path:
    """Where the sorted index of a segment lies."""
    return segment_path.with_suffix(".idx")


def _records(number: int, id_bytes: bytes, indexes: Sequence[int]) -> npt.NDArray[np.void]:
    records = np.zeros(len(indexes), dtype=_RECORD)
    halves = np.frombuffer(id_bytes, dtype=">u8").reshape(-1, 2)
    records["high"], records["low"] = halves[:, 0], halves[:, 1]
    records["number"] = number
    records["index"] = indexes
    return records


class Open:
    """The journal of a segment that still grows, held in memory for looking up."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._records = np.zeros(_GROW, dtype=_RECORD)
        # Apart and dense, so that looking through all of them stays well under a millisecond.
        self._highs = np.zeros(_GROW, dtype=np.uint64)
        self._count = 0
        self._leaves: dict[int, bytes] = {}
        self._offsets: dict[int, int] = {}
        self._scanned = len(segment.MAGIC)
        self.numbers: dict[int, int] = {}
        """Receipt time by number of the batches noted."""
        self._load()

    def add(self, block: Block) -> None:
        """Note a batch here and in the file; not flushed: it can be worked out again."""
        if block.number in self.numbers:
            return
        leaves = b"".join([leaf[:LEAF_BYTES] for leaf in block.leaves])
        id_bytes = b"".join(block.ids)
        index_bytes = np.asarray(block.indexes, dtype="<u2").tobytes()
        payload = leaves + id_bytes + index_bytes
        told = (block.number, block.received_at, len(block.leaves), len(block.ids))
        head = _BLOCK.pack(_JOURNAL_MAGIC, *told, 0)
        head = _BLOCK.pack(_JOURNAL_MAGIC, *told, _block_sum(head, payload))
        with self._path.open("ab") as file:
            file.write(head + payload)
        self._take(block.number, block.received_at, leaves, id_bytes, block.indexes)

    def find(self, event_id: bytes) -> Place | None:
        """Where the event lies."""
        high, low = struct.unpack(">QQ", event_id)
        count, records = self._count, self._records
        for at in np.flatnonzero(self._highs[:count] == np.uint64(high)):
            if records["low"][at] == low:
                number = int(records["number"][at])
                return number, int(records["index"][at]), self.numbers[number]
        return None

    def leaves(self) -> dict[int, list[bytes]]:
        """Leaf beginnings by batch number."""
        return {number: _cut(leaves) for number, leaves in self._leaves.items()}

    def offset_of(self, segment_path: Path, number: int) -> int:
        """Where the batch's frame begins in the segment, 0 when unknown."""
        if number not in self._offsets:
            self._scanned = _frame_offsets(
                segment_path, self._scanned, max(self.numbers, default=0), self._offsets
            )
        return self._offsets.get(number, 0)

    def forget_offsets(self) -> None:
        """The segment was rewritten."""
        self._offsets.clear()
        self._scanned = len(segment.MAGIC)

    def sort(self, segment_path: Path, path: Path) -> Closed:
        """Write the sorted form of a segment that is closed."""
        numbers = sorted(self.numbers)
        self.forget_offsets()
        self.offset_of(segment_path, numbers[-1] if numbers else 0)
        table = np.zeros(len(numbers), dtype=_BATCH)
        leaf_at = 0
        for row, number in enumerate(numbers):
            count = len(self._leaves[number]) // LEAF_BYTES
            table[row] = (
                number, self.numbers[number], self._offsets.get(number, 0), count, leaf_at
            )  # fmt: skip
            leaf_at += count
        records = np.sort(self._records[: self._count], order=("high", "low", "number"))
        rest = b"".join(
            (
                table.tobytes(),
                *(self._leaves[number] for number in numbers),
                records.tobytes(),
            )
        )
        counts = (len(numbers), len(records))
        replace_file(path, _SORTED_HEAD.pack(_SORTED_MAGIC, *counts, crc32c.crc32c(rest)) + rest)
        closed = Closed.load(path)
        assert closed is not None
        return closed

    def _take(
        self, number: int, received_at: int, leaves: bytes, id_bytes: bytes, indexes: Sequence[int]
    ) -> None:
        records = _records(number, id_bytes, indexes)
        while self._count + len(records) > len(self._records):
            self._records = np.concatenate((self._records, np.zeros_like(self._records)))
            self._highs = np.concatenate((self._highs, np.zeros_like(self._highs)))
        self._records[self._count : self._count + len(records)] = records
        self._highs[self._count : self._count + len(records)] = records["high"]
        self._leaves[number] = leaves
        self.numbers[number] = received_at
        # Last, so that a reader in another thread finds whole entries only.
        self._count += len(records)

    def _load(self) -> None:
        if not self._path.exists():
            return
        raw = self._path.read_bytes()
        at = 0
        while at + _BLOCK.size <= len(raw):
            magic, number, received_at, leaf_count, id_count, checksum = _BLOCK.unpack_from(raw, at)
            start = at + _BLOCK.size
            ids_at = start + leaf_count * LEAF_BYTES
            indexes_at = ids_at + id_count * 16
            end = indexes_at + id_count * 2
            if magic != _JOURNAL_MAGIC or _block_sum(raw[at:start], raw[start:end]) != checksum:
                break
            indexes = np.frombuffer(raw[indexes_at:end], dtype="<u2")
            self._take(
                number, received_at, raw[start:ids_at], raw[ids_at:indexes_at], indexes.tolist()
            )
            at = end
        if at < len(raw):
            # Half a block: cut, so that the next one is found.
            with self._path.open("r+b") as file:
                file.truncate(at)


class Closed:
    """The sorted index of a closed segment, looked up in the file."""

    def __init__(self, raw: mmap.mmap, batch_count: int, record_count: int) -> None:
        table_end = _SORTED_HEAD.size + batch_count * _BATCH.itemsize
        records_at = len(raw) - record_count * _RECORD.itemsize
        self._raw = raw
        self._table: npt.NDArray[Any] = np.frombuffer(
            raw, dtype=_BATCH, count=batch_count, offset=_SORTED_HEAD.size
        )
        self._leaves_at = table_end
        self._records: npt.NDArray[Any] = np.frombuffer(
            raw, dtype=_RECORD, count=record_count, offset=records_at
        )

    @classmethod
    def load(cls, path: Path) -> Closed | None:
        """The index of that file; None when it is missing or not whole."""
        try:
            with path.open("rb") as file:
                raw = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (FileNotFoundError, ValueError):
            return None
        if len(raw) < _SORTED_HEAD.size:
            return None
        magic, batch_count, record_count, checksum = _SORTED_HEAD.unpack_from(raw)
        least = _SORTED_HEAD.size + batch_count * _BATCH.itemsize
        leaf_bytes = len(raw) - least - record_count * _RECORD.itemsize
        if magic != _SORTED_MAGIC or leaf_bytes < 0 or _file_sum(raw) != checksum:
            return None
        table = np.frombuffer(raw, dtype=_BATCH, count=batch_count, offset=_SORTED_HEAD.size)
        if int(table["count"].sum()) * LEAF_BYTES != leaf_bytes:
            return None
        return cls(raw, batch_count, record_count)

    def find(self, event_id: bytes) -> Place | None:
        """Where the event lies: a binary search of a few pages."""
        high, low = struct.unpack(">QQ", event_id)
        first, last = 0, len(self._records)
        while first < last:
            middle = (first + last) // 2
            record = self._records[middle]
            if (int(record["high"]), int(record["low"])) < (high, low):
                first = middle + 1
            else:
                last = middle
        if first == len(self._records):
            return None
        record = self._records[first]
        if (int(record["high"]), int(record["low"])) != (high, low):
            return None
        row = self._row(int(record["number"]))
        received_at = int(self._table["received"][row]) if row is not None else 0
        return int(record["number"]), int(record["index"]), received_at

    def offset_of(self, number: int) -> int:
        """Where the batch's frame begins in the segment, 0 when unknown."""
        row = self._row(number)
        return 0 if row is None else int(self._table["offset"][row])

    def leaves(self) -> dict[int, list[bytes]]:
        """Leaf beginnings by batch number."""
        known: dict[int, list[bytes]] = {}
        for row in self._table:
            start = self._leaves_at + int(row["leaf"]) * LEAF_BYTES
            end = start + int(row["count"]) * LEAF_BYTES
            known[int(row["number"])] = _cut(self._raw[start:end])
        return known

    def _row(self, number: int) -> int | None:
        row = int(np.searchsorted(self._table["number"], number))
        if row < len(self._table) and int(self._table["number"][row]) == number:
            return row
        return None


def _block_sum(head: bytes, payload: bytes) -> int:
    """CRC32C of a block: its head without the sum, then what it tells of."""
    return crc32c.crc32c(payload, crc32c.crc32c(head[:-_SUM_BYTES]))


def _file_sum(raw: mmap.mmap) -> int:
    """CRC32C of all behind the head, read once when the file is taken up: a gigabyte a second."""
    found = 0
    for at in range(_SORTED_HEAD.size, len(raw), _SUM_STEP):
        found = crc32c.crc32c(raw[at : at + _SUM_STEP], found)
    return found


def _cut(leaves: bytes) -> list[bytes]:
    return [leaves[at : at + LEAF_BYTES] for at in range(0, len(leaves), LEAF_BYTES)]


def _frame_offsets(path: Path, start: int, last: int, offsets: dict[int, int]) -> int:
    """Fill in where each batch's frame begins, from ``start`` on; returns where it stopped.

    Only frame heads are read. Batches stand in number order, so the count gives the number; the
    reader of a frame checks it.
    """
    known = len(offsets)
    first = segment.first_number(path.name)
    with path.open("rb") as file:
        size = path.stat().st_size
        at, following = start, first + known
        while at + _FRAME_HEAD.size <= size and following <= last:
            file.seek(at)
            kind, length, _ = _FRAME_HEAD.unpack(file.read(_FRAME_HEAD.size))
            if kind != segment.BATCH:
                break
            offsets[following] = at
            following += 1
            at += _FRAME_HEAD.size + length
    return at
