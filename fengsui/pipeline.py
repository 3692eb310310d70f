"""Pipeline: one thread that carries events the whole way, round after round.

A round seals what the local sources hold, lets the collector take in what is new in the log,
steps the rules over it and commits alerts, snapshot and cursors together. Whatever round a crash
ends, the next start finds the cursors and goes on; nothing is done twice that can be seen.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from analytics.engine import Engine, Output
from analytics.models.artefact import Artefact, TrainingRequest
from collector.control import ControlLog
from collector.intake import Intake
from schema.alert import Alert, Closing
from schema.event import AcceptedBatch
from schema.ports import AlertStore, Clock
from schema.times import SECOND
from sensors.agent import Sensor

_logger = logging.getLogger(__name__)

OWN_CHAINS: Final = frozenset({"collector"})
"""Chains about the platform itself: indexed and provable, never evaluated by the rules."""

SEAL_BATCHES_MAX: Final = 4
"""Batches a sensor may seal in one round, so that intake and rules keep up with a backlog."""

INTAKE_BATCHES_MAX: Final = 8
COMMIT_EVERY_US: Final = SECOND
IDLE_SECONDS: Final = 0.2
HEARTBEAT_EVERY_US: Final = SECOND
PROVISIONAL_LAG_US: Final = SECOND
"""Only while the watermark lags more than this are provisional alerts worked out."""


class Trainer(Protocol):
    """Trains a model in a child process."""

    def train(self, request: TrainingRequest) -> Artefact:
        """The array form of the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the pipeline has done since it started; times in microseconds UTC."""

    events: int = 0
    sealed: int = 0
    alerts: int = 0
    watermark: int = 0
    first_alert_at: int = 0
    rounds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """The parts a pipeline drives; all of one data folder."""

    sensors: Sequence[Sensor]
    intake: Intake
    engine: Engine
    alerts: AlertStore
    control: ControlLog
    trainer: Trainer
    clock: Clock


class Pipeline:
    """Runs rounds in the caller's thread, or in one of its own."""

    def __init__(self, stages: Stages, on_change: Callable[[], None] = lambda: None) -> None:
        self._stages = stages
        self._on_change = on_change
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._committed_at = 0
        self._beat_at = 0
        self._alerts: list[Alert] = []
        self._closings: list[Closing] = []
        self.progress = Progress()
        self.failure: Exception | None = None
        self._catch_up()

    def _catch_up(self) -> None:
        """Feed the engine what the collector accepted after the engine's last snapshot."""
        engine, intake = self._stages.engine, self._stages.intake
        for sensor in intake.sensors():
            if sensor in OWN_CHAINS:
                continue
            while batches := intake.read_again(
                sensor, engine.cursors.get(sensor, 0), INTAKE_BATCHES_MAX
            ):
                self._feed(batches)
                self._advance()

    def round(self) -> bool:
        """One round; False when there was nothing to do."""
        sealed = self._seal()
        accepted = self._stages.intake.step(INTAKE_BATCHES_MAX)
        self._feed(accepted)
        self._heartbeat(sealed)
        self._advance()
        self._stages.control.flush()
        now = self._stages.clock.now()
        if now - self._committed_at >= COMMIT_EVERY_US or not accepted:
            self._commit(now)
        self.progress = replace(
            self.progress,
            rounds=self.progress.rounds + 1,
            sealed=self.progress.sealed + sealed,
            watermark=self._stages.engine.watermark,
        )
        return bool(sealed or accepted)

    def _seal(self) -> int:
        """Events the local sensors sealed in this round."""
        sealed = 0
        for sensor in self._stages.sensors:
            for _ in range(SEAL_BATCHES_MAX):
                batch = sensor.step()
                if batch is None:
                    break
                sealed += batch.header.count
        return sealed

    def _feed(self, batches: Sequence[AcceptedBatch]) -> None:
        events = 0
        for batch in batches:
            if batch.sensor in OWN_CHAINS:
                continue
            self._stages.engine.feed(batch)
            events += len(batch.ids)
        self.progress = replace(self.progress, events=self.progress.events + events)

    def _heartbeat(self, sealed: int) -> None:
        """An idle sensor says each second how far its sources are read."""
        now = self._stages.clock.now()
        if sealed or now - self._beat_at < HEARTBEAT_EVERY_US:
            return
        self._beat_at = now
        for sensor in self._stages.sensors:
            beat = self._stages.intake.heartbeat(sensor.heartbeat())
            self._stages.engine.heartbeat(beat.sensor, beat.low_watermark)

    def _advance(self) -> None:
        """Step the rules up to the watermark; train where the engine asks for it, then go on."""
        engine = self._stages.engine
        while True:
            output = engine.advance()
            self._alerts.extend(output.alerts)
            self._closings.extend(output.closings)
            self._coverage.extend(output.coverage)
            if not output.training:
                return
            for request in output.training:
                self._install(request)
