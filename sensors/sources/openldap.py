"""OpenLDAP's ``slapd`` at log level stats: lines of one operation joined by connection and number.

``conn=1001 op=0 BIND dn="…" method=128`` asks, ``conn=1001 op=0 RESULT tag=97 err=49 …`` answers,
and ``conn=1001 fd=12 ACCEPT from IP=…`` said before from where. An event is written for each line;
that of the answer says who, from where and with what outcome. At most ``CONNECTIONS_MAX``
connections and ``OPERATIONS_MAX`` open operations are remembered, the oldest forgotten first: the
answer to a forgotten one lacks what its question said.

Times: 2.5 and later write hexadecimal seconds and nanoseconds; through syslog the line begins as
syslog lines do. Forms as slapd 2.5.13 wrote them.
"""

from __future__ import annotations

import re
from typing import Final, TypeVar

from schema import times
from schema.event import Fields
from sensors.sources import record
from sensors.sources.clock import month, yearless
from sensors.sources.contract import Context

__all__ = ["OpenLdap"]

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

CONNECTIONS_MAX: Final = 8192
"""As many as a large ``slapd`` holds open; 1 MB."""
OPERATIONS_MAX: Final = 8192
"""Questions without an answer."""

_LINE: Final = re.compile(
    r"(?:([0-9a-f]{8})\.([0-9a-f]{8}) 0x[0-9a-f]+ "
    r"|(\w{3}) ([ \d]\d) (\d\d:\d\d:\d\d) \S+ slapd\[\d+\]: (?:\[ID [^\]]{0,64}\] )?)"
    r"(.*)",
    re.DOTALL | re.ASCII,
)
_CONN: Final = re.compile(
    r"conn=(\d{1,19}) (?:op=(\d{1,19})|fd=\d{1,9}) (\w{1,24})(?: (.*))?", re.DOTALL
)
_ADDRESS: Final = re.compile(r"from IP=\[?([0-9A-Fa-f.:]{2,45}?)\]?:(\d{1,5}) ")
_DN: Final = re.compile(r'dn="([^"]*)"')
_RESULT: Final = re.compile(
    r"(?:tag=(\d{1,5})|oid=[\d.]{0,64}) err=(\d{1,5})(?:.*? text=(.*))?", re.DOTALL
)
_NAME: Final = re.compile(r"(?:uid|cn)=([^,]{1,256})", re.IGNORECASE)
_NS: Final = 10**9
_ACTIONS: Final = {
    "BIND": "ldap_bind", "SRCH": "ldap_search", "ADD": "ldap_add", "MOD": "ldap_modify",
    "DEL": "ldap_delete", "MODRDN": "ldap_rename", "CMP": "ldap_compare",
    "PASSMOD": "ldap_password", "EXT": "ldap_extended",
}  # fmt: skip
_ENDS: Final = {"UNBIND": "ldap_unbind", "ABANDON": "ldap_abandon"}
_TAGS: Final = {
    "97": "ldap_bind", "101": "ldap_search", "103": "ldap_modify", "105": "ldap_add",
    "107": "ldap_delete", "109": "ldap_rename", "111": "ldap_compare", "120": "ldap_extended",
}  # fmt: skip
_AUTHENTICATION: Final = ["authentication"]
_REASONS: Final = {
    "32": "no_such_object", "49": "invalid_credentials", "50": "insufficient_access",
    "53": "unwilling", "19": "constraint_violation",
}  # fmt: skip
"""RFC 4511, 4.1.9; other numbers stay numbers."""


class OpenLdap(record.LineFormat):
    """``slapd``'s stats, from its own output or through syslog."""

    dataset = "openldap.access"

    def __init__(self) -> None:
        super().__init__()
        self._from: dict[str, tuple[str, int]] = {}
        self._asked: dict[tuple[str, str], tuple[str, str]] = {}
        """(action, dn) of open operations."""
        self._bound: dict[str, str] = {}
        """Whose connection it is, once a bind succeeded."""

    def _line(self, line: str, context: Context) -> Fields | None:
        found = _LINE.match(line)
        if found is None:
            return None
        seconds, nanoseconds, name, day, clock, message = found.groups()
        time = (
            _hex_time(seconds, nanoseconds)
            if seconds
            else yearless(
                month(name),
                day.replace(" ", "0"),
                clock,
                zone=context.utc_offset_minutes,
                now=context.now(),
            )
        )
        if not time:
            return None
        self._last_time = time
        fields: Fields = {
            "@timestamp": time,
            "event.action": "log",
            "event.dataset": self.dataset,
            "event.original": line,
            "host.name": context.host,
        }
        told = _CONN.match(message)
        if told is None:
            fields["message"] = message
            return fields
        conn, op, verb, rest = told[1], told[2] or "", told[3], told[4] or ""
        self._add(fields, conn, op, verb, rest)
        return fields

    def _add(self, fields: Fields, conn: str, op: str, verb: str, rest: str) -> None:
        if verb == "ACCEPT":
            fields["event.action"] = "ldap_connect"
            found = _ADDRESS.search(rest + " ")
            if found and record.is_address(found[1]):
                _put(self._from, conn, (found[1], int(found[2])), CONNECTIONS_MAX)
            self._bound.pop(conn, None)
        elif verb == "closed":
            fields["event.action"] = "ldap_disconnect"
        elif verb == "RESULT" or (verb == "SEARCH" and rest.startswith("RESULT")):
            self._answer(fields, conn, op, rest)
        elif verb in _ENDS:
            fields["event.action"] = _ENDS[verb]
        elif verb in _ACTIONS:
            fields["event.action"] = f"{_ACTIONS[verb]}_ask"
            dn = _DN.search(rest)
            who = (dn[1] if dn else "") if verb == "BIND" else self._bound.get(conn, "")
            _put(self._asked, (conn, op), (_ACTIONS[verb], who), OPERATIONS_MAX)
            _add_user(fields, who)
        if conn in self._from:
            fields["source.ip"], fields["source.port"] = self._from[conn]
        if verb == "closed":
            self._from.pop(conn, None)
            self._bound.pop(conn, None)

    def _answer(self, fields: Fields, conn: str, op: str, rest: str) -> None:
        found = _RESULT.search(rest)
        if found is None:
            return
        tag, code = found[1], found[2]
        action, who = self._asked.pop((conn, op), (_TAGS.get(tag, "ldap_result"), ""))
        fields["event.action"] = action
        fields["event.code"] = code
        fields["event.outcome"] = "success" if code in {"0", "5", "6"} else "failure"
        if fields["event.outcome"] == "failure":
            fields["event.reason"] = _REASONS.get(code, code)
        if action == "ldap_bind":
            fields["event.category"] = _AUTHENTICATION
            fields["gov.auth.method"] = "password"
            if code == "0" and who:
                _put(self._bound, conn, who, CONNECTIONS_MAX)
        _add_user(fields, who)


def _add_user(fields: Fields, dn: str) -> None:
    found = _NAME.match(dn)
    if found:
        fields["user.id"] = fields["user.name"] = found[1]


def _put(table: dict[_Key, _Value], key: _Key, value: _Value, most: int) -> None:
    table.pop(key, None)
    table[key] = value
    if len(table) > most:
        del table[next(iter(table))]


def _hex_time(seconds: str, nanoseconds: str) -> str:
    fraction = int(nanoseconds, 16)
    if fraction >= _NS:
        return ""
    return times.to_text(int(seconds, 16) * 1_000_000 + fraction // 1000)
