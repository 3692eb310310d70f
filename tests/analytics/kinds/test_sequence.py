"""Sequences: steps that come in order, and steps that must not come before, between or behind."""

from __future__ import annotations

from itertools import combinations

import pytest
from analytics_world import (
    START,
    at,
    batch,
    kind_rule,
    ruleset,
    run,
    step,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from kind_memories import check_snapshot, held_by, hits_of, named, rule_of

from analytics.engine import Engine
from analytics.explain import explain
from analytics.memory import Hit
from analytics.patterns import Sequence
from schema.errors import FengsuiError
from schema.times import SECOND

END = START + 2 * 3600 * SECOND
RAW = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 7), st.just(())), max_size=10)
SHAPES = st.sampled_from([(), (0,), (1,), (2,), (0, 2), (0, 1), (1, 2)])


def rule(*steps: dict[str, object], within: str = "60s", **more: object):
    part = {"within": within, "steps": list(steps), "warm_up": False, **more}
    return kind_rule("sequence", part)


def seen(*told: tuple[float, str], ip: str = "10.0.0.1") -> list:
    return [at(second, event__action=name, ip=ip) for second, name in told]


def times(rules, events) -> list[float]:
    found = run(ruleset(rules), events, end=END).alerts.values()
    return sorted((alert.decided_at - START) / SECOND for alert in found)


CALLBACK = rule(step("order", absent=True), step("callback"))


def test_a_callback_without_an_order_before_it_is_told() -> None:
    assert times(CALLBACK, seen((100, "callback"))) == [100]
    assert times(CALLBACK, seen((50, "order"), (100, "callback"))) == []
    assert times(CALLBACK, seen((40, "order"), (100, "callback"))) == [100]
    assert times(CALLBACK, seen((100, "callback"), (101, "order"))) == [100]


def test_an_order_of_another_entity_does_not_count() -> None:
    assert times(CALLBACK, [*seen((50, "order"), ip="10.0.0.2"), *seen((60, "callback"))]) == [60]


def test_nothing_is_said_to_be_missing_before_the_rule_has_watched_for_long_enough() -> None:
    warm = rule(step("order", absent=True), step("callback"), warm_up=True)
    others = seen((0, "order"), ip="10.0.0.9")
    within_and_lateness = 120
    early = [*others, *seen((within_and_lateness - 1, "callback"))]
    assert times(warm, early) == []
    assert times(warm, [*others, *seen((within_and_lateness, "callback"))]) == [120]
    assert times(rule(step("order", absent=True), step("callback")), early) == [119]


def test_the_history_that_counts_is_that_of_the_step_that_did_not_come() -> None:
    source = {"product": "nginx", "service": "access"}
    warm = rule(step("order", absent=True, logsource=source), step("callback"), warm_up=True)
    calls = seen((0, "callback"), (300, "callback"))
    assert times(warm, calls) == []
    order = at(1, offset=7, event__action="other", event__dataset="nginx.access", ip="10.9.9.9")
    assert times(warm, [*calls, order]) == [300]


def test_an_engine_that_begins_in_the_middle_of_a_log_can_be_told_what_was_watched() -> None:
    warm = ruleset(rule(step("order", absent=True), step("callback"), warm_up=True))
    engine = Engine(warm)
    engine.feed(batch(seen((0, "order"), ip="10.0.0.9")))
    began = engine.began
    assert began == {"system.auth": START}
    for known, count in ((began, 1), ({}, 0)):
        other = Engine(warm)
        other.has_watched(known)
        other.feed(batch(seen((500, "callback"))))
        assert len(other.finish().alerts) == count


def test_an_issue_without_an_approval_between_is_told() -> None:
    between = rule(step("request"), step("approve", absent=True), step("issue"))
    assert times(between, seen((1, "request"), (9, "issue"))) == [9]
    assert times(between, seen((1, "request"), (5, "approve"), (9, "issue"))) == []
    assert times(between, seen((1, "approve"), (2, "request"), (9, "issue"))) == [9]
    assert times(between, seen((1, "request"), (70, "issue"))) == []


def test_what_does_not_follow_is_told_at_the_deadline() -> None:
    paid = rule(step("paid"), step("receipt", absent=True))
    assert times(paid, seen((10, "paid"))) == [70]
    assert times(paid, seen((10, "paid"), (69, "receipt"))) == []
    assert times(paid, seen((10, "paid"), (70, "receipt"))) == [70]
    assert times(paid, seen((9, "receipt"), (10, "paid"))) == [70]


