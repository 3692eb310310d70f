"""Door: where remote sensors hand in sealed batches; a receipt means it is on this disk.

Nothing is stored before signature, enrolment, link and body are verified and the second look is
done, so what a careless sensor sends never reaches the log.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Container
from contextlib import suppress
from pathlib import Path
from typing import Final

from collector import notes, opening, redaction, rescan
from collector.control import ControlLog
from collector.enrolments import Enrolments, is_own
from collector.quarantine import Quarantine
from collector.state.chains import ChainState
from collector.vouched import Vouched
from crypto import sm2, sm3
from schema import batch as batches
from schema import log
from schema.batch import Batch, Body
from schema.disk import PosixDisk
from schema.errors import FengsuiError
from schema.event import decode
from schema.log import Cursor
from schema.ports import Clock
from schema.receipt import Head, Receipt, sign_receipt

REQUEST_BYTES_MAX: Final = 8 * 1024 * 1024
"""One request: some dozens of full batches, and little enough to hold in memory."""
_LENGTH: Final = struct.Struct("<I")
_READ_AHEAD: Final = 16


class _Post:
    """One sensor's place at the door: its writer and where its chain stands."""

    def __init__(self, folder: Path, state: ChainState, enrolment: int) -> None:
        self.enrolment = enrolment
        self.lock = threading.Lock()
        self.writer = log.Writer(folder)
        self.state = state
        """The stored head, which may be ahead of what intake has taken in."""
        reader = log.Reader(folder, Cursor(number=state.number))
        while found := reader.read(_READ_AHEAD):
            for batch in found:
                self.moved(batch)

    def moved(self, batch: Batch) -> None:
        """The batch is the stored head now."""
        header = batch.header
        self.state = ChainState(
            sensor=header.sensor,
            enrolment=header.enrolment,
            number=header.number,
            next_sequence=header.first_sequence + header.count,
            hash=batch.hash,
            events=self.state.events + header.count,
        )


