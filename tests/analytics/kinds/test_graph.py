"""Graphs: an access that no path of earlier events accounts for is told."""

from __future__ import annotations

import pytest
from analytics_world import START, at, batch, kind_rule, ruleset, run, step
from hypothesis import given, settings
from hypothesis import strategies as st
from kind_memories import check_snapshot, held_by, hits_of, named, rule_of

from analytics.engine import Engine
from analytics.explain import explain
from analytics.kinds import graph
from analytics.patterns import Graph
from schema.errors import FengsuiError
from schema.times import SECOND

NODES = st.sampled_from(["1", "2", "3"])
RAW = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from([1, 1, 2]), st.tuples(NODES, NODES)), max_size=12
)


def rule(**parts: object):
    part = {
        "within": "60s",
        "hops": 2,
        "warm_up": False,
        "edges": [
            step("assign", **{"from": "user.name", "to": "host.name"}),
            step("open", **{"from": "host.name", "to": "user.target.name"}),
        ],
        "alert": step("access", **{"from": "user.name", "to": "user.target.name"}),
    }
    return kind_rule("graph", {**part, **parts})


def assign(second: float, user: str, case: str):
    return at(second, event__action="assign", user=user, host__name=case)


def opened(second: float, case: str, subject: str):
    return at(second, event__action="open", host__name=case, user__target__name=subject)


def access(second: float, user: str, subject: str, **more: object):
    return at(second, event__action="access", user=user, user__target__name=subject, **more)


def test_an_access_without_a_case_is_told() -> None:
    found = ruleset(rule())
    path = [assign(1, "li", "c1"), opened(2, "c1", "p1")]
    assert not run(found, [*path, access(9, "li", "p1")]).alerts
    (alert,) = run(found, [*path, access(9, "li", "p2")]).alerts.values()
    assert alert.decided_at == START + 9 * SECOND
    assert alert.events == (access(9, "li", "p2").id.hex(),)
    assert run(found, [*path, access(9, "wu", "p1")]).alerts


def test_a_path_has_at_most_so_many_edges() -> None:
    path = [assign(1, "li", "c1"), opened(2, "c1", "p1"), access(9, "li", "p1")]
    assert run(ruleset(rule(hops=1)), path).alerts


def test_an_edge_ends_after_the_time() -> None:
    path = [assign(1, "li", "c1"), opened(2, "c1", "p1")]
    assert not run(ruleset(rule()), [*path, access(60, "li", "p1")]).alerts
    assert run(ruleset(rule()), [*path, access(61, "li", "p1")]).alerts
    again = assign(30, "li", "c1")
    assert not run(ruleset(rule()), [*path, again, access(61, "li", "p1")]).alerts


def test_a_user_and_a_case_of_one_name_are_two() -> None:
    path = [opened(2, "li", "p1"), access(9, "li", "p1")]
    assert run(ruleset(rule()), path).alerts


def test_a_late_edge_takes_the_alert_back() -> None:
    engine = Engine(ruleset(rule()), required=["s", "b"])
    engine.feed(batch([assign(1, "li", "c1"), access(30, "li", "p1")]))
    engine.heartbeat("b", START + 40 * SECOND)
    (alert,) = engine.advance().alerts
    late = at(20, sensor="b", event__action="open", host__name="c1", user__target__name="p1")
    engine.feed(batch([late], low=START + 40 * SECOND))
    (taken_back,) = engine.advance().alerts
    assert (taken_back.id, taken_back.state) == (alert.id, "withdrawn")


def test_it_is_silent_until_it_has_watched_all_its_edges() -> None:
    warm = ruleset(rule(warm_up=True))
    path = [assign(0, "wu", "c9"), opened(10, "c9", "p9")]
    assert not run(warm, [*path, access(119, "li", "p1")]).alerts
    assert run(warm, [*path, access(120, "li", "p1")]).alerts


def test_past_its_limit_it_says_nothing_rather_than_what_may_be_wrong() -> None:
    count = graph.EDGES_MAX + 1
    hits = hits_of([(0, 1, (f"a{n}", f"b{n}")) for n in range(count)])
    pattern = Graph(retention_us=100, within_us=100, hops=1)
    steps = named("edge", "access", values=("f", "f"))
    later = (50, "s", count, b"x", 2, ("a1", "b2"))
    much_later = (150, "s", count + 1, b"y", 2, ("a1", "b2"))
    held = held_by(rule_of(pattern, steps), [*hits, later, much_later])
    assert [when for when, _ in held] == [150]
    held = held_by(rule_of(pattern, steps), [*hits[:-1], later])
    assert [when for when, _ in held] == [50]


def test_of_lists_without_end_only_the_first_items_are_nodes() -> None:
    many = tuple(str(number) for number in range(2000))
    steps = named("edge", "access", values=("f", "g"))
    one = rule_of(Graph(retention_us=100, within_us=100, hops=1), steps)
    asked = [("0", "63"), ("63", "0"), ("0", "64"), ("64", "0")]
    hits = hits_of([(0, 1, (many, many)), *((1, 2, pair) for pair in asked)])
    assert graph.ITEMS_MAX == 64
    assert [when for when, _ in held_by(one, hits)] == [3, 4]


def test_it_explains_that_nothing_joins_the_two() -> None:
    found = rule()
    (alert,) = run(ruleset(found), [access(9, "li", "p1")]).alerts.values()
    said = explain(alert, found)
    assert said.reason_zh == (
        "来源地址 10.0.0.1 有一条“access”，其两端在此前 1 分钟内没有不超过 2 步的关联。"
    )
    assert said.counterfactual_en == (
        'Had "assign", "open" joined the two in the 1 minute before, it would not fire',
    )


def test_a_longer_path_than_the_limit_is_refused() -> None:
    with pytest.raises(FengsuiError, match=r"graph\.hops is 5"):
        rule(hops=5)


@settings(max_examples=300)
@given(RAW, st.integers(1, 40), st.integers(1, 3))
def test_it_holds_as_following_every_path(raw: list, within: int, hops: int) -> None:
    hits = hits_of(raw)
    expected = []
    for place, hit in enumerate(hits):
        if hit[4] != 2:
            continue
        edges = [one[5] for one in hits[:place] if one[4] == 1 and hit[0] - one[0] < within]
        reached = {hit[5][0]}
        found = hit[5][1] in reached
        for _ in range(hops):
            reached = {to for one, to in edges if one in reached}
            found = found or hit[5][1] in reached
        if not found:
            expected.append(hit[0])
    pattern = Graph(retention_us=within, within_us=within, hops=hops)
    held = held_by(rule_of(pattern, named("edge", "access", values=("f", "f"))), hits)
    assert [when for when, _ in held] == expected


@given(RAW, st.integers(1, 40), st.integers(0, 12))
def test_it_goes_on_from_a_snapshot(raw: list, within: int, half: int) -> None:
    pattern = Graph(retention_us=within, within_us=within, hops=2)
    check_snapshot(rule_of(pattern, named("edge", "access", values=("f", "f"))), hits_of(raw), half)
