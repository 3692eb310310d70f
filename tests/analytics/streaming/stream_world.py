"""A feed that also drives an embedded engine, and a runner of stages that crashes and repeats."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from analytics_world import LATENESS, START, Event, Standing, World

from analytics.canonical import digest
from analytics.engine import BEGINNING, Engine, Output
from analytics.facts import KnownFacts, to_bytes
from analytics.memory import NEVER
from analytics.models.artefact import Artefact, TrainingRequest
from analytics.roll import Row
from analytics.ruleset import RuleSet
from analytics.streaming.artefacts import name_of, rows_to_bytes, rules_to_bytes
from analytics.streaming.layout import Layout
from analytics.streaming.messages import Decided, decided_of
from analytics.streaming.stage import Lane, Sent
from analytics.streaming.stages import SiteStages
from schema import feed
from schema.alert import Closing
from schema.bus import partition_of
from schema.coverage import CoverageRow, Missed
from schema.errors import FengsuiError
from schema.event import AcceptedBatch
from schema.feed import Control


class Shelf:
    """Artefacts in memory."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    def put(self, raw: bytes) -> str:
        name = name_of(raw)
        self.held[name] = raw
        return name

    def get(self, digest: str) -> bytes:
        return self.held[digest]


def no_trainer(request: TrainingRequest, *, wait: bool = True) -> Artefact:
    raise FengsuiError("analytics.model.refused", f"nobody trains {request.model} here")


@dataclass
class Heard(Standing):
    """What a state of record holds, coverage and misses with it."""

    counts: Counter = field(default_factory=Counter)
    lags: dict = field(default_factory=dict)
    late: Counter = field(default_factory=Counter)
    """Events behind the watermark by minute: how many depends on what was read first."""
    missed: dict = field(default_factory=dict)
    trained: list = field(default_factory=list)
    numbers: dict = field(default_factory=dict)
    marks: dict = field(default_factory=dict)
    """The watermark each stage told last."""

    def take(self, output: Output) -> None:
        super().take(output)
        self.cover(output.coverage, output.missed)

    def cover(self, rows: Iterable[CoverageRow], missed: Iterable[Missed]) -> None:
        for row in rows:
            place = (row.minute, row.sensor, row.dataset, row.rule)
            for name in ("events", "too_late", "unkeyed", "evicted"):
                self.counts[*place, name] += getattr(row, name)
            self.late[place] += row.late
            if not row.rule:
                self.lags[place] = max(self.lags.get(place, 0), row.lag_max_us)
        for one in missed:
            place = (one.rule_id, one.entity, one.sensor)
            first, last, count = self.missed.get(place, (one.first_at, one.last_at, 0))
            self.missed[place] = (
                min(first, one.first_at), max(last, one.last_at), count + one.events,
            )  # fmt: skip

    def hear(self, message: Decided) -> None:
        assert message.number == self.numbers.get(message.origin, 0) + 1
        self.numbers[message.origin] = message.number
        self.marks[message.origin] = message.watermark
        for alert in message.alerts:
            if alert.state == "withdrawn":
                self.withdrawn += self.alerts.pop(alert.id, None) is not None
            elif alert.state == "final":
                self.revised += alert.id in self.alerts
                self.alerts[alert.id] = alert
        self.closings.update((one.alert_id, one) for one in message.closings)
        self.cover(message.coverage, message.missed)
        self.trained += message.trained

    def sums(self) -> dict:
        return {name: count for name, count in self.counts.items() if count}

    def closed(self) -> dict[str, Closing]:
        """Closings of alerts that stand."""
        return {name: one for name, one in self.closings.items() if name in self.alerts}


