"""Sigma's correlations over a figure as patterns of our own: counts, sums, averages, percentiles.

Every ``event_count`` and ``value_…`` correlation has one; its steps are its rules, in their order,
and each step carries the correlation's fields of its rule.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final, cast

from analytics.kinds.aggregate import Function, aggregate
from analytics.patterns import Aggregate
from analytics.sigma.correlation import TEMPORAL, Correlation
from analytics.sigma.lines import pointer, refused, within

_PERMILLE: Final = 10
"""Thousandths of a percent: the finest percentile that is told apart."""


def pattern(correlation: Correlation) -> Aggregate:
    """What a correlation over a figure looks for.

    Raises ``analytics.rule.refused`` where a count is compared with more than is kept, or a
    percentile is finer than a tenth of a percent.
    """
    if correlation.kind in TEMPORAL:
        raise refused(f"{correlation.kind} has no figure", pointer("correlation", "type"))
    function = cast("Function", correlation.kind)
    permille = 0
    with within("correlation", "condition"):
        if function == "value_percentile":
            if correlation.percentile is None:
                # The specification's own reading: the share of the event's value.
                function = "value_share"
            else:
                permille = _permille(correlation.percentile)
        return aggregate(
            function,
            within_us=correlation.timespan_us,
            fields=next(iter(correlation.fields.values()), ()),
            permille=permille,
            compared={one.op: Fraction(str(one.value)) for one in correlation.comparisons},
        )


def _permille(percentile: float) -> int:
    exact = Fraction(str(percentile)) * _PERMILLE
    if exact.denominator != 1:
        raise refused(f"percentile {percentile} is finer than a tenth of a percent")
    return exact.numerator
