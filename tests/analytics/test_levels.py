"""Rules on rules read final alerts: those nothing can change any more, and each of them once."""

from __future__ import annotations

import random

import msgspec
import pytest
from analytics_world import (
    START,
    World,
    at,
    batch,
    compiled,
    detection,
    kind_rule,
    ruleset,
    run,
    step,
    threshold_rule,
)

from analytics.engine import Engine
from analytics.rule import Rule
from schema.times import MINUTE, SECOND

ALERTS = {"product": "fengsui", "service": "alert"}
END = START + 90 * MINUTE


def one(action: str, **more: object) -> Rule:
    wanted = detection(**{"event.action": action})
    return kind_rule(
        "threshold", {"within": "60s", "count": 1}, id=action, detection=wanted,
        suppression="5m", **more,
    )  # fmt: skip


def on_alerts(*names: str, kind: str = "together", level: int = 1, **parts: object) -> Rule:
    steps = [step(name) | {"detection": detection(**{"rule.id": name})} for name in names]
    part = {"within": "10m", "steps": steps}
    rule = kind_rule(kind, part, logsource=ALERTS, **{"id": "-".join(names), **parts})
    return msgspec.structs.replace(rule, level=level)


def told(*pairs: tuple[float, str], ip: str = "10.0.0.1") -> list:
    return [at(second, event__action=name, ip=ip) for second, name in pairs]


BOTH = ruleset(one("a"), one("b"), on_alerts("a", "b"))


def test_two_alerts_of_one_entity_are_an_alert_with_the_events_of_both() -> None:
    events = told((1, "a"), (2, "b"))
    found = {alert.rule_id: alert for alert in run(BOTH, events).alerts.values()}
    assert found.keys() == {"a", "b", "a-b"}
    assert found["a-b"].decided_at == START + 2 * SECOND
    assert set(found["a-b"].events) == {event.id.hex() for event in events}
    assert found["a-b"].count == 2


def test_alerts_of_two_entities_are_none() -> None:
    events = [*told((1, "a")), *told((2, "b"), ip="10.0.0.2")]
    assert {alert.rule_id for alert in run(BOTH, events).alerts.values()} == {"a", "b"}


def test_an_alert_is_read_once_nothing_can_change_it() -> None:
    engine = Engine(BOTH)
    engine.feed(batch(told((1, "a"), (2, "b"))))
    assert {alert.rule_id for alert in engine.advance().alerts} == {"a", "b"}
    engine.heartbeat("s", START + 62 * SECOND)
    assert engine.advance().alerts == []
    engine.heartbeat("s", START + 62 * SECOND + 1)
    assert [alert.rule_id for alert in engine.advance().alerts] == ["a-b"]


def test_an_alert_that_was_taken_back_is_not_read() -> None:
    rules = ruleset(
        kind_rule(
            "sequence",
            {"within": "20s", "steps": [step("paid"), step("receipt", absent=True)]},
            id="unpaid",
        ),
        on_alerts("unpaid", id="level"),
    )
    late = at(15, sensor="b", event__action="receipt")
    for events, names in (((), {"unpaid", "level"}), ((late,), set())):
        engine = Engine(rules, required=["s", "b"])
        engine.feed(batch(told((10, "paid"))))
        standing: dict[str, object] = {}
        for second in (40, 41, 120):
            for sensor in ("s", "b"):
                engine.heartbeat(sensor, START + second * SECOND)
            for alert in engine.advance().alerts:
                standing[alert.rule_id] = alert.state
            if second == 40 and events:
                engine.feed(batch(list(events), low=START + 40 * SECOND))
        assert {name for name, state in standing.items() if state == "final"} == names


def test_a_rule_on_rules_does_not_read_its_own_level() -> None:
    everything = kind_rule(
        "threshold", {"within": "10m", "count": 1}, id="any",
        detection=detection(**{"event.kind": "alert"}), logsource=ALERTS, suppression="1m",
    )  # fmt: skip
    came = {"name": "came", "detection": detection(**{"rule.id": "a"})}
    more = {"name": "more", "detection": detection(**{"rule.id": "b"}), "absent": True}
    silent = kind_rule(
        "sequence", {"within": "1m", "steps": [came, more]}, id="silent", logsource=ALERTS,
        suppression="1m",
    )  # fmt: skip
    rules = ruleset(one("a"), everything, silent)
    expected = None
    for steps in ([200], [10, 62, 70, 121, 122, 130, 181, 190, 200]):
        engine = Engine(rules)
        engine.feed(batch(told((1, "a"))))
        found: dict[str, object] = {}
        for second in steps:
            engine.heartbeat("s", START + second * SECOND)
            found.update((alert.id, alert) for alert in engine.advance().alerts)
        assert sorted(alert.rule_id for alert in found.values()) == ["a", "any", "silent"]
        expected = expected or found
        assert found == expected


def test_a_third_level_reads_the_second() -> None:
    top = on_alerts("a-b", id="top", level=2)
    found = run(ruleset(*BOTH.rules, top), told((1, "a"), (2, "b"))).alerts.values()
    assert {alert.rule_id for alert in found} == {"a", "b", "a-b", "top"}


def test_an_alert_says_its_severity_and_techniques_to_the_rules_above() -> None:
    wanted = detection(**{"event.severity|gte": 3, "threat.technique.id": "T1110"})
    above = compiled(
        id="above", entity="source.ip", detection=wanted, logsource=ALERTS,
        threshold={"within": "10m", "count": 1},
    )  # fmt: skip
    for techniques, count in ((["T1110"], 2), (["T1078"], 1)):
        rules = ruleset(one("a", techniques=techniques), above)
        assert len(run(rules, told((1, "a"))).alerts) == count


ROOT = detection(**{"user.name": "root"})
RULES = ruleset(
    one("a"),
    one("b"),
    threshold_rule(
        3, "90s", id="c", suppression="4m", detection=detection(**{"user.name": "root"})
    ),
    on_alerts("a", "b", "c", suppression="15m"),
    on_alerts("a", "c", kind="sequence", id="seq", suppression="15m"),
    on_alerts("a-b-c", "seq", id="top", level=2),
)


def _events(seed: int) -> list:
    chance = random.Random(seed)
    return [
        at(
            number * 9 + chance.random() * 30 + number / 1_000_000,
            offset=number + 1,
            sensor=chance.choice("xy"),
            ip=f"10.0.0.{chance.randrange(3)}",
            user=chance.choice(("root", "li.na")),
            event__action=chance.choice("abdefg"),
        )
        for number in range(400)
    ]


@pytest.mark.parametrize("seed", range(6))
def test_order_batches_partitions_and_crashes_do_not_show(seed: int) -> None:
    events = _events(seed)
    expected = run(RULES, events, end=END).canonical()
    for rule in ("a-b-c", "seq", "top"):
        assert any(f'"{rule}"'.encode() in raw for raw in expected)
    world = World(events, seed=seed, batch_max=1 + 20 * seed, end=END)
    played = world.play(RULES, partitions=2 ** (seed % 4), crash=0.15)
    assert played.canonical() == expected
