"""Temporal correlations of Sigma as patterns of our own, over one step for each rule.

Every ``temporal`` and ``temporal_ordered`` correlation has one: all rules, a condition over their
names, or bounds on how many of them fired. ``not`` and upper bounds speak of the timespan up to the
event at which they are asked, and say nothing of what follows.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from itertools import combinations
from typing import Final

from analytics import truth
from analytics.kinds.together import pattern_of
from analytics.patterns import Sequence, Together
from analytics.sigma.correlation import TEMPORAL, Correlation
from analytics.sigma.lines import pointer, refused, within
from analytics.truth import Every, Fired, Never, Truth

_COMPARES: Final[dict[str, Callable[[float, float], bool]]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}


def pattern(correlation: Correlation) -> Sequence | Together:
    """What a temporal correlation looks for; its steps are its rules, in their order.

    Raises ``analytics.rule.refused`` where it would hold though nothing was seen, or has more
    alternatives than ``analytics.truth.TERMS_MAX``.
    """
    if correlation.kind not in TEMPORAL:
        raise refused(f"{correlation.kind} is not temporal", pointer("correlation", "type"))
    ordered = correlation.kind == "temporal_ordered"
    with within("correlation", "condition"):
        condition, at_least = correlation.condition, 0
        if condition is None:
            condition, at_least = _bounds(correlation)
        if ordered and at_least == len(correlation.rules) > 1:
            timespan = correlation.timespan_us
            return Sequence(retention_us=timespan, within_us=timespan)
        return pattern_of(
            correlation.rules,
            within_us=correlation.timespan_us,
            condition=condition,
            at_least=at_least,
            ordered=ordered,
        )


def _bounds(correlation: Correlation) -> tuple[Truth | None, int]:
    """How many rules must have fired: at least so many, or else a condition that says which."""
    rules = correlation.rules
    sizes = [
        size
        for size in range(len(rules) + 1)
        if all(_COMPARES[one.op](size, one.value) for one in correlation.comparisons)
    ]
    if not sizes:
        raise refused(f"of {len(rules)} rules never so many fire")
    if sizes[0] == 0:
        raise refused("the condition would hold where nothing was seen")
    if sizes[-1] == len(rules) and len(sizes) == len(rules) - sizes[0] + 1:
        return None, sizes[0]
    chosen = [frozenset(some) for size in sizes for some in combinations(rules, size)]
    if len(chosen) > truth.TERMS_MAX:
        raise refused(f"the condition has more than {truth.TERMS_MAX} alternatives")
    return truth.Either(tuple(_exactly(some, rules) for some in chosen)), 0


def _exactly(some: frozenset[str], rules: tuple[str, ...]) -> Truth:
    return Every(tuple(Fired(name) if name in some else Never(Fired(name)) for name in rules))
