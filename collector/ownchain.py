"""Own chain: a chain of batches the collector seals itself, like any sensor's."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from collector.enrolments import Enrolment
from crypto import sm2
from schema import batch as batches
from schema import log
from schema.batch import Batch, Chain, Contents, Position
from schema.event import GENERATION, OFFSET, SOURCE, TIME, Fields, encode
from schema.merkle import SALT_BYTES
from schema.ports import Clock, Entropy
from schema.times import from_text


class OwnChain:
    """Seals and stores events under the collector's key. Safe from any thread."""

    def __init__(
        self,
        segments: Path,
        enrolment: Enrolment,
        *,
        key: sm2.PrivateKey,
        clock: Clock,
        entropy: Entropy,
        lateness_us: int = 0,
    ) -> None:
        """``lateness_us`` is how much earlier than now an event sealed here may be."""
        self.name = enrolment.sensor
        self._lateness_us = lateness_us
        self._writer = log.Writer(segments / enrolment.sensor)
        self._key = key
        self._clock = clock
        self._entropy = entropy
        self._boot_id = entropy.take(8).hex()
        self._lock = threading.Lock()
        head = self._writer.head
        self._chain: Chain = enrolment.chain
        self._positions: dict[str, Position] = {}
        self._low_watermark = 0
        if head is not None:
            self._positions = dict(head.header.positions)
            self._low_watermark = head.header.low_watermark
            if head.header.enrolment == enrolment.number:
                self._chain = enrolment.chain.after(head)

    @property
    def number(self) -> int:
        """Number of the chain's last batch, 0 before the first."""
        return self._chain.number

    def seal(self, events: Sequence[Fields], *, source: str, place: str, generation: str) -> Batch:
        """Seal and store one batch; offsets go on densely at ``place`` in the positions.

        Returns once it is on stable storage; raises ``OSError`` when the disk refuses.
        """
        with self._lock:
            old = self._positions.get(place)
            offset = old.offset if old and old.generation == generation else 0
            for index, event in enumerate(events):
                event[SOURCE], event[GENERATION], event[OFFSET] = (
                    source,
                    generation,
                    offset + index,
                )
            event_times = [from_text(str(event[TIME])) for event in events]
            positions = {
                **self._positions,
                place: Position(generation=generation, offset=offset + len(events)),
            }
            low_watermark = max(self._low_watermark, self._clock.now() - self._lateness_us)
            batch = batches.seal(
                self._chain,
                Contents(
                    payloads=[encode(event) for event in events],
                    min_time=min(event_times),
                    max_time=max(event_times),
                    low_watermark=low_watermark,
                    positions=positions,
                ),
                key=self._key,
                boot_id=self._boot_id,
                salts=self._entropy.take(SALT_BYTES * len(events)),
            )
            self._writer.append(batch)
            self._chain = self._chain.after(batch)
            self._positions = positions
            self._low_watermark = low_watermark
            return batch

    def close_segment(self) -> None:
        """Close the open segment, so that it can be rewritten."""
        with self._lock:
            self._writer.close_segment()
