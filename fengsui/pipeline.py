"""Pipeline: one thread that carries events the whole way, round after round.

A round seals what the local sources hold, lets the collector take in what is new in the log,
steps the rules over it, and commits alerts, snapshot and cursors together. Whatever round a crash
ends, the next start finds the cursors and goes on: nothing is lost, nothing shows twice.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from analytics.engine import Engine, Output
from analytics.memory import NEVER
from analytics.models.artefact import Artefact, TrainingRequest
from analytics.ruleset import ENGINE_VERSION, RuleSet
from collector.control import SENSOR as CONTROL
from collector.control import ControlLog
from collector.enrolments import Enrolments, is_own
from collector.health import SILENT_US
from collector.intake import Intake
from collector.push import LATENESS_US as PUSH_LATENESS_US
from fengsui.facts import Rolls
from fengsui.sources import EFFECTIVE_AT, Sources
from schema.alert import Alert, Closing
from schema.coverage import CoverageRow, Missed
from schema.errors import FengsuiError
from schema.event import AcceptedBatch
from schema.heartbeat import Heartbeat
from schema.ports import AlertStore, Clock
from schema.times import SECOND, to_text
from sensors.agent import Sensor

_logger = logging.getLogger(__name__)

SEAL_BATCHES_MAX: Final = 2
"""Batches a sensor may seal in one round, so that intake and rules keep up with a
backlog, and that no more events are unpacked at once than thirty megabytes hold."""

INTAKE_BATCHES_MAX: Final = 4
COMMIT_EVERY_US: Final = SECOND
"""A crash repeats at most this much evaluation; the events themselves are long on disk."""

PENDING_MAX: Final = 500_000
"""Hits waiting for a sensor that lags, some 150 MB; beyond it the others wait in the log."""

HEARTBEAT_EVERY_US: Final = SECOND
PROVISIONAL_LAG_US: Final = SECOND
"""Only while the watermark lags more than this are provisional alerts worked out."""

BUSY_EVENTS: Final = 512
"""A round that sealed so many has a backlog before it; fewer came while it ran."""

IDLE_SECONDS: Final = 0.5
"""Lets events gather: a batch, its signature and its commit cost the same for one as for fifty."""
RETRY_SECONDS: Final = 1.0
"""Between two tries while the disk refuses."""


class Trainer(Protocol):
    """Trains a model apart from this process."""

    def train(self, request: TrainingRequest) -> Artefact:
        """The trained model; raises ``FengsuiError`` when training fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """The parts a pipeline drives; all of one data folder."""

    sensors: Sequence[Sensor]
    intake: Intake
    enrolments: Enrolments
    engine: Engine
    alerts: AlertStore
    control: ControlLog
    trainer: Trainer
    clock: Clock
    """The clock events are judged by: recorded time in a replay."""
    rolls: Rolls
    """Whom the registers hold that rules watch."""
    pace: Clock
    """The machine's clock: when to commit, beat and look ahead."""
    admits: Callable[[], bool] = lambda: True
    """Whether local sensors may seal more; not while the disk is full."""
    pending_max: int = PENDING_MAX
    """Hits that may wait for the watermark before only the sensor it waits for is read on."""
    intake_batches_max: int = INTAKE_BATCHES_MAX
    """Batches taken in at once; alerts do not depend on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the pipeline has done since it started; times in microseconds UTC."""

    events: int = 0
    alerts: int = 0
    watermark: int = 0
    first_alert_at: int = 0


def note_rules(control: ControlLog, rules: RuleSet, since: int) -> None:
    """Seal which rules judge from an event time on, and name those that are refused."""
    control.add(
        "rules_loaded",
        digest=rules.digest,
        events=len(rules.rules),
        labels={EFFECTIVE_AT: to_text(since), "engine": str(ENGINE_VERSION)},
    )
    for refusal in rules.refused:
        _logger.warning("a rule is refused", extra={"path": refusal.path, "why": refusal.reason})


