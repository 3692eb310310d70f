"""Check of whole chains: every segment, signature, link, count and head, and what an anchor adds.

Nothing here trusts the index or the state of record alone: they are compared with the segments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from collector.finding import Finding
from collector.stonecheck import sound_stones
from crypto import sm2, sm3
from schema import batch as batches
from schema import limits, log, segment
from schema.batch import Batch, Body, Chain
from schema.disk import Disk, PosixDisk
from schema.errors import FengsuiError
from schema.receipt import Anchor, Head, verify_anchor
from schema.tombstone import Tombstone

__all__ = ["ChainCheck", "Finding", "Known", "Report", "check_anchor", "check_redactions"]

_DELETED_MAX: Final = 64
"""How many removed events of one batch are looked for before only the batch is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the state of record and the control chain say of one sensor's chain."""

    realm: str
    sensor: str
    keys: Mapping[int, bytes]
    """Enrolled public key (point) by enrolment number."""
    head: Head | None
    """The last head the collector accepted, None before the first."""
    sealed: Mapping[int, str] = field(default_factory=dict)
    """Header hash by batch number, as the control chain sealed it at receipt."""
    leaves: Mapping[int, Sequence[bytes]] = field(default_factory=dict)
    """First bytes of each leaf by batch number, from the id index, to name a changed event."""
    collector_keys: Sequence[bytes] = ()
    """Every public key (point) the collector had: one of them signed each tombstone."""


@dataclass(slots=True, kw_only=True)
class Report:
    """The outcome of a check: clean when ``findings`` is empty."""

    sensors: int = 0
    segments: int = 0
    batches: int = 0
    events: int = 0
    redacted: int = 0
    torn_bytes: int = 0
    findings: list[Finding] = field(default_factory=list)
    events_of: dict[str, int] = field(default_factory=dict)
    """Verified events by sensor."""
    heads: dict[str, Head] = field(default_factory=dict)
    redacted_of: dict[tuple[str, int], int] = field(default_factory=dict)
    """Redacted events by sensor and batch number."""
    anchored: bool = False
    expired: dict[str, list[Tombstone]] = field(default_factory=dict)
    """Sound tombstones by sensor, in batch order."""
    anchored_gone: int = 0
    """Anchored heads inside what has expired: only the tombstone's word is left of them."""
    journals: int = 0
    """Audit chains of signing processes."""
    journal_entries: int = 0
    journals_keyless: bool = False
    """Whether there was no audit key to check their signed heads with."""


