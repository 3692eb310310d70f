"""Words: the names and numbers of an alert as people say them, in Chinese and in English."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from analytics.memory import Hit
from analytics.rule import EVERYBODY, NO_ENTITY
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
_UNITS: Final = (
    (DAY, "天", "day"),
    (HOUR, "小时", "hour"),
    (MINUTE, "分钟", "minute"),
    (SECOND, "秒", "second"),
)


def duration(length_us: int) -> tuple[str, str]:
    """A length of time in words, in the greatest unit that fits whole."""
    for unit, zh, en in _UNITS:
        if length_us >= unit and length_us % unit == 0:
            number = length_us // unit
            return f"{number} {zh}", f"{number} {en}{'' if number == 1 else 's'}"
    return f"{length_us} 微秒", f"{length_us} microseconds"


def field(name: str) -> tuple[str, str]:
    """The name of a field; of several, joined by ``+``, each in turn."""
    named = [_FIELDS.get(part, (part, part)) for part in name.split("+")]
    return "、".join(zh for zh, _ in named), " and ".join(en for _, en in named)


def who(alert: Alert) -> tuple[str, str]:
    """Whom the alert is about, to begin a sentence with in Chinese."""
    if alert.entity_field == NO_ENTITY:
        return "来源系统", "the source system"
    if alert.entity_field == EVERYBODY:
        return "全部来源", "all sources together"
    zh, en = field(alert.entity_field)
    return f"{zh} {alert.entity} ", f"{en} {alert.entity}"


def begin(text: str) -> str:
    """The text as the beginning of a sentence."""
    return text[0].upper() + text[1:]


def span(hits: Sequence[Hit], within_us: int) -> Condition:
    """The condition that all of these hits lie within a time, in whole seconds."""
    return Condition(
        name="span_seconds",
        value=(hits[-1][0] - hits[0][0]) // SECOND,
        threshold=within_us // SECOND,
        comparison="lt",
    )


def took(condition: Condition) -> tuple[str, str]:
    """How long the least set of events took."""
    return duration(max(1, condition.value) * SECOND)


def percent(permille: int) -> str:
    """A share in percent, with one digit where it is needed."""
    whole, tenth = divmod(permille, 10)
    return f"{whole}.{tenth}%" if tenth else f"{whole}%"


def times(permille: int) -> str:
    """A factor, with as many digits as it needs."""
    whole, rest = divmod(permille, 1000)
    return f"{whole}.{rest:03d}".rstrip("0").rstrip(".")