class Door:
    """Takes in batches from afar. Safe from any thread; one sensor at a time."""

    def __init__(
        self,
        segments: Path,
        *,
        enrolments: Enrolments,
        receipt_key: sm2.PrivateKey,
        control: ControlLog,
        quarantine: Quarantine,
        clock: Clock,
        taken: Callable[[str], ChainState],
        vouched: Vouched,
        written_here: Container[str] = (),
    ) -> None:
        """``taken`` tells how far intake has taken in a sensor's chain; ``vouched`` is told what
        was checked.

        ``written_here`` are sensors whose chains this process writes itself: a second writer on
        one could cut a batch that is being written.
        """
        self._segments = segments
        self._enrolments = enrolments
        self._receipt_key = receipt_key
        self._control = control
        self._quarantine = quarantine
        self._clock = clock
        self._taken = taken
        self._vouched = vouched
        self._written_here = written_here
        self._posts: dict[str, _Post] = {}
        self._lock = threading.Lock()

    def accept(self, raw: bytes, *, sensor: str = "") -> list[Receipt]:
        """Store the batches of one request in order; one receipt each.

        Raises what is wrong with the first batch not let in, with ``expected`` (the number that
        is next) in its parameters; those before it are stored. ``sensor`` is who is asking, where
        that is known.
        """
        return [self._accept(batch, sensor) for batch in _parse(raw)]

    def standing(self, sensor: str) -> Receipt | None:
        """A receipt for the stored head of a sensor that handed in here, None for others."""
        post = self._posts.get(sensor)
        if post is None:
            return None
        with post.lock:
            return self._receipt(post.state) if post.state.number else None

    def close_segment(self, sensor: str) -> None:
        """Close the sensor's open segment, so that it can be rewritten."""
        post = self._posts.get(sensor)
        if post:
            with post.lock:
                post.writer.close_segment()

    def _accept(self, batch: Batch, principal: str) -> Receipt:
        sensor = batch.header.sensor
        expected = 0
        try:
            if principal and sensor != principal:
                raise _foreign(sensor, principal, batch.header.number)
            if sensor in self._written_here or is_own(sensor):
                raise _foreign(sensor, "somebody from outside", batch.header.number)
            # Before anything is opened: an unknown name must not make a folder.
            enrolment = opening.admitted(batch, sensor, self._enrolments)
            post = self._post(sensor, enrolment.number)
            with post.lock:
                expected = max(post.state.number, enrolment.base_number) + 1
                self._check_fork(batch, post.state.number)
                chain = opening.expected_chain(enrolment, post.state)
                if batches.verify_link(batch, chain):
                    self._store(post, batch)
                return self._receipt(post.state)
        except FengsuiError as error:
            self._refused(batch, error)
            if expected:
                error.params["expected"] = expected
            raise

    def _check_fork(self, batch: Batch, head: int) -> None:
        """Raise ``schema.batch.forked`` where another batch is stored under its number."""
        number = batch.header.number
        if not 0 < number < head:
            return
        reader = log.Reader(self._segments / batch.header.sensor, Cursor(number=number - 1))
        stored: list[Batch] = []
        with suppress(FengsuiError):
            # Of a damaged place nothing can be said: the batch is out of turn all the same.
            stored = reader.read(1)
        if stored and stored[0].header.number == number and stored[0].hash != batch.hash:
            raise batches.forked(batch.header)

    def _store(self, post: _Post, batch: Batch) -> None:
        body, leaves = batches.verify_leaves(batch)
        found = _dirty(body)
        clean = batches.redact(batch, sorted(found)) if found else batch
        if found:
            redaction.record(
                self._control,
                batch.header.sensor,
                batch.header.number,
                found=found,
                before=sm3.digest(batch.body).hex(),
                after=sm3.digest(clean.body).hex(),
                where=f"batch {batch.header.number} at the door",
            )
            while self._control.flush():
                # All of it: the record must stand before the batch is acknowledged.
                continue
        post.writer.append(clean)
        post.moved(clean)
        if not found:
            self._vouched.keep(batch, body, leaves)

    def _post(self, sensor: str, enrolment: int) -> _Post:
        with self._lock:
            post = self._posts.get(sensor)
            # A re-enrolment may have put a damaged end of the chain aside.
            if post is None or post.enrolment < enrolment:
                post = _Post(self._segments / sensor, self._taken(sensor), enrolment)
                self._posts[sensor] = post
            return post

    def _receipt(self, state: ChainState) -> Receipt:
        return sign_receipt(head_of(state), self._clock.now(), self._receipt_key)

    def _refused(self, batch: Batch, error: FengsuiError) -> None:
        """Keep and note a refused batch once; one that only came out of turn will come again."""
        if error.code == "schema.batch.out_of_order":
            return
        if self._quarantine.keep(batch, error.code):
            notes.refused(self._control, batch, error)


def head_of(state: ChainState) -> Head:
    """A chain's head as receipts and anchors name it."""
    return Head(
        sensor=state.sensor,
        enrolment=state.enrolment,
        number=state.number,
        events=state.events,
        hash=state.hash,
    )


def known_sensors(segments: Path) -> list[str]:
    """Sensors with a chain in the log."""
    return log.sensors(segments, PosixDisk())


def _dirty(body: Body) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    for index in rescan.worth_a_look(body.payloads):
        try:
            kinds = rescan.kinds_in(decode(body.payloads[index] or b""))
        except FengsuiError:
            kinds = ("unreadable",)
        if kinds:
            found[index] = kinds
    return found


def _parse(raw: bytes) -> list[Batch]:
    if len(raw) > REQUEST_BYTES_MAX:
        raise FengsuiError(
            "collector.batch.too_large",
            f"a request holds at most {REQUEST_BYTES_MAX} bytes of batches, not {len(raw)}",
        )
    found: list[Batch] = []
    at = 0
    while at < len(raw):
        if at + _LENGTH.size > len(raw):
            raise _malformed("its last length is cut off")
        end = at + _LENGTH.size + _LENGTH.unpack_from(raw, at)[0]
        if end > len(raw):
            raise _malformed("its last batch is cut off")
        found.append(batches.from_bytes(raw[at + _LENGTH.size : end]))
        at = end
    if not found:
        raise _malformed("it holds no batch")
    return found


def _malformed(why: str) -> FengsuiError:
    return FengsuiError("collector.batch.malformed", f"the request is not understood: {why}")


def _foreign(sensor: str, principal: str, number: int) -> FengsuiError:
    return FengsuiError(
        "collector.batch.foreign",
        f"{principal} handed in batch {number} of {sensor[:63]}",
        sensor=principal,
        number=number,
    )
