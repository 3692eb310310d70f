"""Small rules, events and batches, and a run of an engine as the pipeline drives it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from analytics.engine import BEGINNING, Engine, Output
from analytics.language.compiler import compile_file
from analytics.models.artefact import Artefact, TrainingRequest
from analytics.roll import Row
from analytics.rule import Rule
from analytics.ruleset import RuleSet
from schema import ids
from schema.alert import Alert, Closing, canonical
from schema.event import AcceptedBatch, Fields
from schema.times import SECOND, from_text, to_text

START = from_text("2026-11-20T08:00:00.000000Z")
LATENESS = 60 * SECOND
TEXT = {"title_zh": "标题", "title_en": "Title", "triage_zh": "先看", "triage_en": "Look"}
FAILURE = {"event.action": "ssh_login", "event.outcome": "failure"}
SUCCESS = {"event.action": "ssh_login", "event.outcome": "success"}


def compiled(**parts: object) -> Rule:
    """A rule of our own format; what is not given is unremarkable."""
    document = {
        "format": "fengsui/1",
        "id": "rule",
        "version": "1.0.0",
        "severity": "high",
        "score": 60,
        "logsource": {"product": "linux", "service": "auth"},
        "text": TEXT,
    }
    return compile_file(yaml.safe_dump({**document, **parts}).encode(), "host")


def detection(**fields: object) -> dict[str, object]:
    """A detection of one selection."""
    return {"selection": dict(fields), "condition": "selection"}


def event_rule(**parts: object) -> Rule:
    return compiled(**{"id": "event", "detection": detection(**FAILURE), **parts})


def threshold_rule(
    count: int = 3, within: str = "60s", distinct: str = "", **parts: object
) -> Rule:
    threshold = {"within": within, "count": count, **({"distinct": distinct} if distinct else {})}
    return compiled(
        **{
            "id": "threshold",
            "entity": "source.ip",
            "threshold": threshold,
            "detection": detection(**FAILURE),
            **parts,
        }
    )


def sequence_rule(failures: int = 3, within: str = "60s", **parts: object) -> Rule:
    steps = [
        {"name": "failures", "count": failures, "detection": detection(**FAILURE)},
        {"name": "success", "detection": detection(**SUCCESS)},
    ]
    return compiled(
        **{
            "id": "sequence",
            "entity": "source.ip",
            "sequence": {"within": within, "steps": steps},
            **parts,
        }
    )


def step(name: str, number: int | None = None, **more: object) -> dict[str, object]:
    """A step that sees the events whose action is its name."""
    count = {} if number is None else {"count": number}
    return {"name": name, "detection": detection(**{"event.action": name}), **count, **more}


def kind_rule(kind: str, part: dict[str, object], **parts: object) -> Rule:
    """A rule of that kind; without steps it sees what has the action ``seen``."""
    own = {"detection": detection(**{"event.action": "seen"})}
    if parts.get("detection", 0) is None or kind in ("sequence", "together", "join", "graph"):
        own, parts = {}, {key: value for key, value in parts.items() if key != "detection"}
    return compiled(
        **{"id": kind, "entity": "source.ip", "suppression": "10m", kind: part, **own, **parts}
    )


def model_rule(hours: int = 4, alert_score: int = 500) -> Rule:
    return compiled(
        id="model",
        model={
            "name": "entity-hour",
            "dataset": "system.auth",
            "entity": "source.ip",
            "minimum_history_hours": hours,
            "alert_score": alert_score,
        },
    )


def ruleset(*rules: Rule, digest: str = "00") -> RuleSet:
    ordered = tuple(sorted(rules, key=lambda rule: rule.id))
    return RuleSet(rules=ordered, refused=(), digest=digest)


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """An event of a sensor, told apart by its offset there."""

    time: int
    sensor: str
    offset: int
    fields: Fields = field(compare=False)

    @property
    def id(self) -> bytes:
        return ids.event_id(self.sensor, 1, "log", "-", self.offset)


def at(seconds: float, offset: int = 0, sensor: str = "s", **fields: object) -> Event:
    """An event some seconds behind the start; ``ip`` and ``user`` are short for their fields."""
    time = START + round(seconds * SECOND)
    named = {
        "event.dataset": "system.auth",
        "source.ip": fields.pop("ip", "10.0.0.1"),
        "user.name": fields.pop("user", "li.na"),
        "process.name": "sshd",
        **(SUCCESS if fields.pop("ok", False) else FAILURE),
        **{name.replace("__", "."): value for name, value in fields.items()},
    }
    fields_ = {name: value for name, value in named.items() if value is not None}
    return Event(
        time, sensor, offset or round(seconds * SECOND), {"@timestamp": to_text(time), **fields_}
    )


def batch(
    events: Sequence[Event], number: int = 1, low: int | None = None, first: int = 0
) -> AcceptedBatch:
    """A batch of one sensor's events; its low watermark is behind the last unless given."""
    return AcceptedBatch(
        sensor=events[0].sensor,
        number=number,
        first_sequence=first,
        low_watermark=max(event.time for event in events) + 1 if low is None else low,
        received_at=max(event.time for event in events) + SECOND,
        indexes=range(len(events)),
        ids=[event.id for event in events],
        times=[event.time for event in events],
        events=[event.fields for event in events],
        enrichment=[{} for _ in events],
    )


