"""Joins: events that belong together and whose values do not agree, in whatever order they come."""

from __future__ import annotations

from itertools import product

import pytest
from analytics_world import START, at, batch, kind_rule, ruleset, run, step
from hypothesis import given, settings
from hypothesis import strategies as st
from kind_memories import check_snapshot, held_by, hits_of, named, rule_of

from analytics.engine import Engine
from analytics.explain import explain
from analytics.kinds.join import HELD_MAX
from analytics.patterns import Join, Relation
from schema.errors import FengsuiError
from schema.times import SECOND

AMOUNT = "http.response.body.bytes"
VALUES = st.sampled_from([(1,), (2,), (3,)])
RAW = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 7), VALUES), max_size=9)
OPS = st.sampled_from(["eq", "ne", "lt", "gte"])


def rule(op: str = "ne", **parts: object):
    where = [{"left": f"order.{AMOUNT}", "op": op, "right": f"notice.{AMOUNT}"}]
    part = {"within": "60s", "steps": [step("order"), step("notice")], "where": where}
    return kind_rule("join", {**part, **parts})


def seen(*told: tuple[float, str, object]) -> list:
    return [
        at(second, event__action=name, http__response__body__bytes=amount)
        for second, name, amount in told
    ]


def test_an_order_of_another_amount_than_its_notice_is_told() -> None:
    for events in (
        seen((1, "order", 100), (9, "notice", 120)),
        seen((1, "notice", 120), (9, "order", 100)),
    ):
        (alert,) = run(ruleset(rule()), events).alerts.values()
        assert alert.decided_at == START + 9 * SECOND
        assert set(alert.events) == {event.id.hex() for event in events}
        compared, span = alert.conditions
        assert (compared.value, compared.comparison, compared.threshold) == (100, "lt", 120)
        assert span.value == 8


def test_what_agrees_or_lies_apart_is_not_told() -> None:
    assert not run(ruleset(rule()), seen((1, "order", 100), (9, "notice", 100))).alerts
    assert not run(ruleset(rule()), seen((1, "order", 100), (61, "notice", 120))).alerts


def test_a_number_and_its_text_are_alike() -> None:
    assert not run(ruleset(rule()), seen((1, "order", 100), (9, "notice", "100"))).alerts


def test_a_late_order_is_joined_in_its_place() -> None:
    engine = Engine(ruleset(rule()), required=["s", "b"])
    engine.feed(batch(seen((10, "notice", 100), (30, "order", 100))))
    engine.heartbeat("b", START + 31 * SECOND)
    assert not engine.advance().alerts
    (late,) = seen((20, "order", 90))
    late = at(20, sensor="b", event__action="order", http__response__body__bytes=90)
    engine.feed(batch([late], low=START + 31 * SECOND))
    (alert,) = engine.advance().alerts
    assert alert.decided_at == START + 20 * SECOND


def test_three_steps_are_joined_as_well() -> None:
    part = {
        "within": "60s",
        "steps": [step("order"), step("bank"), step("treasury")],
        "where": [
            {"left": f"order.{AMOUNT}", "op": "eq", "right": f"bank.{AMOUNT}"},
            {"left": f"treasury.{AMOUNT}", "op": "lt", "right": f"bank.{AMOUNT}"},
        ],
    }
    three = ruleset(kind_rule("join", part))
    assert run(three, seen((1, "treasury", 5), (2, "bank", 9), (3, "order", 9))).alerts
    assert not run(three, seen((1, "treasury", 5), (2, "bank", 9), (3, "order", 8))).alerts


def test_a_flood_of_one_step_forgets_its_oldest() -> None:
    flood = [(2 + number / 100, "order", 120) for number in range(HELD_MAX)]
    first = (1, "order", 100)
    assert run(ruleset(rule()), seen(first, *flood[1:], (9, "notice", 120))).alerts
    assert not run(ruleset(rule()), seen(first, *flood, (9, "notice", 120))).alerts


def test_it_explains_what_does_not_agree() -> None:
    found = rule()
    events = seen((1, "order", 100), (9, "notice", 120))
    (alert,) = run(ruleset(found), events).alerts.values()
    said = explain(alert, found)
    assert said.reason_en == (
        'Source address 10.0.0.1 had "order", "notice" in 8 seconds, and '
        f"order.{AMOUNT} ne notice.{AMOUNT} (100, 120)."
    )


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"where": []}, "comparisons of a join is 0"),
        ({"where": [{"left": "a.b", "op": "eq", "right": "order.message"}]}, "name of a step"),
        ({"where": [{"left": "order.no.such", "op": "eq", "right": "notice.message"}]}, "no field"),
        ({"steps": [step("order")]}, "2 to 3 steps"),
    ],
)
def test_what_makes_no_sense_is_refused(parts: dict, why: str) -> None:
    with pytest.raises(FengsuiError, match=why):
        rule(**parts)


def _pattern(within: int, one: str, other: str) -> Join:
    where = (
        Relation(left=(0, 0), op=one, right=(1, 0), text="x"),
        Relation(left=(1, 0), op=other, right=(2, 0), text="y"),
    )
    return Join(retention_us=within, within_us=within, where=where)


def _holds(op: str, left: int, right: int) -> bool:
    return {"eq": left == right, "ne": left != right, "lt": left < right, "gte": left >= right}[op]


@settings(max_examples=200, deadline=None)
@given(RAW, st.integers(1, 40), OPS, OPS)
def test_it_holds_as_trying_every_choice(raw: list, within: int, one: str, other: str) -> None:
    hits = hits_of(raw)
    expected = [
        hit[0]
        for place, hit in enumerate(hits)
        if any(
            hit in chosen
            and len(set(chosen)) == 3
            and all(found[4] >> bit & 1 for bit, found in enumerate(chosen))
            and hit[0] - min(found[0] for found in chosen) < within
            and _holds(one, chosen[0][5][0], chosen[1][5][0])
            and _holds(other, chosen[1][5][0], chosen[2][5][0])
            for chosen in product(hits[: place + 1], repeat=3)
        )
    ]
    rule_ = rule_of(_pattern(within, one, other), named("a", "b", "c", values=("f",)))
    held = held_by(rule_, hits)
    assert [when for when, _ in held] == expected
    assert all(len(least) == 3 for _, least in held)


@given(RAW, st.integers(1, 40), OPS, OPS, st.integers(0, 9))
def test_it_goes_on_from_a_snapshot(
    raw: list, within: int, one: str, other: str, half: int
) -> None:
    rule_ = rule_of(_pattern(within, one, other), named("a", "b", "c", values=("f",)))
    check_snapshot(rule_, hits_of(raw), half)
