"""Words: the names and numbers of an alert as people say them, in Chinese and in English."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from analytics.memory import Hit
from analytics.rule import EVERYBODY, NO_ENTITY
from schema.alert import Alert, Condition
from schema.times import DAY, HOUR, MINUTE, SECOND

_FIELDS: Final[dict[str, tuple[str, str]]] = {
    "destination.domain": ("目的域名", "destination name"),
    "destination.ip": ("目的地址", "destination address"),
    "destination.port": ("目的端口", "destination port"),
    "dll.path": ("动态库", "library"),
    "dns.question.name": ("查询域名", "name asked for"),
    "event.action": ("动作", "action"),
    "event.code": ("事件号", "event code"),
    "event.id": ("日志", "event"),
    "event.outcome": ("结果", "outcome"),
    "event.provider": ("日志提供者", "provider"),
    "file.name": ("文件名", "file name"),
    "file.path": ("文件", "file"),
    "gov.app.id": ("应用", "application"),
    "gov.case.no": ("办件号", "case number"),
    "gov.cert.license_code": ("证照标识", "licence code"),
    "gov.db.application": ("应用", "application"),
    "gov.db.name": ("数据库", "database"),
    "gov.db.statement": ("语句", "statement"),
    "gov.pay.notice_no": ("缴款通知书号", "payment notice"),
    "gov.pay.order_id": ("订单号", "order"),
    "gov.pay.trans_id": ("交易号", "transaction"),
    "gov.share.requester_id": ("请求方", "requester"),
    "gov.share.service_id": ("服务", "service"),
    "gov.subject.id_hmac": ("当事人", "subject"),
    "host.id": ("主机", "host"),
    "host.name": ("主机", "host"),
    "http.request.method": ("请求方法", "request method"),
    "http.response.status_code": ("状态码", "status code"),
    "message": ("报文", "message"),
    "organization.id": ("单位", "organisation"),
    "process.command_line": ("命令行", "command line"),
    "process.executable": ("程序", "program"),
    "process.name": ("进程", "process"),
    "process.parent.command_line": ("父进程命令行", "parent's command line"),
    "process.parent.executable": ("父程序", "parent program"),
    "process.parent.name": ("父进程", "parent process"),
    "process.working_directory": ("工作目录", "working directory"),
    "registry.path": ("注册表项", "registry key"),
    "rule.id": ("规则", "rule"),
    "source.ip": ("来源地址", "source address"),
    "url.domain": ("域名", "domain"),
    "url.original": ("请求地址", "request address"),
    "url.path": ("路径", "path"),
    "url.query": ("请求参数", "query"),
    "user.id": ("账号", "account"),
    "user.name": ("账号", "account"),
    "user.target.name": ("目标账号", "target account"),
    "user_agent.original": ("客户端标识", "user agent"),
    "winlog.channel": ("日志通道", "channel"),
    "winlog.event_id": ("事件号", "event code"),
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
