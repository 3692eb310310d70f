"""Acts: what happens to the machines and devices, and what each leaves in their logs.

An act knows all of itself, chance included: doing it is writing. Device logs and Windows events
are written by :mod:`district.daily.devices` and :mod:`district.daily.windows`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from crypto import sm3
from district.calendar import SECOND_US, ZONE
from district.stream import Sink, Statement

__all__ = [
    "SENSED", "WIRE", "Act", "Approved", "Asked", "Connected", "Entered", "FileSeen", "PortSeen",
    "ProcessSeen", "Requested", "Said",
]  # fmt: skip

SENSED: Final = "host-inventory"
"""Stream of what our own sensors see on machines: processes, ports, watched files."""
WIRE: Final = "packet-view"
"""Stream of our own packet view."""


class Act(Protocol):
    """Something that leaves a trace."""

    def leave(self, sink: Sink, at: int) -> None:
        """Write it."""


def moment(at: int) -> datetime:
    """The time by the clock of China."""
    return datetime.fromtimestamp(at / SECOND_US, ZONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A program of a Linux machine writes to its authentication log (rsyslog, RFC 3339 head)."""

    host: str
    program: str
    pid: int
    text: str

    def leave(self, sink: Sink, at: int) -> None:
        stamp = moment(at).isoformat(timespec="microseconds")
        sink.write(
            f"auth-{self.host}", at, f"{stamp} {self.host} {self.program}[{self.pid}]: {self.text}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """Somebody tries to enter a Linux machine over SSH, as sshd tells it."""

    host: str
    user: str
    address: str
    port: int
    method: str = "publickey"
    success: bool = True
    unknown: bool = False
    """The machine has no such account."""

    def leave(self, sink: Sink, at: int) -> None:
        name = f"invalid user {self.user}" if self.unknown else self.user
        if self.unknown:
            text = f"Invalid user {self.user} from {self.address} port {self.port}"
            self._say(sink, at, text)
            at += 40_000
        key = (
            ": ED25519 SHA256:mJ0x7c2dVQf0k3o1mBq4v0o9yQhY2m3r7l1bq8d0Zt4"
            if self.method == "publickey"
            else ""
        )
        verb = "Accepted" if self.success else "Failed"
        self._say(
            sink,
            at,
            f"{verb} {self.method} for {name} from {self.address} port {self.port} ssh2{key}",
        )
        if self.success:
            self._say(
                sink, at + 20_000,
                f"pam_unix(sshd:session): session opened for user {self.user}(uid=1004) by (uid=0)",
            )  # fmt: skip

    def _say(self, sink: Sink, at: int, text: str) -> None:
        Said(host=self.host, program="sshd", pid=2000 + self.port % 30000, text=text).leave(
            sink, at
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """A request to a web server, as nginx writes it (combined)."""

    host: str
    address: str
    agent: str
    path: str
    method: str = "GET"
    status: int = 200
    size: int = 5000
    referrer: str = "-"

    def leave(self, sink: Sink, at: int) -> None:
        stamp = moment(at).strftime("%d/%b/%Y:%H:%M:%S %z")
        sink.write(
            f"web-{self.host}", at,
            f'{self.address} - - [{stamp}] "{self.method} {self.path} HTTP/1.1" {self.status} '
            f'{self.size} "{self.referrer}" "{self.agent}"',
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSeen:
    """A watched folder changes."""

    host: str
    path: str
    owner: str
    action: str = "file_created"

    def leave(self, sink: Sink, at: int) -> None:
        name = self.path.rpartition("/")[2]
        sink.event(
            SENSED, at,
            {
                "event.action": self.action, "event.dataset": "host.file", "host.name": self.host,
                "file.path": self.path, "file.owner": self.owner, "file.name": name,
                "file.extension": name.rpartition(".")[2].lower(),
                # Nobody reads what is in it: each file has contents of its own.
                "file.hash.sm3": sm3.digest(self.path.encode()).hex(),
            },
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSeen:
    """A process starts and lives long enough to be seen."""

    host: str
    name: str
    parent: str
    command: str
    user: str
    pid: int

    def leave(self, sink: Sink, at: int) -> None:
        sink.event(
            SENSED, at,
            {
                "event.action": "process_started", "event.dataset": "host.process",
                "host.name": self.host, "process.name": self.name,
                "process.parent.name": self.parent, "process.command_line": self.command,
                "process.pid": self.pid, "user.name": self.user,
            },
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PortSeen:
    """A port of a machine is opened or closed."""

    host: str
    port: int
    process: str
    address: str = "0.0.0.0"
    action: str = "port_opened"

    def leave(self, sink: Sink, at: int) -> None:
        sink.event(
            SENSED, at,
            {
                "event.action": self.action, "event.dataset": "host.listening",
                "host.name": self.host, "destination.ip": self.address,
                "destination.port": self.port, "network.protocol": "tcp",
                "process.name": self.process, "user.name": "root",
            },
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A machine asks the name server, as the packet view sees it."""

    source: str
    name: str
    kind: str = "A"

    def leave(self, sink: Sink, at: int) -> None:
        sink.event(
            WIRE, at,
            {
                "event.action": "dns_query", "event.dataset": "packet.dns",
                "source.ip": self.source, "destination.ip": "10.30.1.53", "destination.port": 53,
                "dns.question.name": self.name, "dns.question.type": self.kind,
                "observer.name": "packet-01",
            },
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """A connection inside is over, as the packet view sees it."""

    source: str
    destination: str
    port: int
    size: int
    transport: str = "tcp"

    def leave(self, sink: Sink, at: int) -> None:
        sink.event(
            WIRE, at,
            {
                "event.action": "flow", "event.dataset": "packet.flow", "source.ip": self.source,
                "destination.ip": self.destination, "destination.port": self.port,
                "network.transport": self.transport, "network.bytes": self.size,
                "observer.name": "packet-01",
            },
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """A row of a register that holds for some hours: a change order, a trip, a new service."""

    register: str
    key: tuple[str, ...]
    fields: Mapping[str, str]
    hours: int

    def leave(self, sink: Sink, at: int) -> None:
        sink.say(
            Statement(self.register, self.key, self.fields, at, at + self.hours * 3600 * SECOND_US)
        )