@dataclass
class Standing:
    """What a store holds after the outputs it was given."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    closings: dict[str, Closing] = field(default_factory=dict)
    revised: int = 0
    withdrawn: int = 0

    def take(self, output: Output) -> None:
        for alert in output.alerts:
            if alert.state == "withdrawn":
                self.withdrawn += self.alerts.pop(alert.id, None) is not None
            else:
                self.revised += alert.id in self.alerts
                self.alerts[alert.id] = alert
        self.closings.update((closing.alert_id, closing) for closing in output.closings)

    def canonical(self) -> list[bytes]:
        return sorted(canonical(alert) for alert in self.alerts.values())


Version: TypeAlias = tuple[str, Sequence[Row], int]
"""(register, rows, effective time)"""


def run(
    rules: RuleSet,
    events: Iterable[Event],
    *,
    versions: Sequence[Version] = (),
    end: int = BEGINNING,
    **settings: object,
) -> Standing:
    """Everything in one batch for each sensor, then finish; by ``end`` nothing else has come."""
    engine = Engine(rules, **settings)
    for version in versions:
        engine.watch(*version)
    by_sensor: dict[str, list[Event]] = {}
    for event in sorted(events, key=lambda event: event.time):
        by_sensor.setdefault(event.sensor, []).append(event)
    for found in by_sensor.values():
        engine.feed(batch(found))
    for sensor in by_sensor:
        engine.heartbeat(sensor, end)
    standing = Standing()
    standing.take(engine.finish())
    return standing


Trainer = Callable[[TrainingRequest], Artefact]


@dataclass
class World:
    """Sensors whose events arrive out of order inside the lateness budget, cut into batches."""

    events: list[Event]
    seed: int
    batch_max: int
    jitter_us: int = LATENESS - SECOND
    versions: Sequence[Version] = ()
    end: int = BEGINNING
    adopts: Sequence[tuple[RuleSet, int]] = ()
    """Rule sets that follow, each from its event time on."""

    def log(self) -> dict[str, list[AcceptedBatch]]:
        """The sealed batches of each sensor: the same for the same seed."""
        chance = random.Random(self.seed)
        log: dict[str, list[AcceptedBatch]] = {}
        for sensor in sorted({event.sensor for event in self.events}):
            mine = [event for event in self.events if event.sensor == sensor]
            arrivals = sorted(
                (event.time + chance.randint(0, self.jitter_us), event) for event in mine
            )
            log[sensor], first = [], 0
            while first < len(arrivals):
                size = chance.randint(1, self.batch_max)
                part, rest = arrivals[first : first + size], arrivals[first + size :]
                # What comes next arrives later, so it happened at most the jitter before that.
                low = rest[0][0] if rest else part[-1][0] + 1
                log[sensor].append(
                    batch([event for _, event in part], len(log[sensor]) + 1, low, first)
                )
                first += size
        return log

    def play(
        self,
        rules: RuleSet,
        *,
        partitions: int = 1,
        crash: float = 0.0,
        trainer: Trainer | None = None,
    ) -> Standing:
        """Read the log with commits and crashes at random; what was not committed is done again."""
        chance = random.Random(self.seed + 1)
        log = self.log()
        settings = {"partitions": partitions, "required": list(log), "lateness_us": LATENESS}
        engine, committed = Engine(rules, **settings), Standing()
        for version in self.versions:
            engine.watch(*version)
        for adopted in self.adopts:
            engine.adopt(*adopted)
        newest = self.adopts[-1][0] if self.adopts else rules
        parts = engine.snapshot()
        waiting: list[Output] = []

        def step(advance: Callable[[], Output]) -> None:
            while True:
                waiting.append(advance())
                if not waiting[-1].training:
                    return
                for request in waiting[-1].training:
                    engine.install(trainer(request))

        while unread := [name for name in log if engine.cursors.get(name, 0) < len(log[name])]:
            name = chance.choice(unread)
            engine.feed(log[name][engine.cursors.get(name, 0)])
            if chance.random() < 0.6:
                step(engine.advance)
            if chance.random() < 0.2:
                engine.provisional()
            if chance.random() < 0.4:
                for output in waiting:
                    committed.take(output)
                waiting.clear()
                parts.update(engine.snapshot())
                parts = {name: raw for name, raw in parts.items() if raw}
            if chance.random() < crash:
                waiting.clear()
                engine = Engine.restore(newest, parts, **settings)
        for name in log:
            engine.heartbeat(name, self.end)
        step(engine.finish)
        for output in waiting:
            committed.take(output)
        return committed
