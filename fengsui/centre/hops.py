"""Hops: what passed each stage between this process and the bus, counted; from any thread."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Final, Literal, TypeAlias

What: TypeAlias = Literal["received", "sent", "failed", "quarantined", "events"]


class Hops:
    """Counters by what happened and by stage, gauges beside them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: Counter[tuple[What, str]] = Counter()
        self._lags: dict[str, int] = {}

    def add(self, what: What, stage: str, amount: int = 1) -> None:
        """Count."""
        with self._lock:
            self._counted[what, stage] += amount

    def lag(self, stage: str, records: int) -> None:
        """How many records wait before a stage."""
        with self._lock:
            self._lags[stage] = records

    def counted(self) -> dict[tuple[What, str], int]:
        """All counters."""
        with self._lock:
            return dict(self._counted)

    def lags(self) -> dict[str, int]:
        """Records that wait, by stage."""
        with self._lock:
            return dict(self._lags)


LAG_SECONDS: Final = 5.0
"""How often the brokers are asked how much waits: each time is a question to them."""


class Every:
    """Says at most every few seconds that it is time."""

    def __init__(self, seconds: float = LAG_SECONDS) -> None:
        self._seconds = seconds
        self._last = -seconds

    def due(self) -> bool:
        """Whether it is time; if so it is not again for as long."""
        now = time.monotonic()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True
