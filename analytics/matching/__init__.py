"""Matching: which rule conditions an event meets, asked once for each distinct value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analytics.matching.port import Match, Plan, Question
from analytics.matching.python import PythonPlan
from analytics.matching.scanner import best_scanner

__all__ = ["Match", "Plan", "Question", "plan"]


def plan(questions: Sequence[Question], *, cache: Path | None = None) -> Plan:
    """The questions, ready to be asked of events."""
    del cache  # hyperscan is ready in less time than its databases are read and checked
    return PythonPlan(questions, best_scanner())
