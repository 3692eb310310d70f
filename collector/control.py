"""ControlLog: the collector seals what it does, as a sensor named ``collector``.

Receipts, refusals, quarantines, redactions and gaps are events of dataset ``fengsui.control``:
absence and integrity can be judged from them without a clock, and nobody can take one back.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Final, Literal

from collector.ownchain import OwnChain
from schema import limits
from schema.batch import Batch
from schema.event import DATASET, TIME, Fields
from schema.ports import Clock
from schema.times import to_text

SENSOR: Final = "collector"
SOURCE: Final = "control"
BUFFER_MAX: Final = 65_536
"""Records waiting to be sealed: minutes of the busiest round; what is past it is counted."""
_TEXT_MAX: Final = 1000

Action = Literal[
    "batch_received",
    "batch_refused",
    "batch_quarantined",
    "event_quarantined",
    "event_redacted",
    "gap",
    "source_excluded",
    "source_readmitted",
    "rules_loaded",
    "rules_replayed",
    "model_trained",
    "warmup_adopted",
    "heartbeat",
    "sensor_enrolled",
    "sensor_revoked",
    "late_event",
    "clock_capped",
    "records_lost",
    "register_changed",
    "register_watched",
    "indicators_changed",
    "geo_loaded",
    "segment_expired",
    "hold_added",
    "hold_released",
    "storage_low",
    "storage_full",
    "storage_ample",
]


class ControlLog:
    """Buffers control events and seals them, at most one batch a :meth:`flush`."""

    def __init__(self, chain: OwnChain, clock: Clock) -> None:
        self._chain = chain
        self._clock = clock
        self._waiting: deque[Fields] = deque()
        self._lost = 0
        self._lock = threading.Lock()
        self._flushing = threading.Lock()

    @property
    def number(self) -> int:
        """Number of the last sealed control batch."""
        return self._chain.number

    def add(
        self,
        action: Action,
        *,
        sensor: str = "",
        number: int = 0,
        events: int = 0,
        digest: str = "",
        reason: str = "",
        message: str = "",
        at: int = 0,
        labels: dict[str, str] | None = None,
    ) -> None:
        """Note something; it is sealed by the next flush. ``at`` is its time, now where 0."""
        fields: Fields = {
            TIME: to_text(at or self._clock.now()),
            DATASET: "fengsui.control",
            "event.action": action,
        }
        texts = {
            "gov.batch.sensor": sensor,
            "gov.batch.hash": digest,
            "gov.batch.reason": reason,
            "message": message[:_TEXT_MAX],
            **{f"labels.{name}": text[:_TEXT_MAX] for name, text in (labels or {}).items()},
        }
        fields.update({name: text for name, text in texts.items() if text})
        if number:
            fields["gov.batch.number"] = number
        if events:
            fields["gov.batch.events"] = events
        with self._lock:
            if len(self._waiting) >= BUFFER_MAX:
                self._lost += 1
            else:
                self._waiting.append(fields)

    def flush(self) -> Batch | None:
        """Seal what waits, up to one batch; None when nothing did. Raises ``OSError``.

        Safe from any thread: each record is sealed once.
        """
        with self._flushing:
            return self._flush()

    def _flush(self) -> Batch | None:
        with self._lock:
            count = min(len(self._waiting), limits.BATCH_EVENTS_MAX)
            events = [self._waiting[place] for place in range(count)]
        if not events:
            return None
        batch = self._chain.seal(events, source=SOURCE, place=SOURCE, generation="-")
        with self._lock:
            for _ in range(count):
                self._waiting.popleft()
            lost, self._lost = self._lost, 0
        if lost:
            self.add("records_lost", events=lost, message="the control buffer was full")
        return batch

    def close_segment(self) -> None:
        """Close the open segment, so that it can be rewritten."""
        self._chain.close_segment()
