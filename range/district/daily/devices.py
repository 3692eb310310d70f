"""Devices: the lines of the firewall, the VPN gateway and the bastion host.

Firewall and gateway write as FortiOS 7 does (key=value); the bastion host sends JSON.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final, Literal

from district import geo
from district.calendar import SECOND_US
from district.daily.acts import moment
from district.stream import Sink

__all__ = ["BASTION_LOG", "FIREWALL_LOG", "VPN_LOG", "Commanded", "Session", "Tunnel"]

FIREWALL_LOG: Final = "firewall"
VPN_LOG: Final = "vpn"
BASTION_LOG: Final = "bastion"

_COUNTRIES: Final = {
    "CN": "China", "US": "United States", "NL": "Netherlands", "SG": "Singapore", "DE": "Germany",
}  # fmt: skip
_ROLES: Final = {"outbound": ("lan", "wan"), "inbound": ("wan", "dmz"), "internal": ("lan", "dmz")}
_PROTOCOLS: Final = {"tcp": 6, "udp": 17}


def _head(at: int, device: str) -> str:
    told = moment(at)
    return (
        f'date={told:%Y-%m-%d} time={told:%H:%M:%S} devname="{device}" devid="FG1H0FTB20000001" '
        f'eventtime={at * 1000} tz="+0800" '
    )


def _country(address: str) -> str:
    found = geo.place(address)
    return _COUNTRIES[found.country] if found else "Reserved"


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
        """A line of the traffic log."""
        source, destination = _ROLES[self.direction]
        sent, received = (self.sent, self.received) if self.allowed else (0, 0)
        sink.write(
            FIREWALL_LOG, at,
            _head(at, "fw-01")
            + f'logid="0000000013" type="traffic" subtype="forward" '
            f'level="{"notice" if self.allowed else "warning"}" vd="root" srcip={self.source} '
            f'srcport={self.source_port} srcintf="{source}" srcintfrole="{source}" '
            f'dstip={self.destination} dstport={self.port} dstintf="{destination}" '
            f'dstintfrole="{destination}" srccountry="{_country(self.source)}" '
            f'dstcountry="{_country(self.destination)}" sessionid={at // SECOND_US % 10**8} '
            f'proto={_PROTOCOLS[self.transport]} action="{"close" if self.allowed else "deny"}" '
            f'policyid={5 if self.allowed else 0} policytype="policy" duration=60 '
            f"sentbyte={sent} rcvdbyte={received}",
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunnel:
    """Somebody logs in to the VPN or out of it."""

    user: str
    address: str
    inner: str
    action: Literal["vpn_login", "vpn_logout"] = "vpn_login"
    success: bool = True

    def leave(self, sink: Sink, at: int) -> None:
        """A line of the gateway's events."""
        if not self.success:
            number, level, what = "0101039426", "alert", "ssl-login-fail"
            reason, inner = "sslvpn_login_permission_denied", ""
        elif self.action == "vpn_login":
            number, level, what = "0101039947", "information", "tunnel-up"
            reason, inner = "tunnel established", f"tunnelip={self.inner} "
        else:
            number, level, what = "0101039948", "information", "tunnel-down"
            reason, inner = "User requested termination of service", f"tunnelip={self.inner} "
        sink.write(
            VPN_LOG, at,
            _head(at, "vpn-01")
            + f'logid="{number}" type="event" subtype="vpn" level="{level}" vd="root" '
            f'action="{what}" tunneltype="ssl-tunnel" tunnelid={at // SECOND_US % 10**8} '
            f'remip={self.address} {inner}user="{self.user}" group="staff" dst_host="N/A" '
            f'reason="{reason}"',
        )  # fmt: skip


_TYPES: Final = {"session_opened": "session_start", "session_closed": "session_end"}


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
        """A JSON record."""
        told: dict[str, str] = {
            "time": moment(at).isoformat(timespec="milliseconds"),
            "device": "bastion-01",
            "type": _TYPES.get(self.action, self.action),
            "user": self.user,
            "client_ip": self.address,
            "asset_ip": self.target,
            "account": self.account,
            "protocol": "ssh",
        }
        if self.command:
            told["command"] = self.command
        sink.write(BASTION_LOG, at, json.dumps(told, ensure_ascii=False, separators=(",", ":")))
