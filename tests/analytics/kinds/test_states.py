"""States: a change that may not be is told, with the event before it."""

from __future__ import annotations

import pytest
from analytics_world import START, at, batch, kind_rule, ruleset, run, step
from hypothesis import given, settings
from hypothesis import strategies as st
from kind_memories import check_snapshot, held_by, hits_of, named, rule_of

from analytics.engine import Engine
from analytics.explain import explain
from analytics.patterns import States
from schema.errors import FengsuiError
from schema.times import SECOND

RAW = st.lists(
    st.tuples(st.integers(0, 9), st.just(1), st.sampled_from([("p",), ("q",), ("r",)])), max_size=12
)
LISTED = st.lists(
    st.tuples(
        st.sampled_from(["p", "q", "r", "*"]),
        st.lists(st.sampled_from(["p", "q", "r", "*"]), max_size=3).map(tuple),
    ),
    max_size=3,
    unique_by=lambda pair: pair[0],
).map(tuple)


def rule(**part: object):
    return kind_rule("states", {"within": "60s", **part})


def seen(*told: tuple[float, object]) -> list:
    return [
        at(second, event__action="seen", http__response__status_code=status)
        for second, status in told
    ]


def changes(found, *told: tuple[float, object]) -> list[tuple[float, str]]:
    alerts = run(ruleset(found), seen(*told)).alerts.values()
    return sorted(
        ((alert.decided_at - START) / SECOND, alert.conditions[0].name) for alert in alerts
    )


STATUS = "http.response.status_code"


def test_a_paid_order_does_not_become_unpaid() -> None:
    paid = rule(field=STATUS, forbidden={"3": ["1"], "4": ["1"]})
    assert changes(paid, (1, 1), (5, 3)) == []
    assert changes(paid, (1, 3), (5, 1)) == [(5, "3 → 1")]
    assert changes(paid, (1, 3), (61, 1)) == []


def test_only_what_is_allowed_may_be() -> None:
    life = rule(field=STATUS, allowed={"1": ["3", "12"], "3": ["4"], "4": ["*"]})
    assert changes(life, (1, 1), (2, 1), (3, 3), (4, 4), (5, 9)) == []
    assert changes(life, (1, 1), (2, 4)) == [(2, "1 → 4")]
    assert changes(life, (1, 9), (2, 1)) == [(2, "9 → 1")]


def test_without_a_list_no_change_may_be() -> None:
    altered = rule(field="user_agent.original")
    events = [at(1, event__action="seen", user_agent__original="aa")]
    events.append(at(9, event__action="seen", user_agent__original="bb"))
    (alert,) = run(ruleset(altered), events).alerts.values()
    assert alert.conditions[0].name == "aa → bb"
    assert set(alert.events) == {event.id.hex() for event in events}


def test_an_entity_begins_in_the_initial_state() -> None:
    life = rule(field=STATUS, initial="0", allowed={"0": ["1"], "1": ["3"]}, warm_up=False)
    assert changes(life, (1, 1), (2, 3)) == []
    assert changes(life, (1, 3)) == [(1, "0 → 3")]


def test_steps_are_states_too() -> None:
    part = {
        "within": "60s",
        "steps": [step("issued"), step("revoked"), step("used")],
        "forbidden": {"revoked": ["used"]},
    }
    found = kind_rule("states", part, detection=None)
    events = [at(1, event__action="issued"), at(2, event__action="revoked")]
    assert not run(ruleset(found), events).alerts
    (alert,) = run(ruleset(found), [*events, at(3, event__action="used")]).alerts.values()
    assert alert.conditions[0].name == "revoked → used"


def test_a_late_event_between_takes_the_alert_back() -> None:
    life = rule(field=STATUS, allowed={"1": ["3"], "3": ["4"]})
    engine = Engine(ruleset(life), required=["s", "b"])
    engine.feed(batch(seen((10, 1), (30, 4))))
    engine.heartbeat("b", START + 40 * SECOND)
    (alert,) = engine.advance().alerts
    late = at(20, sensor="b", event__action="seen", http__response__status_code=3)
    engine.feed(batch([late], low=START + 40 * SECOND))
    (taken_back,) = engine.advance().alerts
    assert (taken_back.id, taken_back.state) == (alert.id, "withdrawn")


def test_it_explains_the_change() -> None:
    paid = rule(field=STATUS, forbidden={"3": ["1"]})
    (alert,) = run(ruleset(paid), seen((1, 3), (5, 1))).alerts.values()
    said = explain(alert, paid)
    assert said.reason_zh == "来源地址 10.0.0.1 的状态由“3”变为“1”，这一变化不被允许。"
    assert said.counterfactual_en == ('Had it stayed "3", it would not fire',)


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ({}, "a field or of steps"),
        ({"field": STATUS, "allowed": {"1": []}, "forbidden": {"1": ["2"]}}, "not both"),
        ({"field": STATUS, "initial": "1"}, "needs a list"),
        ({"field": STATUS, "allowed": {}}, "states named is 0"),
    ],
)
def test_what_makes_no_sense_is_refused(part: dict, why: str) -> None:
    with pytest.raises(FengsuiError, match=why):
        rule(**part)


def test_a_state_that_is_no_step_is_refused() -> None:
    part = {"within": "60s", "steps": [step("a"), step("b")], "forbidden": {"a": ["c"]}}
    with pytest.raises(FengsuiError, match="no step is called 'c'"):
        kind_rule("states", part, detection=None)


@settings(max_examples=200)
@given(RAW, st.integers(1, 30), LISTED, st.booleans(), st.sampled_from(["", "p"]))
def test_it_holds_as_the_list_says(
    raw: list, within: int, listed: tuple, forbidden: bool, initial: str
) -> None:
    hits = hits_of(raw)
    pattern = States(
        retention_us=within, within_us=within, field="f", listed=listed, forbidden=forbidden,
        initial=initial,
    )  # fmt: skip
    pairs = {(one, other) for one, to in listed for other in to}
    expected = []
    for place, hit in enumerate(hits):
        earlier = initial
        if place and hit[0] - hits[place - 1][0] < within:
            earlier = hits[place - 1][5][0]
        state = hit[5][0]
        named_ = any((one, other) in pairs for one in (earlier, "*") for other in (state, "*"))
        if earlier and earlier != state and named_ is forbidden:
            expected.append(hit[0])
    held = held_by(rule_of(pattern, named("e", values=("f",))), hits)
    assert [when for when, _ in held] == expected


@given(RAW, st.integers(1, 30), LISTED, st.integers(0, 12))
def test_it_goes_on_from_a_snapshot(raw: list, within: int, listed: tuple, half: int) -> None:
    pattern = States(retention_us=within, within_us=within, field="f", listed=listed)
    check_snapshot(rule_of(pattern, named("e", values=("f",))), hits_of(raw), half)
