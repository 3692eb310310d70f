"""A rule set is in force from an event time on, however the engine came to hear of it."""

from __future__ import annotations

import random

import pytest
from analytics_world import (
    START,
    Event,
    Standing,
    World,
    at,
    batch,
    compiled,
    detection,
    event_rule,
    kind_rule,
    ruleset,
    step,
    threshold_rule,
)

from analytics.engine import Engine
from analytics.ruleset import RuleSet
from schema.errors import FengsuiError
from schema.times import MINUTE, SECOND

FIRST = ruleset(threshold_rule(3, "60s"), digest="01")
CHANGED = ruleset(threshold_rule(3, "60s", version="1.0.1"), digest="02")
MORE = ruleset(threshold_rule(3, "60s"), event_rule(entity="source.ip"), digest="03")
WAITS = ruleset(
    kind_rule("sequence", {"within": "60s", "steps": [step("a"), step("b", absent=True)]}),
    digest="04",
)
NONE = ruleset(digest="05")


def told(engine: Engine, *rounds: object) -> list[tuple[str, float]]:
    """Feed or heartbeat each round, advance, and say which alerts stood at the end."""
    found: dict[str, tuple[str, float]] = {}
    outputs = []
    for number, one in enumerate(rounds, 1):
        if isinstance(one, list):
            engine.feed(batch(one, number=number))
        else:
            engine.heartbeat("s", START + one * SECOND)
        outputs.append(engine.advance())
    outputs.append(engine.finish())
    for output in outputs:
        for alert in output.alerts:
            found[alert.id] = alert.rule_id, (alert.decided_at - START) / SECOND
    return sorted(found.values())


def test_events_are_judged_by_the_rules_of_their_time() -> None:
    engine = Engine(NONE)
    engine.adopt(MORE, START + 10 * SECOND)
    assert told(engine, [at(9), at(9.5), at(10)], [at(11), at(12)]) == [
        ("event", 10),
        ("threshold", 12),
    ]


def test_a_rule_that_stays_keeps_what_it_knows() -> None:
    engine = Engine(FIRST)
    engine.adopt(MORE, START + 10 * SECOND)
    assert ("threshold", 11) in told(engine, [at(1), at(2)], [at(11)])


def test_a_rule_that_changed_begins_anew() -> None:
    engine = Engine(FIRST)
    engine.adopt(CHANGED, START + 10 * SECOND)
    assert told(engine, [at(1), at(2)], [at(11)]) == []


def test_a_cell_in_which_a_rule_changed_has_an_alert_of_each_form_of_it() -> None:
    """Else which of the two stands would depend on which was revised last."""
    low = START + 20 * SECOND
    early = batch([at(1), at(2), at(5), at(11), at(12), at(13)], low=low)
    late = batch([at(3, sensor="b")], low=low)
    found = []
    for batches in ((early, late), (late, early)):
        engine, standing = Engine(FIRST, required=["s", "b"]), Standing()
        engine.adopt(CHANGED, START + 10 * SECOND)
        for one in batches:
            engine.feed(one)
            engine.heartbeat("s" if one is late else "b", START if one is late else low)
            standing.take(engine.advance())
        found.append(standing)
    assert found[0].revised == 1
    assert len(found[0].alerts) == 2
    assert found[0].canonical() == found[1].canonical()


def test_what_was_judged_is_not_judged_anew() -> None:
    engine = Engine(FIRST)
    engine.feed(batch([at(10)]))
    with pytest.raises(FengsuiError, match="rules_late"):
        engine.adopt(CHANGED, START + 10 * SECOND)
    engine.heartbeat("s", START + 30 * SECOND)
    engine.advance()
    with pytest.raises(FengsuiError, match="rules_late"):
        engine.adopt(CHANGED, START + 30 * SECOND)
    engine.adopt(CHANGED, START + 31 * SECOND)
    with pytest.raises(FengsuiError, match="rules_late"):
        engine.adopt(FIRST, START + 31 * SECOND)


@pytest.mark.parametrize("rounds", [(200,), (15, 40, 69, 70, 71, 129, 131, 200)])
@pytest.mark.parametrize(("gone", "falls"), [(70, False), (71, True)])
def test_a_deadline_falls_where_its_rule_is_still_in_force(
    rounds: tuple[int, ...], gone: int, falls: bool
) -> None:
    engine = Engine(WAITS)
    engine.adopt(NONE, START + gone * SECOND)
    found = told(engine, [at(10, event__action="a")], *rounds)
    assert found == ([("sequence", 70)] if falls else [])


