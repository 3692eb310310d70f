"""What a PostgreSQL log message means, whichever of the three forms carried it.

The text form has no SQLSTATE; where a message belongs to one code alone the code is filled in, so
that one rule reads all forms. Codes: PostgreSQL documentation, appendix A.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import msgspec

from schema.event import Fields
from sensors.sources import record
from sensors.sources.clock import plain_second
from sensors.sources.postgresql_audit import audit_fields

LEVELS: Final = {
    "LOG": "LOG",
    "ERROR": "ERROR",
    "FATAL": "FATAL",
    "PANIC": "PANIC",
    "WARNING": "WARNING",
    "NOTICE": "NOTICE",
    "INFO": "INFO",
    "DEBUG": "DEBUG",
    "DEBUG1": "DEBUG",
    "DEBUG2": "DEBUG",
    "DEBUG3": "DEBUG",
    "DEBUG4": "DEBUG",
    "DEBUG5": "DEBUG",
    "STATEMENT": "STATEMENT",
    "DETAIL": "DETAIL",
    "HINT": "HINT",
    "CONTEXT": "CONTEXT",
    "QUERY": "QUERY",
    "LOCATION": "LOCATION",
    "BACKTRACE": "BACKTRACE",
    # The same words under lc_messages = zh_CN (src/backend/po/zh_CN.po).
    "日志": "LOG",
    "错误": "ERROR",
    "致命错误": "FATAL",
    "比致命错误还过分的错误": "PANIC",
    "警告": "WARNING",
    "注意": "NOTICE",
    "信息": "INFO",
    "调试": "DEBUG",
    "语句": "STATEMENT",
    "详细信息": "DETAIL",
    "提示": "HINT",
    "上下文": "CONTEXT",
    "查询": "QUERY",
    "位置": "LOCATION",
}
"""Severities and companion lines as logged, each with its name here."""

_FAILURES: Final = frozenset({"ERROR", "FATAL", "PANIC"})
_ACTION_BY_CODE: Final = {
    "42501": "db_permission_denied",
    "42601": "db_syntax_error",
    "42P01": "db_undefined",
    "42703": "db_undefined",
    "42883": "db_undefined",
}
_LOGIN_CODES: Final = frozenset({"28000", "28P01", "3D000"})
# The message that belongs to one code alone.
_CODE_BY_MESSAGE: Final = (
    (re.compile(r"password authentication failed for user "), "28P01"),
    (re.compile(r"\S{1,64} authentication failed for user |no pg_hba\.conf entry "), "28000"),
    (re.compile(r'pg_hba\.conf rejects connection |role ".{0,256}" is not permitted'), "28000"),
    (re.compile(r'role ".{0,256}" does not exist\Z'), "28000"),
    (re.compile(r'database ".{0,256}" does not exist\Z'), "3D000"),
    (re.compile(r"permission denied (?:for|to) |must be (?:owner of|superuser|able to)"), "42501"),
    (re.compile(r"syntax error (?:at|in) |unterminated quoted "), "42601"),
    (re.compile(r'relation ".{0,256}" does not exist'), "42P01"),
    (re.compile(r'column (?:".{0,256}"|\S{1,256}) does not exist'), "42703"),
    (re.compile(r"(?:function .{0,512}|operator) does not exist"), "42883"),
)
_DURATION: Final = re.compile(r"duration: (\d{1,12})\.(\d{1,3}) ms(?:  (?=\S))?", re.ASCII)
_STATEMENT: Final = re.compile(
    r"(?:statement|(?:parse|bind|execute|execute fetch from) [^\n]{0,256}?|fastpath function call)"
    r": (.+)\Z",
    re.DOTALL,
)
_DISCONNECTION: Final = re.compile(r" host=(\S+)(?: port=(\d{1,5}))?\Z", re.ASCII)
_RECEIVED: Final = re.compile(r"connection received: host=(\S+)(?: port=(\d{1,5}))?", re.ASCII)
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))? ([^\s\[\]]{1,8})\Z", re.ASCII
)
# Zone names that log_timezone writes; CST is China's here, as in every system we watch.
_ZONES: Final = {"UTC": 0, "GMT": 0, "Z": 0, "CST": 480, "HKT": 480}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A log entry's parts, the same from every form; "" where the form or the entry has none."""

    time: str
    level: str
    code: str
    message: str
    user: str
    database: str
    application: str
    host: str
    port: str
    pid: str
    statement: str


