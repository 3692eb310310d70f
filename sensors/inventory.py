"""What runs and what listens on this machine: process starts and open ports, by polling /proc.

Only differences become events. A process that lives for less than one interval is not seen; what
ran before the sensor first looked is the baseline and no event. Standard library only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from schema import times
from schema.event import Fields
from sensors.proc import (
    FILE_BYTES_MAX,
    INTERVAL_US,
    KNOWN_MAX,
    PENDING_MAX,
    Inventory,
    Machine,
    Stat,
    read_stat,
    shown,
)
from sensors.sources import record

__all__ = ["ListeningSource", "Machine", "ProcessSource"]

FDS_MAX: Final = 200_000
"""Descriptors looked through to name the owners of new ports."""


_KTHREADD: Final = 2
"""The kernel's own threads have this parent; they come and go by the hundred."""


class ProcessSource(Inventory):
    """Process starts: action ``process_started`` at the time the kernel gives."""

    kind = "process"

    def __init__(self, name: str, machine: Machine, *, interval_us: int = INTERVAL_US) -> None:
        super().__init__(name, machine, interval_us=interval_us)
        self._known: dict[int, Stat] | None = None

    def look(self, last: int, now: int) -> Iterable[Fields]:
        uptime_text = self.read(self.machine.proc / "uptime", "uptime").split()
        uptime = float(uptime_text[0]) if uptime_text else 0.0
        seen: dict[int, Stat] = {}
        numbers = self.processes()
        self.unread = int(str(self.machine.proc) in self.refused)
        if self.unread:
            # Nothing is known of now: what runs must not count as new when it is seen again.
            return
        for pid in numbers[:KNOWN_MAX]:
            stat = read_stat(self.read(self.machine.proc / str(pid) / "stat", "process"))
            if stat:
                seen[pid] = stat
        before, self._known = self._known, seen
        if before is None:
            return
        new = [pid for pid, stat in seen.items() if _is_new(before.get(pid), stat)]
        new.sort(key=lambda pid: (seen[pid].started_ticks, pid))
        for pid in new[PENDING_MAX:]:
            # Left to the next look, as if it had not been seen.
            del seen[pid]
        for pid in new[:PENDING_MAX]:
            stat = seen[pid]
            if stat.parent != _KTHREADD and pid != _KTHREADD:
                age_us = int((uptime - stat.started_ticks / _TICKS) * times.SECOND)
                # It was not there at the last look; ticks are coarse.
                yield self._started(pid, seen, min(max(now - age_us, last), now))

    def _started(self, pid: int, seen: Mapping[int, Stat], at: int) -> Fields:
        folder, stat = self.machine.proc / str(pid), seen[pid]
        fields: Fields = {
            "@timestamp": times.to_text(at),
            "event.action": "process_started",
            "event.dataset": "host.process",
            "host.name": self.machine.host,
            "process.name": shown(stat.name),
            "process.parent.pid": stat.parent,
            "process.pid": pid,
        }
        if stat.parent in seen:
            fields["process.parent.name"] = shown(seen[stat.parent].name)
        arguments = self.read(folder / "cmdline", "process.command_line").rstrip(b"\0")
        if arguments:
            text, _ = record.decode(arguments.replace(b"\0", b" "))
            fields["process.command_line"] = shown(text)
        try:
            fields["process.executable"] = shown(str((folder / "exe").readlink()))
        except PermissionError:
            self.refused["process.executable"] += 1
        except OSError:
            pass  # It ended, or has none.
        for line in self.read(folder / "status", "user.name").splitlines():
            if line.startswith(b"Uid:"):
                fields["user.name"] = self.machine.user_of(int(line.split()[1]))
        return fields


_TICKS: Final = os.sysconf("SC_CLK_TCK")


def _is_new(before: Stat | None, now: Stat) -> bool:
    """A number may be given again: the start time tells two processes apart."""
    return before is None or before.started_ticks != now.started_ticks


@dataclass(frozen=True, slots=True)
class _Port:
    table: str
    """The file under /proc/net it stands in."""
    address: str
    number: int

    @property
    def protocol(self) -> str:
        return self.table[:3]


@dataclass(frozen=True, slots=True)
class _Owner:
    uid: int
    inode: str


_LISTEN: Final = "0A"
_UDP_BOUND: Final = "07"
_EPHEMERAL_MIN: Final = 32768
"""From here on a UDP port is most often the near end of somebody's question."""


