"""Temporal correlations of Sigma as patterns of our own, over one step for each rule.

Every ``temporal`` and ``temporal_ordered`` correlation has one: all rules, a condition over their
names, or bounds on how many of them fired. ``not`` and upper bounds speak of the timespan up to the
event at which they are asked, and say nothing of what follows.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Final

from analytics.kinds.together import pattern_of
from analytics.patterns import Sequence, Together
from analytics.sigma.correlation import TEMPORAL, Correlation
from analytics.sigma.lines import pointer, refused, within

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
    alternatives than ``analytics.language.truth.TERMS_MAX``.
    """
    if correlation.kind not in TEMPORAL:
        raise refused(f"{correlation.kind} is not temporal", pointer("correlation", "type"))
    ordered = correlation.kind == "temporal_ordered"
    with within("correlation", "condition"):
        counts = () if correlation.condition is not None else _counts(correlation)
        if ordered and counts == (len(correlation.rules),):
            timespan = correlation.timespan_us
            return Sequence(retention_us=timespan, within_us=timespan)
        return pattern_of(
            correlation.rules,
            within_us=correlation.timespan_us,
            condition=correlation.condition,
            counts=counts,
            ordered=ordered,
        )


def _counts(correlation: Correlation) -> tuple[int, ...]:
    """How many different rules may have fired."""
    counts = tuple(
        count
        for count in range(len(correlation.rules) + 1)
        if all(_COMPARES[one.op](count, one.value) for one in correlation.comparisons)
    )
    if not counts:
        raise refused(f"of {len(correlation.rules)} rules never so many fire")
    if counts[0] == 0:
        raise refused("the condition would hold where nothing was seen")
    return counts
