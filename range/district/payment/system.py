"""System: payments as one part of the town."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence

from district.calendar import DAY_US, MINUTE_US, SECOND_US, Day
from district.deed import Deed, PayNotice
from district.episode import Plan
from district.payment import portal
from district.payment.attacks import Attacks
from district.payment.departments import (
    COUNTERS,
    DEVICES,
    DOMAIN,
    MINI_PROGRAM,
    PLATFORM_HOST,
    Department,
    departments,
)
from district.payment.flows import Flow
from district.payment.lookalikes import Lookalikes
from district.payment.ordinary import Ordinary, account_of
from district.payment.portal import Deface, Portal, Probe, Release, Restore
from district.payment.records import Via
from district.payment.service import BANK, PLATFORM, TOLD, TREASURY, Service
from district.stream import Sink, Statement, Stream
from district.system import Attack, Keyed
from district.town import Town

__all__ = ["Payment"]


class Payment:
    """The platform, its institutions, the files, and the district's portal."""

    name = "payment"
    streams: Sequence[Stream] = (PLATFORM, TOLD, BANK, TREASURY, portal.PROBE, portal.WATCH)

    def __init__(self, town: Town, sink: Sink) -> None:
        self._town = town
        self.departments = departments(town)
        self.service = Service(self.departments, sink, town.chance("payment", "service"))
        self.portal = Portal(sink)
        self._ordinary = Ordinary(town, self.departments)
        self._lookalikes = Lookalikes(town, self.departments, self._ordinary)
        self.attacks: Sequence[Attack] = Attacks(town, self.departments, self._ordinary).all

    def statements(self, first: Day, keyed: Keyed) -> Iterator[Statement]:
        """Payees, applications, own domains, releases."""
        for dept in self.departments.values():
            for number, account in enumerate(dept.accounts):
                # A new account stands in the register the day before it is used.
                since = first.start + (dept.opened(number) - 1) * DAY_US
                row = {"bank": "9101", "name": dept.name}
                yield Statement("payees", (dept.code, keyed(account)), row, since)
            yield self._application(dept)
            yield Statement("own_domains", (dept.host,), {"unit": dept.unit.code}, -(2**62))
            page = f"www.{dept.unit.short}.{DOMAIN}"
            yield Statement("own_domains", (page,), {"unit": dept.unit.code}, -(2**62))
        for program in (MINI_PROGRAM, DEVICES, COUNTERS):
            yield self._program(program)
        yield Statement("own_domains", (PLATFORM_HOST,), {"unit": ""}, -(2**62))
        yield Statement("own_domains", (portal.SITE,), {"unit": ""}, -(2**62))
        yield from self.portal.statements()

    def _application(self, dept: Department) -> Statement:
        domains = [dept.host, f"www.{dept.unit.short}.{DOMAIN}", PLATFORM_HOST]
        return Statement(
            "applications",
            (dept.app,),
            {
                "name": f"{dept.name}收费系统",
                "unit": dept.unit.code,
                "addresses": list(dept.application.addresses),
                "domains": domains,
                "key_ids": [dept.server().key],
            },
            -(2**62),
        )

    def _program(self, name: str) -> Statement:
        """The platform's own programs send payers back to any page of a department."""
        hosts = [dept.host for dept in self.departments.values()]
        pages = [f"www.{dept.unit.short}.{DOMAIN}" for dept in self.departments.values()]
        row: dict[str, str | int | bool | list[str]] = {
            "name": name, "unit": self._town.units[-1].code, "addresses": [],
            "domains": [PLATFORM_HOST, *hosts, *pages], "key_ids": [],
        }  # fmt: skip
        return Statement("applications", (name,), row, -(2**62))

    def ordinary(self, day: Day, chance: random.Random) -> Iterable[Deed]:
        """The honest deeds of a day."""
        self.service.first_day = day.start - day.number * DAY_US
        yield from self._ordinary.deeds(day, chance)
        yield from self.portal.day(day)

    def lookalikes(self, day: Day, chance: random.Random) -> Iterable[Plan]:
        """Honest episodes that look like an abuse."""
        return self._lookalikes.plans(day, chance)

    def perform(self, deed: Deed) -> Iterable[Deed]:
        """Carry a deed out."""
        act = deed.act
        if isinstance(act, Probe | Release | Deface | Restore):
            self.portal.perform(deed.at, act)
            return []
        if isinstance(act, PayNotice):
            return [self._of(deed.at, act)]
        return list(self.service.perform(deed.at, act))

    def _of(self, at: int, act: PayNotice) -> Deed:
        """Somebody signed in elsewhere pays here."""
        dept = next(iter(self.departments.values()))
        citizen = next((one for one in self._town.citizens if one.user == act.user), None)
        who = citizen or self._town.citizens[0]
        via = Via(address=act.address, agent=act.agent, user=act.user, app=MINI_PROGRAM)
        flow = Flow(
            dept=dept.code,
            due_fen=act.amount_fen,
            channel="wechat",
            via=via,
            payer=account_of(who, "wechat"),
            number=who.number,
            after_us=SECOND_US,
            pace_us=8 * SECOND_US,
            told_again_us=(),
            receipt_after_us=MINUTE_US,
        )
        return Deed(at=at, system=self.name, act=flow)
