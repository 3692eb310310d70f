"""Routing: for each dataset a plan of its own rules only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analytics.matching import plan
from analytics.matching.port import Question
from analytics.rule import Rule
from schema.event import DATASET, Fields


class Matcher:
    """The plans of a rule set, by dataset."""

    def __init__(self, rules: Sequence[Rule], *, cache: Path | None = None) -> None:
        grouped: dict[str, list[Question]] = {}
        for index, rule in enumerate(rules):
            for dataset in rule.datasets:
                grouped.setdefault(dataset, []).extend(
                    Question(index, 1 << number, step.condition)
                    for number, step in enumerate(rule.steps)
                )
        self.plans = {dataset: plan(asked, cache=cache) for dataset, asked in grouped.items()}

    def match(self, event: Fields) -> tuple[tuple[int, int], ...]:
        """The rules that one event matches, each with the bits of its steps."""
        plan = self.plans.get(str(event.get(DATASET)))
        return tuple((rule, bits) for _, rule, bits in plan.match([event])) if plan else ()
