"""Correlation documents become plain data with every rule they name found."""

from __future__ import annotations

import pytest
import yaml
from sigma_world import collected, rule

from analytics.language.truth import Every, Fired, Never
from analytics.sigma.correlation import Comparison, Correlation, Group
from schema.times import DAY, HOUR, MINUTE, SECOND


def document(**section: object) -> dict:
    """A correlation of the rules ``one`` and ``two``, with what is given of its section."""
    base = {"type": "temporal", "rules": ["one", "two"], "timespan": "5m"}
    return {"title": "Together", "id": "c", "correlation": {**base, **section}}


def compiled(**section: object) -> Correlation:
    found = collected(document(**section), rule("one", id=ONE), rule("two"))
    assert not found.refused
    (only,) = found.correlations
    return only


def reason(**section: object) -> tuple[str, int]:
    found = collected(rule("one", id=ONE), rule("two"), document(**section))
    (refusal,) = found.refused
    assert not found.correlations
    return refusal.reason, refusal.line


ONE = "0e95725d-7320-415d-80f7-004da920fc11"


def test_event_count() -> None:
    found = compiled(type="event_count", rules=["one"], condition={"gte": 100}, timespan="1h")
    assert (found.kind, found.rules, found.timespan_us) == ("event_count", (ONE,), HOUR)
    assert found.comparisons == (Comparison("gte", 100),)


def test_value_count() -> None:
    found = compiled(type="value_count", condition={"field": "User", "gt": 3})
    assert found.fields == {ONE: ("User",), "two": ("User",)}


def test_value_count_of_several_fields_counts_their_values_together() -> None:
    found = compiled(type="value_count", condition={"field": ["User", "Host"], "gt": 3})
    assert found.fields[ONE] == ("User", "Host")


def test_temporal() -> None:
    found = compiled()
    assert (found.kind, found.rules) == ("temporal", (ONE, "two"))
    assert found.comparisons == (Comparison("gte", 2),)


def test_temporal_with_a_count_of_rules() -> None:
    assert compiled(condition={"gte": 1}).comparisons == (Comparison("gte", 1),)


def test_temporal_ordered() -> None:
    assert compiled(type="temporal_ordered", rules=["two", "one"]).rules == ("two", ONE)


def test_temporal_condition_over_rules() -> None:
    found = compiled(condition="one AND not two")
    assert found.condition == Every((Fired(ONE), Never(Fired("two"))))
    assert found.comparisons == ()


def test_temporal_condition_names_the_rules_where_no_list_does() -> None:
    assert compiled(rules=None, condition="two or one").rules == ("two", ONE)


def test_value_sum() -> None:
    found = compiled(type="value_sum", condition={"field": "bytes", "gt": 1000000})
    assert found.kind == "value_sum"
    assert found.fields[ONE] == ("bytes",)


def test_value_avg() -> None:
    found = compiled(type="value_avg", condition={"field": "bytes", "gt": 0.5})
    assert found.comparisons == (Comparison("gt", 0.5),)


def test_value_percentile() -> None:
    found = compiled(type="value_percentile", condition={"field": "n", "gt": 9, "percentile": 95})
    assert found.percentile == 95


def test_value_percentile_without_one_is_the_share_of_a_value() -> None:
    found = compiled(type="value_percentile", condition={"field": "image", "lte": 1})
    assert found.percentile is None


def test_value_median() -> None:
    found = compiled(type="value_median", condition={"field": "n", "gte": 9})
    assert found.percentile == 50


def test_bounds_of_a_range_hold_together() -> None:
    found = compiled(type="event_count", condition={"gt": 100, "lte": 200})
    assert found.comparisons == (Comparison("gt", 100), Comparison("lte", 200))


@pytest.mark.parametrize("op", ["gt", "gte", "lt", "lte", "eq", "neq"])
def test_comparisons(op: str) -> None:
    found = compiled(type="event_count", condition={op: 3})
    assert found.comparisons == (Comparison(op, 3),)


def test_group_by() -> None:
    found = compiled(**{"group-by": ["User", "Host"]})
    assert found.group_by[0] == Group(name="User", fields={ONE: "User", "two": "User"})
    assert len(found.group_by) == 2


def test_group_by_may_be_left_out() -> None:
    assert compiled().group_by == ()


def test_aliases() -> None:
    aliases = {"address": {"one": "SourceIp", "two": "DestinationIp"}}
    found = compiled(**{"group-by": ["address"], "aliases": aliases})
    fields = {ONE: "SourceIp", "two": "DestinationIp"}
    assert found.group_by == (Group(name="address", fields=fields),)


@pytest.mark.parametrize(
    ("text", "length"),
    [("90s", 90 * SECOND), ("5m", 5 * MINUTE), ("2h", 2 * HOUR), ("7d", 7 * DAY)],
)
def test_timespan(text: str, length: int) -> None:
    assert compiled(timespan=text).timespan_us == length


def test_generate() -> None:
    assert not compiled().generate
    assert compiled(generate=True).generate
    beside = collected(rule("one"), rule("two"), {**document(), "generate": True})
    assert beside.correlations[0].generate


def test_rules_are_named_by_id_or_by_name() -> None:
    assert compiled(rules=[ONE, "two"]).rules == compiled(rules=["one", "two"]).rules