class Feed:
    """Writes what the collector would, and has an engine do the same."""

    def __init__(
        self,
        rules: RuleSet,
        *,
        accepted: int,
        trainer: Callable[[TrainingRequest], Artefact] = no_trainer,
        lateness_us: int = LATENESS,
    ) -> None:
        self.partitions: list[list[bytes]] = [[] for _ in range(accepted)]
        self.shelf = Shelf()
        self.engine = Engine(rules, required=(), lateness_us=lateness_us)
        self.lateness_us = lateness_us
        self.expected = Heard()
        self.trainer = trainer
        self._number = 0
        self.adopt(rules, BEGINNING)

    def _publish(self, make: Callable[[int], Control]) -> None:
        self._number += 1
        raw = feed.encode(make(self._number))
        for partition in self.partitions:
            partition.append(raw)

    def _of(self, sensor: str) -> list[bytes]:
        return self.partitions[partition_of(sensor, len(self.partitions))]

    def adopt(self, rules: RuleSet, since: int) -> None:
        if since > BEGINNING:
            self.engine.adopt(rules, since)
        name = self.shelf.put(rules_to_bytes(rules))
        self._publish(lambda number: feed.Adopt(number, rules.digest, name, since))

    def know(self, facts: KnownFacts) -> None:
        self.engine.know(facts)
        name = self.shelf.put(to_bytes(facts.view, facts.lists))
        self._publish(lambda number: feed.Know(number, name))

    def watch(self, register: str, rows: Sequence[Row], effective_at: int) -> None:
        self.engine.watch(register, rows, effective_at)
        name = self.shelf.put(rows_to_bytes(rows))
        self._publish(lambda number: feed.Watch(number, register, name, effective_at))

    def require(self, sensor: str, since: int | None = None) -> None:
        at = self._reached() if since is None else since
        self.engine.require(sensor, at)
        self._publish(lambda number: feed.Require(number, sensor, at))

    def _reached(self) -> int:
        """Where the watermark may be by what was written: no reader is further."""
        self.advance()
        return self.engine.watermark

    def release(self, sensor: str) -> None:
        self.engine.release(sensor)
        until = self._until()
        self._publish(lambda number: feed.Release(number, sensor, until))

    def exclude(self, sensor: str) -> None:
        self.engine.exclude(sensor)
        until = self._until()
        self._publish(lambda number: feed.Exclude(number, sensor, until))

    def _until(self) -> int:
        """No reader goes further while nobody is waited for."""
        return NEVER if self.engine.holding() else self.engine.watermark

    def readmit(self, sensor: str) -> None:
        at = self._reached()
        self.engine.readmit(sensor, at)
        self._publish(lambda number: feed.Readmit(number, sensor, at))

    def batch(self, batch: AcceptedBatch) -> None:
        if batch.sensor in self.engine.excluded:
            self.readmit(batch.sensor)
        self.engine.feed(batch)
        self._of(batch.sensor).extend(feed.encode_parts(feed.taken(batch)))

    def beat(self, sensor: str, low: int) -> None:
        self.engine.heartbeat(sensor, low)
        self._of(sensor).append(feed.encode(feed.Beat(sensor, low)))

    def advance(self) -> None:
        self._step(self.engine.advance)

    def end(self) -> None:
        self._step(self.engine.finish)
        deadlines = self.engine._end
        self._publish(lambda number: feed.End(number, deadlines))

    def _step(self, step: Callable[[], Output]) -> None:
        while True:
            output = step()
            self.expected.take(output)
            if not output.training:
                return
            for request in output.training:
                try:
                    self.engine.install(self.trainer(request))
                except FengsuiError:
                    self.engine.skip_training(request)


def fed(
    world: World,
    rules: RuleSet,
    *,
    accepted: int,
    midway: Sequence[RuleSet] = (),
    silences: float = 0.0,
    learn: Callable[[int], KnownFacts] | None = None,
    trainer: Callable[[TrainingRequest], Artefact] = no_trainer,
) -> Feed:
    """The world's batches in a random order of its sensors, each of them silent at times.

    ``midway`` rule sets are adopted one after another while it runs; ``learn`` gives what is known
    of registers and indicators from an event time on.
    """
    chance = random.Random(world.seed + 2)
    log = world.log()
    one = Feed(rules, accepted=accepted, trainer=trainer)
    if learn is not None:
        one.know(learn(START))
    for version in world.versions:
        one.watch(*version)
    for adopted in world.adopts:
        one.adopt(*adopted)
    for sensor in log:
        one.require(sensor, BEGINNING)
    total, left = sum(map(len, log.values())), list(midway)
    places = dict.fromkeys(log, 0)
    while unread := [name for name in log if places[name] < len(log[name])]:
        name = chance.choice(unread)
        one.batch(log[name][places[name]])
        places[name] += 1
        if chance.random() < silences:
            one.exclude(chance.choice([*log]))
        if chance.random() < 0.6:
            one.advance()
        done = sum(places.values()) / total
        if learn is not None and done > 0.5:
            one.advance()
            one.know(learn(one.engine.free_from))
            learn = None
        if left and done > 1 - len(left) / (len(midway) + 1):
            one.advance()
            one.adopt(left.pop(0), one.engine.free_from)
    for name in log:
        if name in one.engine.excluded:
            one.readmit(name)
        one.beat(name, world.end)
    one.advance()
    one.end()
    return one


