"""Windows: the security log of the servers, as NXLog forwards it in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from district.calendar import SECOND_US
from district.daily.acts import moment
from district.stream import Sink

__all__ = ["WINDOWS_LOG", "Audited", "started"]

WINDOWS_LOG: Final = "windows-security"

_CATEGORIES: Final = {
    1102: "Log clear", 1105: "Event processing", 4624: "Logon", 4634: "Logoff",
    4688: "Process Creation", 4719: "Audit Policy Change", 4732: "Security Group Management",
}  # fmt: skip
_SERVICE: Final = frozenset((1102, 1105))
"""Told by the event log service itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """An event of the security log."""

    host: str
    number: int
    user: str
    data: Mapping[str, str] = field(default_factory=dict)

    def leave(self, sink: Sink, at: int) -> None:
        """A JSON record."""
        source = "Microsoft-Windows-Eventlog" if self.number in _SERVICE else (
            "Microsoft-Windows-Security-Auditing"
        )  # fmt: skip
        told: dict[str, str | int] = {
            "EventTime": moment(at).isoformat(timespec="microseconds"),
            "Hostname": self.host,
            "EventType": "INFO" if self.number in _SERVICE else "AUDIT_SUCCESS",
            "SeverityValue": 2,
            "Severity": "INFO",
            "EventID": self.number,
            "SourceName": source,
            "RecordNumber": at // SECOND_US % 10**8,
            "Channel": "Security",
            "Category": _CATEGORIES[self.number],
            "SubjectUserName": self.user,
            "SubjectDomainName": "DISTRICT",
            **self.data,
        }
        sink.write(WINDOWS_LOG, at, json.dumps(told, ensure_ascii=False, separators=(",", ":")))


def started(host: str, user: str, program: str, command: str, parent: str) -> Audited:
    """A process starts (event 4688, with command line)."""
    return Audited(
        host=host,
        number=4688,
        user=user,
        data={"NewProcessName": program, "CommandLine": command, "ParentProcessName": parent},
    )
