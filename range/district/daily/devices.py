"""Devices: what the firewall, the VPN gateway and the bastion host write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from district import geo
from district.stream import Sink
from schema.event import Fields

__all__ = ["BASTION_LOG", "FIREWALL_LOG", "VPN_LOG", "Commanded", "Session", "Tunnel"]

FIREWALL_LOG: Final = "firewall"
VPN_LOG: Final = "vpn"
BASTION_LOG: Final = "bastion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session that the firewall let through or denied, told at its end."""

    source: str
    destination: str
    port: int
    source_port: int
    allowed: bool = True
    direction: Literal["outbound", "inbound", "internal"] = "outbound"
    transport: str = "tcp"
    sent: int = 1800
    received: int = 9000

    def leave(self, sink: Sink, at: int) -> None:
        fields: Fields = {
            "event.action": "allow" if self.allowed else "deny",
            "event.dataset": "firewall.traffic", "observer.name": "fw-01",
            "source.ip": self.source, "source.port": self.source_port,
            "destination.ip": self.destination, "destination.port": self.port,
            "network.transport": self.transport, "network.direction": self.direction,
            "source.bytes": self.sent if self.allowed else 0,
            "destination.bytes": self.received if self.allowed else 0,
        }  # fmt: skip
        place = geo.place(self.destination)
        if place:
            fields["destination.geo.country_iso_code"] = place.country
        sink.event(FIREWALL_LOG, at, fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunnel:
    """Somebody logs in to the VPN or out of it."""

    user: str
    address: str
    inner: str
    action: Literal["vpn_login", "vpn_logout"] = "vpn_login"
    success: bool = True

    def leave(self, sink: Sink, at: int) -> None:
        sink.event(
            VPN_LOG, at,
            {
                "event.action": self.action, "event.dataset": "vpn.session",
                "event.outcome": "success" if self.success else "failure",
                "observer.name": "vpn-01", "source.ip": self.address, "user.name": self.user,
                "user.id": self.user, "labels.inner": self.inner,
            },
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Commanded:
    """A session of the bastion host, or a command in it."""

    user: str
    address: str
    target: str
    account: str
    action: Literal["session_opened", "command", "session_closed"] = "command"
    command: str = ""

    def leave(self, sink: Sink, at: int) -> None:
        fields: Fields = {
            "event.action": self.action, "event.dataset": "bastion.session",
            "observer.name": "bastion-01", "source.ip": self.address, "user.name": self.user,
            "user.id": self.user, "user.target.name": self.account, "destination.ip": self.target,
        }  # fmt: skip
        if self.command:
            fields["process.command_line"] = self.command
        sink.event(BASTION_LOG, at, fields)
