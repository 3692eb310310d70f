"""The engine releases by watermark, revises what comes late, and says what it did not evaluate."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from analytics_world import (
    START,
    at,
    batch,
    detection,
    event_rule,
    ruleset,
    run,
    sequence_rule,
    threshold_rule,
)

from analytics.engine import BEGINNING, Engine
from analytics.keys.keyed import NEVER
from schema.errors import FengsuiError
from schema.times import HOUR, MINUTE, SECOND

ONE = ruleset(event_rule(entity="source.ip"))
THREE = ruleset(threshold_rule(3, "60s"))


def test_a_hit_waits_until_every_required_sensor_has_passed_it() -> None:
    engine = Engine(ONE, required=["a", "b"])
    engine.feed(batch([at(10, sensor="a")]))
    assert engine.advance().alerts == []
    assert (engine.pending, engine.holding()) == (1, "b")
    engine.heartbeat("b", START + 10 * SECOND)
    assert engine.advance().alerts == []
    engine.heartbeat("b", START + 10 * SECOND + 1)
    (alert,) = engine.advance().alerts
    assert (alert.state, alert.entity, alert.count) == ("final", "10.0.0.1", 1)
    assert alert.decided_at == START + 10 * SECOND
    assert engine.pending == 0


def test_an_event_at_the_watermark_itself_waits() -> None:
    engine = Engine(ONE)
    engine.feed(batch([at(10)], low=START + 10 * SECOND))
    assert engine.advance().alerts == []


def test_an_excluded_sensor_holds_nothing_back_until_it_is_readmitted() -> None:
    engine = Engine(ONE, required=["a", "b"])
    engine.feed(batch([at(10, sensor="a")]))
    engine.exclude("b")
    assert len(engine.advance().alerts) == 1
    engine.readmit("b", engine.watermark)
    engine.feed(batch([at(20, sensor="a")], number=2))
    assert engine.advance().watermark == START + 10 * SECOND + 1


def test_a_batch_taken_before_changes_nothing() -> None:
    engine = Engine(THREE)
    for _ in range(3):
        engine.feed(batch([at(1)]))
    assert engine.finish().alerts == []
    assert engine.cursors == {"s": 1}


def test_without_an_entity_every_event_is_its_own() -> None:
    found = run(ruleset(event_rule()), [at(1), at(2)])
    assert sorted(alert.entity for alert in found.alerts.values()) == sorted(
        event.id.hex() for event in (at(1), at(2))
    )


def test_one_alert_a_cell_and_the_rest_is_its_closing() -> None:
    rules = ruleset(event_rule(entity="source.ip", suppression="10m"))
    found = run(rules, [at(0), at(30), at(599), at(600), at(601)])
    first, second = sorted(found.alerts.values(), key=lambda alert: alert.cell)
    assert (first.cell, second.cell) == (START, START + 10 * MINUTE)
    closing = found.closings[first.id]
    assert (closing.count, closing.last_at) == (2, START + 599 * SECOND)
    assert found.closings[second.id].count == 1


@pytest.mark.parametrize(
    ("seconds", "fires"),
    [
        ((0, 30, 59.999999), True),
        ((0, 30, 60), False),
        ((0, 30, 61, 89), True),
        ((0, 0, 0.000001), True),
    ],
)
def test_a_threshold_window_is_open_at_its_old_end(seconds: list[float], fires: bool) -> None:
    events = [at(second, offset=place + 1) for place, second in enumerate(seconds)]
    assert bool(run(THREE, events).alerts) is fires


def test_a_threshold_names_the_events_it_needed_and_counts_those_seen() -> None:
    events = [at(second, user=f"u{second % 4}") for second in (1, 2, 3, 5, 6, 8)]
    (alert,) = run(ruleset(threshold_rule(4, "60s", "user.name")), events).alerts.values()
    assert alert.count == 6
    # Of each user the newest event: u2 came again with the sixth second.
    assert set(alert.events) == {at(second).id.hex() for second in (3, 5, 6, 8)}
    assert [(item.name, item.value, item.threshold) for item in alert.conditions] == [
        ("distinct user.name", 4, 4),
        ("span_seconds", 5, 60),
    ]


def test_values_seen_again_are_not_counted_twice() -> None:
    events = [at(second, user="li.na") for second in range(1, 9)]
    assert run(ruleset(threshold_rule(2, "60s", "user.name")), events).alerts == {}


def test_another_entity_has_a_count_of_its_own() -> None:
    assert run(THREE, [at(1), at(2), at(3, ip="10.0.0.2")]).alerts == {}


def test_a_sequence_needs_its_steps_in_order_and_in_time() -> None:
    rules = ruleset(sequence_rule(2, "60s"))
    assert run(rules, [at(1), at(2), at(3, ok=True)]).alerts
    assert not run(rules, [at(3), at(4), at(2, ok=True)]).alerts
    assert not run(rules, [at(1), at(2, ok=True), at(3)]).alerts
    assert not run(rules, [at(1), at(30), at(61, ok=True)]).alerts
    (alert,) = run(rules, [at(1), at(20), at(30), at(70, ok=True)]).alerts.values()
    assert set(alert.events) == {at(20).id.hex(), at(30).id.hex(), at(70).id.hex()}
    assert [(item.name, item.value) for item in alert.conditions] == [
        ("failures", 2),
        ("success", 1),
        ("span_seconds", 50),
    ]


def test_a_late_event_inside_the_budget_revises_the_decision() -> None:
    engine = Engine(THREE, required=["a", "b"])
    engine.feed(batch([at(10, sensor="a"), at(11, sensor="a"), at(30, sensor="a")]))
    engine.feed(batch([at(40, sensor="b", ip="10.9.9.9")]))
    (first,) = engine.advance().alerts
    assert first.decided_at == START + 30 * SECOND
    engine.feed(batch([at(20, sensor="b")], number=2, first=1, low=START + 40 * SECOND))
    output = engine.advance()
    (revised,) = output.alerts
    assert revised.id == first.id
    assert revised.decided_at == START + 20 * SECOND
    assert [(row.late, row.too_late) for row in output.coverage if row.late] == [(1, 0)]
    assert [(closing.count) for closing in output.closings] == [1]


def test_provisional_alerts_come_once_and_become_final() -> None:
    engine = Engine(THREE, required=["a", "b"])
    engine.feed(batch([at(second, sensor="a") for second in (1, 2, 3)]))
    assert engine.advance().alerts == []
    (early,) = engine.provisional()
    assert early.state == "provisional"
    assert engine.provisional() == []
    engine.exclude("b")
    (final,) = engine.advance().alerts
    assert final == msgspec.structs.replace(early, state="final")
    assert engine.provisional() == []


def test_a_provisional_alert_that_never_became_final_is_taken_back() -> None:
    engine = Engine(THREE, required=["a", "b"])
    engine.feed(batch([at(second, sensor="a") for second in (1, 2, 3)]))
    engine.provisional()
    parts = {name: raw for name, raw in engine.snapshot().items() if name == "engine"}
    other = Engine.restore(THREE, parts, required=["a", "b"])
    other.exclude("b")
    (withdrawn,) = other.advance().alerts
    assert withdrawn.state == "withdrawn"


def test_rules_read_what_the_collector_added_beneath_what_was_signed() -> None:
    rules = ruleset(event_rule(detection=detection(**{"source.geo.country_iso_code": "XX"})))
    event = at(1)
    plain = batch([event])
    for added, fires in (({"source.geo.country_iso_code": "XX"}, True), ({"labels.a": "b"}, False)):
        engine = Engine(rules)
        engine.feed(replace(plain, enrichment=[added]))
        assert bool(engine.finish().alerts) is fires
    engine = Engine(ONE)
    engine.feed(replace(plain, enrichment=[{"source.ip": "203.0.113.9"}]))
    assert engine.finish().alerts[0].entity == "10.0.0.1"


def test_an_entity_list_gives_each_of_its_items_a_hit() -> None:
    rules = ruleset(event_rule(entity="related.ip"))
    found = run(rules, [at(1, related__ip=["10.1.1.1", "10.1.1.2", "10.1.1.1"])])
    assert sorted(alert.entity for alert in found.alerts.values()) == ["10.1.1.1", "10.1.1.2"]


def test_state_that_says_nothing_any_more_is_forgotten() -> None:
    rules = ruleset(threshold_rule(3, "60s", suppression="2m"))
    engine, parts = Engine(rules), {}
    for number in range(1, 60):
        event = at(number * 60, ip=f"10.0.1.{number}")
        engine.feed(batch([event], number=number))
        engine.advance()
        parts.update(engine.snapshot())
    alive = [name for name, raw in parts.items() if name.startswith("key/") and raw]
    assert len(alive) < 8
    assert len(parts) > 50


def test_a_snapshot_holds_only_what_changed() -> None:
    engine = Engine(THREE)
    engine.feed(batch([at(1), at(2, ip="10.0.0.2")]))
    engine.advance()
    assert sum(name.startswith("key/") for name in engine.snapshot()) == 2
    engine.feed(batch([at(3)], number=2))
    assert sorted({name.split("/")[0] for name in engine.snapshot()}) == ["engine", "wait"]
    engine.advance()
    parts = engine.snapshot()
    names = [name for name in parts if name.startswith("key/")]
    assert [name.rsplit("/", 1)[1] for name in names] == ["10.0.0.1"]
    assert {raw for name, raw in parts.items() if name.startswith("wait/")} == {b""}
    assert list(engine.snapshot()) == ["engine"]


def test_state_of_another_version_of_a_rule_is_dropped() -> None:
    engine = Engine(THREE)
    engine.feed(batch([at(1), at(2)]))
    parts = engine.snapshot()
    newer = ruleset(threshold_rule(3, "60s", version="1.0.1"))
    for rules, fires in ((THREE, True), (newer, False), (ONE, True)):
        restored = Engine.restore(rules, parts)
        restored.feed(batch([at(3)], number=2))
        assert bool(restored.finish().alerts) is fires


def test_an_unreadable_snapshot_is_refused() -> None:
    stamp = next(rule.stamp for rule in THREE.rules if rule.id == "threshold")
    for parts in (
        {"engine": b"\xff"},
        {"what/ever": b"1"},
        {"key/001/threshold": b"1"},
        {f"key/001/threshold@{stamp}/10.0.0.1": b"\xc1"},
    ):
        with pytest.raises(FengsuiError, match="snapshot_malformed"):
            Engine.restore(THREE, parts)


def test_partitions_must_divide_the_buckets() -> None:
    for partitions in (0, 3, 512):
        with pytest.raises(FengsuiError, match=r"analytics\.engine\.partitions"):
            Engine(ONE, partitions=partitions)


def test_finish_releases_everything_and_says_so() -> None:
    engine = Engine(THREE, required=["a", "never-seen"])
    engine.feed(batch([at(second, sensor="a") for second in (1, 2, 3)]))
    assert engine.watermark == BEGINNING
    output = engine.finish()
    assert len(output.alerts) == 1
    assert output.watermark == NEVER


def test_a_cell_is_aligned_to_the_epoch() -> None:
    rules = ruleset(event_rule(entity="source.ip", suppression="6h"))
    (alert,) = run(rules, [at(3)]).alerts.values()
    assert alert.cell % (6 * HOUR) == 0
    assert 0 <= alert.decided_at - alert.cell < 6 * HOUR
