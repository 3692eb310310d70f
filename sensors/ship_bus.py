"""Shipping over the bus: one record is one sealed batch; receipts come back on a topic of theirs.

The bus holds what the platform has not read yet, so sending does not wait for receipts; freeing
does. After a restart, or where the platform tells that its chain stands earlier, sending goes on
behind the newest receipt: what comes twice so is an exact repeat, which changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from schema import batch as batches
from schema.batch import Batch
from schema.bus import BusReader, BusWriter, Place
from schema.disk import PosixDisk
from schema.errors import FengsuiError
from schema.heartbeat import Signed
from schema.log import Cursor, Reader
from schema.ports import Clock, Entropy
from schema.receipt import Receipt
from schema.times import SECOND
from sensors.patience import Patience
from sensors.receipted import Receipted, foreign, is_of

BATCHES_MAX: Final = 32
"""Sent before they are flushed: a few megabytes, what a failure repeats."""

RECORDS_MAX: Final = 1000
"""Receipts read at once: those of all sensors of the partition come along."""

HEARTBEAT_EVERY_US: Final = SECOND

HEAR_SECONDS: Final = 0.2
"""How long an idle step waits for a receipt: what a new batch may be later by."""

STUCK_US: Final = 10 * SECOND
"""The platform's chain has not moved for so long though it was sent more, and it said where it
stands: what is missing was lost on the way, and is sent again."""

_DAMAGED: Final = "schema.segment."
_decoder: Final = msgspec.json.Decoder(Receipt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a sensor's records go and its receipts come from."""

    batches: Place
    heartbeats: Place
    receipts: Place


@dataclass(slots=True, kw_only=True)
class Counters:
    """What the shipper has done since it started."""

    batches: int = 0
    failures: int = 0
    heartbeats: int = 0
    foreign_records: int = 0
    """Records under this sensor's key that are no receipt for it."""
    resent: int = 0
    freed_segments: int = 0


class BusShipper:
    """Carries one sensor's spool to the bus; driven by :meth:`step`."""

    def __init__(
        self,
        spool: Path,
        stored: Receipted,
        *,
        sensor: str,
        places: Places,
        writer: BusWriter,
        receipts: BusReader,
        heartbeat: Callable[[], Signed],
        clock: Clock,
        entropy: Entropy,
        hear_seconds: float = HEAR_SECONDS,
    ) -> None:
        """``receipts`` reads the receipts' partition from its beginning."""
        self._spool = spool
        self._stored = stored
        self._key = sensor.encode()
        self._places = places
        self._writer = writer
        self._receipts = receipts
        self._heartbeat = heartbeat
        self._clock = clock
        self._disk = PosixDisk()
        self._patience = Patience(entropy)
        self._reader = self._reader_after(stored.number)
        self._sent = stored.number
        """Number of the last batch the bus has acknowledged."""
        self._hear_seconds = hear_seconds
        self._asked = False
        """Whether the platform said again where its chain stands."""
        self._still_since = clock.now()
        """When the platform's chain last moved, or was first waited for."""
        self._beaten_at = 0
        self.counters = Counters()

    @property
    def receipted(self) -> int:
        """Number of the last batch known to be stored by the platform."""
        return self._stored.number

    @property
    def problem(self) -> str:
        """Why batches do not arrive, as a code and a sentence; empty while they do."""
        return self._patience.problem

    def step(self) -> int:
        """Hear receipts, send the next batches, or a heartbeat when there are none.

        Returns after how many microseconds to come again. Never raises for what the bus or the
        platform does; damage in the spool (``schema.segment.damaged``) is raised.
        """
        found = self._reader.read(BATCHES_MAX)
        try:
            self._send(found)
            self._hear(0.0 if found else self._hear_seconds)
            self._go_back()
            if not found:
                self._beat()
        except FengsuiError as error:
            if error.code.startswith(_DAMAGED):
                raise
            self._reader = self._reader_after(self._sent)
            self.counters.failures += 1
            return self._patience.lose(str(error))
        self._patience.regain()
        return 0

    def close(self) -> None:
        """Let go of the bus; what was not acknowledged is sent again after a restart."""
        self._receipts.close()
        self._writer.close()

    def _send(self, found: list[Batch]) -> None:
        if not found:
            return
        if self._sent == self._stored.number:
            self._still_since = self._clock.now()
        for one in found:
            self._writer.send(self._places.batches, key=self._key, value=batches.to_bytes(one))
        self._writer.flush()
        self._sent = found[-1].header.number
        self.counters.batches += len(found)

    def _beat(self) -> None:
        now = self._clock.now()
        if 0 <= now - self._beaten_at < HEARTBEAT_EVERY_US:
            return
        value = msgspec.json.encode(self._heartbeat())
        self._writer.send(self._places.heartbeats, key=self._key, value=value)
        self._writer.flush()
        self._beaten_at = now
        self.counters.heartbeats += 1

    def _hear(self, wait_seconds: float) -> None:
        """Keep the newest receipt that is ours, and free what it covers."""
        heard: list[Receipt] = []
        for record in self._receipts.read(records_max=RECORDS_MAX, wait_seconds=wait_seconds):
            if record.key == self._key:
                heard += self._ours(record.value)
        if not heard:
            return
        newest = max(heard, key=lambda one: one.head.number)
        number = newest.head.number
        if number < self._stored.number:
            return
        if number == self._stored.number and self._stored.newest is not None:
            self._asked = True
            return
        batch = self._batch(number)
        if batch is None:
            raise FengsuiError(
                "sensors.ship.chain_apart",
                f"the platform holds batch {number}, which this sensor does not: it was set back "
                "to an older state; run `fengsui verify` here or enrol anew",
                number=number,
            )
        if not is_of(batch, newest):
            raise foreign(newest)
        self._stored.take(newest)
        self._asked = False
        self._still_since = self._clock.now()
        if number > self._sent:
            # Sent by an earlier run: nothing to send twice.
            self._sent = number
            self._reader = self._reader_after(number)
        self.counters.freed_segments += self._stored.free()

    def _ours(self, value: bytes) -> list[Receipt]:
        """The receipt of a record; whoever may write there can write anything, so none is told."""
        try:
            receipt = _decoder.decode(value)
            self._stored.verify(receipt)
        except (msgspec.DecodeError, UnicodeDecodeError, FengsuiError):
            self.counters.foreign_records += 1
            return []
        if not self._stored.concerns(receipt):
            return []
        return [receipt]

    def _go_back(self) -> None:
        """Send again what the platform lacks, where it said so and its chain stands still."""
        waited = self._clock.now() - self._still_since
        if not self._asked or self._sent <= self._stored.number or waited < STUCK_US:
            return
        self.counters.resent += self._sent - self._stored.number
        self._asked = False
        self._sent = self._stored.number
        self._still_since = self._clock.now()
        self._reader = self._reader_after(self._sent)

    def _batch(self, number: int) -> Batch | None:
        found = self._reader_after(number - 1).read(1)
        return found[0] if found and found[0].header.number == number else None

    def _reader_after(self, number: int) -> Reader:
        return Reader(self._spool, Cursor(number=number), self._disk)
