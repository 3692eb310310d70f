"""The shipped rules over the made-up district, and how what they decide stands to its labels."""

from __future__ import annotations

import multiprocessing
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from analytics import ruleset
from analytics.engine import Engine, Output
from analytics.facts import KnownFacts
from analytics.patterns import Absence
from analytics.replay import Standing
from analytics.rule import NO_ENTITY, Rule, entity_values
from bench._district_feed import SENSOR, Fed, Label, Wanted, names_of, send
from fengsui.training import ChildTrainer
from schema.alert import Alert
from schema.event import AcceptedBatch
from schema.registers import RegisterView, Statement, Table, pack_fields, pack_key
from schema.times import DAY

BATCH: Final = 1024
SYSTEMS: Final = {
    "EC": "certificate",
    "ID": "identity",
    "PA": "payment",
    "DX": "sharing",
    "X0": "cross",
    **dict.fromkeys(("D0", "D1", "D2", "D3"), "daily"),
}
"""Systems by the first two letters of a use case."""


class Verdict(NamedTuple):
    """What a run came to."""

    labels: list[Label]
    found: dict[str, Alert]
    """The first alert of the use case's own rules on each label."""
    alerts: list[Alert]
    """Final, decided in the measured days."""
    false: list[Alert]
    rules: dict[str, Rule]
    lookalikes: Counter[str]
    """By use case, in the measured days."""
    events: int
    events_per_day: int
    """The most of a measured day."""
    unparsed: int
    days: int
    warm_up_alerts: Counter[str]


class _Registers:
    """What is known, growing day by day."""

    def __init__(self) -> None:
        self._statements: dict[str, list[Statement]] = defaultdict(list)
        self._tables: dict[str, Table] = {}

    def say(self, rows: Iterable[object], known_from: int) -> None:
        changed = set()
        for row in rows:
            register, key, fields, since, until = row  # type: ignore[misc]
            self._statements[register].append(
                Statement(pack_key(key), pack_fields(dict(fields)), since, until, known_from, 1)
            )
            changed.add(register)
        for name in changed:
            self._tables[name] = Table(self._statements[name])

    @property
    def view(self) -> RegisterView:
        return RegisterView(dict(self._tables))


