"""Honest ways in that look like attacks: trips, phones, automation, approved changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from district.calendar import MINUTE_US, SECOND_US
from district.daily.acts import Approved, Entered
from district.daily.devices import Commanded, Tunnel
from district.daily.machines import ANSIBLE, BACKUP, BASTION, LINUX
from district.daily.office import port
from district.daily.world import Happening, When, World

__all__ = ["AccessAlike"]


class AccessAlike:
    """What people and programs do to get in: one method a use case, from its beginning."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.of: Mapping[str, Callable[[When], Iterator[Happening]]] = {
            "D12": self._mistyped,
            "D13": self._service_key,
            "D14": self._trip,
            "D15": self._phone_too,
            "D16": self._late_evening,
            "D17": self._automation,
            "D18": self._change,
            "D19": self._meeting_room,
            "D22": self._rollout,
        }

    def _mistyped(self, when: When) -> Iterator[Happening]:
        machine, operator = when.chance.choice(LINUX), when.chance.choice(self.world.crew.operators)
        for number in range(2):
            yield when.at + number * 15 * SECOND_US, Entered(
                host=machine.name, user=operator.user, address=BASTION, port=port(when.chance),
                method="password", success=False,
            )  # fmt: skip
        yield (
            when.at + MINUTE_US,
            Entered(
                host=machine.name,
                user=operator.user,
                address=BASTION,
                port=port(when.chance),
                method="password",
            ),
        )

    def _service_key(self, when: When) -> Iterator[Happening]:
        yield when.at, Entered(
            host=when.chance.choice(LINUX).name,
            user=when.chance.choice(("oracle", "git", "zabbix", "postgres")),
            address=when.chance.choice((ANSIBLE, BACKUP)), port=port(when.chance),
        )  # fmt: skip

    def _trip(self, when: When) -> Iterator[Happening]:
        clerk = when.chance.choice(self.world.crew.travellers)
        if when.chance.random() < 0.4:
            country, address = when.chance.choice(
                (("SG", "198.51.100.20"), ("DE", "198.51.100.180"), ("NL", "203.0.113.170"))
            )
            yield (
                when.at,
                Approved(
                    register="trips",
                    key=(clerk.user, country),
                    fields={"order": "CG-2026"},
                    hours=72,
                ),
            )
        else:
            address = f"198.19.{when.chance.randrange(200)}.77"
        yield when.at + 2 * MINUTE_US, Tunnel(user=clerk.user, address=address, inner=clerk.vpn)

    def _phone_too(self, when: When) -> Iterator[Happening]:
        """The notebook at home, the phone a few minutes later; the next town an hour later."""
        clerk = when.chance.choice(self.world.crew.others[40:])
        home = self.world.days.home_of(clerk)
        if when.chance.random() < 0.7:
            addresses = ((0, home), (11, f"198.18.0.{when.chance.randrange(1, 12)}"))
        else:
            addresses = ((0, home), (75, f"198.18.{when.chance.randrange(130, 160)}.9"))
        for minutes, address in addresses:
            yield (
                when.at + minutes * MINUTE_US,
                Tunnel(user=clerk.user, address=address, inner=clerk.vpn),
            )

    def _late_evening(self, when: When) -> Iterator[Happening]:
        clerk = when.chance.choice(self.world.crew.others[:40])
        yield (
            when.day.at(22, when.chance.randrange(58)),
            Tunnel(user=clerk.user, address=self.world.days.home_of(clerk), inner=clerk.vpn),
        )

    def _automation(self, when: When) -> Iterator[Happening]:
        for _ in range(2):
            yield when.at, Entered(
                host=when.chance.choice(LINUX).name,
                user=when.chance.choice(self.world.crew.operators).user,
                address=BASTION, port=port(when.chance),
            )  # fmt: skip

    def _change(self, when: When) -> Iterator[Happening]:
        operator, machine = when.chance.choice(self.world.crew.operators), when.chance.choice(LINUX)
        session = Commanded(
            user=operator.user, address=operator.address, target=machine.address, account="root"
        )
        if when.chance.random() < 0.5:
            yield (
                when.at,
                Approved(
                    register="changes",
                    key=(operator.user, machine.address),
                    fields={"order": "CH"},
                    hours=4,
                ),
            )
            command = when.chance.choice(("rm -rf /data/", "mkfs.xfs -f /dev/vdc", "iptables -F"))
        else:
            command = when.chance.choice(
                (
                    "rm -rf /srv/app/releases/20260118",
                    "rm -rf /tmp/build",
                    "curl -o /tmp/a.sh http://10.30.1.21/a.sh",
                )
            )
        yield when.at + MINUTE_US, replace(session, command=command)

    def _meeting_room(self, when: When) -> Iterator[Happening]:
        operator = when.chance.choice(self.world.crew.operators)
        for number, address in enumerate((operator.address, operator.address, "10.20.1.200")):
            yield when.at + number * 8 * MINUTE_US, Commanded(
                user=operator.user, address=address, target=when.chance.choice(LINUX).address,
                account="ops", action="session_opened",
            )  # fmt: skip

    def _rollout(self, when: When) -> Iterator[Happening]:
        for number, machine in enumerate(when.chance.sample(LINUX, 8)):
            yield (
                when.at + number * 20 * SECOND_US,
                Entered(host=machine.name, user="deploy", address=ANSIBLE, port=port(when.chance)),
            )
