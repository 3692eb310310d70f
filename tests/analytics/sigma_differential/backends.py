"""Backends: every way in which the product asks conditions of events, under one call."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from analytics import sigma
from analytics.expression import Node
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
    matching = importlib.import_module("analytics.matching")
    if not hasattr(matching, "plan"):
        return {"matcher": _with_matcher}
    found: dict[str, Backend] = {"plan": _with_plan, "plan without native": _without_native}
    for scanner in ("HyperscanScanner", "Re2Scanner"):
        try:
            made = getattr(importlib.import_module("analytics.matching.scanner"), scanner)
        except (ImportError, AttributeError):
            continue
        found[f"Python with {scanner}"] = _python_with(made)
    return found


def _with_matcher(nodes: Sequence[Node], events: Sequence[Fields]) -> Answers:
    # The single matcher of before there were plans: one rule step for each condition.
    from types import SimpleNamespace

    plan = importlib.import_module("analytics.matcher").Plan(
        [
            (place, SimpleNamespace(steps=(SimpleNamespace(condition=node),)))
            for place, node in enumerate(nodes)
        ]
    )
    return [{rule for rule, _ in plan.match(event)} for event in events]


def _answers(plan: Any, events: Sequence[Fields]) -> Answers:
    found: Answers = [set() for _ in events]
    for place, rule, _ in plan.match(events):
        found[place].add(rule)
    return found


def _questions(nodes: Sequence[Node]) -> list[Any]:
    question = importlib.import_module("analytics.matching.port").Question
    return [question(place, 1, node) for place, node in enumerate(nodes)]


def _with_plan(nodes: Sequence[Node], events: Sequence[Fields]) -> Answers:
    return _answers(importlib.import_module("analytics.matching").plan(_questions(nodes)), events)


def _without_native(nodes: Sequence[Node], events: Sequence[Fields]) -> Answers:
    before = os.environ.get("FENGSUI_NATIVE")
    os.environ["FENGSUI_NATIVE"] = "0"
    try:
        return _with_plan(nodes, events)
    finally:
        if before is None:
            del os.environ["FENGSUI_NATIVE"]
        else:
            os.environ["FENGSUI_NATIVE"] = before


def _python_with(scanner: Any) -> Backend:
    python_plan = importlib.import_module("analytics.matching.python").PythonPlan

    def ask(nodes: Sequence[Node], events: Sequence[Fields]) -> Answers:
        return _answers(python_plan(_questions(nodes), scanner), events)

    return ask
