"""Daily: the system of the district's network and machines, with all their logs."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from district.calendar import FLAT, MINUTE_US, OFFICE, Day
from district.daily import alike, attacks_access, attacks_hosts, attacks_wire, registers
from district.daily.acts import SENSED, WIRE, Act
from district.daily.devices import BASTION_LOG, FIREWALL_LOG, VPN_LOG
from district.daily.machines import LINUX, WEB, Crew
from district.daily.office import Days
from district.daily.plot import NAME, Plot
from district.daily.windows import WINDOWS_LOG
from district.daily.world import When, World
from district.deed import Deed
from district.episode import Episode, Plan
from district.stream import EVENTS, Sink, Statement, Stream
from district.system import Attack, Keyed
from district.town import Town

__all__ = ["Daily"]

_AT_LEAST: Final = 1
"""Look-alikes of a use case on each day, and one more a week, however quiet the town."""


class Daily:
    """See :class:`district.system.System`."""

    name = NAME

    def __init__(self, town: Town, sink: Sink) -> None:
        self._sink = sink
        self._crew = Crew(town)
        self._days = Days(town, self._crew)
        self._alike = alike.happenings(World(town=town, crew=self._crew, days=self._days))
        plot = Plot(town, self._crew, self._days)
        self.streams: Sequence[Stream] = tuple(_streams())
        self.attacks: Sequence[Attack] = (
            *attacks_wire.attacks(plot),
            *attacks_access.attacks(plot),
            *attacks_hosts.attacks(plot),
        )

    def statements(self, first: Day, keyed: Keyed) -> Iterable[Statement]:
        """What its registers hold before the first day."""
        del first, keyed
        return registers.statements(self._crew)

    def ordinary(self, day: Day, chance: random.Random) -> Iterator[Deed]:
        """The honest deeds of a day."""
        for at, act in self._days.of(day, chance):
            yield Deed(at=at, system=NAME, act=act)

    def lookalikes(self, day: Day, chance: random.Random) -> Iterator[Plan]:
        """Honest episodes that look like attacks: of each use case one and more a day."""
        for use_case, happening in self._alike.items():
            more = day.count(chance, 0.5) + (day.number % 7 == 0)
            for number in range(_AT_LEAST + more):
                at = day.moment(chance, OFFICE if use_case in alike.PEOPLE else FLAT)
                # Early enough for all of it to happen on its day.
                when = When(min(at, day.at(20)), day, chance)
                deeds = [Deed(at=moment, system=NAME, act=act) for moment, act in happening(when)]
                moments = [deed.at for deed in deeds]
                yield Plan(
                    Episode(
                        id=f"{use_case}/like/{day.number}/{number}", use_case=use_case,
                        kind="lookalike", start=min(moments), end=max(moments) + MINUTE_US,
                    ),
                    deeds,
                )  # fmt: skip

    def perform(self, deed: Deed) -> Iterable[Deed]:
        """Write what the act leaves behind."""
        act: Act = deed.act  # type: ignore[assignment] # the deeds of this system carry acts
        act.leave(self._sink, deed.at)
        return ()


def _streams() -> Iterator[Stream]:
    for machine in LINUX:
        yield Stream(
            name=f"auth-{machine.name}", form="syslog_auth", host=machine.name, view="host"
        )
    for machine in WEB:
        yield Stream(
            name=f"web-{machine.name}", form="nginx_access", host=machine.name, view="gateway"
        )
    yield Stream(name=FIREWALL_LOG, form="mapping:firewall_fortigate", host="fw-01", view="network")
    yield Stream(name=VPN_LOG, form="mapping:vpn_fortigate", host="vpn-01", view="network")
    yield Stream(name=BASTION_LOG, form="mapping:bastion_json", host="bastion-01", view="host")
    yield Stream(name=WINDOWS_LOG, form="mapping:windows_nxlog", host="collector-01", view="host")
    yield Stream(name=SENSED, form=EVENTS, host="collector-01", view="host")
    yield Stream(name=WIRE, form=EVENTS, host="packet-01", view="network")
