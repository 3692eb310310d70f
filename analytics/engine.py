"""Engine: accepted batches in, alerts out; the same alerts in whatever order the batches come.

Events are matched on arrival and the hits wait until the watermark, the minimum of what the
required sensors promise, has passed them; then each is stepped once, in the order (event time,
sensor, sequence). Hits behind the watermark but inside the lateness budget revise what they
change. The engine has no clock, no randomness and no file: snapshot and restore are bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final

import msgspec

from analytics.coverage import Coverage
from analytics.foreseen import PROVISIONAL_KEYS_MAX, Foreseen, in_time_order
from analytics.guards import Facts
from analytics.keys.keyed import Changes
from analytics.matcher import Found, Matcher
from analytics.memory import NEVER
from analytics.models.artefact import Artefact, TrainingRequest
from analytics.models.run import part_of
from analytics.models.runs import ModelRuns
from analytics.rising import PREFIX as RISING
from analytics.rising import Rising
from analytics.roll import Row, roll_of
from analytics.rule import LEVELS_MAX
from analytics.ruleset import RuleSet
from analytics.stepper import Stepper, is_key, is_waiting, restore
from analytics.succession import BEGAN, RULES, Succession
from analytics.tide import BEGINNING, Tide, TideDump
from analytics.watched import PREFIX as REGISTER
from analytics.watched import Watched, Word
from schema import ids
from schema.alert import Alert, Closing
from schema.coverage import CoverageRow, Missed
from schema.errors import FengsuiError
from schema.event import AcceptedBatch
from schema.times import MINUTE

LATENESS_US: Final = MINUTE
"""How far behind its sensor's own low watermark an event may come and still be evaluated."""

_HEAD: Final = "engine"

