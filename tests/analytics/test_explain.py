"""An alert explains itself in both languages, and says what would have kept it from firing."""

from __future__ import annotations

import pytest
from analytics_world import at, event_rule, model_rule, ruleset, run, sequence_rule, threshold_rule

from analytics.explain import explain
from analytics.words import duration
from schema.alert import Alert, Condition
from schema.times import DAY, HOUR, MINUTE, SECOND


def only(rule, events):
    (alert,) = run(ruleset(rule), events).alerts.values()
    return explain(alert, rule)


def test_an_event_alert() -> None:
    said = only(event_rule(entity="source.ip"), [at(1)])
    assert said.reason_zh == "来源地址 10.0.0.1 有一条日志符合规则“标题”的全部条件。"
    assert said.counterfactual_zh == ("若这条日志不符合规则条件，则不触发",)


def test_a_threshold_alert() -> None:
    rule = threshold_rule(3, "5m", "user.name")
    said = only(rule, [at(place, user=f"u{place}") for place in (1, 2, 4)])
    assert (
        said.reason_zh == "来源地址 10.0.0.1 在 3 秒内出现 3 个不同账号，达到 5 分钟内 3 的门槛。"
    )
    assert said.reason_en == (
        "Source address 10.0.0.1 had 3 different values of account in 3 seconds; "
        "the threshold is 3 in 5 minutes."
    )
    assert said.counterfactual_zh == ("若 5 分钟内少于 3 个不同账号，则不触发",)


def test_an_alert_says_the_same_when_its_rule_has_changed_since() -> None:
    events = [at(1), at(2), at(3), at(4, ok=True)]
    for rule, later in (
        (threshold_rule(3, "5m"), threshold_rule(9, "1h", "user.name", version="1.1.0")),
        (sequence_rule(3, "5m"), sequence_rule(9, "1h", version="1.1.0")),
    ):
        (alert,) = run(ruleset(rule), events).alerts.values()
        assert explain(alert, later) == explain(alert, rule)


def test_an_alert_of_another_major_version_lists_its_conditions() -> None:
    (alert,) = run(ruleset(threshold_rule(3, "5m")), [at(1), at(2), at(3)]).alerts.values()
    said = explain(alert, event_rule(version="2.0.0"))
    assert said.reason_en == (
        "Source address 10.0.0.1 met the conditions of version 1 of the rule: "
        "event_count 3 ≥ 3; span_seconds 2 < 300."
    )


def test_a_sequence_alert() -> None:
    said = only(sequence_rule(2, "10m"), [at(1), at(2), at(30, ok=True)])
    assert said.reason_zh == "来源地址 10.0.0.1 在 29 秒内依次出现：失败 2 次，随后 成功 1 次。"
    assert said.counterfactual_en == (
        'With fewer than 2 of "failures" it would not fire',
        'With fewer than 1 of "success" it would not fire',
        "Had the steps been spread over more than 10 minutes, it would not fire",
    )


def test_a_model_alert() -> None:
    alert = Alert(
        id="00",
        rule_id="model",
        rule_version=1,
        entity_field="source.ip",
        entity="10.0.0.1",
        cell=0,
        decided_at=0,
        severity=2,
        score=50,
        conditions=(
            Condition(name="anomaly_score", value=884, threshold=800, comparison="gte"),
            Condition(name="bytes", value=900, threshold=10, comparison="gt"),
        ),
        events=(),
        count=5,
        state="final",
    )
    said = explain(alert, model_rule())
    assert said.reason_zh == (
        "来源地址 10.0.0.1 这一小时与自身以往相比异常度 884（门槛 800）：字节数 900，平常 10。"
    )
    assert said.counterfactual_en == (
        "With bytes near the usual 10 it would score less",
        "With a score below 800 it would not fire",
    )


@pytest.mark.parametrize(
    ("length", "zh", "en"),
    [
        (SECOND, "1 秒", "1 second"),
        (90 * SECOND, "90 秒", "90 seconds"),
        (5 * MINUTE, "5 分钟", "5 minutes"),
        (24 * HOUR, "1 天", "1 day"),
        (2 * DAY, "2 天", "2 days"),
        (7, "7 微秒", "7 microseconds"),
    ],
)
def test_a_duration_in_words(length: int, zh: str, en: str) -> None:
    assert duration(length) == (zh, en)
