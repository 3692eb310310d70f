"""People of the identity provider: who is staff, with which habits; seasonal helpers, leavers."""

from __future__ import annotations

import random
from typing import Final

from district.identity.acts import PORTAL, Who
from district.town import OFFICE_AGENTS, Citizen, Clerk, Town

__all__ = ["ABROAD", "EXIT", "People"]

EXIT: Final = "198.51.100.7"
"""Where a partner's line for roaming goes out abroad; it stands in the register of ranges."""
ABROAD: Final = ("203.0.113.40", "198.51.100.77", "203.0.113.201", "198.51.100.140")
TRAVELLERS: Final = 200
"""Citizens who do nothing else than travel, hold new phones and the like: what they do in a
look-alike is then all they do that day."""
SEASONAL: Final = 120
LEAVERS: Final = 6
ADMINS: Final = ("admin.wang", "admin.li", "support.chen")


class People:
    """Accounts by what is usual for them."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.citizens = town.citizens[:-TRAVELLERS]
        self.travellers = town.citizens[-TRAVELLERS:]
        self.with_certificate = tuple(one for one in town.clerks if one.role != "counter")
        self.counters = tuple(one for one in town.clerks if one.role == "counter")
        self.admin_desk = town.clerks_of(town.units[0])[0].address

    def citizen(self, who: Citizen, chance: random.Random) -> Who:
        """At home or behind the operator's exit."""
        address = who.mobile if chance.random() < 0.6 else who.home
        return self.at(who, address)

    def at(self, who: Citizen, address: str, agent: str = "") -> Who:
        """Somewhere else."""
        return Who(
            user=who.user,
            realm="citizens",
            address=address,
            agent=agent or who.agent,
            phone=who.phone,
        )

    def clerk(self, who: Clerk, address: str = "") -> Who:
        """At the desk."""
        return Who(
            user=who.user,
            realm="staff",
            address=address or who.address,
            agent=who.agent,
            phone=f"19400980{self.town.clerks.index(who):03d}",
        )

    def extra(self, user: str, chance: random.Random) -> Who:
        """A helper or leaver without a desk of one's own."""
        unit = chance.choice(self.town.units)
        return Who(
            user=user,
            realm="staff",
            address=f"{unit.network}.{chance.randrange(120, 180)}",
            agent=OFFICE_AGENTS[0],
        )

    def habit(self, who: Clerk) -> tuple[str, str]:
        """(client, method) of a clerk's main system."""
        if who.role == "counter":
            return "service-hall", "otp"
        return "cert-desk", "certificate"

    @property
    def client(self) -> str:
        """The citizens' client."""
        return PORTAL
