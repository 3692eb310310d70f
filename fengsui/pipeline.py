"""Pipeline: one thread that carries events the whole way, round after round.

A round seals what the local sources hold, lets the collector take in what is new in the log,
steps the rules over it, and commits alerts, snapshot and cursors together. Whatever round a crash
ends, the next start finds the cursors and goes on: nothing is lost, nothing shows twice.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from analytics.engine import Output
from analytics.judge import Judge
from analytics.memory import NEVER
from analytics.models.artefact import Artefact, TrainingRequest
from analytics.ruleset import ENGINE_VERSION, RuleSet
from collector.control import SENSOR as CONTROL
from collector.control import ControlLog
from collector.enrolments import Enrolments, is_own
from collector.health import SILENT_US
from collector.intake import Intake
from collector.judged import judged
from collector.push import LATENESS_US as PUSH_LATENESS_US
from fengsui.backlog import Backlog
from fengsui.facts import Knowing, Rolls
from fengsui.sources import EFFECTIVE_AT, Sources
from fengsui.uncommitted import Uncommitted
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
INTAKE_BATCHES_AFAR_MAX: Final = 16
"""Where batches come from afar and are small: a step waits for the search nodes once, however many
batches it stores. Full ones hold some fifty megabytes."""
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
PROMPT_IDLE_SECONDS: Final = 0.1
PROMPT_COMMIT_US: Final = SECOND // 4
"""Where rules run past this process: an alert has come a long way by then, the engine's state that
is committed with it is a few hundred bytes, and batches gathered at their sensors."""
RETRY_SECONDS: Final = 1.0
"""Between two tries while disk or bus refuses."""
BUS: Final = "schema.bus."
"""How the codes of a bus begin that is away, or does not acknowledge."""


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
    engine: Judge
    alerts: AlertStore
    control: ControlLog
    trainer: Trainer
    clock: Clock
    """The clock events are judged by: recorded time in a replay."""
    rolls: Rolls
    """Whom the registers hold that rules watch."""
    pace: Clock
    """The machine's clock: when to commit, beat and look ahead."""
    facts: Knowing | None = None
    """What a judge past this process must be told of registers and lists."""
    catches_up_in_rounds: bool = False
    """Whether what was taken in before is fed in rounds: a bus may be away at the start."""
    decided_before: int = 0
    """Alerts of before this event time were decided by a form of the site before this one."""
    admits: Callable[[], bool] = lambda: True
    """Whether local sensors may seal more; not while the disk is full."""
    prompt: bool = False
    """Whether batches and alerts are not to gather here, since they did elsewhere."""
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


def _passes(error: FengsuiError) -> bool:
    """Whether it is of a bus or an index that is away: one that comes back, with nothing lost."""
    return isinstance(error, OSError) or error.code.startswith(BUS)


