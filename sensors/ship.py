"""Shipping: sealed batches go to the platform; what it has receipted may be freed here.

Nothing is taken for delivered but by a receipt of the platform's receipt key over the very header
that was sent.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from crypto import sm2
from schema import batch as batches
from schema.batch import Batch
from schema.disk import PosixDisk
from schema.errors import FengsuiError
from schema.heartbeat import Signed
from schema.log import Cursor, Reader
from schema.ports import Entropy
from schema.receipt import Receipt
from schema.times import SECOND
from sensors.patience import Patience
from sensors.receipted import Receipted, foreign, is_of
from sensors.transport import BINARY, JSON, Answer, Transport, problem

REQUEST_BYTES_MAX: Final = 8 * 1024 * 1024
"""What the platform takes in one request."""

REQUEST_BATCHES_MAX: Final = 32
"""Some three megabytes of full batches: a lost connection repeats little."""

HEARTBEAT_EVERY_US: Final = SECOND

_LENGTH: Final = struct.Struct("<I")


class _Answered(msgspec.Struct, frozen=True):
    receipts: list[Receipt]


@dataclass(slots=True, kw_only=True)
class Counters:
    """What the shipper has done since it started."""

    batches: int = 0
    requests: int = 0
    failures: int = 0
    heartbeats: int = 0
    freed_segments: int = 0


class Shipper:
    """Carries one sensor's spool to the platform; driven by :meth:`step`."""

    def __init__(
        self,
        spool: Path,
        receipt_file: Path,
        *,
        enrolment: int,
        base_number: int,
        receipt_key: sm2.PublicKey,
        transport: Transport,
        heartbeat: Callable[[], Signed],
        entropy: Entropy,
        request_bytes_max: int = REQUEST_BYTES_MAX,
    ) -> None:
        """``base_number`` is the last batch before the enrolment; ``spool`` the chain's folder."""
        self._spool = spool
        self._stored = Receipted(
            spool,
            receipt_file,
            enrolment=enrolment,
            base_number=base_number,
            receipt_key=receipt_key,
        )
        self._transport = transport
        self._heartbeat = heartbeat
        self._base_number = base_number
        self._request_bytes_max = request_bytes_max
        self._disk = PosixDisk()
        self._patience = Patience(entropy)
        self.counters = Counters()
        self._wanted: int | None = None
        """The number the platform asked to go on from, until that batch has been read."""
        self._pending: list[Batch] = []
        self._reader = self._reader_after(self.receipted)

    @property
    def receipted(self) -> int:
        """Number of the last batch known to be stored by the platform."""
        return self._stored.number

    @property
    def receipt(self) -> Receipt | None:
        """The newest receipt, None before the first."""
        return self._stored.newest

    @property
    def problem(self) -> str:
        """Why batches do not arrive, as a code and a sentence; empty while they do."""
        return self._patience.problem

    def step(self) -> int:
        """Send the next batches, or a heartbeat when there are none.

        Returns after how many microseconds to come again. Never raises for what the network or
        the platform does; damage in the spool (``schema.segment.damaged``) is raised.
        """
        try:
            sent = self._pending or self._next()
            if not sent:
                return self._idle()
            self._pending = sent
            self.counters.requests += 1
            answer = self._transport.post("v1/batches", _request(sent), media_type=BINARY)
            if not answer.ok:
                return self._refused(answer, sent)
            self._taken(answer, sent)
        except OSError as error:
            self._transport.close()
            return self._back_off(f"sensors.ship.unreachable: {error}")
        except FengsuiError as error:
            if not error.code.startswith(("schema.receipt.", "sensors.ship.")):
                raise
            return self._back_off(str(error))
        return 0

    def _idle(self) -> int:
        beat = msgspec.json.encode(self._heartbeat())
        answer = self._transport.post("v1/heartbeats", beat, media_type=JSON)
        if not answer.ok:
            return self._back_off(_reason(answer))
        self.counters.heartbeats += 1
        self._patience.regain()
        return HEARTBEAT_EVERY_US

    def _next(self) -> list[Batch]:
        """The next batches that fit one request; one alone after the platform asked for it."""
        before = self._reader.cursor
        found = self._reader.read(1 if self._wanted is not None else REQUEST_BATCHES_MAX)
        if self._wanted is not None:
            self._check_wanted(found)
        size, fitting = 0, 0
        for one in found:
            size += _LENGTH.size + len(batches.to_bytes(one))
            if fitting and size > self._request_bytes_max:
                break
            fitting += 1
        if fitting < len(found):
            self._reader = Reader(self._spool, before, self._disk)
            return self._reader.read(fitting)
        return found

    def _check_wanted(self, found: Sequence[Batch]) -> None:
        """Name a platform and a sensor that no longer stand on the same chain."""
        wanted, self._wanted = self._wanted, None
        if found and wanted is not None and found[0].header.number in (wanted, wanted + 1):
            return
        self._reader = self._reader_after(self.receipted)
        raise FengsuiError(
            "sensors.ship.chain_apart",
            f"the platform asks for batch {wanted}, which this sensor does not hold: one of the "
            "two was set back to an older state; run `fengsui verify` there or enrol anew",
            wanted=wanted or 0,
        )

    def _taken(self, answer: Answer, sent: Sequence[Batch]) -> None:
        """Check the receipts against what was sent, keep the newest, free what it covers."""
        try:
            receipts = msgspec.json.decode(answer.body, type=_Answered).receipts
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConnectionError(f"the answer holds no receipts: {error}") from error
        if not receipts:
            raise ConnectionError("the answer holds no receipts")
        newest = max(receipts, key=lambda one: one.head.number)
        self._stored.verify(newest)
        head = newest.head
        if not any(is_of(one, newest) for one in sent):
            raise foreign(newest)
        self._stored.take(newest)
        if head.number < sent[-1].header.number:
            self._reader = self._reader_after(head.number)
        self.counters.batches += sum(one.header.number <= head.number for one in sent)
        self._pending = []
        self._patience.regain()
        self.counters.freed_segments += self._stored.free()

    def _refused(self, answer: Answer, sent: Sequence[Batch]) -> int:
        found = problem(answer)
        expected = found.params.get("expected")
        self._pending = []
        first = sent[0].header.number
        moved = isinstance(expected, int) and expected != first
        # One alone, and the one before the number asked for: as a repeat of the platform's head
        # it brings the receipt for all that was stored before the refusal.
        start = max(int(expected) - 1, self._base_number + 1) if moved and expected else first
        if moved:
            self._wanted = start
        self._reader = self._reader_after(start - 1)
        delay = self._back_off(_reason(answer))
        return 0 if moved and self._patience.failed <= 1 else delay

    def _back_off(self, why: str) -> int:
        self.counters.failures += 1
        return self._patience.lose(why)

    def _reader_after(self, number: int) -> Reader:
        return Reader(self._spool, Cursor(number=number), self._disk)


def _request(sent: Sequence[Batch]) -> bytes:
    parts: list[bytes] = []
    for one in sent:
        raw = batches.to_bytes(one)
        parts += (_LENGTH.pack(len(raw)), raw)
    return b"".join(parts)


def _reason(answer: Answer) -> str:
    found = problem(answer)
    return f"{found.code or 'sensors.ship.refused'}: {found.detail}"