__all__ = ["BEGINNING", "LATENESS_US", "PROVISIONAL_KEYS_MAX", "Engine", "Output"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What an advance decided."""

    alerts: Sequence[Alert]
    """New and revised (final) and taken back (withdrawn), by event time."""
    closings: Sequence[Closing]
    coverage: Sequence[CoverageRow]
    """Increments since the advance before."""
    missed: Sequence[Missed]
    """What came too late since the advance before."""
    training: Sequence[TrainingRequest]
    """Install an artefact for each (or skip it), then advance again: hours wait for it."""
    watermark: int


class _HeadDump(msgspec.Struct, frozen=True):
    cursors: dict[str, int]
    lows: dict[str, int]
    excluded: tuple[str, ...]
    watermark: int
    announced: tuple[Alert, ...]
    newest: int
    coverage: tuple[CoverageRow, ...]
    required: tuple[str, ...] | None = None


class Engine:
    """Evaluates one rule set over the batches of many sensors.

    ``required`` names the sensors the watermark waits for; None means every sensor seen so far,
    which is only the same in every order where one sensor is read, so name them where there are
    more, here or by :meth:`require`; a snapshot remembers them. ``partitions`` must divide 256
    and changes nothing but how work can be shared.
    """

    def __init__(
        self,
        ruleset: RuleSet,
        *,
        partitions: int = 1,
        lateness_us: int = LATENESS_US,
        required: Iterable[str] | None = None,
        models: Sequence[Artefact] = (),
    ) -> None:
        if partitions < 1 or ids.BUCKETS % partitions:
            raise FengsuiError(
                "analytics.engine.partitions",
                f"{partitions} partitions do not divide the {ids.BUCKETS} buckets",
                partitions=partitions,
            )
        self.newest = BEGINNING
        """Greatest event time fed: rules that follow are in force from behind it on."""
        self.cursors: dict[str, int] = {}
        """Number of each sensor's last batch taken: read on behind it after a restore."""
        self._end = NEVER
        """Up to where deadlines fall once the replay is over."""
        self._lateness = lateness_us
        self._tide = Tide(required)
        self._foreseen = Foreseen()
        self._coverage = Coverage()
        self._succession = Succession(ruleset, lateness_us=lateness_us)
        self._matcher = Matcher(self._succession, divisions=partitions, coverage=self._coverage)
        self._steppers = [
            Stepper(self._succession.evaluators, lateness_us, number)
            for number in range(partitions)
        ]
        self._rising = Rising()
        self._watched = Watched()
        self._models = ModelRuns(partitions)
        self._models.begin(self._succession.evaluators)
        for artefact in models:
            self.install(artefact)

    @property
    def watermark(self) -> int:
        """Everything of before this time has been evaluated."""
        return self._tide.watermark

    @property
    def ruleset(self) -> RuleSet:
        """The newest rule set."""
        return self._succession.ruleset

    def know(self, facts: Facts) -> None:
        """Hold events against these registers and indicators from now on.

        They grow only: what was known at an event's time stays as it was.
        """
        self._matcher.facts = facts

    @property
    def began(self) -> Mapping[str, int]:
        """Since when events of each dataset were seen: before, nothing can be called missing."""
        return self._succession.began

    @property
    def in_force(self) -> Mapping[str, int]:
        """Since when each rule of the newest set judges; long ago for those of the beginning."""
        return {one.rule.id: one.since for one in self._succession.evaluators if one.until == NEVER}

    def has_watched(self, began: Mapping[str, int]) -> None:
        """Take :attr:`began` over from the engine that read the log before this one begins.

        Without it an engine that is fed the middle of a log warms up anew, and is silent where the
        other was not.
        """
        self._succession.has_watched(began)

    @property
    def free_from(self) -> int:
        """The first time from which other rules, or another register version, may take effect."""
        spoken_for = max(self._succession.since, self._watched.spoken_for)
        return max(self._judged, self.watermark, spoken_for) + 1

    def watch(self, register: str, rows: Iterable[Row], effective_at: int) -> None:
        """Know whom a register holds from that time on, as a sealed record of its version says.

        ``rows`` are all rows of the version, keys as the register orders them. Absence rules hear
        of nobody before. Raises ``analytics.engine.register_late`` where time has passed that the
        version speaks of, or where it does not follow the one before and the newest rules, and
        ``analytics.engine.register_large``.
        """
        if effective_at <= self.watermark:
            raise FengsuiError(
                "analytics.engine.register_late",
                "silence of that time was judged by the version before: name a later one",
                register=register,
            )
        succession = self._succession
        self._tell(
            self._watched.watch(
                register, roll_of(rows, effective_at), succession.evaluators, succession.since
            )
        )

    def _tell(self, words: Iterable[Word]) -> None:
        """Give what registers say of entities to the keys of these."""
        for one, entity, gone, found in words:
            if self._matcher.admits(one.rule.id, entity):
                stepper = self._steppers[ids.bucket(entity) % len(self._steppers)]
                stepper.tell(one, entity, gone, found)

    def watched(self, register: str) -> int:
        """From when on the newest version watched is in force; long ago for none."""
        return self._watched.newest(register)

    @property
    def safe(self) -> Mapping[str, int]:
        """What need not be read again once a snapshot of now is stored: all that was taken."""
        return self.cursors

    @property
    def settled(self) -> int:
        """Events before this time cannot be evaluated any more."""
        return self.watermark if abs(self.watermark) >= NEVER else self.watermark - self._lateness

    @property
    def pending(self) -> int:
        """Hits that wait for the watermark: read the sensor of :meth:`holding` on when it grows."""
        return sum(stepper.pending() for stepper in self._steppers)

    def holding(self) -> str | None:
        """The sensor whose low watermark holds everything back, None where none does."""
        return self._tide.holding()

    def clear(self) -> None:
        """Return once more can be taken: always, for hits wait in memory."""

    def feed(self, batch: AcceptedBatch) -> None:
        """Take a batch; one already taken changes nothing."""
        if batch.number <= self.cursors.get(batch.sensor, 0):
            return
        before = self._tide.low(batch.sensor)
        # Late is judged by the sensor's own promise, so that the answer does not depend on how
        # far the other sensors had been read.
        own = before if before == BEGINNING else before - self._lateness
        floor = max(own, self.settled)
        self._hold(self._matcher.take(batch, floor=floor, late_before=max(floor, self.watermark)))
        self.newest = max(self.newest, max(batch.times, default=BEGINNING))
        self.cursors[batch.sensor] = batch.number
        self._tide.promise(batch.sensor, batch.low_watermark)

    def _hold(self, found: Found) -> None:
        for (level, division), rows in found.rows.items():
            self._steppers[division].add(level, rows)
        evaluators = self._succession.evaluators
        for index, entity, event, order in found.hours:
            self._models.add(part_of(evaluators[index].rule), entity, event, order)

    def heartbeat(self, sensor: str, low_watermark: int) -> None:
        """An idle sensor's word that it has nothing before this time."""
        self._tide.promise(sensor, low_watermark)

    @property
    def _judged(self) -> int:
        """Up to here events or deadlines may have been judged."""
        return max(self.newest, self.watermark) if self.watermark < NEVER else self.newest

    @property
    def required(self) -> Set[str]:
        """Sensors the watermark waits for, those excluded at present among them."""
        return self._tide.required

    @property
    def excluded(self) -> Set[str]:
        """Sensors nothing waits for at present."""
        return self._tide.excluded

    def require(self, sensor: str, since: int) -> None:
        """Wait for this sensor too, from that event time on, as a sealed record says.

        What it sends of before is judged as if it had promised nothing earlier: that is the same
        in whatever order the sensors are read.
        """
        self._tide.require(sensor, since)

    def release(self, sensor: str) -> None:
        """Forget that this sensor was required: its enrolment has ended."""
        self._tide.release(sensor)

    def exclude(self, sensor: str) -> None:
        """Wait for this sensor no longer, as a sealed record says."""
        self._tide.exclude(sensor)

    def readmit(self, sensor: str, since: int) -> None:
        """Wait for this sensor again, from that event time on; before it is as for ``require``."""
        self._tide.readmit(sensor, since)

    def adopt(self, ruleset: RuleSet, since: int) -> None:
        """Judge events from that time on by another rule set, as a sealed record says.

        Rules that are the same in both keep what they know. ``since`` lies behind :attr:`newest`
        and the watermark, so that nothing was judged by the rules before it. Raises
        ``analytics.engine.rules_late`` where it does not.
        """
        if since <= self._judged:
            raise FengsuiError(
                "analytics.engine.rules_late",
                "what is of that time was judged by the rules before: name a later one",
                since=since,
            )
        self._adopt(ruleset, since)

    def _adopt(self, ruleset: RuleSet, since: int) -> None:
        fresh = self._succession.adopt(ruleset, since)
        self._models.begin(fresh)
        self._tell(self._watched.tell(fresh, since))

    def confine(self, entities: Mapping[str, Set[str]]) -> None:
        """Look at these entities only, by rule: for a second look at what was missed."""
        self._matcher.confine(entities)

    def install(self, artefact: Artefact) -> None:
        """Score with this artefact; raises ``analytics.model.refused``."""
        self._models.install(artefact)

    def skip_training(self, request: TrainingRequest) -> None:
        """Go on with the artefact before: this training failed."""
        self._models.skip(request)

    def advance(self) -> Output:
        """Step everything the watermark has passed."""
        self._tide.rise()
        return self._step()

    def finish(self) -> Output:
        """Release everything that still waits: the end of a replay.

        Deadlines behind the last event do not fall, unless every sensor promised that nothing
        comes before them: nobody knows what would have. While the output asks for training,
        install and call again.
        """
        if self.watermark < NEVER:
            self._end = max(self.newest, self.watermark, self._tide.lowest(self.watermark))
        self._tide.watermark = NEVER
        return self._step()

    def _step(self) -> Output:
        """Step all levels up to the watermark and close the hours that are settled."""
        watermark, settled = self.watermark, self.settled
        changes = Changes()
        for level in range(LEVELS_MAX + 1):
            self._step_level(level, watermark if level == 0 else settled, changes)
        training = self._models.close(settled, changes.alerts, self._coverage)
        self._watched.retire(settled)
        for gone in self._succession.retire(settled):
            for stepper in self._steppers:
                stepper.retire(gone)
            self._models.retire(gone)
        self._foreseen.settle(changes.alerts, watermark)
        return Output(
            alerts=in_time_order(changes.alerts.values()),
            closings=[closing for _, closing in sorted(changes.closings.items())],
            coverage=self._coverage.take(),
            missed=self._coverage.take_missed(),
            training=training,
            watermark=watermark,
        )

    def _step_level(self, level: int, through: int, changes: Changes) -> None:
        """Step one level; alerts that are settled rise to those above."""
        found = Changes()
        for stepper in self._steppers:
            stepper.advance(
                level,
                through,
                self.settled,
                found,
                deadlines=min(self.watermark, self._end, through),
                coverage=self._coverage,
            )
        changes.alerts.update(found.alerts)
        changes.closings.update(found.closings)
        if self._succession.reads_alerts():
            self._rising.take(level, found.alerts.values())
            self._hold(self._matcher.risen(self._rising.ripe(self.settled)))

    def provisional(self) -> list[Alert]:
        """Alerts that hold over the hits still waiting, where they differ from last time.

        Those that no longer hold come as withdrawn. Nothing of the engine's state is changed.
        """
        return self._foreseen.look(
            waiting for stepper in self._steppers for waiting in stepper.waiting()
        )

    def snapshot(self) -> dict[str, bytes]:
        """Entries changed since the snapshot before; empty bytes delete an entry."""
        rows = tuple(self._coverage.take())
        self._coverage.add(rows)
        tide = self._tide.dump()
        head = _HeadDump(
            cursors=self.cursors,
            lows=tide.lows,
            excluded=tide.excluded,
            watermark=tide.watermark,
            announced=self._foreseen.dump(),
            newest=self.newest,
            coverage=rows,
            required=tide.required,
        )
        entries = self._succession.snapshot()
        entries.update(self._watched.snapshot())
        entries.update(self._rising.snapshot())
        for stepper in self._steppers:
            entries.update(stepper.snapshot())
        entries.update(self._models.snapshot())
        entries[_HEAD] = msgspec.msgpack.encode(head)
        return entries

    def learnt(self) -> dict[str, bytes]:
        """Entries for an engine that begins behind this one, of other sensors: what its rules know.

        Whom this one read, and how far, is left out; call it once, in place of a snapshot.
        """
        watermark = self.watermark
        self.cursors, self._tide = {}, Tide(())
        self._tide.watermark = watermark
        return self.snapshot()

    @classmethod
    def restore(
        cls,
        ruleset: RuleSet,
        parts: Mapping[str, bytes],
        *,
        partitions: int = 1,
        lateness_us: int = LATENESS_US,
        required: Iterable[str] | None = None,
        since: int = BEGINNING,
    ) -> Engine:
        """An engine as it was when all these entries had been written; no entries, a new one.

        Where it had other rules, these follow from ``since`` on, or from behind the newest event
        it had taken and its watermark. Raises ``analytics.engine.snapshot_malformed``.
        """
        engine = cls(ruleset, partitions=partitions, lateness_us=lateness_us, required=required)
        try:
            engine._take_over(parts, since)
        except (msgspec.DecodeError, ValueError, IndexError) as error:
            raise FengsuiError(
                "analytics.engine.snapshot_malformed",
                f"the engine's snapshot cannot be read ({error}): rebuild it from the segments",
            ) from error
        return engine

    def _take_over(self, parts: Mapping[str, bytes], since: int) -> None:
        raw = parts.get(_HEAD)
        if raw:
            head = msgspec.msgpack.decode(raw, type=_HeadDump)
            self.cursors, self.newest = dict(head.cursors), head.newest
            self._tide.restore(TideDump(head.lows, head.excluded, head.watermark, head.required))
            self._foreseen.restore(head.announced)
            self._coverage.add(head.coverage)
        present = self.ruleset
        self._succession.restore(parts)
        self._matcher.forget()
        self._models.forget()
        self._models.begin(self._succession.evaluators)
        known, rest = f"{REGISTER}/", (_HEAD, RULES, BEGAN)
        for name in parts:
            if name.startswith(known) and (entry := parts[name]):
                self._watched.restore(name.removeprefix(known), entry)
        if self.ruleset.digest != present.digest:
            self._adopt(present, max(since, self._judged + 1))
        for name, entry in parts.items():
            if entry and name not in rest and not name.startswith(known):
                self._restore(name, entry)

    def _restore(self, name: str, raw: bytes) -> None:
        if is_key(name) or is_waiting(name):
            restore(self._steppers, name, raw)
        elif name.startswith(f"{RISING}/"):
            self._rising.restore(raw)
        elif not self._models.restore(name, raw):
            raise FengsuiError(
                "analytics.engine.snapshot_malformed", f"snapshot entry {name[:80]!r} is unknown"
            )


def settled_in(parts: Mapping[str, bytes], lateness_us: int = LATENESS_US) -> int:
    """Before which event time nothing changes any more for whoever left this snapshot.

    Long ago where it holds no engine; raises ``analytics.engine.snapshot_malformed``.
    """
    raw = parts.get(_HEAD)
    if not raw:
        return BEGINNING
    try:
        watermark = msgspec.msgpack.decode(raw, type=_HeadDump).watermark
    except msgspec.DecodeError as error:
        raise FengsuiError(
            "analytics.engine.snapshot_malformed", f"the engine's snapshot cannot be read ({error})"
        ) from error
    return watermark if abs(watermark) >= NEVER else watermark - lateness_us