class ListeningSource(Inventory):
    """Listening ports: ``port_opened`` and ``port_closed``, at the time of the look.

    A sensor that starts for the first time tells all that are open then. UDP ports from 32768 up
    are left out: they are answers under way, not services.
    """

    kind = "listening"

    def __init__(self, name: str, machine: Machine, *, interval_us: int = INTERVAL_US) -> None:
        super().__init__(name, machine, interval_us=interval_us)
        self._known: dict[_Port, _Owner] = {}
        self._read: set[str] = set()
        """Tables that were read since the start."""

    def look(self, last: int, now: int) -> Iterable[Fields]:  # noqa: ARG002 - the base's signature
        seen: dict[_Port, _Owner] = {}
        known = self._known
        self.unread = 0
        for protocol in ("tcp", "tcp6", "udp", "udp6"):
            raw = self._table(protocol)
            if raw is None:
                # What is open is not known now: nothing of it is closed, and nothing opened.
                self.unread += 1
                seen.update((p, owner) for p, owner in known.items() if p.table == protocol)
                continue
            for line in raw.decode("ascii", "replace").splitlines()[1:]:
                entry = _entry(protocol, line)
                if entry and len(seen) < KNOWN_MAX:
                    seen.setdefault(*entry)
            fresh = protocol not in self._read
            self._read.add(protocol)
            if fresh and self.restored:
                # What is open when a sensor starts again was told before.
                known = known | {p: owner for p, owner in seen.items() if p.table == protocol}
        before = known
        opened = [port for port in seen if port not in before]
        closed = [port for port in before if port not in seen]
        owners = self._owners({seen[port].inode for port in opened}) if opened else {}
        changes = [self._told("port_opened", port, seen[port], owners, now) for port in opened]
        changes += [self._told("port_closed", port, before[port], {}, now) for port in closed]
        for port in (*opened, *closed)[PENDING_MAX:]:
            # Left to the next look, as if nothing had changed.
            if port in seen:
                del seen[port]
            else:
                seen[port] = before[port]
        self._known = seen
        yield from changes

    def _table(self, protocol: str) -> bytes | None:
        """One file under /proc/net, nothing where the kernel has none; None if it is unreadable."""
        path = self.machine.proc / "net" / protocol
        try:
            with path.open("rb") as file:
                return file.read(FILE_BYTES_MAX)
        except FileNotFoundError:
            # Without IPv6, say. With no table at all /proc itself is not there.
            return b"" if path.parent.is_dir() and protocol not in self._tables() else None
        except OSError:
            self.refused[f"net/{protocol}"] += 1
            return None

    def _tables(self) -> set[str]:
        """Tables that were there before: one that is gone now is not empty, but unreadable."""
        return {port.table for port in self._known}

    def _told(
        self, action: str, port: _Port, owner: _Owner, owners: Mapping[str, int], now: int
    ) -> Fields:
        fields: Fields = {
            "@timestamp": times.to_text(now),
            "destination.ip": port.address,
            "destination.port": port.number,
            "event.action": action,
            "event.dataset": "host.listening",
            "host.name": self.machine.host,
            "network.protocol": port.protocol,
            "user.name": self.machine.user_of(owner.uid),
        }
        pid = owners.get(owner.inode)
        if pid is not None:
            fields["process.pid"] = pid
            stat = read_stat(self.read(self.machine.proc / str(pid) / "stat", "process"))
            if stat:
                fields["process.name"] = shown(stat.name)
        return fields

    def _owners(self, inodes: set[str]) -> dict[str, int]:
        """Which process holds each socket, as far as we may look."""
        owners: dict[str, int] = {}
        looked = 0
        for pid in self.processes():
            folder = self.machine.proc / str(pid) / "fd"
            try:
                links = list(folder.iterdir())
            except PermissionError:
                self.refused["process.name of ports"] += 1
                continue
            except OSError:
                continue
            looked += len(links)
            if looked > FDS_MAX or len(owners) == len(inodes):
                break
            for link in links:
                try:
                    target = str(link.readlink())
                except OSError:
                    continue
                inode = target.removeprefix("socket:[").removesuffix("]")
                if inode in inodes:
                    owners.setdefault(inode, pid)
        return owners


def _entry(table: str, line: str) -> tuple[_Port, _Owner] | None:
    """One line of ``/proc/net/tcp`` (Documentation/networking/proc_net_tcp.rst)."""
    protocol = table[:3]
    cells = line.split()
    if len(cells) < 10 or cells[3] != (_LISTEN if protocol == "tcp" else _UDP_BOUND):
        return None
    try:
        address, _, port = cells[1].partition(":")
        number, uid = int(port, 16), int(cells[7])
        if protocol == "udp" and number >= _EPHEMERAL_MIN:
            return None
        return _Port(table, _address(address), number), _Owner(uid, cells[9])
    except ValueError:
        return None


def _address(text: str) -> str:
    """The kernel prints each 32-bit word of an address in the machine's byte order."""
    raw = bytes.fromhex(text)
    if len(raw) == 4:
        return str(IPv4Address(raw[::-1]))
    words = (raw[at : at + 4][::-1] for at in range(0, 16, 4))
    return str(IPv6Address(b"".join(words)))
