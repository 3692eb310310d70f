"""IdIndex: from an event's id to its place in the segments, beside each segment file.

An open segment has a journal ``<segment>.ids``, a closed one a sorted ``<segment>.idx``. Both are
projections: what is missing or damaged is worked out again from the segment. They also keep the
first bytes of every leaf, so that a changed event can be named.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector import idfile
from collector.idfile import Block, Closed, Open
from schema import batch as batches
from schema import ids, log, segment
from schema.batch import Batch
from schema.disk import PosixDisk
from schema.enrichment import derived
from schema.errors import FengsuiError
from schema.event import GENERATION, OFFSET, SOURCE, Fields, decode
from schema.ports import EventHit

LEAF_BYTES: Final = idfile.LEAF_BYTES
_HEAD_BYTES: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where an event lies."""

    sensor: str
    segment: str
    number: int
    index: int
    received_at: int


class IdIndex:
    """Id indexes of all segments of a data folder; written by the intake thread, read by any."""

    def __init__(
        self, segments: Path, received: Callable[[str, int], int] = lambda _sensor, _number: 0
    ) -> None:
        self._segments = segments
        self._received = received
        """Receipt time of a batch, for what is worked out again."""
        self._disk = PosixDisk()
        self._open: dict[str, tuple[str, Open]] = {}
        self._closed: dict[str, dict[str, Closed]] = {}
        self._lock = threading.RLock()

    def add(self, batch: Batch, block: Block) -> None:
        """Note an accepted batch; a number already noted changes nothing."""
        sensor, number = batch.header.sensor, batch.header.number
        name = self._segment_of(sensor, number)
        current = self._open.get(sensor)
        if current is None or current[0] != name:
            current = (name, self._opened(sensor, name, before=number))
            self._open[sensor] = current
            self._close_older(sensor, name)
        current[1].add(block)

    def find(self, event_id: bytes) -> Found | None:
        """Where the event with this id lies, None when no segment here holds it."""
        for sensor in log.sensors(self._segments, self._disk):
            current = self._open.get(sensor)
            place = current[1].find(event_id) if current else None
            if current and place:
                return Found(
                    sensor=sensor,
                    segment=current[0],
                    number=place[0],
                    index=place[1],
                    received_at=place[2],
                )
            for name, closed in reversed(self._closed_of(sensor).items()):
                place = closed.find(event_id)
                if place:
                    return Found(
                        sensor=sensor,
                        segment=name,
                        number=place[0],
                        index=place[1],
                        received_at=place[2],
                    )
        return None

    def fetch(self, event_id: bytes) -> EventHit | None:
        """The event as its sensor sealed it, with its enrichment; None if unknown or redacted."""
        found = self.find(event_id)
        if found is None:
            return None
        batch = self.batch(found.sensor, found.segment, found.number)
        if batch is None:
            return None
        payload = batches.unpack_payload(batch.body, batch.header.count, found.index)
        if payload is None:
            return None
        fields = decode(payload)
        if identify(fields, batch) != event_id:
            return None
        added = derived(fields, event_id=event_id, received_at=found.received_at)
        return EventHit(
            id=event_id.hex(),
            sensor=found.sensor,
            number=found.number,
            index=found.index,
            fields={**fields, **added},
        )

    def batch(self, sensor: str, name: str, number: int) -> Batch | None:
        """One batch out of a segment, read at its place; None when it is not there."""
        path = self._segments / sensor / name
        current = self._open.get(sensor)
        if current and current[0] == name:
            offset = current[1].offset_of(path, number)
        else:
            closed = self._closed_of(sensor).get(name)
            offset = closed.offset_of(number) if closed else 0
        try:
            for attempt in (offset, 0):
                found = _batch_at(path, attempt, number) if attempt else _search(path, number)
                if found is not None:
                    return found
        except FileNotFoundError:
            # It has expired since it was found.
            pass
        return None

    def leaves(self, sensor: str) -> dict[int, list[bytes]]:
        """First bytes of each leaf, by batch number."""
        known: dict[int, list[bytes]] = {}
        for closed in self._closed_of(sensor).values():
            known.update(closed.leaves())
        current = self._open.get(sensor)
        if current:
            known.update(current[1].leaves())
        return known

    def rewritten(self, sensor: str, name: str) -> None:
        """A segment was swapped for a redacted copy: its places are worked out again."""
        current = self._open.get(sensor)
        if current and current[0] == name:
            current[1].forget_offsets()
            return
        with self._lock:
            self._closed.get(sensor, {}).pop(name, None)
        idfile.closed_path(self._segments / sensor / name).unlink(missing_ok=True)

    def expired(self, sensor: str, name: str) -> None:
        """A segment goes: nothing is looked for in it any more."""
        path = self._segments / sensor / name
        with self._lock:
            self._closed.get(sensor, {}).pop(name, None)
            idfile.closed_path(path).unlink(missing_ok=True)
            idfile.open_path(path).unlink(missing_ok=True)

    def resume(self, sensor: str, number: int) -> None:
        """After a start: take up the journal of the segment that holds the last accepted batch."""
        # A chain without segments, lost with its folder, is named by the check: it is no crash.
        if number and log.segment_names(self._segments / sensor, self._disk):
            name = self._segment_of(sensor, number)
            self._open[sensor] = (name, self._opened(sensor, name, before=number + 1))
            self._close_older(sensor, name)

    def _segment_of(self, sensor: str, number: int) -> str:
        names = log.segment_names(self._segments / sensor, self._disk)
        fitting = [name for name in names if segment.first_number(name) <= number]
        return fitting[-1] if fitting else names[0]

    def _opened(self, sensor: str, name: str, *, before: int) -> Open:
        """The journal of a segment, completed from the segment for batches below ``before``."""
        path = self._segments / sensor / name
        journal = Open(idfile.open_path(path))
        missing = [n for n in range(segment.first_number(name), before) if n not in journal.numbers]
        if missing:
            for batch in _whole(path):
                if batch.header.number in missing:
                    journal.add(self._block(batch))
        return journal

    def _close_older(self, sensor: str, current: str) -> None:
        """Sort the journals of segments that are behind."""
        folder = self._segments / sensor
        with self._lock:
            for name in log.segment_names(folder, self._disk):
                if name < current:
                    self._closed.setdefault(sensor, {})[name] = self._sorted(sensor, name)

    def _sorted(self, sensor: str, name: str) -> Closed:
        known = self._closed.get(sensor, {}).get(name)
        if known:
            return known
        path = self._segments / sensor / name
        closed = Closed.load(idfile.closed_path(path))
        if closed is None:
            numbers = [batch.header.number for batch in _whole(path)]
            journal = self._opened(sensor, name, before=max(numbers, default=0) + 1)
            closed = journal.sort(path, idfile.closed_path(path))
        idfile.open_path(path).unlink(missing_ok=True)
        return closed

    def _closed_of(self, sensor: str) -> dict[str, Closed]:
        """The sorted indexes of a sensor, oldest first."""
        with self._lock:
            known = self._closed.setdefault(sensor, {})
            current = self._open.get(sensor)
            for name in log.segment_names(self._segments / sensor, self._disk):
                if name in known or (current and name >= current[0]):
                    continue
                # Before anything is taken in (a check of a folder at rest) nothing is written.
                path = idfile.closed_path(self._segments / sensor / name)
                closed = self._sorted(sensor, name) if current else Closed.load(path)
                if closed:
                    known[name] = closed
            return dict(sorted(known.items()))

    def _block(self, batch: Batch) -> Block:
        """What a journal says of a batch, worked out from the batch."""
        body = batches.unpack_body(batch.body, batch.header.count)
        id_list: list[bytes] = []
        indexes: list[int] = []
        for index, payload in enumerate(body.payloads):
            try:
                id_list.append(identify(decode(payload or b""), batch))
            except (FengsuiError, KeyError, TypeError, AttributeError, OverflowError):
                # Redacted, or set aside at intake: it has no id.
                continue
            indexes.append(index)
        number = batch.header.number
        return Block(
            number=number,
            received_at=self._received(batch.header.sensor, number),
            leaves=batches.leaf_hashes(body),
            ids=id_list,
            indexes=indexes,
        )


def identify(fields: Fields, batch: Batch) -> bytes:
    """The id of an event of that batch."""
    place = (fields[SOURCE], fields[GENERATION], fields[OFFSET])
    return ids.event_id(batch.header.sensor, batch.header.enrolment, *place)  # type: ignore[arg-type]


def _batch_at(path: Path, offset: int, number: int) -> Batch | None:
    with path.open("rb") as file:
        file.seek(offset)
        head = file.read(_HEAD_BYTES)
        raw = head + file.read(int.from_bytes(head[1:5], "little"))
    for item in segment.frames(raw, 0):
        if isinstance(item, segment.Frame) and item.kind == segment.BATCH:
            batch = batches.from_bytes(item.payload)
            if batch.header.number == number:
                return batch
    return None


def _whole(path: Path) -> Sequence[Batch]:
    """Every sound batch of a segment."""
    raw = path.read_bytes()
    return [
        batches.from_bytes(item.payload)
        for item in segment.frames(raw, len(segment.MAGIC))
        if isinstance(item, segment.Frame) and item.kind == segment.BATCH
    ]


def _search(path: Path, number: int) -> Batch | None:
    for batch in _whole(path):
        if batch.header.number == number:
            return batch
    return None
