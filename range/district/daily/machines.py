"""Machines: what stands in the district's rooms, and who looks after it.

Servers in 10.30.1 to 10.30.6, an intranet-only network in 10.50.0.0/24; desks are the town's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from district.town import Clerk, Town

__all__ = [
    "ANSIBLE", "APPROVED", "AV_CLOUD", "BACKUP", "BACKUP_CLOUD", "BASTION", "DOMAIN", "FILES",
    "INTRANET", "LINUX", "MIRROR", "MONITOR", "PATCH", "PRINTER", "SCANNER", "UPDATES", "WEB",
    "WINDOWS", "Crew", "Machine", "servers",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A server."""

    name: str
    """As its logs name it."""
    address: str
    system: Literal["linux", "windows"]


def _row(
    prefix: str, network: str, count: int, system: Literal["linux", "windows"]
) -> list[Machine]:
    return [
        Machine(name=f"{prefix}{number:02d}", address=f"{network}.{10 + number}", system=system)
        for number in range(1, count + 1)
    ]


WEB: Final = tuple(_row("web-", "10.30.3", 4, "linux"))
_APPS: Final = tuple(_row("app-", "10.30.4", 10, "linux"))
_DATABASES: Final = tuple(_row("db-", "10.30.5", 5, "linux"))
_SHARES: Final = tuple(_row("nas-", "10.30.7", 4, "linux"))
LINUX: Final = (*WEB, *_APPS, *_DATABASES, *_SHARES)
DOMAIN: Final = tuple(_row("WIN-DC", "10.30.1", 2, "windows"))
_WINDOWS: Final = tuple(_row("WIN-APP", "10.30.6", 14, "windows"))
WINDOWS: Final = (*DOMAIN, *_WINDOWS)

BASTION: Final = "10.30.1.20"
ANSIBLE: Final = "10.30.1.21"
BACKUP: Final = "10.30.1.22"
MONITOR: Final = "10.30.1.23"
SCANNER: Final = "10.30.1.50"
PATCH: Final = "10.30.1.60"
FILES: Final = ("10.30.2.9", "10.30.2.12", *(one.address for one in _SHARES))
PRINTER: Final = "10.30.2.10"
INTRANET: Final = tuple(f"10.50.0.{20 + number}" for number in range(24))
"""Machines that must never reach the internet."""

MIRROR: Final = "198.18.160.10"
"""Mirror of the Linux distributions."""
UPDATES: Final = "198.18.160.20"
"""Updates of Windows and of the anti-virus program."""
BACKUP_CLOUD: Final = "198.18.161.5"
AV_CLOUD: Final = "198.18.160.30"
APPROVED: Final = {
    MIRROR: "mirror", UPDATES: "updates", BACKUP_CLOUD: "backup", AV_CLOUD: "reputation",
}  # fmt: skip


def servers() -> tuple[Machine, ...]:
    """All of them."""
    return (*LINUX, *WINDOWS)


class Crew:
    """Who looks after the machines, who is on duty at night, who travels."""

    def __init__(self, town: Town) -> None:
        data = town.clerks_of(town.units[0])
        self.operators: tuple[Clerk, ...] = data[:6]
        """Of the data bureau; they work through the bastion host."""
        self.duty: tuple[Clerk, ...] = data[6:9]
        """Those who are on call at night."""
        away = [one for one in town.clerks if one.role == "manager"]
        self.travellers: tuple[Clerk, ...] = tuple(away[1:7])
        """They go on business trips."""
        taken = {one.user for one in (*self.operators, *self.duty, *self.travellers)}
        self.others: tuple[Clerk, ...] = tuple(one for one in town.clerks if one.user not in taken)
        """Everybody else, in the town's order."""
