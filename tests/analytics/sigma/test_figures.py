"""Every correlation of Sigma over a figure is a pattern of our own."""

from __future__ import annotations

import pytest

from analytics.patterns import Aggregate
from analytics.patterns import Comparison as Bound
from analytics.sigma.correlation import Comparison, Correlation
from analytics.sigma.figures import pattern
from schema.errors import FengsuiError


def correlation(kind: str, **more: object) -> Correlation:
    fields = {} if kind == "event_count" else {"a": ("source.port",), "b": ("source.port",)}
    given = {"id": "x", "title": "x", "rules": ("a", "b"), "timespan_us": 10, "fields": fields,
             "comparisons": (Comparison("gte", 3),), **more}  # fmt: skip
    return Correlation(kind=kind, **given)


@pytest.mark.parametrize(
    "kind", ["event_count", "value_count", "value_sum", "value_avg", "value_median"]
)
def test_a_figure_keeps_its_name_field_and_bounds(kind: str) -> None:
    assert pattern(correlation(kind)) == Aggregate(
        retention_us=10,
        within_us=10,
        function=kind,
        field="" if kind == "event_count" else "source.port",
        comparisons=(Bound(op="gte", value=3),),
    )


def test_a_percentile_is_told_in_thousandths() -> None:
    assert pattern(correlation("value_percentile", percentile=99.5)).permille == 995


def test_without_a_percentile_the_share_of_the_value_is_meant() -> None:
    assert pattern(correlation("value_percentile")).function == "value_share"


def test_bounds_may_be_fractions_and_several() -> None:
    bounds = (Comparison("gt", 2.5), Comparison("lte", 7))
    assert pattern(correlation("value_avg", comparisons=bounds)).comparisons == (
        Bound(op="gt", value=5, under=2),
        Bound(op="lte", value=7),
    )


def test_several_fields_are_one_value() -> None:
    fields = {"a": ("user.name", "source.ip"), "b": ("user.name", "source.ip")}
    assert pattern(correlation("value_count", fields=fields)).field == "user.name+source.ip"


@pytest.mark.parametrize(
    ("kind", "more", "why"),
    [
        ("temporal", {}, "has no figure"),
        ("event_count", {"comparisons": (Comparison("gte", 20_000),)}, "at most"),
        ("value_percentile", {"percentile": 99.55}, "finer"),
    ],
)
def test_what_cannot_be_judged_is_refused(kind: str, more: dict[str, object], why: str) -> None:
    with pytest.raises(FengsuiError, match=why):
        pattern(correlation(kind, **more))