def fields_of(entry: Entry, line: str, host_name: str) -> Fields:
    """The event of an entry."""
    fields: Fields = {
        "@timestamp": entry.time,
        "event.dataset": "postgresql.log",
        "event.original": line,
        "host.name": host_name,
        "log.level": entry.level,
    }
    fields.update(_identity(entry.user, entry.database, entry.application))
    if entry.pid.isdecimal():
        fields["process.pid"] = int(entry.pid[:10])
    _peer(fields, entry.host, entry.port)
    if entry.statement:
        fields["gov.db.statement"] = entry.statement
    if entry.level in _FAILURES:
        _failure(fields, entry)
    elif entry.level == "STATEMENT":
        fields["event.action"] = "db_statement_context"
        fields["gov.db.statement"] = entry.message
    elif entry.level == "LOG":
        _log(fields, entry.message)
    else:
        fields["event.action"] = "log"
        fields["message"] = entry.message
    if entry.code and entry.code != "00000":
        fields["event.code"] = entry.code
    return fields


@lru_cache(maxsize=record.CACHE_MAX)
def _identity(user: str, database: str, application: str) -> tuple[tuple[str, str], ...]:
    named = (
        ("user.name", user),
        ("gov.db.name", database),
        ("gov.db.application", application),
    )
    return tuple((name, value) for name, value in named if value and value != "[unknown]")


def _peer(fields: Fields, host: str, port: str | None) -> None:
    """The client; a local socket shows as ``[local]`` and leaves none."""
    if host and record.is_address(host):
        fields["source.ip"] = host
    if port and port.isdecimal():
        fields["source.port"] = int(port[:5])


def _failure(fields: Fields, entry: Entry) -> None:
    code = entry.code
    if not code:
        for pattern, known in _CODE_BY_MESSAGE:
            if pattern.match(entry.message):
                code = known
                break
    if code:
        fields["event.code"] = code
    action = _ACTION_BY_CODE.get(code, "db_error")
    # The same codes as ERROR come from CREATE ROLE, SET ROLE and the like in a session.
    if entry.level == "FATAL" and code in _LOGIN_CODES:
        action = "db_login"
    fields["event.action"] = action
    fields["event.outcome"] = "failure"
    fields["message"] = entry.message


def _log(fields: Fields, message: str) -> None:
    """LOG level: connections, statements, audits, durations, the server's own doings."""
    audited = audit_fields(message)
    if audited:
        fields.update(audited)
        return
    text = message
    duration = _DURATION.match(message)
    if duration:
        micros = int(duration[1]) * 1000 + int(f"{duration[2]:0<3}")
        fields["event.duration"] = micros * 1000
        text = message[duration.end() :]
        fields["event.action"] = "db_statement"
    statement = _STATEMENT.match(text)
    if statement:
        # The text stands in the statement already: not twice.
        fields["event.action"] = "db_statement"
        fields["gov.db.statement"] = statement[1]
        return
    fields["message"] = message
    if duration:
        return
    fields["event.action"] = "log"
    if text.startswith("connection received: "):
        fields["event.action"] = "db_connection_received"
        found = _RECEIVED.match(text)
    elif text.startswith("disconnection: "):
        fields["event.action"] = "db_disconnection"
        found = _DISCONNECTION.search(text)
    elif text.startswith("connection authorized: "):
        fields["event.action"] = "db_login"
        fields["event.outcome"] = "success"
        return
    else:
        return
    if found:
        _peer(fields, found[1], found[2])


def time_of(date: str, clock_text: str, fraction: str, zone: str, *, default: int) -> str:
    """The UTC text of ``2026-11-23``, ``13:16:22``, ``179`` and ``UTC``, ``CST``, ``+08`` …

    An unknown zone name is the source's own (``default``, minutes east).
    """
    second = plain_second(date, clock_text, _offset(zone, default))
    return second and f"{second}{fraction:0<6}Z"


def time_of_text(text: str, *, default: int) -> str:
    """The same of ``2026-11-23 13:16:22.179 UTC``; "" for anything else."""
    found = _TIME.match(text)
    if not found:
        return ""
    date, clock_text, fraction, zone = found.groups("")
    return time_of(date, clock_text, fraction, zone, default=default)


@lru_cache(maxsize=256)
def _offset(zone: str, default: int) -> int:
    digits = zone[1:].replace(":", "")
    if zone[0] in "+-" and digits.isdecimal():
        minutes = int(digits[:2]) * 60 + int(digits[2:4] or 0)
        return -minutes if zone[0] == "-" else minutes
    return _ZONES.get(zone, default)
