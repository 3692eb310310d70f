"""Layers: the matchers of one dataset, one more each time rules are added to a running engine.

Compiling thousands of conditions takes seconds; a few new ones do not wait for it. Rules that are
gone are asked on and their answers dropped, until so many layers stand that all is compiled anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from analytics.matching.port import Match, Plan, Question
from schema.event import Fields

LAYERS_MAX: Final = 8
"""Each layer looks at every event again."""

Compile: TypeAlias = Callable[[Sequence[Question]], Plan]


class Layers:
    """Asks every standing question of a batch; rules have the same number in all layers."""

    __slots__ = ("_drop", "asked", "plans")

    def __init__(
        self, plans: tuple[Plan, ...], asked: frozenset[tuple[int, int]], drop: frozenset[int]
    ) -> None:
        self.plans = plans
        self.asked = asked
        self._drop = drop

    @classmethod
    def of(
        cls, questions: Sequence[Question], before: Layers | None, compile_plan: Compile
    ) -> Layers:
        """What asks these questions, with as little compiled anew as may be."""
        wanted = {(one.rule, one.bit) for one in questions}
        if before is None or len(before.plans) >= LAYERS_MAX:
            return cls((compile_plan(questions),), frozenset(wanted), frozenset())
        fresh = [one for one in questions if (one.rule, one.bit) not in before.asked]
        plans = (*before.plans, compile_plan(fresh)) if fresh else before.plans
        standing = before.asked | wanted
        drop = {rule for rule, _ in standing} - {rule for rule, _ in wanted}
        return cls(plans, frozenset(standing), frozenset(drop))

    def match(self, events: Sequence[Fields]) -> Sequence[Match]:
        """All matches of a batch; by place within a layer."""
        if len(self.plans) == 1:
            found = self.plans[0].match(events)
        else:
            found = [match for plan in self.plans for match in plan.match(events)]
        if self._drop:
            return [match for match in found if match[1] not in self._drop]
        return found
