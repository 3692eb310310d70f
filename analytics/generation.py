"""Generation: a rule set in force from an event time on, and what asks events for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

import msgspec

from analytics.expression import ANY_FIELD
from analytics.matching.layers import Layers
from analytics.patterns import EntityHours
from analytics.rule import ALERTS, Rule, entity_values
from analytics.ruleset import RuleSet
from schema.alert import Alert
from schema.event import ADDED, DATASET, Fields
from schema.times import to_text


class Generation:
    """A rule set from an event time on."""

    def __init__(
        self,
        ruleset: RuleSet,
        since: int,
        places: Sequence[int],
        before: Generation | None,
        *,
        datasets: Set[str] | None = None,
    ) -> None:
        self.ruleset = ruleset
        self.since = since
        self.places = places
        """Index among all evaluators of each rule of the set."""
        standing: Mapping[str, Layers] = before.plans if before else {}
        self.plans: Mapping[str, Layers] = _plans(ruleset, places, standing, datasets=datasets)
        """What asks the events of each dataset; rules are named by their evaluator."""
        self.counting = _counting(ruleset, places)
        """The model rules that count the events of each dataset, by their evaluators."""
        self.reads_added = {
            dataset
            for rule in ruleset.rules
            if any(map(_is_added, rule.fields()))
            for dataset in rule.datasets()
        }
        """Datasets with a rule that reads what the collector added: only they pay for it."""


def _plans(
    ruleset: RuleSet,
    places: Sequence[int],
    standing: Mapping[str, Layers],
    *,
    datasets: Set[str] | None,
) -> dict[str, Layers]:
    """What asks the events of each dataset; datasets that are asked the same share it."""
    plans: dict[str, Layers] = {}
    shared: dict[tuple[object, ...], Layers] = {}
    for dataset, questions in ruleset.questions(places).items():
        if datasets is not None and dataset not in datasets:
            continue
        before = standing.get(dataset)
        key = (id(before), *((one.rule, one.bit) for one in questions))
        if key not in shared:
            shared[key] = Layers.of(questions, before, ruleset.plan)
        plans[dataset] = shared[key]
    return plans


def _counting(ruleset: RuleSet, places: Sequence[int]) -> dict[str, list[int]]:
    counting: dict[str, list[int]] = {}
    for place, rule in zip(places, ruleset.rules, strict=True):
        if isinstance(rule.pattern, EntityHours):
            counting.setdefault(rule.pattern.dataset, []).append(place)
    return counting


class GenerationDump(msgspec.Struct, frozen=True, array_like=True):
    """A generation as it lies in a snapshot."""

    since: int
    digest: str
    rules: tuple[Rule, ...]
    begun: tuple[int, ...] = ()
    """For each rule the event time from which it has been in force without a break."""


def as_event(alert: Alert, rule: Rule | None) -> Fields:
    """A final alert as an event of ``fengsui.alert``."""
    event: Fields = {
        "@timestamp": to_text(alert.decided_at),
        DATASET: ALERTS,
        "event.kind": "alert",
        "event.severity": alert.severity,
        "event.risk_score": alert.score,
        "rule.id": alert.rule_id,
        "rule.version": str(alert.rule_version),
    }
    if rule is not None and rule.techniques:
        event["threat.technique.id"] = list(rule.techniques)
    fields = alert.entity_field.split("+")
    for field, value in zip(fields, entity_values(alert.entity, len(fields)), strict=True):
        event.setdefault(field, value)
    return event


def _is_added(field: str) -> bool:
    return field in ADDED or field == ANY_FIELD or field.startswith("labels.")
