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
from analytics.evaluation import Evaluation
from analytics.guards import Facts
from analytics.keys.keyed import Changes
from analytics.memory import NEVER
from analytics.models.artefact import Artefact, TrainingRequest
from analytics.roll import Row, roll_of
from analytics.ruleset import RuleSet
from schema import ids
from schema.alert import Alert, Closing
from schema.coverage import CoverageRow, Missed
from schema.errors import FengsuiError
from schema.event import AcceptedBatch
from schema.times import MINUTE

LATENESS_US: Final = MINUTE
"""How far behind its sensor's own low watermark an event may come and still be evaluated."""

PROVISIONAL_KEYS_MAX: Final = 10_000
"""Keys a provisional look steps: it is for people to see early, and runs each second."""

BEGINNING: Final = -NEVER
_HEAD: Final = "engine"


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
        self.watermark = BEGINNING
        self._end = NEVER
        """Up to where deadlines fall once the replay is over."""
        self._lateness = lateness_us
        self._required = None if required is None else set(required)
        self._lows: dict[str, int] = {}
        self._excluded: set[str] = set()
        self._announced: dict[str, Alert] = {}
        """Alerts last shown as provisional."""
        self._coverage = Coverage()
        self._evaluation = Evaluation(
            ruleset, partitions=partitions, lateness_us=lateness_us, coverage=self._coverage
        )
        for artefact in models:
            self.install(artefact)

    @property
    def ruleset(self) -> RuleSet:
        """The newest rule set."""
        return self._evaluation.ruleset

    def know(self, facts: Facts) -> None:
        """Hold events against these registers and indicators from now on.

        They grow only: what was known at an event's time stays as it was.
        """
        self._evaluation.facts = facts

    @property
    def began(self) -> Mapping[str, int]:
        """Since when events of each dataset were seen: before, nothing can be called missing."""
        return self._evaluation.began

    def has_watched(self, began: Mapping[str, int]) -> None:
        """Take :attr:`began` over from the engine that read the log before this one begins.

        Without it an engine that is fed the middle of a log warms up anew, and is silent where the
        other was not.
        """
        self._evaluation.has_watched(began)

    @property
    def free_from(self) -> int:
        """The first time from which other rules, or another register version, may take effect."""
        return max(self._judged, self.watermark, self._evaluation.spoken_for) + 1

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
        self._evaluation.watch(register, roll_of(rows, effective_at))

    def watched(self, register: str) -> int:
        """From when on the newest version watched is in force; long ago for none."""
        return self._evaluation.watched(register)

    @property
    def settled(self) -> int:
        """Events before this time cannot be evaluated any more."""
        return self.watermark if abs(self.watermark) >= NEVER else self.watermark - self._lateness

    @property
    def pending(self) -> int:
        """Hits that wait for the watermark: read the sensor of :meth:`holding` on when it grows."""
        return self._evaluation.pending()

    def holding(self) -> str | None:
        """The sensor whose low watermark holds everything back, None where none does."""
        waited_for = self._waited_for()
        return min(waited_for, key=lambda name: (self._low(name), name), default=None)

    def clear(self) -> None:
        """Return once more can be taken: always, for hits wait in memory."""

    def feed(self, batch: AcceptedBatch) -> None:
        """Take a batch; one already taken changes nothing."""
        if batch.number <= self.cursors.get(batch.sensor, 0):
            return
        before = self._low(batch.sensor)
        # Late is judged by the sensor's own promise, so that the answer does not depend on how
        # far the other sensors had been read.
        own = before if before == BEGINNING else before - self._lateness
        self._evaluation.take(batch, floor=max(own, self.settled), watermark=self.watermark)
        self.newest = max(self.newest, max(batch.times, default=BEGINNING))
        self.cursors[batch.sensor] = batch.number
        self._lows[batch.sensor] = max(before, batch.low_watermark)

    def heartbeat(self, sensor: str, low_watermark: int) -> None:
        """An idle sensor's word that it has nothing before this time."""
        self._lows[sensor] = max(self._low(sensor), low_watermark)

    @property
    def _judged(self) -> int:
        """Up to here events or deadlines may have been judged."""
        return max(self.newest, self.watermark) if self.watermark < NEVER else self.newest

    @property
    def required(self) -> Set[str]:
        """Sensors the watermark waits for, those excluded at present among them."""
        return set(self._lows) if self._required is None else self._required

    @property
    def excluded(self) -> Set[str]:
        """Sensors nothing waits for at present."""
        return self._excluded

    def require(self, sensor: str, since: int) -> None:
        """Wait for this sensor too, from that event time on, as a sealed record says.

        What it sends of before is judged as if it had promised nothing earlier: that is the same
        in whatever order the sensors are read.
        """
        self._required = {*self.required, sensor}
        self._excluded.discard(sensor)
        self.heartbeat(sensor, since)

    def release(self, sensor: str) -> None:
        """Forget that this sensor was required: its enrolment has ended."""
        self._required = {*self.required} - {sensor}
        self._excluded.discard(sensor)

    def exclude(self, sensor: str) -> None:
        """Wait for this sensor no longer, as a sealed record says."""
        self._excluded.add(sensor)

    def readmit(self, sensor: str, since: int) -> None:
        """Wait for this sensor again, from that event time on; before it is as for ``require``."""
        self._excluded.discard(sensor)
        self.heartbeat(sensor, since)

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
        self._evaluation.adopt(ruleset, since)

    def confine(self, entities: Mapping[str, Set[str]]) -> None:
        """Look at these entities only, by rule: for a second look at what was missed."""
        self._evaluation.confine(entities)

    def install(self, artefact: Artefact) -> None:
        """Score with this artefact; raises ``analytics.model.refused``."""
        self._evaluation.run_of(artefact.model).install(artefact)

    def skip_training(self, request: TrainingRequest) -> None:
        """Go on with the artefact before: this training failed."""
        self._evaluation.run_of(request.model).skip()

    def advance(self) -> Output:
        """Step everything the watermark has passed."""
        lows = [self._low(name) for name in self._waited_for()]
        self.watermark = max(self.watermark, min(lows, default=self.watermark))
        return self._step()

    def finish(self) -> Output:
        """Release everything that still waits: the end of a replay.

        Deadlines behind the last event do not fall, unless every sensor promised that nothing
        comes before them: nobody knows what would have. While the output asks for training,
        install and call again.
        """
        if self.watermark < NEVER:
            lows = [self._low(name) for name in self._waited_for()]
            self._end = max(self.newest, self.watermark, min(lows, default=self.watermark))
        self.watermark = NEVER
        return self._step()

    def _low(self, sensor: str) -> int:
        return self._lows.get(sensor, BEGINNING)

    def _waited_for(self) -> set[str]:
        return {*self.required} - self._excluded

    def _step(self) -> Output:
        changes = Changes()
        training = self._evaluation.step(
            self.watermark, self.settled, changes, deadlines=min(self.watermark, self._end)
        )
        for name, alert in list(self._announced.items()):
            if name in changes.alerts:
                del self._announced[name]
            elif alert.decided_at < self.watermark:
                del self._announced[name]
                changes.alerts[name] = msgspec.structs.replace(alert, state="withdrawn")
        return Output(
            alerts=_in_time_order(changes.alerts.values()),
            closings=[closing for _, closing in sorted(changes.closings.items())],
            coverage=self._coverage.take(),
            missed=self._coverage.take_missed(),
            training=training,
            watermark=self.watermark,
        )

    def provisional(self) -> list[Alert]:
        """Alerts that hold over the hits still waiting, where they differ from last time.

        Those that no longer hold come as withdrawn. Nothing of the engine's state is changed.
        """
        found: dict[str, Alert] = {}
        for number, (key, hits) in enumerate(self._evaluation.waiting()):
            if number == PROVISIONAL_KEYS_MAX:
                break
            found.update(key.provisional(hits))
        changed = [msgspec.structs.replace(alert, state="provisional") for alert in found.values()]
        changed = [alert for alert in changed if self._announced.get(alert.id) != alert]
        gone = [
            msgspec.structs.replace(alert, state="withdrawn")
            for name, alert in self._announced.items()
            if name not in found
        ]
        for alert in gone:
            del self._announced[alert.id]
        self._announced.update((alert.id, alert) for alert in changed)
        return _in_time_order([*changed, *gone])

    def snapshot(self) -> dict[str, bytes]:
        """Entries changed since the snapshot before; empty bytes delete an entry."""
        rows = tuple(self._coverage.take())
        self._coverage.add(rows)
        head = _HeadDump(
            cursors=self.cursors,
            lows=self._lows,
            excluded=tuple(sorted(self._excluded)),
            watermark=self.watermark,
            announced=tuple(self._announced.values()),
            newest=self.newest,
            coverage=rows,
            required=None if self._required is None else tuple(sorted(self._required)),
        )
        entries = dict(self._evaluation.snapshot())
        entries[_HEAD] = msgspec.msgpack.encode(head)
        return entries

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
            self.cursors, self._lows = dict(head.cursors), dict(head.lows)
            self._excluded = set(head.excluded)
            if head.required is not None:
                self._required = set(head.required)
            self.watermark, self.newest = head.watermark, head.newest
            self._announced = {alert.id: alert for alert in head.announced}
            self._coverage.add(head.coverage)
        entries = {name: raw for name, raw in parts.items() if name != _HEAD}
        self._evaluation.restore(entries, max(since, self._judged + 1))


def _in_time_order(alerts: Iterable[Alert]) -> list[Alert]:
    return sorted(alerts, key=lambda alert: (alert.decided_at, alert.id))
