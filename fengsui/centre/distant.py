"""Distant: the judge of a site whose rules run on workers; the pipeline drives it as the engine.

What is fed goes to the bus, what was decided comes from it. Models are trained where the hours
are counted, so nothing is ever asked of this process's trainer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from typing import Final

from analytics.engine import LATENESS_US, Output
from analytics.guards import Facts
from analytics.memory import NEVER
from analytics.models.artefact import Artefact, TrainingRequest
from analytics.ruleset import RuleSet
from analytics.streaming.messages import Decided as Message
from analytics.streaming.messages import Trained
from fengsui.centre.decided import Decided
from fengsui.centre.feeder import Feeder
from schema.alert import Alert
from schema.errors import FengsuiError

PENDING_MAX: Final = 2_000_000
"""Hits that may wait for a sensor that lags, some 600 MB over all workers; beyond it only that
sensor is read on, and the others wait in the log."""


class DistantJudge:
    """Feeder and decided as one :class:`analytics.judge.Judge`; for the pipeline's thread."""

    def __init__(
        self, feeder: Feeder, decided: Decided, *, trained: Callable[[Trained], None]
    ) -> None:
        """``trained`` is told of each model the workers trained."""
        self._feeder = feeder
        self._decided = decided
        self._trained = trained
        self.require = feeder.require
        self.release = feeder.release
        self.exclude = feeder.exclude
        self.readmit = feeder.readmit
        self.adopt = feeder.adopt
        self.watch = feeder.watch
        self.watched = feeder.watched
        self.holding = feeder.holding
        self.feed = feeder.feed
        self.heartbeat = feeder.heartbeat
        self.clear = feeder.deliver

    @property
    def cursors(self) -> Mapping[str, int]:
        return self._feeder.cursors

    @property
    def safe(self) -> Mapping[str, int]:
        return self._feeder.acknowledged

    @property
    def watermark(self) -> int:
        return self._feeder.watermark

    @property
    def required(self) -> Set[str]:
        return self._feeder.required

    @property
    def excluded(self) -> Set[str]:
        return self._feeder.excluded

    @property
    def ruleset(self) -> RuleSet:
        return self._feeder.ruleset

    @property
    def free_from(self) -> int:
        return self._feeder.free_from

    @property
    def pending(self) -> int:
        """Those that wait on the workers."""
        return self._decided.pending

    @property
    def settled(self) -> int:
        watermark = self._decided.watermark
        return watermark if abs(watermark) >= NEVER else watermark - LATENESS_US

    @property
    def decided(self) -> int:
        """Up to which event time the workers have decided."""
        return self._decided.watermark

    @property
    def decided_by(self) -> Mapping[str, int]:
        """The same by stage."""
        return dict(self._decided.watermarks)

    def know(self, facts: Facts) -> None:
        self._feeder.know(facts)

    def install(self, artefact: Artefact) -> None:
        del artefact
        raise _elsewhere()

    def skip_training(self, request: TrainingRequest) -> None:
        del request
        raise _elsewhere()

    def advance(self) -> Output:
        self._feeder.deliver()
        return self._output(self._decided.read())

    def finish(self) -> Output:
        self._feeder.end()
        return self._output(self._decided.read())

    def provisional(self) -> Iterable[Alert]:
        """None of its own: the workers look ahead, and their alerts come with the others."""
        return ()

    def snapshot(self) -> dict[str, bytes]:
        return self._feeder.snapshot() | self._decided.snapshot()

    def close(self) -> None:
        """Let go of the bus."""
        self._decided.close()
        self._feeder.close()

    def _output(self, decisions: Iterable[Message]) -> Output:
        found = list(decisions)
        for decision in found:
            if decision.control is not None:
                self._feeder.know_again(*decision.control)
        for one in (one for decision in found for one in decision.trained):
            self._trained(one)
        return Output(
            alerts=[one for decision in found for one in decision.alerts],
            closings=[one for decision in found for one in decision.closings],
            coverage=[one for decision in found for one in decision.coverage],
            missed=[one for decision in found for one in decision.missed],
            training=(),
            watermark=self._decided.watermark,
        )


def _elsewhere() -> FengsuiError:
    return FengsuiError("analytics.model.refused", "models of this site are trained by its workers")