def judge(wanted: Wanted, *, only: Sequence[str] = ()) -> Verdict:
    """Run the town and the rules, of these use cases only where some are named."""
    rules = [
        rule
        for rule in ruleset.load([ruleset.SHIPPED]).require_all().rules
        if not only or (rule.use_case is not None and rule.use_case.id in only) or not rule.use_case
        if not (wanted.view == "caller" and _providers_alone(rule))
    ]
    engine, registers = Engine(ruleset.of(rules), required=[SENSOR]), _Registers()
    run = _Run(engine)
    received = _days(wanted)
    _begin(engine, rules, registers, next(received), wanted)
    labels: dict[str, Label] = {}
    extra: dict[str, set[str]] = defaultdict(set)
    tagged: dict[str, str] = {}
    like: Counter[str] = Counter()
    total = most = unparsed = 0
    measured_from, end = 0, 0
    for fed in received:
        assert isinstance(fed, Fed)
        if fed.statements:
            registers.say(fed.statements, fed.start)
            engine.know(KnownFacts(registers.view))
        run.feed(fed)
        total += len(fed.events)
        unparsed += fed.unparsed
        tagged |= fed.tagged
        for name, values in fed.collected.items():
            extra[name] |= values
        if fed.measured:
            measured_from = measured_from or fed.start
            most = max(most, len(fed.events))
            end = fed.start + DAY
        for one in fed.episodes:
            if one.kind == "lookalike":
                like[one.use_case] += fed.measured
            else:
                labels[one.id] = Label(
                    one.id, one.use_case, one.kind, one.start, one.end, one.strength,
                    names_of(one.entities),
                )  # fmt: skip
    run.finish()
    complete = [
        one._replace(entities=one.entities | extra[one.id])
        for one in labels.values()
        if not only or one.use_case in only
    ]
    standing = sorted(run.standing.alerts.values(), key=lambda alert: (alert.decided_at, alert.id))
    measured = [alert for alert in standing if alert.decided_at >= measured_from]
    found, false = _score(measured, complete, {rule.id: rule for rule in rules}, tagged)
    return Verdict(
        labels=complete,
        found=found,
        alerts=measured,
        false=false,
        rules={rule.id: rule for rule in rules},
        lookalikes=like,
        events=total,
        events_per_day=most,
        unparsed=unparsed,
        days=max(1, (end - measured_from) // DAY),
        warm_up_alerts=Counter(
            alert.rule_id for alert in standing if alert.decided_at < measured_from
        ),
    )


def past(wanted: Wanted) -> Engine:
    """The engine with the shipped rules after the days before the measured ones."""
    rules = ruleset.load([ruleset.SHIPPED]).require_all()
    engine, registers = Engine(rules, required=[SENSOR]), _Registers()
    run = _Run(engine)
    received = _days(wanted)
    _begin(engine, rules.rules, registers, next(received), wanted)
    for fed in received:
        assert isinstance(fed, Fed)
        if fed.measured:
            break
        if fed.statements:
            registers.say(fed.statements, fed.start)
            engine.know(KnownFacts(registers.view))
        run.feed(fed)
    return engine


def _begin(
    engine: Engine, rules: Sequence[Rule], registers: _Registers, said: object, wanted: Wanted
) -> None:
    """Let the engine know what registers hold before the first day."""
    assert isinstance(said, list)
    registers.say(said, -(2**62))
    engine.know(KnownFacts(registers.view))
    watched = {rule.pattern.register for rule in rules if isinstance(rule.pattern, Absence)}
    for register in sorted(watched):
        engine.watch(register, registers.view.spans(register), wanted.begins)


def _days(wanted: Wanted) -> Iterator[object]:
    """Made in a process of its own, so that both cores work."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=send, args=(theirs, wanted), daemon=True)
    child.start()
    theirs.close()
    try:
        while (got := ours.recv()) is not None:
            yield got
    finally:
        ours.close()
        child.join(timeout=60)
        if child.is_alive():
            child.kill()


def _providers_alone(rule: Rule) -> bool:
    """A district without the providers' logs does not wait for them: no log is no silence."""
    return rule.use_case is not None and set(rule.use_case.seen_in) == {"provider"}


class _Run:
    """Feeds an engine and keeps what stands."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._number = 0
        self._sequence = 0
        self._trainer = ChildTrainer()
        self.standing = Standing()

    def feed(self, fed: Fed) -> None:
        for start in range(0, len(fed.events), BATCH):
            part = slice(start, start + BATCH)
            times = fed.times[part]
            self._number += 1
            self._engine.feed(
                AcceptedBatch(
                    sensor=SENSOR,
                    number=self._number,
                    first_sequence=self._sequence,
                    low_watermark=times[-1],
                    received_at=times[-1],
                    indexes=range(len(times)),
                    ids=fed.ids[part],
                    times=times,
                    events=fed.events[part],
                    enrichment=fed.enrichment[part],
                )
            )
            self._sequence += len(times)
            self._step(self._engine.advance())
        self._engine.heartbeat(SENSOR, fed.start + DAY)
        self._step(self._engine.advance())

    def finish(self) -> None:
        self._step(self._engine.finish())

    def _step(self, output: Output) -> None:
        while True:
            self.standing.take(output)
            if not output.training:
                return
            for request in output.training:
                self._engine.install(self._trainer.train(request))
            output = self._engine.advance()


def _score(
    alerts: Sequence[Alert],
    labels: Sequence[Label],
    rules: dict[str, Rule],
    tagged: dict[str, str],
) -> tuple[dict[str, Alert], list[Alert]]:
    """The first alert of its own rules on each label, and the alerts on none."""
    found: dict[str, Alert] = {}
    false: list[Alert] = []
    for alert in alerts:
        if alert.entity_field == NO_ENTITY:
            names = {tagged.get(one, "") for one in alert.events}
            on = [label for label in labels if label.id in names]
        else:
            parts = set(entity_values(alert.entity, alert.entity_field.count("+") + 1))
            on = [
                label
                for label in labels
                if label.start <= alert.decided_at <= label.end and parts & label.entities
            ]
        if not on:
            false.append(alert)
        case = rules[alert.rule_id].use_case
        for label in on:
            if case is not None and label.use_case == case.id:
                found.setdefault(label.id, alert)
    return found, false


def system_of(use_case: str) -> str:
    """The system a use case belongs to."""
    return SYSTEMS[use_case[:2]]


def seconds_to_detect(verdict: Verdict) -> float:
    """Median from an attack's first deed to its first alert."""
    took = [
        (verdict.found[label.id].decided_at - label.start) / 1e6
        for label in verdict.labels
        if label.kind == "attack" and label.id in verdict.found
    ]
    return statistics.median(took) if took else 0.0