class Pipeline:
    """Runs rounds: in the caller's thread, or in one of its own after :meth:`start`."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self.on_change: Callable[[], None] = lambda: None
        """Called after a commit that changed alerts; from the pipeline's thread."""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._uncommitted = Uncommitted(decided_before=stages.decided_before)
        self._committed_at = 0
        self._beat_at = 0
        self._looked_at = 0
        self.progress = Progress()
        self.failure: Exception | None = None
        self._backlog = Backlog(
            stages.engine,
            stages.intake,
            pending_max=stages.pending_max,
            batches_max=stages.intake_batches_max,
        )
        self._heard: dict[str, Heartbeat] = {}
        """The newest heartbeat of each sensor that was not taken yet."""
        self._rules: deque[RuleSet] = deque()
        self._started_at = stages.pace.now()
        self.committed: Mapping[str, int] = dict(stages.engine.safe)
        """Last batch by sensor that the stored snapshot has seen: nothing behind it expires."""
        self.committed_to = stages.engine.settled
        """Event time before which all that will ever be decided is stored."""
        self._sources = Sources(stages.engine, control=stages.control, enrolments=stages.enrolments)
        self._resumed = False
        while not stages.catches_up_in_rounds and self._catch_up():
            continue

    def adopt(self, rules: RuleSet) -> None:
        """Judge by these rules from the next round on; from any thread."""
        self._rules.append(rules)

    def _follow_rules(self) -> None:
        """Rules that were changed take effect behind everything judged so far."""
        engine = self._stages.engine
        while self._rules:
            rules = self._rules[0]
            since = max(self._stages.clock.now(), engine.free_from)
            # Behind the end of a recording nothing more will be judged.
            if since < NEVER:
                engine.adopt(rules, since)
                note_rules(self._stages.control, rules, since)
            self._rules.popleft()

    def heard(self, beat: Heartbeat) -> None:
        """Take a remote sensor's verified heartbeat; from any thread."""
        self._heard[beat.sensor] = beat

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
                self._stop.wait(PROMPT_IDLE_SECONDS if self._stages.prompt else IDLE_SECONDS)

    def steady_round(self) -> bool:
        """One round, tried again after a second where disk, bus or search nodes refuse it.

        None is an end: it is named at /readyz until a round succeeds.
        """
        try:
            busy = self.round()
        except (OSError, FengsuiError) as error:
            if isinstance(error, FengsuiError):
                if not _passes(error):
                    raise
                self._show_decided(heard=isinstance(error, OSError))
            if self.failure is None:
                _logger.warning("refused; trying again until it is not: %s", error)
            self.failure = error
            self._stop.wait(RETRY_SECONDS)
            return True
        self.failure = None
        return busy

    def _show_decided(self, *, heard: bool) -> None:
        """What was decided must not wait to be shown; ``heard`` is whether the bus may be asked."""
        try:
            if heard:
                self._take(self._stages.engine.advance)
            self._commit_if_due()
        except (OSError, FengsuiError) as error:
            if isinstance(error, FengsuiError) and not _passes(error):
                raise

    def round(self) -> bool:
        """One round; True when more is waiting already, so that the next should follow at once."""
        # While what is before it cannot be handed on, nothing more is sealed or taken in.
        self._stages.engine.clear()
        if self._catch_up():
            self._commit_if_due()
            return True
        self._follow_rules()
        self._stages.rolls.follow(self._stages.engine)
        sealed = self._seal()
        if self._stages.intake.reindex(self._stages.intake_batches_max):
            return True
        accepted = self._stages.intake.step(self._stages.intake_batches_max)
        # A sensor is enrolled before its first batch can be here: it is waited for in time.
        self._sources.follow()
        self._know()
        self._feed(self._backlog.let_in(accepted))
        self._heartbeat()
        self._take(self._stages.engine.advance)
        self._look_ahead()
        self._commit_if_due()
        return sealed >= BUSY_EVENTS or len(accepted) >= self._stages.intake_batches_max

    def finish(self) -> None:
        """The end of a replay: release everything that still waits, then commit."""
        while self._backlog.held:
            self._feed(self._backlog.let_in([], all_of_it=True))
            self._take(self._stages.engine.advance)
        self._take(self._stages.engine.finish)
        self._commit()

    def _catch_up(self) -> bool:
        """Feed a part of what the collector took in after the last commit; False once all is fed.

        Sensors take turns: one read to its end would make the events of the next too late.
        """
        if not self._resumed:
            if self._stages.decided_before and not self._stages.engine.cursors:
                self._stages.rolls.resume(self._stages.engine)
            self._sources.resume(self._stages.intake.read_again)
            self._backlog.hold(self._stages.intake.sensors())
            self._resumed = True
        elif not self._backlog.catching_up:
            return False
        self._know()
        self._feed(self._backlog.next())
        self._take(self._stages.engine.advance)
        return self._backlog.catching_up

    def _know(self) -> None:
        if self._stages.facts is not None:
            self._stages.facts.follow(self._stages.engine)

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
            if batch.sensor == CONTROL:
                # Nobody waits for our own records: they come a moment behind what they speak of,
                # as any late event inside the budget, and revise what they change.
                self._stages.engine.feed(judged(batch))
                continue
            self._sources.before(batch)
            self._stages.engine.feed(batch)
            events += len(batch.ids)
        self.progress = replace(self.progress, events=self.progress.events + events)

    def _heartbeat(self) -> None:
        """Each second: how far idle chains are read, and which sensors have fallen silent."""
        engine, intake = self._stages.engine, self._stages.intake
        while self._heard:
            self._beat(self._heard.popitem()[1])
        now = self._stages.pace.now()
        if now - self._beat_at < HEARTBEAT_EVERY_US:
            return
        self._beat_at = now
        for sensor in self._stages.sensors:
            self._beat(intake.heartbeat(sensor.heartbeat()))
        for chain in filter(is_own, set(engine.cursors) - self._backlog.held):
            # Pushed events are sealed on arrival: only what a system gathered first is on its way.
            engine.heartbeat(chain, self._stages.clock.now() - PUSH_LATENESS_US)
        # Nobody was heard while the platform stood still: silence counts from its start.
        listened = now - self._started_at > SILENT_US
        self._sources.listen(intake.status(), give_up=listened)

    def _beat(self, beat: Heartbeat) -> None:
        """A heartbeat counts for a sensor all of whose batches are with the engine."""
        if beat.sensor not in self._backlog.held:
            self._stages.engine.heartbeat(beat.sensor, beat.low_watermark)

    def _take(self, step: Callable[[], Output]) -> None:
        """Keep what a step decided; where it asks for a model, train one and step on."""
        while True:
            output = step()
            fresh = self._uncommitted.take(output)
            if not output.training:
                break
            for request in output.training:
                self._train(request)
        if fresh and not self.progress.first_alert_at:
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
            self._uncommitted.show(self._stages.engine.provisional())

    def _commit_if_due(self) -> None:
        prompt = self._stages.prompt and self._uncommitted.shows
        every = PROMPT_COMMIT_US if prompt else COMMIT_EVERY_US
        if self._stages.pace.now() - self._committed_at >= every:
            self._commit()

    def _commit(self) -> None:
        """Alerts, closings, coverage and the engine's snapshot in one transaction.

        The platform's own records are sealed first: once a second is enough, and dear per round.
        """
        self._stages.control.flush()
        now = self._stages.pace.now()
        cursors, settled = dict(self._stages.engine.safe), self._stages.engine.settled
        alerts, closings = self._uncommitted.commit(
            self._stages.alerts, self._stages.engine.snapshot(), now=now
        )
        self.committed, self.committed_to = cursors, settled
        self.progress = replace(self.progress, alerts=self.progress.alerts + alerts)
        self._committed_at = now
        if alerts or closings:
            self.on_change()