class ChainCheck:
    """Walks one sensor's segments in order and writes what is wrong into the report."""

    def __init__(
        self, folder: Path, known: Known, report: Report, disk: Disk | None = None
    ) -> None:
        self._folder = folder
        self._known = known
        self._report = report
        self._disk = disk or PosixDisk()
        self._chain: Chain | None = None
        self._keys: dict[int, sm2.PublicKey] = {}
        self.hashes: dict[int, tuple[str, int]] = {}
        """Header hash and events up to it, by batch number."""
        self._events = 0
        self._stones: dict[int, Tombstone] = {}
        """Sound tombstones by their last batch."""

    def run(self) -> None:
        """Check every segment, then the chain against what is known of it."""
        names = log.segment_names(self._folder, self._disk)
        self._read_tombstones()
        for name in names:
            self._begin(name)
            try:
                self._check_segment(name, last=name == names[-1])
            except FileNotFoundError:
                # Gone since it was listed: no loss where a tombstone stands by now.
                self._read_tombstones(again=True)
                if segment.first_number(name) > self.expired_to:
                    raise
            else:
                self._report.segments += 1
        self._against_known()
        if self.hashes:
            number = max(self.hashes)
            digest, events = self.hashes[number]
            enrolment = self._chain.enrolment if self._chain else 0
            self._report.heads[self._known.sensor] = Head(
                sensor=self._known.sensor,
                enrolment=enrolment,
                number=number,
                events=events,
                hash=digest,
            )

    @property
    def expired_to(self) -> int:
        """The last batch a sound tombstone stands for, 0 where nothing has expired."""
        return max(self._stones, default=0)

    def _read_tombstones(self, *, again: bool = False) -> None:
        read = sound_stones(
            self._folder,
            realm=self._known.realm,
            sensor=self._known.sensor,
            keys=self._known.collector_keys,
            disk=self._disk,
        )
        self._stones = {stone.last: stone for stone in read.stones}
        for stone in read.stones:
            self.hashes.setdefault(stone.last, (stone.hash, stone.events))
        if read.stones:
            self._report.expired[self._known.sensor] = read.stones
        if not again:
            self._report.findings += read.findings

    def _begin(self, name: str) -> None:
        """Where the batches before a segment have expired, go on from their tombstone."""
        before = segment.first_number(name) - 1
        stone = self._stones.get(before)
        if stone is not None and (self._chain is None or self._chain.number < before):
            self._chain, self._events = stone.chain, stone.events

    def _add(self, code: str, message: str, **place: str | int) -> None:
        finding = Finding(
            code=code,
            sensor=self._known.sensor,
            message=message,
            segment=str(place.get("segment", "")),
            batch=int(place.get("batch", 0)),
            event=int(place.get("event", -1)),
        )
        self._report.findings.append(finding)

    def _check_segment(self, name: str, *, last: bool) -> None:
        raw = self._disk.read(
            self._folder / name, 0, limits.SEGMENT_BYTES_MAX + 2 * segment.FRAME_BYTES_MAX
        )
        if last and segment.MAGIC.startswith(raw):
            # Made for a first batch that never came to be; what is accepted is missed below.
            self._report.torn_bytes += len(raw)
            return
        try:
            segment.check_magic(raw, name)
        except FengsuiError as error:
            self._add("proof.segment.malformed", str(error), segment=name)
            return
        closed = False
        for item in segment.frames(raw, len(segment.MAGIC)):
            if isinstance(item, segment.Broken):
                self._broken(name, raw, item, last=last)
            elif closed:
                self._add("proof.segment.after_footer", "bytes after the footer", segment=name)
            elif item.kind == segment.FOOTER:
                closed = True
                if sm3.digest(raw[: item.start]) != item.payload:
                    self._add(
                        "proof.segment.footer_mismatch",
                        f"{name} is not the file that was closed: its footer hash differs",
                        segment=name,
                    )
            else:
                self._check_payload(name, item.payload)
        if not closed and not last:
            self._add("proof.segment.footer_missing", f"{name} was never closed", segment=name)

    def _broken(self, name: str, raw: bytes, item: segment.Broken, *, last: bool) -> None:
        number = (self._chain.number if self._chain else segment.first_number(name) - 1) + 1
        head = self._known.head
        acknowledged = head is not None and number <= head.number
        if item.torn and last and not acknowledged:
            self._report.torn_bytes += len(raw) - item.start
            return
        where = f"segment {name}, batch {number}: damaged from byte {item.start}"
        self._add("proof.batch.damaged", where, segment=name, batch=number)
        payload = _frame_payload(raw, item.start)
        if payload is None:
            return
        try:
            self._name_changed(name, batches.from_bytes(payload))
        except FengsuiError:
            # The block cannot be read at all: the batch is named, its events cannot be.
            return

    def _check_payload(self, name: str, payload: bytes) -> None:
        try:
            batch = batches.from_bytes(payload)
        except FengsuiError as error:
            self._add("proof.batch.malformed", str(error), segment=name)
            return
        number = batch.header.number
        self._report.batches += 1
        for check in (self._check_signature, self._check_link):
            try:
                check(batch)
            except FengsuiError as error:
                self._add(
                    error.code.replace("schema.", "proof."), str(error), segment=name, batch=number
                )
        self._chain = self._base(batch).after(batch)
        self._events += batch.header.count
        stone = self._stones.get(number)
        if stone is not None and (stone.hash, stone.events) != (batch.hash, self._events):
            self._add(
                "proof.tombstone.mismatch",
                f"batch {number} is not the one the tombstone of {stone.segment} tells of",
                segment=name,
                batch=number,
            )
        self.hashes[number] = (batch.hash, self._events)
        self._check_events(name, batch)

    def _base(self, batch: Batch) -> Chain:
        if self._chain is None or self._chain.enrolment != batch.header.enrolment:
            return Chain(
                realm=self._known.realm,
                sensor=self._known.sensor,
                enrolment=batch.header.enrolment,
                # Numbers go on through a re-enrolment, the link begins anew.
                number=self._chain.number if self._chain else 0,
            )
        return self._chain

    def _check_signature(self, batch: Batch) -> None:
        enrolment = batch.header.enrolment
        if enrolment not in self._keys:
            point = self._known.keys.get(enrolment)
            if point is None:
                raise FengsuiError(
                    "schema.batch.unenrolled",
                    f"no key is enrolled for {batch.header.sensor}, enrolment {enrolment}",
                )
            self._keys[enrolment] = sm2.PublicKey.from_point(point)
        batches.verify_signature(batch, self._keys[enrolment])

    def _check_link(self, batch: Batch) -> None:
        batches.verify_link(batch, self._base(batch))

    def _check_events(self, name: str, batch: Batch) -> None:
        try:
            body = batches.verify_body(batch)
        except FengsuiError as error:
            number = batch.header.number
            self._add(
                error.code.replace("schema.", "proof."), str(error), segment=name, batch=number
            )
            self._name_changed(name, batch)
        else:
            sound = batch.header.count - len(body.leaves)
            sensor = self._known.sensor
            self._report.events += sound
            self._report.events_of[sensor] = self._report.events_of.get(sensor, 0) + sound
            self._report.redacted += len(body.leaves)
            if body.leaves:
                self._report.redacted_of[sensor, batch.header.number] = len(body.leaves)

    def _name_changed(self, name: str, batch: Batch) -> None:
        """Name the events that differ from the leaves the id index holds."""
        number = batch.header.number
        expected = self._known.leaves.get(number)
        body = _readable(batch)
        if expected is None or body is None:
            return
        found = [leaf[: len(expected[0])] for leaf in batches.leaf_hashes(body)]
        places = {leaf: index for index, leaf in enumerate(found)}
        for index, leaf in enumerate(expected):
            if index < len(found) and found[index] == leaf:
                continue
            if len(found) < len(expected) and leaf in places:
                continue
            moved = places.get(leaf)
            what = "changed or missing" if moved is None else f"moved to place {moved}"
            self._add(
                "proof.event.changed",
                f"event {index} of batch {number} in {name} is {what}",
                segment=name,
                batch=number,
                event=index,
            )

    def _against_known(self) -> None:
        head = self._known.head
        last = max(self.hashes, default=0)
        if head is not None and last < head.number:
            self._add(
                "proof.chain.tail_cut",
                f"{self._known.sensor} ends at batch {last}; batch {head.number} was accepted",
                batch=head.number,
            )
        elif head and head.number in self.hashes and self.hashes[head.number][0] != head.hash:
            self._add(
                "proof.chain.head_mismatch",
                f"batch {head.number} is not the one that was accepted last",
                batch=head.number,
            )
        for number, digest in self._known.sealed.items():
            found = self.hashes.get(number)
            if found is not None and found[0] != digest:
                self._add(
                    "proof.chain.receipt_mismatch",
                    f"batch {number} is not the one whose receipt the control chain sealed",
                    batch=number,
                )


