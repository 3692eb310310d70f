"""Honest traffic that looks like attacks: reading about pools, polling, scanners, meetings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from district.calendar import MINUTE_US, SECOND_US
from district.daily.acts import Asked, Connected
from district.daily.devices import Session
from district.daily.machines import (
    BACKUP,
    BACKUP_CLOUD,
    BASTION,
    FILES,
    INTRANET,
    LINUX,
    SCANNER,
    UPDATES,
    WINDOWS,
)
from district.daily.office import outside, port
from district.daily.world import Happening, When, World

__all__ = ["WireAlike"]

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"


class WireAlike:
    """What firewall and packet view see, one method a use case, told from the moment it begins."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.of: Mapping[str, Callable[[When], Iterator[Happening]]] = {
            "D01": self._pool_page,
            "D02": self._remote_help,
            "D03": self._poll,
            "D04": self._reputations,
            "D05": self._mirror_moves,
            "D06": self._big_upload,
            "D20": self._sweep,
            "D21": self._bastion_rdp,
            "D23": self._denied,
            "D24": self._home_router,
        }

    def _pool_page(self, when: When) -> Iterator[Happening]:
        names = ("www.antpool.com", "docs.nicehash.com", "pool.sports.example", "www.f2pool.com",
                 "oa.mining-group.example")  # fmt: skip
        desk = self.world.desk(when.chance)
        for number in range(3):
            yield (
                when.at + number * 20 * SECOND_US,
                Asked(source=desk.address, name=when.chance.choice(names)),
            )

    def _remote_help(self, when: When) -> Iterator[Happening]:
        desk, to = self.world.desk(when.chance), outside(when.chance)
        to_port = when.chance.choice((5555, 4444, 9999, 7777))
        for number in range(when.chance.randrange(1, 5)):
            yield (
                when.at + number * 9 * MINUTE_US,
                Session(
                    source=desk.address, destination=to, port=to_port, source_port=port(when.chance)
                ),
            )
        for number in range(6):
            yield when.at + number * MINUTE_US, Session(
                source=desk.address, destination="10.30.4.14", port=9999,
                source_port=port(when.chance), direction="internal",
            )  # fmt: skip

    def _poll(self, when: When) -> Iterator[Happening]:
        """A weather panel asks when it likes; a console of an approved service by the clock."""
        desk, to = self.world.desk(when.chance), outside(when.chance)
        moment = when.at
        for _ in range(40):
            yield moment, Session(
                source=desk.address, destination=to, port=443, source_port=port(when.chance),
                sent=700, received=1500,
            )  # fmt: skip
            moment += int(when.chance.uniform(0.5, 1.5) * 100 * SECOND_US)
        machine = when.chance.choice(LINUX)
        for number in range(20):
            yield (
                when.at + number * MINUTE_US,
                Session(
                    source=machine.address,
                    destination=UPDATES,
                    port=443,
                    source_port=port(when.chance),
                ),
            )

    def _reputations(self, when: When) -> Iterator[Happening]:
        desk = self.world.desk(when.chance)
        known = when.chance.random() < 0.5
        for number in range(80 if known else when.chance.randrange(30, 55)):
            label = "".join(when.chance.choices(_LETTERS, k=36))
            tail = "avts.mcafee.com" if known else "cdn-edge.example"
            yield (
                when.at + number * 4 * SECOND_US,
                Asked(source=desk.address, name=f"{label}.{tail}"),
            )

    def _mirror_moves(self, when: When) -> Iterator[Happening]:
        machine = when.chance.choice(LINUX)
        yield when.at, Session(
            source=machine.address, destination=f"198.18.{when.chance.randrange(170, 200)}.7",
            port=443, source_port=port(when.chance),
        )  # fmt: skip
        yield when.at + SECOND_US, Session(
            source=machine.address, destination=f"203.0.113.{when.chance.randrange(1, 250)}",
            port=123, source_port=123, transport="udp",
        )  # fmt: skip
        yield when.at + MINUTE_US, Session(
            source=self.world.desk(when.chance).address, destination="198.51.100.140", port=443,
            source_port=port(when.chance),
        )  # fmt: skip

    def _big_upload(self, when: When) -> Iterator[Happening]:
        desk = self.world.desk(when.chance)
        for number in range(3):
            yield when.at + number * 40 * MINUTE_US, Session(
                source=desk.address, destination="198.18.171.20", port=443,
                source_port=port(when.chance), sent=when.chance.randrange(15 * 10**7, 55 * 10**7),
            )  # fmt: skip
        yield when.at, Session(
            source=BACKUP, destination=BACKUP_CLOUD, port=443, source_port=port(when.chance),
            sent=3 * 10**9,
        )  # fmt: skip

    def _sweep(self, when: When) -> Iterator[Happening]:
        if when.chance.random() < 0.6:
            first = when.chance.randrange(1, 100)
            for number in range(30):
                yield (
                    when.at + number * 5 * SECOND_US,
                    Connected(
                        source=SCANNER,
                        destination=f"10.20.{1 + number % 12}.{first + number}",
                        port=445,
                        size=300,
                    ),
                )
        else:
            desk = self.world.desk(when.chance)
            for number, share in enumerate(FILES):
                yield (
                    when.at + number * 30 * SECOND_US,
                    Connected(source=desk.address, destination=share, port=445, size=10**5),
                )

    def _bastion_rdp(self, when: When) -> Iterator[Happening]:
        for number, machine in enumerate(when.chance.sample(WINDOWS, 10)):
            yield (
                when.at + number * 2 * MINUTE_US,
                Connected(source=BASTION, destination=machine.address, port=3389, size=10**6),
            )

    def _denied(self, when: When) -> Iterator[Happening]:
        machine = when.chance.choice(INTRANET)
        yield (
            when.at,
            Session(
                source=machine,
                destination=outside(when.chance),
                port=443,
                source_port=port(when.chance),
                allowed=False,
            ),
        )
        yield (
            when.at + SECOND_US,
            Session(
                source=machine,
                destination="10.30.4.12",
                port=443,
                source_port=port(when.chance),
                direction="internal",
            ),
        )
        yield (
            when.at + 2 * SECOND_US,
            Session(
                source="10.50.0.9", destination=UPDATES, port=443, source_port=port(when.chance)
            ),
        )

    def _home_router(self, when: When) -> Iterator[Happening]:
        source = when.chance.choice(
            ("192.168.1.27", "192.168.31.12", "192.168.137.140", "172.16.3.9")
        )
        yield (
            when.at,
            Connected(source=source, destination=when.chance.choice(FILES), port=445, size=400),
        )
