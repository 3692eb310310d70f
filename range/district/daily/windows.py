"""Windows: what the security log of a server tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from district.stream import Sink
from schema.event import Fields

__all__ = ["WINDOWS_LOG", "Audited", "started"]

WINDOWS_LOG: Final = "windows-security"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """An event of the security log."""

    host: str
    number: int
    user: str
    data: Mapping[str, str] = field(default_factory=dict)

    def leave(self, sink: Sink, at: int) -> None:
        fields: Fields = {
            "event.code": str(self.number), "event.dataset": "windows.security",
            "event.provider": "Microsoft-Windows-Security-Auditing", "host.name": self.host,
            "user.name": self.user, "winlog.channel": "Security",
            "winlog.computer_name": self.host, "winlog.event_id": str(self.number),
        }  # fmt: skip
        for name, value in self.data.items():
            fields[_NAMES.get(name, f"winlog.event_data.{name}")] = value
        sink.event(WINDOWS_LOG, at, fields)


_NAMES: Final = {
    "NewProcessName": "process.executable",
    "CommandLine": "process.command_line",
    "ParentProcessName": "process.parent.executable",
    "TargetUserName": "user.target.name",
}


def started(host: str, user: str, program: str, command: str, parent: str) -> Audited:
    """A process starts (event 4688, with command line)."""
    return Audited(
        host=host,
        number=4688,
        user=user,
        data={"NewProcessName": program, "CommandLine": command, "ParentProcessName": parent},
    )
