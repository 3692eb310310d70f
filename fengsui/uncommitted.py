"""Uncommitted: what was decided since the last commit, kept until it is stored for certain."""

from __future__ import annotations

from collections.abc import Iterable

from analytics.engine import Output
from schema.alert import Alert, Closing
from schema.coverage import CoverageRow, Missed
from schema.ports import AlertStore


class Uncommitted:
    """Gathers outputs; for the pipeline's thread."""

    def __init__(self, *, decided_before: int) -> None:
        """Alerts of before that event time were decided by another form of the site: they stand."""
        self._decided_before = decided_before
        self._alerts: list[Alert] = []
        self._closings: list[Closing] = []
        self._coverage: list[CoverageRow] = []
        self._missed: list[Missed] = []
        self._snapshot: dict[str, bytes] = {}

    @property
    def shows(self) -> bool:
        """Whether alerts wait that people could see."""
        return bool(self._alerts)

    def take(self, output: Output) -> bool:
        """Keep an output; whether there are alerts in it."""
        count = len(self._alerts)
        self.show(output.alerts)
        self._closings.extend(output.closings)
        self._coverage.extend(output.coverage)
        self._missed.extend(output.missed)
        return len(self._alerts) > count

    def show(self, alerts: Iterable[Alert]) -> None:
        """Keep alerts alone."""
        self._alerts.extend(one for one in alerts if one.decided_at >= self._decided_before)

    def commit(self, store: AlertStore, snapshot: dict[str, bytes], *, now: int) -> tuple[int, int]:
        """Store all of it in one transaction; how many alerts and closings that were.

        ``snapshot`` holds what changed since the one before. Raises ``OSError``: everything is
        kept for the next call then.
        """
        self._snapshot |= snapshot
        store.commit(
            self._alerts,
            self._closings,
            snapshot=self._snapshot,
            coverage=self._coverage,
            missed=self._missed,
            received_at=now,
        )
        stored = len(self._alerts), len(self._closings)
        self._alerts, self._closings, self._snapshot = [], [], {}
        self._coverage, self._missed = [], []
        return stored
