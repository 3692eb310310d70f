"""Uniqueness: an entity seen with a second value is told, with the event of the first."""

from __future__ import annotations

from analytics_world import START, at, batch, kind_rule, ruleset, run
from hypothesis import given, settings
from hypothesis import strategies as st
from kind_memories import check_snapshot, held_by, hits_of, named, rule_of

from analytics.engine import Engine
from analytics.explain import explain
from analytics.patterns import Unique
from schema.times import SECOND

RAW = st.lists(
    st.tuples(st.integers(0, 9), st.just(1), st.sampled_from([("p",), ("q",), ("r",)])), max_size=12
)
CONSENT = kind_rule("unique", {"field": "user.name", "within": "60s"})


def seen(*told: tuple[float, str | None]) -> list:
    return [at(second, event__action="seen", user=user) for second, user in told]


def test_a_second_value_is_told_with_the_first_event_of_the_other() -> None:
    events = seen((1, "li"), (5, "li"), (9, "wu"), (12, "wu"))
    (alert,) = run(ruleset(CONSENT), events).alerts.values()
    assert alert.decided_at == START + 9 * SECOND
    assert set(alert.events) == {events[0].id.hex(), events[2].id.hex()}
    assert alert.count == 3


def test_the_same_value_again_is_no_second_one() -> None:
    assert not run(ruleset(CONSENT), seen((1, "li"), (5, "li"))).alerts


def test_a_value_is_forgotten_after_the_time() -> None:
    assert not run(ruleset(CONSENT), seen((1, "li"), (61, "wu"))).alerts
    events = seen((1, "li"), (50, "li"), (70, "wu"))
    (alert,) = run(ruleset(CONSENT), events).alerts.values()
    assert set(alert.events) == {events[1].id.hex(), events[2].id.hex()}


def test_an_event_without_the_field_is_not_compared() -> None:
    assert not run(ruleset(CONSENT), seen((1, "li"), (5, None))).alerts


def test_a_late_first_event_revises_what_was_told() -> None:
    engine = Engine(ruleset(CONSENT), required=["s", "b"])
    engine.feed(batch(seen((20, "li"), (30, "wu"))))
    engine.heartbeat("b", START + 40 * SECOND)
    (alert,) = engine.advance().alerts
    late = at(10, sensor="b", event__action="seen", user="wu")
    engine.feed(batch([late], low=START + 40 * SECOND))
    engine.heartbeat("s", START + 40 * SECOND)
    (revised,) = engine.advance().alerts
    assert (revised.id, revised.state) == (alert.id, "final")
    assert revised.decided_at == START + 20 * SECOND


def test_it_explains_that_the_value_is_shared() -> None:
    (alert,) = run(ruleset(CONSENT), seen((1, "li"), (9, "wu"))).alerts.values()
    said = explain(alert, CONSENT)
    assert said.reason_zh == "来源地址 10.0.0.1 只应对应一个账号，却在 8 秒内出现了第二个。"
    assert said.counterfactual_en[0] == (
        "With the same value of account in both events it would not fire"
    )


@settings(max_examples=200)
@given(RAW, st.integers(1, 30))
def test_it_holds_as_one_that_keeps_everything(raw: list, within: int) -> None:
    hits = hits_of(raw)
    pattern = Unique(retention_us=within, within_us=within, field="f")
    expected = [
        hit[0]
        for place, hit in enumerate(hits)
        if any(one[5] != hit[5] and hit[0] - one[0] < within for one in hits[:place])
    ]
    held = held_by(rule_of(pattern, named("e", values=("f",))), hits)
    assert [when for when, _ in held] == expected
    for when, (first, last) in held:
        assert first[5] != last[5]
        assert last[0] - first[0] < within
        assert last[0] == when


@given(RAW, st.integers(1, 30), st.integers(0, 12))
def test_it_goes_on_from_a_snapshot(raw: list, within: int, half: int) -> None:
    pattern = Unique(retention_us=within, within_us=within, field="f")
    check_snapshot(rule_of(pattern, named("e", values=("f",))), hits_of(raw), half)
