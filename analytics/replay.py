"""Replay: stored batches through an engine of their own, as if they came now.

Sensors take turns as the watermark asks, so what is decided is what the running engine decides of
the same batches under the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import TypeAlias

from analytics.engine import Engine, Output
from analytics.guards import Facts, NoFacts
from analytics.models.artefact import Artefact, TrainingRequest
from analytics.roll import Row
from analytics.rule import Rule
from analytics.ruleset import RuleSet
from schema.alert import Alert
from schema.errors import FengsuiError
from schema.event import AcceptedBatch
from schema.times import DAY

Watched: TypeAlias = tuple[str, Iterable[Row], int]
"""(register, its rows, from when on), version after version, for rules on absence."""

Train = Callable[[TrainingRequest], Artefact]


def run(
    rules: RuleSet,
    sources: Mapping[str, Iterator[AcceptedBatch]],
    *,
    train: Train,
    facts: Facts | None = None,
    watched: Mapping[str, Set[str]] | None = None,
    registers: Iterable[Watched] = (),
) -> Iterator[Output]:
    """What the rules decide over these batches, output by output.

    Of ``watched`` entities only, by rule, where they are given.
    """
    engine = Engine(rules, required=sources)
    engine.know(facts or NoFacts())
    if watched is not None:
        engine.confine(watched)
    for register, rows, effective_at in registers:
        engine.watch(register, rows, effective_at)
    left = dict(sources)
    while left:
        sensor = engine.holding()
        assert sensor is not None
        batch = next(left[sensor], None)
        if batch is None:
            del left[sensor]
            engine.exclude(sensor)
        else:
            engine.feed(batch)
        if left:
            yield from _stepped(engine, engine.advance, train)
    yield from _stepped(engine, engine.finish, train)


def _stepped(engine: Engine, step: Callable[[], Output], train: Train) -> Iterator[Output]:
    """Step, and step again for as long as a model has to be trained first."""
    while True:
        output = step()
        yield output
        if not output.training:
            return
        for request in output.training:
            try:
                engine.install(train(request))
            except FengsuiError:
                engine.skip_training(request)


@dataclass(slots=True)
class Standing:
    """The final alerts that stand behind some outputs."""

    alerts: dict[str, Alert] = field(default_factory=dict)

    def take(self, output: Output) -> None:
        """Keep what was decided, let go of what was withdrawn."""
        for alert in output.alerts:
            if alert.state == "final":
                self.alerts[alert.id] = alert
            else:
                self.alerts.pop(alert.id, None)


def reach_of_us(rule: Rule) -> int:
    """How far before a time its events matter to this rule; a day more warms it up."""
    return rule.pattern.retention_us + DAY


def reach_us(rules: RuleSet) -> int:
    """How far before a time its events matter to any of these rules."""
    return max(map(reach_of_us, rules.rules), default=DAY)