class Pipeline:
    """Runs rounds: in the caller's thread, or in one of its own after :meth:`start`."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self.on_change: Callable[[], None] = lambda: None
        """Called after a commit that changed alerts; from the pipeline's thread."""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._alerts: list[Alert] = []
        self._closings: list[Closing] = []
        self._coverage: list[CoverageRow] = []
        self._missed: list[Missed] = []
        self._snapshot: dict[str, bytes] = {}
        self._committed_at = 0
        self._beat_at = 0
        self._looked_at = 0
        self.progress = Progress()
        self.failure: Exception | None = None
        self._held: set[str] = set()
        """Sensors whose batches wait in the log until fewer hits wait in memory."""
        self._heard: queue.SimpleQueue[Heartbeat] = queue.SimpleQueue()
        self._rules: queue.SimpleQueue[RuleSet] = queue.SimpleQueue()
        self._started_at = stages.pace.now()
        self.committed: Mapping[str, int] = dict(stages.engine.cursors)
        """Last batch by sensor that the stored snapshot has seen: nothing behind it expires."""
        self._sources = Sources(stages.engine, control=stages.control, enrolments=stages.enrolments)
        self._sources.resume(stages.intake.read_again)
        self._catch_up()

    def adopt(self, rules: RuleSet) -> None:
        """Judge by these rules from the next round on; from any thread."""
        self._rules.put(rules)

    def _follow_rules(self) -> None:
        """Rules that were changed take effect behind everything judged so far."""
        engine = self._stages.engine
        while not self._rules.empty():
            rules = self._rules.get()
            since = max(self._stages.clock.now(), engine.free_from)
            if since >= NEVER:
                # A recording that is through: nothing more will be judged.
                continue
            engine.adopt(rules, since)
            note_rules(self._stages.control, rules, since)

    def heard(self, beat: Heartbeat) -> None:
        """Take a remote sensor's verified heartbeat; from any thread."""
        self._heard.put(beat)

    def start(self, work: Callable[[], None] | None = None) -> None:
        """Run in a thread until :meth:`stop`: rounds, or ``work`` that calls them itself."""
        self._thread = threading.Thread(
            target=self._run, args=(work or self._follow,), name="pipeline", daemon=True
        )
        self._thread.start()

    @property
    def stopping(self) -> bool:
        """Whether work that calls rounds should come to its end."""
        return self._stop.is_set()

    def stop(self) -> None:
        """End the current round, commit, and let the thread go."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self.failure is None:
            self._commit()

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            # The outermost loop of the thread: named in the log and at /readyz, and stopped.
            _logger.exception("the pipeline stopped")
            self.failure = error

    def _follow(self) -> None:
        while not self.stopping:
            if not self.steady_round():
                self._stop.wait(IDLE_SECONDS)

    def steady_round(self) -> bool:
        """One round, tried again after a second where the disk refuses it.

        A full disk is no end: it is named at /readyz until a round succeeds.
        """
        try:
            busy = self.round()
        except OSError as error:
            if self.failure is None:
                _logger.exception("the disk refuses; trying again until it does not")
            self.failure = error
            self._stop.wait(RETRY_SECONDS)
            return True
        self.failure = None
        return busy

    def round(self) -> bool:
        """One round; True when more is waiting already, so that the next should follow at once."""
        self._follow_rules()
        self._stages.rolls.follow(self._stages.engine)
        sealed = self._seal()
        if self._stages.intake.reindex(self._stages.intake_batches_max):
            return True
        accepted = self._stages.intake.step(self._stages.intake_batches_max)
        # A sensor is enrolled before its first batch can be here: it is waited for in time.
        self._sources.follow()
        self._feed(self._let_in(accepted))
        self._heartbeat()
        self._take(self._stages.engine.advance)
        self._look_ahead()
        if self._stages.pace.now() - self._committed_at >= COMMIT_EVERY_US:
            self._commit()
        return sealed >= BUSY_EVENTS or len(accepted) >= self._stages.intake_batches_max

    def finish(self) -> None:
        """The end of a replay: release everything that still waits, then commit."""
        while self._held:
            self._feed(self._let_in([], all_of_it=True))
            self._take(self._stages.engine.advance)
        self._take(self._stages.engine.finish)
        self._commit()

    def _catch_up(self) -> None:
        """Feed the engine what the collector took in after the engine's last commit.

        Sensors take turns: one read to its end would make the events of the next too late.
        """
        engine, intake = self._stages.engine, self._stages.intake
        behind = [sensor for sensor in intake.sensors() if sensor != CONTROL]
        while behind:
            for sensor in list(behind):
                after = engine.cursors.get(sensor, 0)
                batches = intake.read_again(sensor, after, INTAKE_BATCHES_MAX)
                if not batches:
                    behind.remove(sensor)
                self._feed(batches)
            self._take(engine.advance)

    def _seal(self) -> int:
        """Events the local sensors sealed in this round."""
        sealed = 0
        for sensor in self._stages.sensors if self._stages.admits() else ():
            for _ in range(SEAL_BATCHES_MAX):
                batch = sensor.step()
                if batch is None:
                    break
                sealed += batch.header.count
        return sealed

    def _feed(self, batches: Sequence[AcceptedBatch]) -> None:
        events = 0
        for batch in batches:
            # The platform's own records are indexed and provable, but no rule judges them here.
            if batch.sensor != CONTROL:
                self._sources.before(batch)
                self._stages.engine.feed(batch)
                events += len(batch.ids)
        self.progress = replace(self.progress, events=self.progress.events + events)

    def _let_in(
        self, accepted: Sequence[AcceptedBatch], *, all_of_it: bool = False
    ) -> list[AcceptedBatch]:
        """What the engine takes now: those held before it first, each sensor in its own order."""
        engine, intake = self._stages.engine, self._stages.intake
        full = not all_of_it and engine.pending > self._stages.pending_max
        holding = engine.holding() if full else None
        taken: list[AcceptedBatch] = []
        for batch in accepted:
            if full and batch.sensor not in (holding, CONTROL):
                self._held.add(batch.sensor)
            if batch.sensor not in self._held:
                taken.append(batch)
        for sensor in sorted(self._held):
            if full and sensor != holding:
                continue
            again = intake.read_again(
                sensor, engine.cursors.get(sensor, 0), self._stages.intake_batches_max
            )
            taken.extend(again)
            if not again:
                self._held.discard(sensor)
        return taken

    def _heartbeat(self) -> None:
        """Each second: how far idle chains are read, and which sensors have fallen silent."""
        engine, intake = self._stages.engine, self._stages.intake
        while not self._heard.empty():
            self._beat(self._heard.get())
        now = self._stages.pace.now()
        if now - self._beat_at < HEARTBEAT_EVERY_US:
            return
        self._beat_at = now
        for sensor in self._stages.sensors:
            self._beat(intake.heartbeat(sensor.heartbeat()))
        for chain in filter(is_own, set(engine.cursors) - self._held):
            # Pushed events are sealed on arrival: only what a system gathered first is on its way.
            engine.heartbeat(chain, self._stages.clock.now() - PUSH_LATENESS_US)
        # Nobody was heard while the platform stood still: silence counts from its start.
        listened = now - self._started_at > SILENT_US
        self._sources.listen(intake.status(), give_up=listened)

    def _beat(self, beat: Heartbeat) -> None:
        """A heartbeat counts for a sensor all of whose batches are with the engine."""
        if beat.sensor not in self._held:
            self._stages.engine.heartbeat(beat.sensor, beat.low_watermark)

    def _take(self, step: Callable[[], Output]) -> None:
        """Keep what a step decided; where it asks for a model, train one and step on."""
        while True:
            output = step()
            self._alerts.extend(output.alerts)
            self._closings.extend(output.closings)
            self._coverage.extend(output.coverage)
            self._missed.extend(output.missed)
            if not output.training:
                break
            for request in output.training:
                self._train(request)
        if output.alerts and not self.progress.first_alert_at:
            self._commit()
            self.progress = replace(self.progress, first_alert_at=self._stages.pace.now())
        # The engine's own ends of time, before the first batch and after a replay, are not times.
        watermark = max(0, min(output.watermark, self._stages.clock.now()))
        self.progress = replace(self.progress, watermark=watermark)

    def _train(self, request: TrainingRequest) -> None:
        """Install a model trained here; without one the hours go on with the model before."""
        try:
            artefact = self._stages.trainer.train(request)
        except FengsuiError as error:
            _logger.warning("a model was not trained", extra={"why": str(error)})
            self._stages.engine.skip_training(request)
            return
        self._stages.engine.install(artefact)
        self._stages.control.add(
            "model_trained",
            digest=artefact.id,
            reason=request.model,
            events=len(request.rows),
            at=request.effective_at,
        )

    def _look_ahead(self) -> None:
        """Provisional alerts, each second at most and only while the watermark lags."""
        now = self._stages.pace.now()
        lag = self._stages.clock.now() - self._stages.engine.watermark
        if lag > PROVISIONAL_LAG_US and now - self._looked_at >= COMMIT_EVERY_US:
            self._looked_at = now
            self._alerts.extend(self._stages.engine.provisional())

    def _commit(self) -> None:
        """Alerts, closings, coverage and the engine's snapshot in one transaction.

        The platform's own records are sealed first: once a second is enough, and dear per round.
        """
        self._stages.control.flush()
        now = self._stages.pace.now()
        # Each snapshot holds what changed since the one before: kept until it is stored.
        self._snapshot |= self._stages.engine.snapshot()
        cursors = dict(self._stages.engine.cursors)
        self._stages.alerts.commit(
            self._alerts,
            self._closings,
            snapshot=self._snapshot,
            coverage=self._coverage,
            missed=self._missed,
            received_at=now,
        )
        self.committed = cursors
        changed = bool(self._alerts or self._closings)
        self.progress = replace(self.progress, alerts=self.progress.alerts + len(self._alerts))
        self._alerts, self._closings, self._coverage, self._snapshot = [], [], [], {}
        self._missed = []
        self._committed_at = now
        if changed:
            self.on_change()
