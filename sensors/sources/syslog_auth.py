"""``auth.log``: sshd, PAM, sudo, su and account tools, as syslog writes them.

Two heads: the classic ``Nov 20 20:13:05 host sshd[12]: …`` (no year, no zone) and the ISO one
``2026-11-20T20:13:05.123456+08:00 host sshd[12]: …``. What a message means: ``auth_messages``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, TypeAlias

from schema import times
from schema.event import Fields
from sensors.sources import auth_messages, record
from sensors.sources.clock import month, plain_second, yearless
from sensors.sources.contract import Context

_HEAD: Final = re.compile(
    r"(?:([A-Z][a-z]{2}) ([ \d]\d) (\d\d:\d\d:\d\d)"
    r"|(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d))"
    r" (\S{1,255}) ([^\s:\[\]]{1,128})(?:\[(\d{1,10})\])?: ?",
    re.ASCII,
)
_Head: TypeAlias = tuple[str, str, str, str]
"""Time, program, process id and message."""
_SECONDS: Final = frozenset(f"{second:02d}" for second in range(60))
_REPEATED: Final = re.compile(
    r"message repeated (\d{1,9}) times: \[ ?(.*)\]\Z", re.DOTALL | re.ASCII
)


class SyslogAuth(record.LineFormat):
    """Authentication log of a Linux machine."""

    dataset = "system.auth"

    def __init__(self) -> None:
        super().__init__()
        self._minutes: dict[str, str] = {}
        self._now = 0

    def parse(self, records: Sequence[bytes], context: Context) -> list[Fields]:
        """See :class:`sensors.sources.contract.Format`."""
        now = context.now()
        if now // times.DAY != self._now // times.DAY:
            # A remembered minute belongs to the year it was read in.
            self._minutes.clear()
        self._now = now
        return super().parse(records, context)

    def _line(self, line: str, context: Context) -> Fields | None:
        head = self._quick_head(line) or self._head(line, context)
        if not head:
            return None
        time, program, pid, message = head
        self._last_time = time
        # OpenSSH 9.8 split its server; rules know it by one name.
        process = "sshd" if program.startswith("sshd-") else program
        fields: Fields = {
            "@timestamp": time,
            "event.dataset": "system.auth",
            "event.original": line,
            "host.name": context.host,
            "process.name": process,
        }
        if pid:
            fields["process.pid"] = int(pid)
        if message.startswith("message repeated "):
            repeated = _REPEATED.match(message)
            if repeated:
                fields["labels.repeated"] = int(repeated[1])
                message = repeated[2]
        fields.update(auth_messages.read(process, message))
        return fields

    def _quick_head(self, line: str) -> _Head | None:
        """The head of a classic line in a minute already met, without the pattern."""
        minute = self._minutes.get(line[:13])
        parts = line[15:].split(" ", 3)
        if not minute or line[13:15] not in _SECONDS or len(parts) != 4 or parts[0]:
            return None
        program, bracket, pid = parts[2].removesuffix(":").partition("[")
        pid = pid.removesuffix("]")
        if bracket and parts[2][-2:] == "]:" and 0 < len(pid) < 11 and pid.isdecimal():
            return f"{minute}{line[13:15]}.000000Z", program, pid, parts[3]
        return None

    def _head(self, line: str, context: Context) -> _Head | None:
        found = _HEAD.match(line)
        if not found:
            return None
        name, day, clock_text, date, iso_clock, fraction, zone, _, program, pid = found.groups("")
        if name:
            time = self._classic(line, (name, day, clock_text), context)
        else:
            second = plain_second(date, iso_clock, _offset(zone))
            time = second and f"{second}{fraction[:6]:0<6}Z"
        return (time, program, pid, line[found.end() :]) if time else None

    def _classic(self, line: str, parts: tuple[str, str, str], context: Context) -> str:
        name, day, clock_text = parts
        minute = self._minutes.get(line[:13])
        if not minute:
            zone = context.utc_offset_minutes
            day = day.strip().zfill(2)
            minute = yearless(month(name), day, f"{clock_text[:6]}00", zone=zone, now=self._now)[
                :17
            ]
            if len(self._minutes) >= record.CACHE_MAX:
                self._minutes.clear()
            self._minutes[line[:13]] = minute
        return f"{minute}{clock_text[6:]}.000000Z" if minute and clock_text[6:] in _SECONDS else ""


def _offset(zone: str) -> int:
    """Minutes east of Greenwich of ``Z``, ``+08:00`` or ``+0800``."""
    if zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return -minutes if zone[0] == "-" else minutes
