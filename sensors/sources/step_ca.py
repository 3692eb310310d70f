"""step-ca's json log (``"logger": {"format": "json"}``): one request to the CA a line.

The log holds the one-time token that a certificate was asked for with, and the certificate itself.
Neither leaves the machine: both are taken out of ``event.original`` before anything else, and a
token wherever it stands, in a line that does not parse too. Serial numbers are lower-case hex, as
CA desks and log-ins write them; step-ca writes them in decimal. What the line does not name (older
releases) is read from the certificate.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import timedelta, timezone
from typing import Final

import msgspec
import re2
from cryptography import x509
from cryptography.x509.oid import NameOID

from schema import times
from schema.errors import FengsuiError
from schema.event import Fields
from sensors.sources import record
from sensors.sources.contract import Context

HIDDEN: Final = "<<secret>>"
"""What stands in place of a token or certificate."""
CERTIFICATE_CHARS_MAX: Final = 64 * 1024
"""A longer one is not looked into: real ones have a few thousand characters."""
SERIAL_DIGITS_MAX: Final = 64
"""RFC 5280 allows 20 octets, which are 49 decimal digits."""

_SECRETS: Final = ("ott", "certificate")
_MEMBER: Final = re2.compile(r'("(?:ott|certificate)"\s*:\s*")(?:[^"\\]|\\.)*')
"""The value of either member, to its end or that of a line that was cut."""
_TOKEN: Final = re2.compile(r"eyJ[\w-]{8,}(?:\.[\w-]*)+")
"""A JSON web token: its head is base64url of ``{"``."""
_KEY_ID: Final = re2.compile(r"^(.*?)(?: \([^()]*\))?$")
_ACTIONS: Final = {
    "sign": "certificate_issue",
    "renew": "certificate_renew",
    "rekey": "certificate_renew",
    "revoke": "certificate_revoke",
    "ssh/sign": "certificate_issue",
    "ssh/renew": "certificate_renew",
    "ssh/rekey": "certificate_renew",
    "ssh/revoke": "certificate_revoke",
    "health": "health",
    "crl": "crl_fetch",
}
"""By the path behind the version. Anything else is a request like those of any server."""
_METHOD: Final = re2.compile(r"[A-Z][A-Z-]{0,31}")


class _Line(msgspec.Struct, frozen=True):
    """The members we read; which of them there are depends on the request."""

    status: int
    path: str
    time: str = msgspec.field(default="", name="fields.time")
    logged: str = msgspec.field(default="", name="time")
    method: str = ""
    address: str = msgspec.field(default="", name="remote-address")
    request_id: str = msgspec.field(default="", name="request-id")
    name: str = ""
    size: int = -1
    agent: str = msgspec.field(default="", name="user-agent")
    user: str = msgspec.field(default="", name="user-id")
    error: str = ""
    subject: str = ""
    provisioner: str = ""
    public_key: str = msgspec.field(default="", name="public-key")
    serial: msgspec.Raw = msgspec.Raw(b'""')
    """A number of up to 160 bits, or a text, by release."""
    revoked: str = msgspec.field(default="", name="serialNumber")
    reason_code: int = msgspec.field(default=-1, name="reasonCode")
    reason: str = ""
    ott: str = ""
    certificate: str = ""


_decoder: Final = msgspec.json.Decoder(_Line)


class StepCa(record.LineFormat):
    """step-ca's json log; line ends inside values are escaped."""

    dataset = "step_ca.access"

    def _line(self, line: str, context: Context) -> Fields | None:
        try:
            told = _decoder.decode(line)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return None
        offset = context.utc_offset_minutes
        time = _time(told.time, offset) or _time(told.logged, offset)
        if not time or not 100 <= told.status <= 999:
            return None
        self._last_time = time
        fields = _request(told, context.host)
        fields |= _certificate(told)
        if told.reason_code >= 0:
            fields["gov.ca.revoke_reason"] = str(told.reason_code)
        if told.error or told.reason:
            fields["event.reason"] = _without_tokens(told.error or told.reason)
        fields |= {"@timestamp": time, "event.dataset": self.dataset}
        fields["event.original"] = _redacted(line, told)
        return record.scrubbed(fields)

    def _unparsed(self, text: str, context: Context) -> Fields:
        return super()._unparsed(_hidden(text), context)


def _request(told: _Line, host: str) -> Fields:
    path = _without_tokens(told.path.partition("?")[0])
    version, _, rest = path.strip("/").partition("/")
    action = _ACTIONS.get(rest if version == "1.0" else path.strip("/"), "http_request")
    fields: Fields = {
        "event.action": action,
        "event.outcome": "success" if told.status < 400 else "failure",
        "host.name": host,
        "http.response.status_code": told.status,
        "url.path": path,
    }
    if record.is_address(told.address):
        fields["source.ip"] = told.address
    if _METHOD.fullmatch(told.method):
        fields["http.request.method"] = told.method
    if 0 <= told.size < 2**63:
        fields["http.response.body.bytes"] = told.size
    for name, value in (
        ("service.name", told.name),
        ("gov.ca.request_id", told.request_id),
        ("user_agent.original", told.agent),
        ("user.id", told.user),
    ):
        if value:
            fields[name] = _without_tokens(value)
    return fields


def _certificate(told: _Line) -> Fields:
    """Serial, subject, provisioner and algorithm: as the line names them, else as issued."""
    fields: Fields = {}
    serial, subject = _hex(_spelt(told.serial) or told.revoked), told.subject
    if told.certificate and not (serial and subject):
        read_serial, read_subject = _read(told.certificate)
        serial, subject = serial or read_serial, subject or read_subject
    found = _KEY_ID.fullmatch(told.provisioner)
    for name, value in (
        ("gov.ca.serial", serial),
        ("user.name", subject),
        ("gov.ca.profile", found[1] if found else told.provisioner),
        ("gov.crypto.alg", told.public_key),
    ):
        if value:
            fields[name] = _without_tokens(value)
    return fields


def _read(text: str) -> tuple[str, str]:
    """Serial and common name of a certificate in base64; two empty texts for what is none."""
    if len(text) > CERTIFICATE_CHARS_MAX:
        return "", ""
    try:
        found = x509.load_der_x509_certificate(base64.b64decode(text, validate=True))
        names = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (binascii.Error, ValueError, TypeError):
        return "", ""
    return f"{found.serial_number:x}", str(names[0].value) if names else ""


def _spelt(raw: msgspec.Raw) -> str:
    return bytes(raw).decode(errors="replace").strip('" ')


def _hex(serial: str) -> str:
    """The number in hex; nothing for what is no number."""
    if not (serial.isascii() and serial.isdecimal() and len(serial) <= SERIAL_DIGITS_MAX):
        return ""
    return f"{int(serial):x}"


def _time(text: str, offset_minutes: int) -> str:
    zone = timezone(timedelta(minutes=offset_minutes))
    try:
        return times.to_text(times.from_written(text, zone=zone)) if text else ""
    except (ValueError, OverflowError, FengsuiError):
        return ""


def _without_tokens(text: str) -> str:
    return _TOKEN.sub(HIDDEN, text) if "eyJ" in text else text


def _hidden(text: str) -> str:
    found: str = _MEMBER.sub(rf"\1{HIDDEN}", text)
    return _without_tokens(found)


def _redacted(line: str, told: _Line) -> str:
    """The line without its secrets; said anew where a member's name may be spelt with escapes."""
    if (told.ott or told.certificate) and "\\u" in line:
        try:
            members = json.loads(line)
        except (ValueError, RecursionError):
            return HIDDEN
        members |= {name: HIDDEN for name in _SECRETS if name in members}
        line = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
    return _hidden(line)
