"""The oracle of correlations gives the answers that the specification's examples ask for."""

from __future__ import annotations

import pytest
from correlation_oracle import Seen, chained, deciding_times

SECOND, MINUTE, HOUR = 10**6, 60 * 10**6, 3600 * 10**6


def correlation(kind: str, rules: list[str], **section: object) -> dict:
    section = {key.replace("_by", "-by"): value for key, value in section.items()}
    return {"correlation": {"type": kind, "rules": rules, "timespan": "1h", **section}}


def logins(*times: int, user: str = "u", **fields: object) -> list[Seen]:
    return [Seen(time, {"User": user, **fields}, ("login",)) for time in times]


def test_events_are_counted_for_each_group_within_the_timespan() -> None:
    seen = sorted(
        [*logins(0, MINUTE, 2 * MINUTE), *logins(MINUTE, user="v")], key=lambda one: one.time
    )
    document = correlation("event_count", ["login"], group_by=["User"], condition={"gte": 3})
    assert deciding_times(document, seen) == {("u",): [2 * MINUTE]}


def test_an_event_exactly_one_timespan_older_no_longer_counts() -> None:
    document = correlation("event_count", ["login"], condition={"gte": 2})
    assert deciding_times(document, logins(0, HOUR)) == {}
    assert deciding_times(document, logins(0, HOUR - 1)) == {(): [HOUR - 1]}


@pytest.mark.parametrize(
    ("condition", "times"),
    [
        ({"gt": 2}, [2]),
        ({"gte": 2}, [1, 2]),
        ({"lt": 2}, [0]),
        ({"lte": 2}, [0, 1]),
        ({"eq": 2}, [1]),
        ({"neq": 2}, [0, 2]),
        ({"gt": 1, "lte": 2}, [1]),
    ],
)
def test_all_bounds_of_a_condition_hold(condition: dict, times: list[int]) -> None:
    document = correlation("event_count", ["login"], condition=condition)
    assert deciding_times(document, logins(0, 1, 2)) == {(): times}


def test_distinct_values_are_counted_and_several_fields_are_one_value() -> None:
    seen = [
        *logins(0, user="a", host="x"),
        *logins(1, user="a", host="y"),
        *logins(2, user="a", host="y"),
        *logins(3, user="", host="z"),
    ]
    one = correlation("value_count", ["login"], condition={"field": "User", "gte": 2})
    two = correlation("value_count", ["login"], condition={"field": ["User", "host"], "gte": 2})
    assert deciding_times(one, seen) == {}
    assert deciding_times(two, seen) == {(): [1, 2, 3]}


def recon(*names: str) -> list[Seen]:
    return [
        Seen(at * MINUTE, {"ComputerName": "c", "User": "u"}, (name,))
        for at, name in enumerate(names)
    ]


def test_temporal_wants_all_rules_in_any_order() -> None:
    document = correlation("temporal", ["a", "b", "c"], timespan="5m", group_by=["User"])
    assert deciding_times(document, recon("c", "a", "b")) == {("u",): [2 * MINUTE]}
    assert deciding_times(document, recon("c", "a", "a", "a", "a", "b")) == {}


def test_temporal_with_a_condition_wants_so_many_different_rules() -> None:
    document = correlation("temporal", ["a", "b", "c"], condition={"gte": 2})
    assert deciding_times(document, recon("a", "a", "c")) == {(): [2 * MINUTE]}


def test_temporal_ordered_wants_the_order_of_the_rules() -> None:
    document = correlation("temporal_ordered", ["a", "b", "c"])
    assert deciding_times(document, recon("a", "c", "b", "c")) == {(): [3 * MINUTE]}
    assert deciding_times(document, recon("c", "b", "a")) == {}


def test_one_event_is_one_rule_of_an_order_only() -> None:
    both = Seen(0, {}, ("a", "b"))
    document = correlation("temporal_ordered", ["a", "b"])
    assert deciding_times(document, [both]) == {}
    assert deciding_times(document, [both, Seen(1, {}, ("a", "b"))]) == {(): [1]}


@pytest.mark.parametrize(
    ("kind", "condition", "times"),
    [
        ("value_sum", {"gt": 1000}, [2]),
        ("value_avg", {"gt": 300}, [2]),
        ("value_median", {"eq": 150}, [1, 3]),
        ("value_percentile", {"percentile": 50, "eq": 150}, [1, 3]),
        ("value_percentile", {"percentile": 100, "gte": 1000}, [2, 3]),
    ],
)
def test_numbers_of_a_field_are_measured(kind: str, condition: dict, times: list[int]) -> None:
    seen = [
        Seen(at, {"bytes": value}, ("web",)) for at, value in enumerate((100, "200", 1000, 100))
    ]
    if kind in ("value_sum", "value_avg"):
        seen = seen[:3]
    document = correlation(kind, ["web"], condition={"field": "bytes", **condition})
    assert deciding_times(document, seen) == {(): times}


def test_a_percentile_without_a_number_is_the_share_of_the_value() -> None:
    """The example: a program that is at most one percent of all that were started."""
    images = ["common"] * 99 + ["rare"]
    seen = [Seen(at, {"image": image}, ("start",)) for at, image in enumerate(images)]
    document = correlation("value_percentile", ["start"], condition={"field": "image", "lte": 1})
    assert deciding_times(document, seen) == {(): [99]}


def test_aliases_name_a_field_for_each_rule() -> None:
    """The example of "Field Name Aliases"."""
    document = correlation(
        "temporal",
        ["internal_error", "new_network_connection"],
        timespan="10s",
        group_by=["internal_ip", "remote_ip"],
        aliases={
            "internal_ip": {
                "internal_error": "destination.ip",
                "new_network_connection": "source.ip",
            },
            "remote_ip": {
                "internal_error": "source.ip",
                "new_network_connection": "destination.ip",
            },
        },
    )
    error = Seen(0, {"destination.ip": "in", "source.ip": "out"}, ("internal_error",))
    back = Seen(SECOND, {"source.ip": "in", "destination.ip": "out"}, ("new_network_connection",))
    other = Seen(SECOND, {"source.ip": "in", "destination.ip": "no"}, ("new_network_connection",))
    assert deciding_times(document, [error, back]) == {("in", "out"): [SECOND]}
    assert deciding_times(document, [error, other]) == {}


def test_failed_logins_followed_by_a_successful_one() -> None:
    """The chained example at the end of the specification."""
    many = correlation("event_count", ["failed"], timespan="10m", group_by=["User"])
    many["correlation"]["condition"] = {"gte": 10}
    then = correlation("temporal_ordered", ["many", "ok"], timespan="10m", group_by=["User"])
    failed = [Seen(at * SECOND, {"User": "u"}, ("failed",)) for at in range(10)]
    ok = Seen(MINUTE, {"User": "u"}, ("ok",))
    assert deciding_times(then, chained(many, [*failed, ok], "many")) == {("u",): [MINUTE]}
    assert deciding_times(then, chained(many, [*failed[1:], ok], "many")) == {}
