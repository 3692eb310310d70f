"""Backlog: batches that are in the log and not yet with the judge, each sensor in its own order.

At a start that is what a crash or another form left; later, what waits until fewer hits do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set

from analytics.judge import Judge
from collector.control import SENSOR as CONTROL
from collector.intake import Intake
from schema.event import AcceptedBatch


class Backlog:
    """Which sensors are behind, and what of theirs comes next; for the pipeline's thread."""

    def __init__(
        self, engine: Judge, intake: Intake, *, pending_max: int, batches_max: int
    ) -> None:
        self._engine = engine
        self._intake = intake
        self._pending_max = pending_max
        self._batches_max = batches_max
        self._behind: list[str] = []
        """Sensors not yet fed up to where the start found them."""
        self._held: set[str] = set()

    @property
    def held(self) -> Set[str]:
        """Sensors whose batches wait in the log until fewer hits wait in memory."""
        return self._held

    @property
    def catching_up(self) -> bool:
        """Whether what was there at the start is not all fed."""
        return bool(self._behind)

    def hold(self, sensors: Iterable[str]) -> None:
        """Feed these first, up to where intake stands."""
        self._behind = list(sensors)

    def next(self) -> list[AcceptedBatch]:
        """A share of each sensor that is behind; one that gives nothing is so no longer."""
        taken: list[AcceptedBatch] = []
        for sensor in list(self._behind):
            batches = self._read(sensor)
            if not batches:
                self._behind.remove(sensor)
            taken.extend(batches)
        return taken

    def let_in(
        self, accepted: Sequence[AcceptedBatch], *, all_of_it: bool = False
    ) -> list[AcceptedBatch]:
        """What the judge takes now: those held before it first, each sensor in its own order."""
        full = not all_of_it and self._engine.pending > self._pending_max
        holding = self._engine.holding() if full else None
        taken: list[AcceptedBatch] = []
        for batch in accepted:
            if full and batch.sensor not in (holding, CONTROL):
                self._held.add(batch.sensor)
            if batch.sensor not in self._held:
                taken.append(batch)
        for sensor in sorted(self._held):
            if full and sensor != holding:
                continue
            again = self._read(sensor)
            taken.extend(again)
            if not again:
                self._held.discard(sensor)
        return taken

    def _read(self, sensor: str) -> list[AcceptedBatch]:
        after = self._engine.cursors.get(sensor, 0)
        return self._intake.read_again(sensor, after, self._batches_max)
