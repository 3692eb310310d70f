"""Model rules: each hour of an entity scored against its own history by a trained model.

What they remember is not a key's: see :mod:`analytics.models`.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from analytics.kinds.port import Draft, Explanation, Form
from analytics.language.reading import refused
from analytics.memory import Memory
from analytics.patterns import EntityHours
from analytics.rule import Rule
from analytics.words import begin, who
from schema.alert import Alert, Condition
from schema.times import HOUR

_FEATURES: Final[dict[str, tuple[str, str]]] = {
    "request_count": ("次数", "requests"),
    "distinct_values": ("不同对象数", "different values"),
    "failures": ("失败次数", "failures"),
    "bytes": ("字节数", "bytes"),
    "distinct_agents": ("不同客户端数", "different agents"),
    "night_permille": ("夜间活动（千分比）", "night activity (per mille)"),
}


class ModelPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which hours a model scores."""

    name: Literal["entity-hour"]
    dataset: str
    entity: str
    minimum_history_hours: int
    alert_score: int

    def build(self, draft: Draft) -> Form:
        """See :class:`analytics.kinds.port.Part`."""
        draft.no_detection("model")
        if not 1 <= self.minimum_history_hours <= 24 * 30 or not 1 <= self.alert_score <= 1000:
            raise refused("minimum_history_hours is 1 to 720 and alert_score 1 to 1000")
        return Form(
            steps=(),
            pattern=EntityHours(
                retention_us=HOUR,
                name=self.name,
                dataset=self.dataset,
                minimum_history_hours=self.minimum_history_hours,
                alert_score=self.alert_score,
            ),
            entity=(self.entity,),
        )


class ModelKind:
    """Rules whose hours a model scores."""

    def memory(self, rule: Rule, dump: object = None) -> Memory:
        raise AssertionError((rule.id, dump))

    def describe(self, rule: Rule) -> tuple[str, str]:
        pattern = rule.pattern
        assert isinstance(pattern, EntityHours)
        hours, score = pattern.minimum_history_hours, pattern.alert_score
        return (
            f"一小时与自身历史相比得分不低于 {score}，历史至少 {hours} 小时",
            f"an hour scores {score} or more against the own past of {hours} hours or more",
        )

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        del rule
        who_zh, who_en = who(alert)
        score, *reasons = alert.conditions
        said = [_deviation(item) for item in reasons]
        usual = [(_FEATURES[item.name], item.threshold) for item in reasons]
        return Explanation(
            reason_zh=f"{who_zh}这一小时与自身以往相比"
            f"异常度 {score.value}（门槛 {score.threshold}）："
            f"{'；'.join(zh for zh, _ in said)}。",
            reason_en=f"{begin(who_en)} scored {score.value} (threshold "
            f"{score.threshold}) against its own past: {'; '.join(en for _, en in said)}.",
            counterfactual_zh=(
                *(f"若{zh}接近平常的 {normal}，异常度会降低" for (zh, _), normal in usual),
                f"若异常度低于 {score.threshold}，则不触发",
            ),
            counterfactual_en=(
                *(
                    f"With {en} near the usual {normal} it would score less"
                    for (_, en), normal in usual
                ),
                f"With a score below {score.threshold} it would not fire",
            ),
        )


def _deviation(item: Condition) -> tuple[str, str]:
    zh, en = _FEATURES[item.name]
    return (
        f"{zh} {item.value}，平常 {item.threshold}",
        f"{en} {item.value}, usually {item.threshold}",
    )
