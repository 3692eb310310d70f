"""What a packet view is told: which systems are the site's, which networks lie inside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

from schema.errors import FengsuiError
from sensors.packets.filter import SYSTEMS_MAX
from sensors.packets.frame import Address

Network: TypeAlias = IPv4Network | IPv6Network

PACKETS_PER_SECOND: Final = 2000
"""Of those that pass the filter; each costs some 20 to 50 microseconds here."""


@dataclass(frozen=True, slots=True)
class System:
    """A registered server."""

    name: str
    address: Address
    port: int


def system(name: str, address: str, port: int) -> System:
    """A system of the settings; raises ``sensors.packets.address``."""
    try:
        return System(name, ip_address(address), port)
    except ValueError as error:
        raise _unsound(address) from error


def network(text: str) -> Network:
    """A network of the settings; raises ``sensors.packets.address``."""
    try:
        return ip_network(text)
    except ValueError as error:
        raise _unsound(text) from error


def _unsound(text: str) -> FengsuiError:
    return FengsuiError(
        "sensors.packets.address",
        f"{text!r} in sensor.packets is no IP address or network",
        address=text,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The terms of one packet view; raises ``sensors.packets.systems`` if there are too many."""

    name: str
    host: str
    systems: Sequence[System] = ()
    internal: Sequence[Network] = ()
    packets_per_second: int = PACKETS_PER_SECOND
    _names: dict[tuple[Address, int], str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        if len({one.address for one in self.systems}) > SYSTEMS_MAX:
            raise FengsuiError(
                "sensors.packets.systems",
                f"packet view {self.name!r} has more than {SYSTEMS_MAX} addresses of systems: "
                "take several views, or none for all addresses",
                view=self.name,
            )
        self._names.update({(one.address, one.port): one.name for one in self.systems})

    def service(self, address: Address, port: int) -> str:
        """The registered name of a server, or nothing."""
        return self._names.get((address, port), "")

    def direction(self, source: Address, destination: Address) -> str:
        """As ECS names it, or nothing where no internal network is told."""
        if not self.internal:
            return ""
        inside = tuple(
            any(one in network for network in self.internal) for one in (source, destination)
        )
        return {
            (True, True): "internal",
            (True, False): "outbound",
            (False, True): "inbound",
            (False, False): "external",
        }[inside[0], inside[1]]