def test_a_late_receipt_takes_the_alert_of_the_deadline_back() -> None:
    engine = Engine(ruleset(rule(step("paid"), step("receipt", absent=True))), required=["s", "b"])
    engine.feed(batch(seen((10, "paid"))))
    engine.heartbeat("s", START + 75 * SECOND)
    engine.heartbeat("b", START + 75 * SECOND)
    (alert,) = engine.advance().alerts
    assert (alert.state, alert.decided_at) == ("final", START + 70 * SECOND)
    late = at(40, sensor="b", event__action="receipt")
    engine.feed(batch([late], low=START + 75 * SECOND))
    (taken_back,) = engine.advance().alerts
    assert (taken_back.id, taken_back.state) == (alert.id, "withdrawn")


def test_steps_name_their_entity_and_their_source_themselves() -> None:
    part = {
        "within": "60s",
        "warm_up": False,
        "steps": [
            step("login"),
            step(
                "fetch",
                entity="destination.ip",
                logsource={"product": "nginx", "service": "access"},
            ),
        ],
    }
    both = kind_rule("sequence", part)
    login = at(1, event__action="login", ip="10.0.0.5")
    fetch = at(
        9, event__action="fetch", ip="10.0.0.7", destination__ip="10.0.0.5",
        event__dataset="nginx.access",
    )  # fmt: skip
    (alert,) = run(ruleset(both), [login, fetch]).alerts.values()
    assert (alert.entity_field, alert.entity) == ("source.ip", "10.0.0.5")
    elsewhere = at(9, event__action="fetch", destination__ip="10.0.0.5")
    assert not run(ruleset(both), [login, elsewhere]).alerts


def test_it_explains_what_did_not_come() -> None:
    between = rule(step("request"), step("approve", absent=True, zh="审批"), step("issue"))
    (alert,) = run(ruleset(between), seen((1, "request"), (9, "issue"))).alerts.values()
    said = explain(alert, between)
    assert said.reason_en == (
        'Source address 10.0.0.1 showed in 8 seconds, in order: 1 x request, then no "approve" '
        "in between, then 1 x issue."
    )
    assert "若其间出现“审批”，则不触发" in said.counterfactual_zh
    (alert,) = run(ruleset(CALLBACK), seen((100, "callback"))).alerts.values()
    assert explain(alert, CALLBACK).reason_zh == (
        "来源地址 10.0.0.1 在 1 秒内依次出现：此前 1 分钟内没有“order”，随后 callback 1 次。"
    )


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([step("a", absent=True), step("b", absent=True)], "must come"),
        ([step("a", 2, absent=True), step("b")], "count 1"),
    ],
)
def test_what_makes_no_sense_is_refused(steps: list, why: str) -> None:
    with pytest.raises(FengsuiError, match=why):
        rule(*steps)


def test_too_many_waiting_deadlines_are_refused() -> None:
    part = {"within": "30d", "steps": [step("a"), step("b", absent=True)]}
    with pytest.raises(FengsuiError, match="suppression is too short"):
        kind_rule("sequence", part, suppression="1m")


def _possible(hits: list[Hit], within: int, absent: tuple[int, ...]) -> set[int]:
    """When the sequence of three steps holds, by trying every choice of hits."""
    present = [place for place in range(3) if place not in absent]
    found = set()
    for chosen in combinations(range(len(hits)), len(present)):
        own = [hits[place] for place in chosen]
        if not all(hit[4] >> place & 1 for hit, place in zip(own, present, strict=True)):
            continue
        first, last = own[0][0], own[-1][0]
        if last - first >= within:
            continue
        came = {place: [n for n, hit in enumerate(hits) if hit[4] >> place & 1] for place in absent}
        told = True
        for place in absent:
            if place < present[0]:
                told &= not any(n < chosen[0] and first - hits[n][0] < within for n in came[place])
            elif place > present[-1]:
                told &= not any(n > chosen[-1] and hits[n][0] < last + within for n in came[place])
            else:
                after = present.index(max(one for one in present if one < place))
                told &= not any(chosen[after] < n < chosen[after + 1] for n in came[place])
        if told:
            found.add(last + within if any(place > present[-1] for place in absent) else last)
    return found


