"""Head: what stands before the text of a syslog message, after RFC 5424 and RFC 3164.

Devices leave out what they like: of a message without a host, a time or even a priority what is
there is read, and the rest is its text. Nothing is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sensors.sources.clock import month, plain_second, yearless

FACILITIES: Final = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "security", "console", "solaris-cron", "local0", "local1", "local2", "local3",
    "local4", "local5", "local6", "local7",
)  # fmt: skip
SEVERITIES: Final = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
PARAMETERS_MAX: Final = 64
"""Of structured data; more stand in the message alone."""

_PRIORITY: Final = re.compile(r"<(\d{1,3})>", re.ASCII)
_NEW: Final = re.compile(r"1 (\S{1,64}) (\S{1,255}) (\S{1,128}) (\S{1,128}) (\S{1,64}) ?", re.ASCII)
_STAMP: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
# Cisco and others put a year, or a fraction, into the classic time.
_OLD: Final = re.compile(
    r"([A-Z][a-z]{2}) ([ \d]\d)(?: (\d{4}))? (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?:? ", re.ASCII
)
_HOST: Final = re.compile(r"([0-9A-Za-z][0-9A-Za-z_.:-]{0,254}) ", re.ASCII)
_TAG: Final = re.compile(r"([0-9A-Za-z_./-]{1,128})(?:\[([0-9A-Za-z_.-]{1,64})\])?: ?", re.ASCII)
_ELEMENT: Final = re.compile(
    r'\[([^\s="\]]{1,128})((?: [^\s="\]]{1,128}="(?:[^"\\\]]|\\.)*")*)\]', re.DOTALL
)
_PARAMETER: Final = re.compile(r' ([^\s="\]]{1,128})="((?:[^"\\\]]|\\.)*)"', re.DOTALL)
_ESCAPED: Final = re.compile(r'\\(["\\\]])')
_NO_TAG: Final = ("CEF:", "LEEF:")
"""Texts that begin as a tag does."""
_NIL: Final = "-"
_MARK: Final = "\ufeff".encode().decode("latin-1")
"""What RFC 5424 puts before a text in UTF-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A message's head; what it does not tell is empty."""

    facility: str = ""
    severity: str = ""
    time: str = ""
    host: str = ""
    app: str = ""
    process_id: str = ""
    message_id: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    """Structured data: ``element.name`` and value."""
    text_at: int = 0
    """Where the text begins."""


def read(raw: bytes, *, utc_offset_minutes: int, now: int) -> Head:
    """The head of a message; places count bytes, whatever their encoding is."""
    line = raw.decode("latin-1")
    found = _PRIORITY.match(line)
    priority = int(found[1]) if found else -1
    at = found.end() if found and priority < len(FACILITIES) * 8 else 0
    facility = FACILITIES[priority >> 3] if at else ""
    severity = SEVERITIES[priority & 7] if at else ""
    new = _NEW.match(line, at)
    if new and (new[1] == _NIL or _STAMP.fullmatch(new[1])):
        return _new(line, new, facility, severity, utc_offset_minutes)
    return _old(line, at, (facility, severity), utc_offset_minutes, now)


def _new(line: str, found: re.Match[str], facility: str, severity: str, zone: int) -> Head:
    time, host, app, process_id, message_id = (
        "" if part == _NIL else _utf8(part) for part in found.groups()
    )
    at, parameters = found.end(), list[tuple[str, str]]()
    if line.startswith(_NIL, at):
        at += 1
    while element := _ELEMENT.match(line, at):
        at = element.end()
        parameters += [
            (_utf8(f"{element[1]}.{one[1]}"), _utf8(_ESCAPED.sub(r"\1", one[2])))
            for one in _PARAMETER.finditer(element[2])
        ]
    at += line.startswith(" ", at)
    at += len(_MARK) if line.startswith(_MARK, at) else 0
    return Head(
        facility=facility, severity=severity, time=_stamp(time, zone), host=host, app=app,
        process_id=process_id, message_id=message_id,
        parameters=tuple(parameters[:PARAMETERS_MAX]), text_at=at,
    )  # fmt: skip


def _utf8(text: str) -> str:
    return text if text.isascii() else text.encode("latin-1").decode("utf-8", "backslashreplace")


def _old(line: str, at: int, priority: tuple[str, str], zone: int, now: int) -> Head:
    time = host = app = process_id = ""
    old, stamp = _OLD.match(line, at), _STAMP.match(line, at)
    if old:
        time, at = _classic(old, zone, now), old.end()
    elif stamp and line.startswith(" ", stamp.end()):
        time, at = _stamp(stamp[0], zone), stamp.end() + 1
    if (old or stamp) and not line.startswith(_NO_TAG, at):
        named = _HOST.match(line, at)
        # A word with a colon at its end is the tag: the host was left out.
        if named and not named[1].endswith(":"):
            host, at = named[1], named.end()
    tag = None if line.startswith(_NO_TAG, at) else _TAG.match(line, at)
    if tag:
        app, process_id, at = tag[1], tag[2] or "", tag.end()
    return Head(
        facility=priority[0], severity=priority[1], time=time, host=host, app=app,
        process_id=process_id, text_at=at,
    )  # fmt: skip


def _classic(found: re.Match[str], zone: int, now: int) -> str:
    name, day, year, clock_text, fraction = found.groups("")
    number, day = month(name), day.strip().zfill(2)
    if not number:
        return ""
    if year:
        second = plain_second(f"{year}-{number:02d}-{day}", clock_text, zone)
    else:
        second = yearless(number, day, clock_text, zone=zone, now=now)[:20]
    return second and f"{second}{fraction:0<6}Z"


def _stamp(text: str, zone: int) -> str:
    found = _STAMP.fullmatch(text)
    if not found:
        return ""
    date, clock_text, fraction, offset = found.groups("")
    if offset:
        minutes = 0 if offset == "Z" else int(offset[1:3]) * 60 + int(offset[-2:])
        zone = -minutes if offset[0] == "-" else minutes
    second = plain_second(date, clock_text, zone)
    return second and f"{second}{fraction[:6]:0<6}Z"
