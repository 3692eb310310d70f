"""Frames and what of them is read: Ethernet, IPv4 and IPv6, TCP and UDP, without exceptions."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Protocol, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

TCP: Final = 6
UDP: Final = 17
FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
ACK: Final = 0x10

_VLAN: Final = (0x8100, 0x88A8)
_VLANS_MAX: Final = 2


@dataclass(frozen=True, slots=True)
class Frame:
    """One Ethernet frame and when it was taken, microseconds UTC."""

    at: int
    raw: bytes


class Frames(Protocol):
    """Where frames come from: an interface, or a file."""

    @property
    def dropped(self) -> int:
        """Frames lost before they could be taken, since the start."""

    def take(self, limit: int) -> list[Frame]:
        """At most ``limit`` frames that wait, in order; raises OSError where it cannot read."""

    def close(self) -> None:
        """Give back what is held."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A TCP segment or UDP datagram."""

    source: Address
    source_port: int
    destination: Address
    destination_port: int
    protocol: int
    payload: bytes
    length: int
    """Payload bytes on the wire; ``payload`` may be cut."""
    flags: int = 0
    sequence: int = 0
    acknowledged: int = 0


def _number(raw: bytes, at: int, size: int) -> int:
    return int.from_bytes(raw[at : at + size], "big")


def packet(raw: bytes) -> Packet | None:
    """What a frame carries, or nothing if it is anything else or cut within its headers."""
    at, kind = 14, _number(raw, 12, 2)
    for _ in range(_VLANS_MAX):
        if kind in _VLAN:
            kind, at = _number(raw, at + 2, 2), at + 4
    source: Address
    destination: Address
    if kind == 0x0800 and len(raw) >= at + 20:
        header = 4 * (raw[at] & 0x0F)
        if raw[at] >> 4 != 4 or header < 20 or _number(raw, at + 6, 2) & 0x1FFF:
            return None
        protocol, size = raw[at + 9], _number(raw, at + 2, 2) - header
        source = IPv4Address(raw[at + 12 : at + 16])
        destination = IPv4Address(raw[at + 16 : at + 20])
    elif kind == 0x86DD and len(raw) >= at + 40:
        header, protocol, size = 40, raw[at + 6], _number(raw, at + 4, 2)
        if raw[at] >> 4 != 6:
            return None
        source = IPv6Address(raw[at + 8 : at + 24])
        destination = IPv6Address(raw[at + 24 : at + 40])
    else:
        return None
    body = raw[at + header : at + header + max(size, 0)]
    ports = _number(body, 0, 2), _number(body, 2, 2)
    if protocol == UDP and len(body) >= 8:
        return Packet(source, ports[0], destination, ports[1], UDP, body[8:], size - 8)
    if protocol != TCP or len(body) < 20:
        return None
    offset = 4 * (body[12] >> 4)
    if not 20 <= offset <= size:
        return None
    return Packet(
        source, ports[0], destination, ports[1], TCP, body[offset:], size - offset,
        flags=body[13], sequence=_number(body, 4, 4), acknowledged=_number(body, 8, 4),
    )  # fmt: skip