@settings(max_examples=300, deadline=None)
@given(RAW, SHAPES, st.integers(1, 20))
def test_it_holds_as_trying_every_choice(raw: list, absent: tuple[int, ...], within: int) -> None:
    hits = hits_of(raw)
    pattern = Sequence(retention_us=within, within_us=within, absent=absent)
    held = held_by(rule_of(pattern, named("x", "y", "z")), hits, until=10**6)
    assert {when for when, _ in held} == _possible(hits, within, absent)
    for when, least in held:
        assert when in {least[-1][0], least[-1][0] + within}


@given(RAW, SHAPES, st.integers(1, 20), st.integers(0, 10))
def test_it_goes_on_from_a_snapshot(
    raw: list, absent: tuple[int, ...], within: int, half: int
) -> None:
    pattern = Sequence(retention_us=within, within_us=within, absent=absent)
    check_snapshot(rule_of(pattern, named("x", "y", "z"), cell_us=3), hits_of(raw), half)


def test_deadlines_of_one_cell_wait_as_one() -> None:
    pattern = Sequence(retention_us=1000, within_us=1000, absent=(1,))
    hits = hits_of([(1, 1, ())] * 200)
    held = held_by(rule_of(pattern, named("x", "y"), cell_us=100), hits, until=10**6)
    assert [when for when, _ in held] == [1001, 1100, 1200]


LATER = rule(step("revoked"), {**step("login"), "after": "10s"})


def test_a_step_that_comes_too_soon_after_the_one_before_does_not_count() -> None:
    assert times(LATER, seen((0, "revoked"), (9, "login"))) == []
    assert times(LATER, seen((0, "revoked"), (10, "login"))) == [10]
    assert times(LATER, seen((0, "revoked"), (5, "login"), (20, "login"))) == [20]
    assert times(LATER, seen((0, "revoked"), (61, "login"))) == []


def test_the_newest_step_before_is_what_a_step_must_come_so_long_after() -> None:
    assert times(LATER, seen((0, "revoked"), (15, "revoked"), (20, "login"))) == []


def test_it_says_how_much_later_a_step_came() -> None:
    (alert,) = run(ruleset(LATER), seen((0, "revoked"), (10, "login")), end=END).alerts.values()
    said = explain(alert, LATER)
    assert "1 x login 10 seconds or more later" in said.reason_en
    assert "隔 10 秒以上 login 1 次" in said.reason_zh
    assert (
        'Had "login" come less than 10 seconds after the step before, it would not fire'
        in said.counterfactual_en
    )


def test_only_a_step_behind_another_can_come_later() -> None:
    with pytest.raises(FengsuiError, match="behind another"):
        rule({**step("revoked"), "after": "10s"}, step("login"))
    with pytest.raises(FengsuiError, match="behind another"):
        rule(step("revoked"), {**step("login", absent=True), "after": "10s"})


STUFFED = rule(step("fail", count=3, distinct="user.name"), step("login"))


def typed(*told: tuple[float, str, str]) -> list:
    return [at(second, event__action=name, user=user) for second, name, user in told]


def test_a_first_step_may_count_different_values() -> None:
    three = typed((1, "fail", "a"), (2, "fail", "b"), (3, "fail", "c"), (4, "login", "c"))
    assert times(STUFFED, three) == [4]
    same = typed((1, "fail", "a"), (2, "fail", "a"), (3, "fail", "b"), (4, "login", "b"))
    assert times(STUFFED, same) == []
    # The newest of each value counts: the first "a" is out of the time, the second is not.
    again = typed(
        (1, "fail", "a"),
        (30, "fail", "b"),
        (58, "fail", "a"),
        (59, "fail", "c"),
        (80, "login", "c"),
    )
    assert times(STUFFED, again) == [80]
    assert (
        times(
            STUFFED,
            typed((1, "fail", "a"), (30, "fail", "b"), (61, "fail", "c"), (62, "login", "a")),
        )
        == []
    )


@pytest.mark.parametrize("half", range(4))
def test_values_are_in_the_snapshot(half: int) -> None:
    raw = [(1, 1, ("a",)), (1, 1, ("b",)), (1, 1, ("c",)), (1, 2, ("c",))]
    check_snapshot(STUFFED, hits_of(raw), half)


@pytest.mark.parametrize(
    "steps",
    [
        (step("fail"), step("login", count=2, distinct="user.name")),
        (step("fail", distinct="user.name"), step("login")),
        (step("fail", absent=True, distinct="user.name"), step("login")),
    ],
)
def test_only_a_first_step_wanted_more_than_once_counts_values(steps: tuple) -> None:
    with pytest.raises(FengsuiError, match="distinct"):
        rule(*steps)