def test_correlations_over_correlations() -> None:
    upper = {**document(rules=["many", "two"], **{"group-by": ["User"]}), "id": "upper"}
    lower = document(type="event_count", rules=["one"], condition={"gte": 10})
    found = collected(upper, {**lower, "id": "lower", "name": "many"}, rule("one"), rule("two"))
    assert not found.refused
    assert [one.id for one in found.correlations] == ["lower", "upper"]
    assert found.correlations[1].rules == ("lower", "two")
    assert found.correlations[1].group_by[0].fields == {"lower": "User", "two": "User"}


def test_correlations_in_a_circle_are_refused() -> None:
    first = {**document(rules=["b"]), "id": "a", "name": "a"}
    second = {**document(rules=["a"]), "id": "b", "name": "b"}
    found = collected(first, second)
    assert not found.correlations
    assert [one.reason for one in found.refused] == ["correlations name each other in a circle"] * 2


def test_correlations_stand_at_most_four_high() -> None:
    tower = [
        {**document(rules=[f"c{level - 1}" if level else "one"]), "id": f"c{level}"}
        for level in range(6)
    ]
    found = collected(rule("one"), *reversed(tower))
    assert [one.id for one in found.correlations] == ["c0", "c1", "c2", "c3"]
    assert len(found.refused) == 2


def test_a_correlation_of_a_refused_rule_is_refused_with_it() -> None:
    broken = rule("two", detection={"selection": {"a|re": "(?=b)"}, "condition": "selection"})
    found = collected(document(), rule("one"), broken)
    assert not found.correlations
    assert any("'two' it names is refused" in one.reason for one in found.refused)


def test_two_rules_of_one_name_cannot_be_told() -> None:
    found = collected(document(), rule("one"), rule("one"), rule("two"))
    assert "more than one rule 'one'" in found.refused[0].reason


@pytest.mark.parametrize(
    ("section", "why", "key"),
    [
        ({"type": "often"}, "type is one of", "type"),
        ({"rules": ["one", "nobody"]}, "'nobody' it names is not here", "rules"),
        ({"rules": []}, "1 to 16", "rules"),
        ({"rules": ["one", "one"]}, "each once", "rules"),
        ({"rules": [f"r{n}" for n in range(17)]}, "1 to 16", "rules"),
        ({"timespan": "5w"}, "timespan", "timespan"),
        ({"timespan": "401d"}, "at most 400d", "timespan"),
        ({"timespan": None}, "timespan", "timespan"),
        ({"type": "event_count"}, "needs a condition", "type"),
        ({"type": "event_count", "condition": "one"}, "only temporal", "condition"),
        ({"type": "event_count", "condition": {}}, "needs one of", "condition"),
        ({"type": "event_count", "condition": {"gte": "many"}}, "no number", "gte"),
        ({"type": "event_count", "condition": {"gte": 1, "field": "x"}}, "no field", "field"),
        ({"type": "event_count", "condition": {"gte": 1, "near": 2}}, "'near'", "near"),
        ({"type": "value_sum", "condition": {"gte": 1}}, "needs a field", "condition"),
        ({"type": "value_sum", "condition": {"gte": 1, "field": ["a", "b"]}}, "one field", "field"),
        (
            {"type": "value_percentile", "condition": {"gte": 1, "field": "a", "percentile": 100}},
            "between 0 and 100",
            "percentile",
        ),
        ({"condition": "one and three"}, "three, two", "condition"),
        ({"condition": "one and"}, "missing", "condition"),
        ({"condition": "(one or two"}, "bracket", "condition"),
        ({"condition": "one two"}, "not expected", "condition"),
        ({"condition": "one & two"}, "no name", "condition"),
        ({"condition": "not " * 40 + "one"}, "too deeply", "condition"),
        ({"group-by": ["a", "a"]}, "each once", "group-by"),
        ({"aliases": {"x": {"one": "a", "two": "b"}}}, "not in group-by", "x"),
        ({"group-by": ["x"], "aliases": {"x": {"one": "a"}}}, "nothing of rule", "x"),
        ({"group-by": ["x"], "aliases": {"x": {"nobody": "a"}}}, "not one of", "nobody"),
        ({"generate": "yes"}, "true or false", "generate"),
        ({"ordered": True}, "'ordered'", "ordered"),
    ],
)
def test_a_wrong_correlation_is_refused_where_it_stands(section: dict, why: str, key: str) -> None:
    reason_, line = reason(**section)
    assert why in reason_
    text = "---\n".join(
        yaml.safe_dump(one, sort_keys=False)
        for one in (rule("one", id=ONE), rule("two"), document(**section))
    )
    assert text.split("\n")[line - 1].strip().lstrip("- ").startswith((key, "nobody"))


@pytest.mark.parametrize(
    ("change", "why"), [({"title": None}, "title"), ({"level": "dreadful"}, "level is one of")]
)
def test_a_correlation_has_a_title_and_a_known_level(change: dict, why: str) -> None:
    found = collected(rule("one"), rule("two"), {**document(), **change})
    assert not found.correlations
    assert why in found.refused[0].reason
    assert found.refused[0].line > 15
