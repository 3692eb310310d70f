"""Reads the cases beside each rule and runs them through the engine.

``cases.jsonl`` has one case a line: ``name``, ``kind`` (fires, near_miss, late), ``events`` and the
``alerts`` that stand at the end. An event has ``at`` (``+90s`` behind 2026-11-20T08:00:00Z) and its
fields; ``repeat`` and ``every`` make a row of it, in which ``{n}`` counts from 1 and ``{n%20}``
goes round. ``late`` marks an event that arrives when the watermark has passed it already.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from analytics.engine import Engine, Output
from analytics.models.artefact import Artefact, TrainingRequest, from_trainer
from analytics.rule import NO_ENTITY, Rule
from analytics.ruleset import SHIPPED, RuleSet, load
from schema import ids
from schema.alert import Alert
from schema.event import AcceptedBatch, Fields
from schema.times import SECOND, from_text, to_text

START = from_text("2026-11-20T08:00:00.000000Z")
LATENESS = 60 * SECOND
BATCH = 1000
_SENSOR = "case"
_COUNTER = re.compile(r"\{n(?:%(\d+))?\}")
_OFFSET = re.compile(r"\+(\d+)s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case of a rule."""

    rule: str
    name: str
    kind: str
    events: tuple[dict[str, object], ...]
    alerts: tuple[dict[str, object], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One event of a case at its time."""

    time: int
    late: bool
    fields: Fields


def rule_folders() -> list[Path]:
    """Folders of all shipped rules."""
    return sorted(path.parent for path in SHIPPED.glob("*/*/rule.yml"))


@functools.cache
def rule_set() -> RuleSet:
    """All shipped rules; raises where one is refused."""
    return load([SHIPPED]).require_all()


@functools.cache
def rule(name: str) -> Rule:
    """A shipped rule by id."""
    return next(found for found in rule_set().rules if found.id == name)


def cases(folder: Path) -> list[Case]:
    """The cases of one rule."""
    lines = (folder / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        Case(
            rule=folder.name,
            name=raw["name"],
            kind=raw["kind"],
            events=tuple(raw["events"]),
            alerts=tuple(raw["alerts"]),
        )
        for raw in map(json.loads, lines)
    ]


def all_cases() -> list[Case]:
    """The cases of all rules."""
    return [case for folder in rule_folders() for case in cases(folder)]


def seconds(offset: str) -> int:
    """Microseconds of ``+90s``, or of ``90s`` after ``every``."""
    found = _OFFSET.fullmatch(offset if offset.startswith("+") else f"+{offset}")
    assert found, f"{offset!r} is not an offset such as +90s"
    return int(found[1]) * SECOND


def moments(case: Case) -> list[Moment]:
    """The events of a case by time."""
    found = [moment for template in case.events for moment in _expand(template)]
    return sorted(found, key=lambda moment: moment.time)


def _expand(template: dict[str, object]) -> Iterator[Moment]:
    fields = dict(template)
    begin = START + seconds(str(fields.pop("at")))
    count = int(str(fields.pop("repeat", 1)))
    every = seconds(str(fields.pop("every", "0s")))
    late = bool(fields.pop("late", False))
    for number in range(1, count + 1):
        time = begin + every * (number - 1)
        filled: Fields = {name: _filled(value, number) for name, value in fields.items()}
        yield Moment(time=time, late=late, fields={"@timestamp": to_text(time), **filled})


def _filled(value: object, number: int) -> object:
    if not isinstance(value, str):
        return value
    return _COUNTER.sub(lambda at: str(number % int(at[1]) if at[1] else number), value)


def run(case: Case, partitions: int, *, in_order: bool = False) -> list[Alert]:
    """The alerts that stand once a case is over; ``in_order`` forgets what came late."""
    only = RuleSet(rules=(rule(case.rule),), refused=(), digest="")
    engine = Engine(only, partitions=partitions, required=[_SENSOR])
    standing: dict[str, Alert] = {}
    happened = moments(case)
    on_time = [moment for moment in happened if in_order or not moment.late]
    late = [moment for moment in happened if not in_order and moment.late]
    sequence = 0
    for number, start in enumerate(range(0, len(on_time), BATCH), 1):
        part = on_time[start : start + BATCH]
        last = start + BATCH >= len(on_time)
        engine.feed(_batch(part, number, sequence, low=part[-1].time + last * SECOND))
        sequence += len(part)
        _take(engine, standing, finish=False)
    if late:
        _check_late(late, engine.watermark)
        engine.feed(_batch(late, 1_000_000, sequence, low=engine.watermark))
        _take(engine, standing, finish=False)
    _take(engine, standing, finish=True)
    return list(standing.values())


def _check_late(late: list[Moment], watermark: int) -> None:
    for moment in late:
        behind = watermark - moment.time
        assert 0 < behind <= LATENESS, f"a late event comes {behind} µs behind the watermark"


def _batch(part: list[Moment], number: int, first: int, *, low: int) -> AcceptedBatch:
    return AcceptedBatch(
        sensor=_SENSOR,
        number=number,
        first_sequence=first,
        low_watermark=low,
        received_at=low,
        indexes=range(len(part)),
        ids=[ids.event_id(_SENSOR, 1, "case", "-", first + at) for at in range(len(part))],
        times=[moment.time for moment in part],
        events=[moment.fields for moment in part],
        enrichment=[{} for _ in part],
    )


def _take(engine: Engine, standing: dict[str, Alert], *, finish: bool) -> None:
    output = _step(engine, finish=finish)
    while True:
        for alert in output.alerts:
            if alert.state == "withdrawn":
                standing.pop(alert.id, None)
            else:
                standing[alert.id] = alert
        if not output.training:
            return
        for request in output.training:
            engine.install(_trained(request))
        output = _step(engine, finish=finish)


def _step(engine: Engine, *, finish: bool) -> Output:
    return engine.finish() if finish else engine.advance()


@functools.cache
def _trained(request: TrainingRequest) -> Artefact:
    """Trained in a child as in production; cases that share a past share the training."""
    command = [sys.executable, "-m", "analytics.models.train"]
    done = subprocess.run(command, input=request.lines(), capture_output=True, check=True)
    return from_trainer(request, done.stdout)


def outcome(alerts: list[Alert]) -> list[tuple[str, int, int]]:
    """Alerts as cases write them: entity, count, events of the least set."""
    return sorted(
        (
            NO_ENTITY if alert.entity_field == NO_ENTITY else alert.entity,
            alert.count,
            len(alert.events),
        )
        for alert in alerts
    )


def expected(case: Case) -> list[tuple[str, int, int]]:
    """What the case says must stand at the end."""
    return sorted(
        (str(alert["entity"]), int(str(alert["count"])), int(str(alert["events"])))
        for alert in case.alerts
    )
