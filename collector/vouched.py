"""Vouched: what the door has checked just now, so that intake need not check the same bytes again.

Between door and intake lies the log, and nothing that comes out of it is taken on trust: only a
batch whose header, signature and body are byte for byte those that were checked is spared. What is
not kept here, or differs in a bit, is checked anew.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

from schema.batch import Batch, Body

BYTES_MAX: Final = 32 * 1024 * 1024
"""Payloads held at once: some thirty full batches. Past it nothing is added, since intake needs
the oldest first, and what is not held only costs its check a second time."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A body that matches its signed root, with nothing in it that a sensor may not send."""

    batch: Batch
    body: Body
    leaves: list[bytes]
    size: int


class Vouched:
    """Checked batches on their way from the door to intake. Safe from any thread."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._held: dict[tuple[str, int], Checked] = {}
        self._size = 0
        self._lock = threading.Lock()

    @property
    def full(self) -> bool:
        """Whether nothing more is held before intake has taken some."""
        return self._size >= self._bytes_max

    def keep(self, batch: Batch, body: Body, leaves: list[bytes]) -> None:
        """Vouch for a batch that is in the log now."""
        size = sum(len(payload) for payload in body.payloads if payload is not None)
        key = batch.header.sensor, batch.header.number
        with self._lock:
            if self._size + size <= self._bytes_max and key not in self._held:
                self._held[key] = Checked(batch, body, leaves, size)
                self._size += size

    def take(self, batch: Batch) -> Checked | None:
        """What is known of exactly this batch; it is held no longer."""
        with self._lock:
            known = self._held.pop((batch.header.sensor, batch.header.number), None)
            if known is not None:
                self._size -= known.size
        if known is None:
            return None
        checked = known.batch
        same = (
            checked.header_bytes == batch.header_bytes
            and checked.signature == batch.signature
            and checked.body == batch.body
        )
        return known if same else None
