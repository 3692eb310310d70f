"""Explain: why an alert was raised and what would have kept it from being raised, in two languages.

Made from the alert's own conditions, so it says the same wherever and whenever it is read: a later
version of the rule may ask for other numbers. Only the title is the rule's of today.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from analytics.rule import NO_ENTITY, Rule
from schema.alert import Alert, Condition
from schema.times import DAY, HOUR, MINUTE, SECOND

_FIELDS: Final[dict[str, tuple[str, str]]] = {
    "event.id": ("日志", "event"),
    "gov.db.application": ("应用", "application"),
    "gov.db.name": ("数据库", "database"),
    "gov.db.statement": ("语句", "statement"),
    "gov.subject.id_hmac": ("当事人", "subject"),
    "host.name": ("主机", "host"),
    "message": ("报文", "message"),
    "process.name": ("进程", "process"),
    "source.ip": ("来源地址", "source address"),
    "url.original": ("请求地址", "request address"),
    "url.path": ("路径", "path"),
    "user.name": ("账号", "account"),
    "user.target.name": ("目标账号", "target account"),
    "user_agent.original": ("客户端标识", "user agent"),
}
_FEATURES: Final[dict[str, tuple[str, str]]] = {
    "request_count": ("次数", "requests"),
    "distinct_values": ("不同对象数", "different values"),
    "failures": ("失败次数", "failures"),
    "bytes": ("字节数", "bytes"),
    "distinct_agents": ("不同客户端数", "different agents"),
    "night_permille": ("夜间活动（千分比）", "night activity (per mille)"),
}
_STEPS: Final[dict[str, str]] = {
    "failures": "失败",
    "success": "成功",
    "injections": "注入请求",
    "server_errors": "服务器错误",
}
_UNITS: Final = (
    (DAY, "天", "day"),
    (HOUR, "小时", "hour"),
    (MINUTE, "分钟", "minute"),
    (SECOND, "秒", "second"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Sentences for people; the counterfactuals each name one change that suffices."""

    reason_zh: str
    reason_en: str
    counterfactual_zh: tuple[str, ...]
    counterfactual_en: tuple[str, ...]


def explain(alert: Alert, rule: Rule) -> Explanation:
    """Why the rule raised this alert, and what would have kept it from doing so."""
    first, *others = alert.conditions
    if first.name == "anomaly_score":
        return _model(alert)
    if others:
        # The counts, and behind them the span: a threshold has one count, a sequence more.
        return _threshold(alert) if len(others) == 1 else _sequence(alert)
    who_zh, who_en = _who(alert)
    return Explanation(
        reason_zh=f"{who_zh}有一条日志符合规则“{rule.text.title_zh}”的全部条件。",
        reason_en=f'One event of {who_en} meets every condition of "{rule.text.title_en}".',
        counterfactual_zh=("若这条日志不符合规则条件，则不触发",),
        counterfactual_en=("Had this event not met the rule's conditions, it would not fire",),
    )


def duration(length_us: int) -> tuple[str, str]:
    """A length of time in words, in the greatest unit that fits whole."""
    for unit, zh, en in _UNITS:
        if length_us >= unit and length_us % unit == 0:
            number = length_us // unit
            return f"{number} {zh}", f"{number} {en}{'' if number == 1 else 's'}"
    return f"{length_us} 微秒", f"{length_us} microseconds"


def _field(name: str) -> tuple[str, str]:
    return _FIELDS.get(name, (name, name))


def _who(alert: Alert) -> tuple[str, str]:
    zh, en = _field(alert.entity_field)
    if alert.entity_field == NO_ENTITY:
        return "来源系统", "the source system"
    return f"{zh} {alert.entity} ", f"{en} {alert.entity}"


def _counted(condition: Condition) -> tuple[str, str]:
    number, field = condition.threshold, condition.name.partition("distinct ")[2]
    if not field:
        return f"{number} 条符合条件的日志", f"{number} matching events"
    zh, en = _field(field)
    return f"{number} 个不同{zh}", f"{number} different values of {en}"


def _span(span: Condition) -> tuple[str, str]:
    """How long the least set of events took."""
    return duration(max(1, span.value) * SECOND)


def _threshold(alert: Alert) -> Explanation:
    counted, span = alert.conditions
    count = counted.threshold
    (who_zh, who_en), (zh, en), (span_zh, span_en), (within_zh, within_en) = (
        _who(alert),
        _counted(counted),
        _span(span),
        duration(span.threshold * SECOND),
    )
    return Explanation(
        reason_zh=f"{who_zh}在 {span_zh}内出现 {zh}，达到 {within_zh}内 {count} 的门槛。",
        reason_en=f"{who_en[0].upper()}{who_en[1:]} had {en} in {span_en}; "
        f"the threshold is {count} in {within_en}.",
        counterfactual_zh=(f"若 {within_zh}内少于 {zh}，则不触发",),
        counterfactual_en=(f"With fewer than {en} in {within_en} it would not fire",),
    )


def _sequence(alert: Alert) -> Explanation:
    *counts, span = alert.conditions
    (who_zh, who_en), (span_zh, span_en) = _who(alert), _span(span)
    within_zh, within_en = duration(span.threshold * SECOND)
    steps = [(_STEPS.get(one.name, one.name), one.name, one.threshold) for one in counts]
    order_zh = "，随后 ".join(f"{zh} {count} 次" for zh, _, count in steps)
    order_en = ", then ".join(f"{count} x {en}" for _, en, count in steps)
    return Explanation(
        reason_zh=f"{who_zh}在 {span_zh}内依次出现：{order_zh}。",
        reason_en=f"{who_en[0].upper()}{who_en[1:]} showed in {span_en}, in order: {order_en}.",
        counterfactual_zh=(
            *(f"若此前“{zh}”少于 {count} 次，则不触发" for zh, _, count in steps),
            f"若各步相隔超过 {within_zh}，则不触发",
        ),
        counterfactual_en=(
            *(f'With fewer than {count} of "{en}" it would not fire' for _, en, count in steps),
            f"Had the steps been spread over more than {within_en}, it would not fire",
        ),
    )


def _model(alert: Alert) -> Explanation:
    who_zh, who_en = _who(alert)
    score, *reasons = alert.conditions
    said = [_deviation(item) for item in reasons]
    usual = [(_FEATURES[item.name], item.threshold) for item in reasons]
    return Explanation(
        reason_zh=f"{who_zh}这一小时与自身以往相比异常度 {score.value}（门槛 {score.threshold}）："
        f"{'；'.join(zh for zh, _ in said)}。",
        reason_en=f"{who_en[0].upper()}{who_en[1:]} scored {score.value} (threshold "
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
