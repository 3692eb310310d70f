"""Backends: every way in which the product asks conditions of events, under one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from analytics import sigma
from analytics.expression import Node
from analytics.matching import plan, scanner
from analytics.matching.port import Plan, Question
from analytics.matching.python import PythonPlan
from schema.errors import FengsuiError
from schema.event import Fields

Answers = list[set[int]]
"""For each event the places of the conditions that hold."""
Backend = Callable[[Sequence[Node], Sequence[Fields]], Answers]


def compiled(rule: Mapping[str, Any]) -> Node | None:
    """The rule's condition over the field names as they are written; None where it is refused."""
    try:
        return sigma.compile_detection(rule["detection"], lambda name: name)
    except FengsuiError as error:
        if error.code != "analytics.rule.refused":
            raise
        return None


def backends() -> dict[str, Backend]:
    """All that are built here, by name."""
    found: dict[str, Backend] = {
        "chosen": lambda nodes, events: _answers(plan(_questions(nodes)), events),
        "Python with RE2": _python_with(scanner.Re2Scanner),
    }
    best = scanner.best_scanner()
    if best is not scanner.Re2Scanner:
        found["Python with hyperscan"] = _python_with(best)
    return found


def _answers(made: Plan, events: Sequence[Fields]) -> Answers:
    found: Answers = [set() for _ in events]
    for place, rule, _ in made.match(events):
        found[place].add(rule)
    return found


def _questions(nodes: Sequence[Node]) -> list[Question]:
    return [Question(place, 1, node) for place, node in enumerate(nodes)]


def _python_with(make_scanner: Any) -> Backend:
    return lambda nodes, events: _answers(PythonPlan(_questions(nodes), make_scanner), events)
