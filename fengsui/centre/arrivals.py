"""Arrivals: takes in what sensors ship to the bus, by the same door as what they ship by HTTPS.

A record counts as read once its batch is in the segments and its receipt is on the bus: a crash
before that reads it again, and an exact repeat changes nothing. A record that cannot be let in is
put aside with its place and the reason, and the partition goes on; a sensor may move between both
ways at any time.
"""

from __future__ import annotations

import logging
import struct
import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from collector.control import ControlLog
from collector.quarantine import safe_name
from crypto import sm3
from crypto.errors import CryptoError
from fengsui.centre.hops import Every, Hops
from fengsui.centre.layout import Layout
from schema import heartbeat
from schema.bus import RECORD_BYTES_MAX, BusReader, BusWriter, Record
from schema.errors import FengsuiError
from schema.heartbeat import Heartbeat, Signed
from schema.receipt import Receipt

_logger = logging.getLogger(__name__)

RECORDS_MAX: Final = 32
"""Batches whose receipts wait for one another: a few megabytes."""
PAUSE_SECONDS: Final = 0.02
PAUSES_MAX: Final = 10
"""So often intake is waited for before more is let in: what it has yet to take in stands checked
in memory up to a bound, and past that is checked twice. Then more is let in all the same."""
WAIT_SECONDS: Final = 0.2
RETRY_SECONDS: Final = 1.0
"""Between two tries while disk or bus refuses."""

AHEAD: Final = "schema.batch.out_of_order"
BUS: Final = "schema.bus."
GONE: Final = "schema.bus.gone"
_LENGTH: Final = struct.Struct("<I")
_beat_decoder: Final = msgspec.json.Decoder(heartbeat.Signed)


class Door(Protocol):
    """What arrivals need of intake."""

    def accept(self, raw: bytes) -> Sequence[Receipt]:
        """Store length-prefixed batches; see :meth:`collector.door.Door.accept`."""

    def standing(self, sensor: str) -> Receipt | None:
        """A fresh receipt for the head that is stored."""

    def heartbeat(self, signed: Signed) -> Heartbeat:
        """The verified heartbeat."""

    def put_aside(self, name: str, reason: str, said: dict[str, str | int]) -> bool:
        """Keep what is known of something refused."""


