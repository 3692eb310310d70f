"""A model rule trains at a boundary of event time and no hour behind it closes before."""

from __future__ import annotations

import msgspec
import pytest
from analytics_world import START, at, batch, model_rule, ruleset

from analytics.engine import Engine
from analytics.models.artefact import Artefact, Forest, TrainingRequest, Tree, from_trainer
from analytics.models.features import FEATURES
from schema.errors import FengsuiError
from schema.times import HOUR

RULES = ruleset(model_rule(hours=4))


def trained(request: TrainingRequest) -> Artefact:
    """Two branches: below twice the normal requests 0, above 900."""
    tree = Tree(
        feature=(0, 0, 0),
        threshold=(16, 0, 0),
        left=(1, 0, 0),
        right=(2, 0, 0),
        length=(0, 1000, 100),
    )
    totals = tuple(1000 - score for score in range(1, 1001))
    return from_trainer(request, msgspec.json.encode(Forest(trees=(tree,), totals=totals)))


def hour_of(number: int, loud: str = "") -> list:
    """An hour in which sixty addresses do the same, but one."""
    return [
        at(number * 3600 + place, offset=number * 10_000 + place + 1, ip=f"10.0.0.{place % 60}")
        for place in range(120)
    ] + [
        at(number * 3600 + 200 + place, offset=number * 10_000 + 500 + place, ip=loud)
        for place in range(400 if loud else 0)
    ]


def fed(hours: int, loud: dict[int, str], engine: Engine) -> Engine:
    for number in range(hours):
        engine.feed(batch(hour_of(number, loud.get(number, "")), number=number + 1))
    engine.heartbeat("s", START + hours * HOUR + HOUR // 2)
    return engine


def test_hours_wait_for_the_artefact_that_is_due_for_them() -> None:
    engine = fed(12, {9: "10.0.0.7", 5: "10.0.0.8"}, Engine(RULES))
    output = engine.advance()
    (request,) = output.training
    # Rows from the fourth hour of each address; the fifth such hour brings them past 256.
    assert (request.effective_at - START) // HOUR == 8
    assert len(request.rows) == 300
    assert output.alerts == []
    assert engine.advance().training == []
    engine.install(trained(request))
    (alert,) = engine.advance().alerts
    assert (alert.entity, (alert.decided_at - START) // HOUR) == ("10.0.0.7", 9)
    assert (alert.conditions[0].name, alert.conditions[0].value) == ("anomaly_score", 900)
    assert {(item.name, item.value) for item in alert.conditions[1:]} == {
        ("request_count", 402),
        ("failures", 402),
    }
    assert len(alert.events) == 20
    assert alert.count == 402


def test_an_hour_before_any_artefact_is_not_scored() -> None:
    engine = fed(8, {5: "10.0.0.8"}, Engine(RULES))
    output = engine.advance()
    assert (output.alerts, output.training) == ([], [])


def test_a_failed_training_leaves_the_hours_to_the_model_before() -> None:
    engine = fed(12, {9: "10.0.0.7"}, Engine(RULES))
    (request,) = engine.advance().training
    engine.skip_training(request)
    output = engine.advance()
    assert (output.alerts, output.training) == ([], [])


def test_an_open_request_is_asked_again_after_a_restore() -> None:
    engine = fed(12, {9: "10.0.0.7"}, Engine(RULES))
    (request,) = engine.advance().training
    restored = Engine.restore(RULES, engine.snapshot())
    assert list(restored.advance().training) == [request]
    restored.install(trained(request))
    parts = restored.snapshot()
    assert any(name.startswith("model/") for name in parts)
    assert [alert.entity for alert in restored.advance().alerts] == ["10.0.0.7"]


def test_one_alert_a_cell() -> None:
    rules = ruleset(msgspec.structs.replace(model_rule(hours=4), suppression_us=24 * HOUR))
    engine = fed(14, {9: "10.0.0.7", 12: "10.0.0.7"}, Engine(rules))
    (request,) = engine.advance().training
    engine.install(trained(request))
    assert len(engine.advance().alerts) == 1


def test_an_artefact_for_another_time_or_rule_is_refused() -> None:
    engine = fed(12, {}, Engine(RULES))
    (request,) = engine.advance().training
    early = msgspec.structs.replace(trained(request), effective_at=request.effective_at - 1)
    for artefact in (early, msgspec.structs.replace(trained(request), model="other")):
        with pytest.raises(FengsuiError, match=r"analytics\.model\.refused"):
            engine.install(artefact)


def test_an_artefact_given_at_the_start_scores_from_its_time_on() -> None:
    request = TrainingRequest(
        model="model",
        features=FEATURES,
        rows=((0, 0, 0, 0, 0, 0),),
        effective_at=START + 6 * HOUR,
    )
    engine = fed(9, {5: "10.0.0.8", 7: "10.0.0.7"}, Engine(RULES, models=[trained(request)]))
    assert [alert.entity for alert in engine.advance().alerts] == ["10.0.0.7"]


def test_what_another_version_learnt_is_dropped_and_deleted() -> None:
    engine = fed(12, {9: "10.0.0.7"}, Engine(RULES))
    (request,) = engine.advance().training
    engine.install(trained(request))
    parts = engine.snapshot()
    learnt = {name for name in parts if name.startswith(("model/", "hours/"))}
    newer = msgspec.structs.replace(model_rule(hours=4), version="1.0.1")
    for rules in (ruleset(newer), ruleset()):
        restored = Engine.restore(rules, parts)
        changed = restored.snapshot()
        assert {name for name, raw in changed.items() if not raw} == learnt
    assert all(Engine.restore(RULES, parts).snapshot().get(name) != b"" for name in learnt)