class _Trainer:
    """Takes its time: who does not wait is asked to come again, a few times."""

    def __init__(self, train: Callable[[TrainingRequest], Artefact], patience: int) -> None:
        self._train = train
        self._patience = patience
        self._asked = 0

    def train(self, request: TrainingRequest, *, wait: bool) -> Artefact | None:
        self._asked += 1
        if not wait and self._asked % (self._patience + 1):
            return None
        return self._train(request)


class Running:
    """One stage: what is durable of it, and what is not yet."""

    def __init__(self, open_stage: Callable[[Mapping[str, bytes]], object]) -> None:
        self._open = open_stage
        self._entries: dict[str, bytes] = {}
        self._committed = 0
        self.at = 0
        self.pending: list[Sent] = []
        self.stage = open_stage({})

    def commit(self) -> list[Sent]:
        for name, raw in self.stage.snapshot().items():
            if raw:
                self._entries[name] = raw
            else:
                self._entries.pop(name, None)
        self._committed = self.at
        sent, self.pending = self.pending, []
        return sent

    def crash(self) -> None:
        self.stage, self.pending = self._open(dict(self._entries)), []
        self.at = self._committed


def play(
    one: Feed,
    *,
    hits: int,
    seed: int = 1,
    crash: float = 0.0,
    repeat: float = 0.0,
    calm: bool = False,
) -> Heard:
    """Run all stages over the feed, one message of any of them at a time.

    ``calm`` as where little comes: what follows from a message is done before the next is read.
    """
    chance = random.Random(seed)
    layout = Layout(accepted=len(one.partitions), hits=hits)
    stages = SiteStages(
        one.shelf, _Trainer(one.trainer, seed % 7), layout=layout, lateness_us=one.lateness_us
    )
    lanes: dict[tuple[Lane, int], list[bytes]] = {
        ("accepted", number): list(raw) for number, raw in enumerate(one.partitions)
    }
    lanes |= {("hits", number): [] for number in range(hits)}
    lanes["hours", 0], lanes["decided", 0] = [], []
    running = {
        place: Running(lambda entries, place=place: stages.open(*place, entries))
        for place in lanes
        if place[0] != "decided"
    }

    def commit(each: Running) -> None:
        for sent in each.commit():
            lanes[sent.lane, sent.partition].append(sent.message)

    while True:
        ready = [place for place, each in running.items() if each.at < len(lanes[place])]
        if not ready:
            if not any(each.pending for each in running.values()):
                break
            for each in running.values():
                commit(each)
            continue
        if calm and any(each.pending for each in running.values()):
            for each in running.values():
                commit(each)
            continue
        if calm:
            ready = [place for place in ready if place[0] != "accepted"] or ready
        place = chance.choice(ready)
        each = running[place]
        # A worker reads a while in one partition before it turns to another.
        for _ in range(1 if calm else chance.randint(1, 8)):
            if each.at == len(lanes[place]):
                break
            each.pending += each.stage.take(lanes[place][each.at])
            each.at += 1
            if repeat and chance.random() < repeat:
                again = lanes[place][chance.randrange(max(0, each.at - 3), each.at)]
                assert not each.stage.take(again)
            if chance.random() < 0.1:
                each.pending += each.stage.look(START + chance.randrange(10**10))
            if chance.random() < 0.3:
                commit(each)
            if chance.random() < crash:
                each.crash()
    heard = Heard()
    for raw in lanes["decided", 0]:
        heard.hear(decided_of(raw))
    return heard


def check(one: Feed, heard: Heard, *, missed: bool = True) -> None:
    """What the stages told is what the engine decided.

    Not ``missed`` where rules changed while a sensor was silent: what comes too late is named for
    the rules of its time for as long as these are still asked, which is longer in the stages.
    """
    expected = one.expected
    assert digest(heard.alerts.values()) == digest(expected.alerts.values())
    assert heard.canonical() == expected.canonical()
    if missed:
        assert heard.sums() == expected.sums()
        assert heard.missed == expected.missed
    assert heard.lags == expected.lags
    # A closing told before a late event left nothing behind the alert is not taken back.
    told, known = heard.closed(), expected.closed()
    assert {name: told[name] for name in told if name in known} == {
        name: known[name] for name in known if name in told
    }


__all__ = ["Event", "Feed", "Heard", "check", "fed", "play"]