def test_a_rule_that_comes_back_begins_anew() -> None:
    for crash in (False, True):
        engine = Engine(FIRST)
        engine.adopt(NONE, START + 10 * SECOND)
        engine.adopt(ruleset(*FIRST.rules, digest="06"), START + 20 * SECOND)
        engine.feed(batch([at(1), at(2), at(21)]))
        if crash:
            parts = engine.snapshot()
            engine = Engine.restore(ruleset(*FIRST.rules, digest="06"), parts)
        engine.feed(batch([at(22)], number=2))
        assert engine.finish().alerts == []


def test_an_engine_restored_with_other_rules_goes_on_with_them_from_their_time() -> None:
    engine = Engine(FIRST)
    engine.feed(batch([at(1), at(2)]))
    engine.advance()
    parts = engine.snapshot()
    for since, found in ((0, [("event", 5), ("threshold", 5)]), (6, [("threshold", 5)])):
        restored = Engine.restore(MORE, parts, since=START + since * SECOND)
        restored.feed(batch([at(5)], number=2))
        alerts = restored.finish().alerts
        assert sorted((one.rule_id, (one.decided_at - START) / SECOND) for one in alerts) == found


def test_alerts_are_read_by_the_rules_in_force_when_they_were_decided() -> None:
    source = {"product": "fengsui", "service": "alert"}
    above = compiled(
        id="above", entity="source.ip", logsource=source, threshold={"within": "5m", "count": 1},
        detection=detection(**{"rule.id": "threshold"}),
    )  # fmt: skip
    with_above = ruleset(*FIRST.rules, above, digest="07")
    for first, then, expected in ((with_above, FIRST, True), (FIRST, with_above, False)):
        for early in (False, True):
            engine = Engine(first)
            engine.feed(batch([at(1), at(2), at(3)]))
            found = []
            if early:
                engine.heartbeat("s", START + 70 * SECOND)
                found += engine.advance().alerts
            engine.adopt(then, START + 80 * SECOND)
            engine.heartbeat("s", START + 200 * SECOND)
            found += engine.advance().alerts
            assert any(alert.rule_id == "above" for alert in found) is expected


def _events(seed: int) -> list[Event]:
    chance = random.Random(seed)
    return [
        at(
            number * 5 + chance.random() * 40 + number / 1_000_000,
            offset=number + 1,
            sensor=chance.choice("xy"),
            ip=f"10.0.0.{chance.randrange(3)}",
            event__action=chance.choice("abc"),
        )
        for number in range(300)
    ]


def _sets() -> tuple[RuleSet, RuleSet, RuleSet]:
    def rule(name: str, **more: object):
        return kind_rule(
            "threshold", {"within": "60s", "count": 2}, id=name, suppression="2m",
            detection=detection(**{"event.action": name}), **more,
        )  # fmt: skip

    waits = kind_rule(
        "sequence", {"within": "60s", "steps": [step("a"), step("c", absent=True)]},
        id="waits", suppression="3m",
    )  # fmt: skip
    missing = kind_rule(
        "sequence", {"within": "90s", "steps": [step("b", absent=True), step("c")]},
        id="missing", suppression="2m",
    )  # fmt: skip
    return (
        ruleset(rule("a"), rule("b"), waits, digest="11"),
        ruleset(rule("a"), rule("b", version="1.1.0"), missing, digest="12"),
        ruleset(rule("c"), waits, missing, digest="13"),
    )


@pytest.mark.parametrize("seed", range(6))
def test_order_batches_and_crashes_do_not_show(seed: int) -> None:
    first, second, third = _sets()
    adopts = ((second, START + 9 * MINUTE), (third, START + 17 * MINUTE))
    end = START + 40 * MINUTE
    events = _events(seed)
    plain = World(events, seed=0, batch_max=10_000, adopts=adopts, end=end).play(first)
    assert {alert.rule_id for alert in plain.alerts.values()} == {"a", "b", "c", "waits", "missing"}
    world = World(events, seed=seed + 1, batch_max=1 + 9 * seed, adopts=adopts, end=end)
    played = world.play(first, partitions=2 ** (seed % 3), crash=0.15)
    assert played.canonical() == plain.canonical()
