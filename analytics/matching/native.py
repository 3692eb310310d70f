"""Native matcher: the answers of the matcher in Python, from the native module.

What only Python answers in the same words, networks and parts of a time and expressions that
another dialect may read otherwise, the native module asks Python for, once for each distinct value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from analytics.expression import Atom
from analytics.matching.port import Match, Question
from analytics.matching.values import atom_test
from schema.event import Fields

if TYPE_CHECKING:
    from fengsui_native import rules


class NativePlan:
    """Conditions, asked by the native module."""

    def __init__(self, plan: rules.Plan) -> None:
        self._plan = plan

    def match(self, events: Sequence[Fields]) -> Sequence[Match]:
        return self._plan.match(events)


def native_plan(questions: Sequence[Question]) -> NativePlan | None:
    """The plan, or None where the native module is absent or does not take the conditions.

    Raises ``analytics.rule.refused`` for an expression or network that cannot be evaluated.
    """
    try:
        from fengsui_native import rules
    except ImportError:
        # Absent, or of a version that has no such part.
        return None
    try:
        plain = [
            (question.rule, question.bit, msgspec.to_builtins(question.condition))
            for question in questions
        ]
        return NativePlan(rules.Plan(plain, _test_of))
    except (ValueError, TypeError, OverflowError, RecursionError):
        # Too deep, too many, or with numbers beyond those of a machine: Python takes them.
        return None


def _test_of(written: list[object]) -> Callable[[str, str | int | bool], bool]:
    return atom_test(msgspec.convert(written, Atom))