class Arrivals:
    """Reads ``batches`` and ``heartbeats`` in a thread of its own, or step by step."""

    def __init__(
        self,
        reader: BusReader,
        receipts: BusWriter,
        layout: Layout,
        *,
        door: Door,
        heard: Callable[[Heartbeat], None],
        control: ControlLog,
        hops: Hops,
        check_room: Callable[[], None] = lambda: None,
        far_ahead: Callable[[], bool] = lambda: False,
    ) -> None:
        """``check_room`` raises while the disk has no room for more batches; ``far_ahead`` tells
        that intake has enough to take in.
        """
        self._far_ahead = far_ahead
        self._check_room = check_room
        self._reader = reader
        self._receipts = receipts
        self._layout = layout
        self._door = door
        self._heard = heard
        self._control = control
        self._hops = hops
        self._ask_lag = Every()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._left: list[Record] = []
        """Read, and not yet dealt with."""
        self._due: dict[str, Receipt] = {}
        """Receipts that are not on the bus yet, the newest of each sensor."""
        self.failure: Exception | None = None
        """Why nothing arrives at present."""

    def start(self) -> None:
        """Read until :meth:`stop`."""
        self._thread = threading.Thread(target=self._run, name="arrivals", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the step under way and let go of the bus; what was not committed comes again."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._reader.close()
        try:
            self._receipts.close()
        except FengsuiError as error:
            _logger.warning("receipts were not sent", extra={"why": str(error)})

    def _run(self) -> None:
        while not self._stop.is_set():
            self._let_follow()
            try:
                self.step()
            except (FengsuiError, OSError) as error:
                if self.failure is None:
                    _logger.warning("nothing arrives; trying again until it does: %s", error)
                self.failure = error
                self._stop.wait(RETRY_SECONDS)
            except Exception as error:
                # The outermost loop of the thread: named in the log and at /readyz, and stopped.
                _logger.exception("arrivals stopped")
                self.failure = error
                return
            else:
                self.failure = None

    def _let_follow(self) -> None:
        for _ in range(PAUSES_MAX):
            if not self._far_ahead() or self._stop.wait(PAUSE_SECONDS):
                return

    def step(self) -> int:
        """Deal with the next records; how many.

        Raises ``OSError`` or ``collector.storage.full`` while the disk and ``schema.bus.*`` while
        the bus refuses: what was read and not dealt with comes first in the next step.
        """
        self._check_room()
        if not self._left:
            self._left = self._read()
        count = len(self._left)
        while self._left:
            self._take(self._left[0])
            self._left.pop(0)
        if count or self._due:
            self._answer()
            self._reader.commit()
        if self._ask_lag.due():
            self._lags()
        return count

    def _read(self) -> list[Record]:
        try:
            return list(self._reader.read(records_max=RECORDS_MAX, wait_seconds=WAIT_SECONDS))
        except FengsuiError as error:
            if error.code.startswith(BUS) and error.code != GONE:
                raise
            # Not opened by any key here, or deleted before it was read: said once, and passed.
            self._refuse(
                error,
                topic=str(error.params.get("topic", "")),
                partition=int(error.params.get("partition", 0)),
                offset=int(error.params.get("offset", error.params.get("wanted", 0))),
                key=b"",
                value=b"",
            )
            return []

    def _take(self, record: Record) -> None:
        stage = record.place.topic.removeprefix(f"{self._layout.prefix}.")
        self._hops.add("received", stage)
        try:
            if stage == "heartbeats":
                self._heard(self._door.heartbeat(_beat(record.value)))
            else:
                self._let_in(record)
        except (FengsuiError, CryptoError) as error:
            if stage == "heartbeats":
                # One says nothing that the next does not.
                self._hops.add("failed", stage)
                return
            self._refuse(
                error,
                topic=record.place.topic,
                partition=record.place.partition,
                offset=record.offset,
                key=record.key,
                value=record.value,
            )

    def _let_in(self, record: Record) -> None:
        if len(record.value) > RECORD_BYTES_MAX:
            raise FengsuiError("collector.batch.too_large", "a record is over its limit")
        try:
            receipts = self._door.accept(_LENGTH.pack(len(record.value)) + record.value)
        except FengsuiError as error:
            if error.code != AHEAD:
                raise
            # Sent again from before, or one is missing before it: the sensor goes on from where
            # its receipt says its chain stands.
            self._hops.add("failed", "batches")
            sensor = str(error.params["sensor"])
            standing = self._door.standing(sensor)
            if standing is not None:
                self._owe(sensor, standing)
            return
        for receipt in receipts:
            self._owe(receipt.head.sensor, receipt)

    def _owe(self, sensor: str, receipt: Receipt) -> None:
        due = self._due.get(sensor)
        if due is None or due.head.number <= receipt.head.number:
            self._due[sensor] = receipt

    def _refuse(
        self,
        error: FengsuiError | CryptoError,
        *,
        topic: str,
        partition: int,
        offset: int,
        key: bytes,
        value: bytes,
    ) -> None:
        """Put the record aside, once: its place and reason, for its bytes may hold anything."""
        self._hops.add("quarantined", "batches")
        sensor = safe_name(key.decode("utf-8", "replace"))
        digest = sm3.digest(value).hex() if value else ""
        said: dict[str, str | int] = {
            "topic": topic,
            "partition": partition,
            "offset": offset,
            "key": sensor,
            "bytes": len(value),
            "sm3": digest,
            "reason": error.code,
            "message": str(error),
        }
        if self._door.put_aside(f"record-{topic}-{partition}-{offset}", error.code, said):
            self._control.add(
                "batch_quarantined",
                sensor=sensor,
                digest=digest,
                reason=error.code,
                message=f"record {offset} of {topic} partition {partition}: {error}",
            )

    def _answer(self) -> None:
        """The newest receipts, acknowledged by the bus before the records count as read."""
        for sensor, receipt in self._due.items():
            self._receipts.send(
                self._layout.of_sensor("receipts", sensor),
                key=sensor.encode(),
                value=msgspec.json.encode(receipt),
            )
        self._receipts.flush()
        self._hops.add("sent", "receipts", len(self._due))
        self._due.clear()

    def _lags(self) -> None:
        lags: dict[str, int] = {"batches": 0, "heartbeats": 0}
        for place, behind in self._reader.lag().items():
            stage = place.topic.removeprefix(f"{self._layout.prefix}.")
            lags[stage] = lags.get(stage, 0) + behind
        for stage, behind in lags.items():
            self._hops.lag(stage, behind)


def _beat(raw: bytes) -> Signed:
    try:
        return _beat_decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FengsuiError("schema.heartbeat.malformed", f"not a heartbeat: {error}") from error