def _frame_payload(raw: bytes, start: int) -> bytes | None:
    """What a broken frame claims to hold, if its length is plausible."""
    length = int.from_bytes(raw[start + 1 : start + 5], "little")
    end = start + 9 + length
    return raw[start + 9 : end] if end <= len(raw) else None


def _readable(batch: Batch) -> Body | None:
    """The body as it can still be read, also when events were taken out of it."""
    for removed in range(min(_DELETED_MAX, batch.header.count)):
        try:
            return batches.unpack_body(batch.body, batch.header.count - removed)
        except FengsuiError:
            continue
    return None


def check_redactions(recorded: Mapping[tuple[str, int], int], report: Report) -> None:
    """Name batches of which more events were taken out than the control chain has records of.

    A leaf alone proves only that something was sealed there: anybody can put one in an event's
    place. ``recorded`` are events by sensor and batch number.
    """
    for (sensor, number), count in sorted(report.redacted_of.items()):
        known = recorded.get((sensor, number), 0)
        if count > known:
            report.findings.append(
                Finding(
                    code="proof.event.removed",
                    sensor=sensor,
                    batch=number,
                    message=f"{count} events of batch {number} of {sensor} were reduced to their "
                    f"leaf hashes; sealed records tell of {known}",
                )
            )


def check_anchor(anchor: Anchor, checks: Mapping[str, ChainCheck], report: Report) -> None:
    """Compare chains with heads that were kept outside: shows cuts, dropped and rebuilt chains."""
    verify_anchor(anchor)
    report.anchored = True
    for head in anchor.heads:
        check = checks.get(head.sensor)
        if check is None or not check.hashes:
            _anchor_finding(report, head, "sensor_missing", "the sensor has no chain here")
            continue
        found = check.hashes.get(head.number)
        if found is None and head.number <= check.expired_to:
            report.anchored_gone += 1
        elif found is None:
            _anchor_finding(
                report, head, "tail_cut", f"the chain ends at batch {max(check.hashes)}"
            )
        elif found != (head.hash, head.events):
            _anchor_finding(report, head, "chain_rebuilt", "another batch stands in its place")


def _anchor_finding(report: Report, head: Head, reason: str, message: str) -> None:
    report.findings.append(
        Finding(
            code=f"proof.anchor.{reason}",
            sensor=head.sensor,
            batch=head.number,
            message=f"the anchor holds batch {head.number} of {head.sensor}, but {message}",
        )
    )
