"""Keycloak's events of users and administrators in its server log (listener ``jboss-logging``).

Three forms of line are read: JSON console lines (Quarkus, ``--log-console-output=json``), plain
lines with a date (Quarkus), and plain lines with a time only (WildFly, up to 16), whose day is the
one nearest to now. Other loggers' lines are ``log``.

Many events name a user by Keycloak's own id alone. The names that earlier lines of the same source
gave are remembered (``USERS_MAX``), so that ``user.id`` is the account as other systems know it;
for an id not seen yet, as after a restart of the sensor, it is Keycloak's id.

Limits, as Keycloak has them: no event of a sent code, no user agent; a database of events
(``eventsEnabled``) leaves out REFRESH_TOKEN, INTROSPECT_TOKEN and INVALID_SIGNATURE by default,
this log does not. Forms as Keycloak 26.2.5 wrote them.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final

import msgspec

from schema import times
from schema.event import Fields
from sensors.sources import record
from sensors.sources.clock import in_zone, plain_second
from sensors.sources.contract import Context
from sensors.sources.keycloak_pairs import pairs
from sensors.sources.keycloak_words import action_of, admin_action_of, method_of

__all__ = ["ADMIN", "EVENT", "Keycloak", "network_of"]

EVENT: Final = "keycloak.event"
ADMIN: Final = "keycloak.admin"
USERS_MAX: Final = 100_000
"""Accounts whose names are remembered: a district's clerks and the citizens of a busy week, about
20 MB. The one named longest ago is forgotten first."""

_LOGGER: Final = "org.keycloak.events"
_PLAIN: Final = re.compile(
    r"(?:(\d{4}-\d\d-\d\d) )?(\d\d:\d\d:\d\d),(\d{3}) +(\w{1,16}) +\[([\w.$\-]{1,200})\] +"
    r"\(([^)]{0,200})\) ?(.*)",
    re.DOTALL | re.ASCII,
)
_BEGINS: Final = re.compile(rb"(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d,\d{3} |\{")
_UTC: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", re.ASCII)
_TARGET: Final = re.compile(r"users/([0-9a-fA-F\-]{36})(?:/|\Z)", re.ASCII)
_CLIENT: Final = re.compile(r'"clientId" ?: ?"([^"]{1,255})"')
_AUTHENTICATION: Final = ["authentication"]
_IAM: Final = ["iam"]
_V4_NETWORK: Final = 24
_V6_NETWORK: Final = 64


class _Console(msgspec.Struct):
    """What is read of a JSON console line."""

    timestamp: str
    message: str = ""
    loggerName: str = ""  # noqa: N815 - as the line has it
    level: str = ""


_DECODER: Final = msgspec.json.Decoder(_Console)


class Keycloak(record.LineFormat):
    """Server log of Keycloak, any of its forms."""

    dataset = EVENT

    def __init__(self) -> None:
        super().__init__()
        self._names: dict[str, str] = {}

    def begins(self, line: bytes) -> bool:
        """A stack trace belongs to the line before it."""
        return _BEGINS.match(line) is not None

    def _line(self, line: str, context: Context) -> Fields | None:
        assumed = False
        if line.startswith("{"):
            try:
                told = _DECODER.decode(line)
            except (msgspec.MsgspecError, UnicodeError):
                return None
            time, level, logger, message = (
                _json_time(told.timestamp), told.level, told.loggerName, told.message,
            )  # fmt: skip
        else:
            found = _PLAIN.match(line)
            if found is None:
                return None
            day, clock, milliseconds, level, logger, _, message = found.groups()
            assumed = day is None
            time = _plain_time(day or "", clock, milliseconds, context)
        if not time:
            return None
        self._last_time = time
        fields: Fields = {
            "@timestamp": time,
            "event.dataset": self.dataset,
            "event.original": line,
            "host.name": context.host,
        }
        fields |= (self._event(message) if logger == _LOGGER else None) or {
            "event.action": "log",
            "event.provider": logger or "-",
            "message": message,
        }
        if level:
            fields["log.level"] = level
        if assumed:
            fields["gov.time.assumed"] = True
        return record.scrubbed(fields)

    def _event(self, message: str) -> Fields | None:
        told = pairs(message)
        if "type" in told:
            return self._user_event(told["type"], told)
        return self._admin_event(told) if "operationType" in told else None

    def _user_event(self, kind: str, told: dict[str, str]) -> Fields:
        action, succeeded = action_of(kind, told)
        fields: Fields = {
            "event.action": action,
            "event.category": _AUTHENTICATION,
            "event.code": kind,
            "event.outcome": "success" if succeeded else "failure",
        }
        self._add_user(fields, told)
        _add_place(fields, told)
        if "clientId" in told:
            fields["gov.auth.client_id"] = told["clientId"]
        if action in {"login", "login_refused"}:
            fields["gov.auth.method"] = method_of(told)
        if action == "signature_invalid":
            fields["gov.crypto.sig_valid"] = False
        for key, name in _TOLD.items():
            if key in told:
                fields.setdefault(name, told[key])
        serial = told.get(_SERIAL, "")
        if serial.isascii() and serial.isdigit() and len(serial) <= _SERIAL_DIGITS_MAX:
            fields["gov.ca.serial"] = f"{int(serial):x}"
        return fields

    def _add_user(self, fields: Fields, told: dict[str, str]) -> None:
        number, name = told.get("userId"), told.get("username")
        if number is None:
            # A refresh that was refused names its user in the token only.
            number = told.get("refresh_token_sub")
        if number and name:
            self._remember(number, name)
        elif number:
            name = self._names.get(number)
        impersonator = told.get("impersonator")
        if impersonator:
            fields["user.id"] = fields["user.name"] = impersonator
            if number:
                fields["user.target.id"] = name or number
            return
        if number:
            fields["user.id"] = name or number
        if name:
            fields["user.name"] = name

    def _admin_event(self, told: dict[str, str]) -> Fields:
        operation, resource = told["operationType"], told.get("resourceType", "")
        path = told.get("resourcePath", "")
        fields: Fields = {
            "event.action": admin_action_of(operation, resource, path),
            "event.category": _IAM,
            "event.code": f"{operation}_{resource}" if resource else operation,
            "event.dataset": ADMIN,
            "event.outcome": "failure" if "error" in told else "success",
        }
        self._add_user(fields, {**told, "username": ""})
        _add_place(fields, told)
        if "error" in told:
            fields["event.reason"] = told["error"]
        target = _TARGET.match(path)
        if target:
            fields["user.target.id"] = self._names.get(target[1], target[1])
        client = _CLIENT.search(told.get("representation", "")) if resource == "CLIENT" else None
        if client:
            fields["gov.auth.client_id"] = client[1]
        return fields

    def _remember(self, number: str, name: str) -> None:
        names = self._names
        names.pop(number, None)
        names[number] = name
        if len(names) > USERS_MAX:
            del names[next(iter(names))]


_SERIAL: Final = "x509_cert_serial_number"
"""Keycloak writes it in decimal; here it is lower-case hex, as the certificate's other sources have
it."""
_SERIAL_DIGITS_MAX: Final = 50
"""Of twenty bytes, the most that RFC 5280 allows, with some to spare."""
_TOLD: Final = {
    "consent": "gov.auth.consent",
    "error": "event.reason",
    "reason": "event.reason",
    "refresh_token_id": "gov.auth.token_hmac",
    "scope": "gov.auth.scope",
    "selected_credential_id": "gov.auth.device_id",
    "token_id": "gov.auth.token_hmac",
    _SERIAL: "gov.ca.serial",
}
"""Details by our names; of two for one name the first that is there counts. The token is the one
that was shown or, at a log-in, given: both are the refresh token, which renews all others."""


def _add_place(fields: Fields, told: dict[str, str]) -> None:
    address = told.get("ipAddress", "")
    if record.is_address(address):
        fields["source.ip"] = address
        fields["gov.source.network"] = network_of(address)
    if "realmName" in told:
        fields["user.domain"] = told["realmName"]


@lru_cache(maxsize=record.CACHE_MAX)
def network_of(address: str) -> str:
    """The /24 of an IPv4 address, the /64 of another: what one attacker easily has at hand."""
    parsed = ip_address(address)
    length = _V6_NETWORK if ":" in address else _V4_NETWORK
    address = str(parsed).partition("%")[0]
    return str(ip_network(f"{address}/{length}", strict=False))


def _json_time(text: str) -> str:
    """``2026-11-26T02:41:24.05028152Z``, or with an offset."""
    found = _UTC.fullmatch(text)
    if found:
        second = plain_second(found[1], found[2], 0)
        return f"{second}{(found[3] or '')[:6]:0<6}Z" if second else ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ""
    if moment.tzinfo is None or moment.utcoffset() is None:
        return ""
    offset = moment.utcoffset() or timedelta()
    return in_zone(moment.replace(tzinfo=None), int(offset.total_seconds()) // 60)


def _plain_time(day: str, clock: str, milliseconds: str, context: Context) -> str:
    zone = context.utc_offset_minutes
    if not day:
        now = context.now()
        local = now + zone * times.MINUTE
        near: list[tuple[int, str]] = []
        for away in (-times.DAY, 0, times.DAY):
            if local + away < 0:
                continue
            second = plain_second(times.to_text(local + away)[:10], clock, zone)
            if second:
                near.append((abs(times.from_text(f"{second}000000Z") - now), second))
        return f"{min(near)[1]}{milliseconds}000Z" if near else ""
    second = plain_second(day, clock, zone)
    return f"{second}{milliseconds}000Z" if second else ""
