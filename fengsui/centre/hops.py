"""Hops: what passed each stage between this process and the bus, counted; from any thread."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Literal, TypeAlias

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
