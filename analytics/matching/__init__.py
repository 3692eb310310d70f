"""Matching: which rule conditions an event meets, asked once for each distinct value."""

from __future__ import annotations

import os
from collections.abc import Sequence

from analytics.matching.port import Match, Plan, Question
from analytics.matching.python import PythonPlan
from analytics.matching.scanner import best_scanner

__all__ = ["Match", "Plan", "Question", "plan"]


def plan(questions: Sequence[Question]) -> Plan:
    """The questions, ready to be asked of events: natively where that can be, else in Python.

    Both give the same answers; ``FENGSUI_NATIVE=0`` turns the native one off.
    """
    if os.environ.get("FENGSUI_NATIVE") != "0":
        # Imported here: without the native module nothing of it is needed.
        from analytics.matching.native import native_plan

        found = native_plan(questions)
        if found is not None:
            return found
    return PythonPlan(questions, best_scanner())
