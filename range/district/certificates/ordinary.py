"""Ordinary: the honest days of the certificate platform, the desk and the CA."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from district.calendar import (
    DAY_US,
    FLAT,
    HOUR_US,
    MINUTE_US,
    NIGHT,
    OFFICE,
    PUBLIC,
    SECOND_US,
    Day,
)
from district.certificates import acts
from district.certificates.desk import PROFILES
from district.certificates.offices import MINI, VERIFIER, Offices
from district.certificates.records import Via
from district.certificates.surface import ServerWish
from district.deed import Deed
from district.town import REGION, Application, Citizen, Clerk, Town

__all__ = ["NATIONAL", "SYSTEM", "Ordinary", "deed"]

SYSTEM: Final = "certificates"
VISITS: Final = 120
LOOKS: Final = 130
CODES: Final = 45
CONSENTS: Final = 30
CHECKS: Final = 40
ISSUES: Final = 10
REQUESTS: Final = 5
ANSWERS: Final = 140
RENEWALS: Final = 30
LINKS: Final = 40
WISHES: Final[tuple[ServerWish, ...]] = ("renew", "sign", "refused")
NIGHT_APPS: Final = 3
"""Of the twelve programs, in turn: each comes every fourth night."""
NATIONAL: Final = (
    ("TLCP1.1", "ECC_SM4_GCM_SM3"), ("TLCP1.1", "ECDHE_SM4_CBC_SM3"), ("1.3", "TLS_SM4_GCM_SM3"),
)  # fmt: skip
SERVICES: Final = (("ecert-api", "10.30.2.11"), ("ca-desk", "10.30.2.21"))
"""Services with a cipher policy, and their servers."""


def deed(at: int, act: object) -> Deed:
    """A deed done here."""
    return Deed(at=at, system=SYSTEM, act=act)


class Ordinary:
    """Whose way leads where, and what they do of a day."""

    def __init__(self, town: Town, offices: Offices) -> None:
        self.town, self.offices = town, offices
        self._counters = [clerk for unit in town.units for clerk in offices.clerks[unit.code]]

    def counter(self, clerk: Clerk, *, node: str = "ecert-1", vpn: bool = False) -> Via:
        """A clerk at the unit's application."""
        return Via(
            app=self.offices.counter_app[clerk.unit.code].app,
            address=clerk.vpn if vpn else clerk.address,
            agent=clerk.agent,
            operator=clerk.user,
            unit=clerk.unit.code,
            node=node,
        )

    def manager(self, clerk: Clerk) -> Via:
        """Who approves at the clerk's unit."""
        return self.counter(self.town.clerks_of(clerk.unit, "manager")[0])

    def mini(self, citizen: Citizen, chance: random.Random) -> Via:
        """A citizen on the way or at home."""
        address = citizen.mobile if chance.random() < 0.6 else citizen.home
        return Via(app=MINI, address=address, agent=citizen.agent, operator=citizen.user)

    def program(self, app: Application, chance: random.Random) -> Via:
        """A department's program."""
        return Via(
            app=app.app, address=chance.choice(app.addresses), agent=app.agent,
            unit=app.unit.code, node=chance.choice(("ecert-1", "ecert-2")),
        )  # fmt: skip

    def citizen(self, chance: random.Random) -> Citizen:
        """Anybody."""
        return chance.choice(self.town.citizens)

    def clerk(self, chance: random.Random) -> Clerk:
        """Anybody at a counter."""
        return chance.choice(self._counters)

    def closes(self, at: int, chance: random.Random) -> int:
        """How long after ``at`` a case ends: some working day of the next days, in office hours."""
        late = at + chance.choice((0, 1, 1, 2, 3, 5, 7, 9)) * DAY_US + chance.randrange(3) * HOUR_US
        return max(late - at, 20 * MINUTE_US)

    def visit(self, day: Day, chance: random.Random, clerk: Clerk, at: int) -> acts.Visit:
        """Somebody at a counter."""
        matter = self.offices.matter_of(clerk, day.number)
        items = tuple(item.code for item in matter.items)
        copy = chance.random() < 0.35
        return acts.Visit(
            via=self.counter(clerk, node=chance.choice(("ecert-1", "ecert-2"))),
            matter=matter.code,
            holder=self.citizen(chance).number,
            items=items,
            download=chance.choice(items) if copy else "",
            original=copy and not matter.annotated_only and chance.random() < 0.5,
            close_after_us=self.closes(at, chance),
        )

    def deeds(self, day: Day, chance: random.Random) -> Iterator[Deed]:
        """All of a day."""
        if day.working:
            yield from self._counter_day(day, chance)
        yield from self._citizens(day, chance)
        yield from self._night(day, chance)
        yield from self._authority(day, chance)

    def _counter_day(self, day: Day, chance: random.Random) -> Iterator[Deed]:
        for clerk in self._counters:
            via = self.counter(clerk)
            at = day.at(8, 35) + chance.randrange(20 * MINUTE_US)
            if chance.random() < 0.03:
                continue
            yield deed(at, acts.Login(via=via))
            yield deed(
                at + MINUTE_US,
                acts.Take(via=via, matter=self.offices.matter_of(clerk, day.number).code),
            )
        for _ in range(day.count(chance, VISITS)):
            at = max(day.moment(chance, OFFICE), day.at(9, 2))
            yield deed(at, self.visit(day, chance, self.clerk(chance), at))
        for _ in range(day.count(chance, ISSUES)):
            clerk = self.clerk(chance)
            entry = acts.Entry(
                via=self.counter(clerk), approver=self.manager(clerk),
                holders=(self.citizen(chance).number,), item=self._own(clerk, chance),
                op="ANNUL" if chance.random() < 0.15 else "ISSUE",
            )  # fmt: skip
            yield deed(day.moment(chance, OFFICE), entry)
        for archivist in self.offices.archivists:
            if day.date.weekday() in (0, 2, 4):
                yield from self._file_at_night(day, chance, archivist)

    def _own(self, clerk: Clerk, chance: random.Random) -> str:
        """A kind that the clerk's unit issues."""
        kinds = [item.code for item in self.offices.items if item.issuer is clerk.unit]
        return chance.choice(kinds)

    def _file_at_night(self, day: Day, chance: random.Random, clerk: Clerk) -> Iterator[Deed]:
        """An archivist files what was closed: always about as much, an hour long."""
        via = self.counter(clerk)
        matter = self.offices.matter_of(clerk, 0)
        yield deed(day.at(8, 40), acts.Take(via=via, matter=matter.code))
        at = day.at(19, 3)
        visit = acts.Visit(
            via=via, matter=matter.code, holder=self.citizen(chance).number, items=(),
            close_after_us=2 * HOUR_US,
        )  # fmt: skip
        yield deed(at, visit)
        for place in range(chance.randrange(24, 28)):
            collect = acts.Collect(via=via, op="DOWNLOAD", place=place % 3)
            yield deed(at + MINUTE_US + place * 100 * SECOND_US, collect)

    def _citizens(self, day: Day, chance: random.Random) -> Iterator[Deed]:
        items = [item.code for item in self.offices.items]
        for _ in range(day.count(chance, LOOKS)):
            someone = self.citizen(chance)
            via, at = self.mini(someone, chance), day.moment(chance, PUBLIC)
            op = chance.choices(("QUERY", "FETCH", "DOWNLOAD", "STATUS"), (2, 5, 2, 2))[0]
            get = acts.Get(via=via, op=op, item=chance.choice(items), holder=someone.number)
            yield deed(at, get)
            if chance.random() < 0.06:
                # Typed by hand, and not quite right.
                wrong = f"1.2.156.3005.2.{chance.choice(items)}.{REGION}{chance.randrange(10**7)}"
                yield deed(at - 40 * SECOND_US, acts.Get(via=via, op="QUERY", licence=wrong))
        for _ in range(day.count(chance, CODES)):
            yield deed(day.moment(chance, OFFICE), self.code_use(chance))
        for _ in range(day.count(chance, CONSENTS)):
            yield deed(day.moment(chance, PUBLIC), self.consent_use(chance))
        for _ in range(day.count(chance, CHECKS)):
            via = self.verifier(self.citizen(chance), chance)
            check = acts.Verify(via=via, item=chance.choice(items), genuine=chance.random() > 0.03)
            yield deed(day.moment(chance, PUBLIC), check)

    def verifier(self, citizen: Citizen, chance: random.Random) -> Via:
        """Somebody on the public page that checks seals."""
        address = citizen.mobile if chance.random() < 0.5 else citizen.home
        return Via(app=VERIFIER, address=address, agent=citizen.agent)

    def code_use(self, chance: random.Random) -> acts.CodeUse:
        """A holder shows a code at a counter; some scan it twice."""
        someone, clerk = self.citizen(chance), self.clerk(chance)
        reader = self.counter(clerk)
        after = chance.randrange(15, 400) * SECOND_US
        shown = [acts.Shown(via=reader, after_us=after)]
        if chance.random() < 0.1:
            shown.append(
                acts.Shown(via=reader, after_us=after + chance.randrange(3, 30) * SECOND_US)
            )
        return acts.CodeUse(
            via=self.mini(someone, chance), item=chance.choice(self.offices.items).code,
            holder=someone.number, shown=tuple(shown),
        )  # fmt: skip

    def consent_use(self, chance: random.Random, times: int = 0) -> acts.ConsentUse:
        """A holder lets a department's program fetch own certificates."""
        someone = self.citizen(chance)
        unit = chance.choice(self.town.units)
        matter = chance.choice(self.offices.matters_of(unit))
        kinds = [item.code for item in matter.items]
        gets = tuple(
            ((20 + 90 * place) * SECOND_US, someone.number, kinds[place % 2])
            for place in range(times or chance.choice((1, 1, 2)))
        )
        return acts.ConsentUse(
            via=self.mini(someone, chance), holder=someone.number,
            user=self.program(self.offices.night_app[unit.code], chance), matter=matter.code,
            gets=gets,
        )  # fmt: skip

    def _night(self, day: Day, chance: random.Random) -> Iterator[Deed]:
        """Departments' programs look at what their matters need, each of their kinds."""
        units = self.town.units
        first = day.number * NIGHT_APPS
        for place in range(NIGHT_APPS):
            unit = units[(first + place) % len(units)]
            via, at = (
                self.program(self.offices.night_app[unit.code], chance),
                day.moment(chance, NIGHT),
            )
            for matter in self.offices.matters_of(unit):
                for number in range(max(1, day.count(chance, 2))):
                    for item in matter.items:
                        get = acts.Get(
                            via=via, op="FETCH" if number == 0 else "STATUS", item=item.code,
                            holder=self.citizen(chance).number, matter=matter.code,
                        )  # fmt: skip
                        at += chance.randrange(2, 40) * SECOND_US
                        yield deed(at, get)

    def _authority(self, day: Day, chance: random.Random) -> Iterator[Deed]:
        """The CA's jobs, the desk, servers' own certificates, and links."""
        for hour in range(24):
            at = day.at(hour, 5) + chance.randrange(5 * MINUTE_US)
            yield deed(at, acts.Job(what="sign_audit"))
        yield deed(day.at(0, 10, chance.randrange(60)), acts.Job(what="publish"))
        yield deed(day.at(12, 10, chance.randrange(60)), acts.Job(what="publish"))
        for _ in range(day.count(chance, ANSWERS)):
            app = chance.choice(self.town.applications)
            job = acts.Job(what="ocsp", address=app.addresses[0], fails=chance.random() < 0.003)
            yield deed(day.moment(chance, PUBLIC), job)
        for _ in range(day.count(chance, RENEWALS)):
            what = chance.choices(WISHES, (20, 6, 1))[0]
            app = chance.choice(self.town.applications)
            yield deed(day.moment(chance, FLAT), acts.StepCa(app=app, what=what))
        for _ in range(day.count(chance, LINKS)):
            yield deed(day.moment(chance, PUBLIC), self.link(chance))
        if day.working:
            for _ in range(day.count(chance, REQUESTS)):
                yield deed(day.moment(chance, OFFICE), self.desked(chance, self.clerk(chance)))
            if chance.random() < 0.5:
                yield deed(day.moment(chance, OFFICE), self.revoked(chance))

    def link(self, chance: random.Random) -> acts.Handshake:
        """A link as the policy wants it."""
        service, server = chance.choice(SERVICES)
        version, cipher = chance.choice(NATIONAL)
        app = chance.choice(self.town.applications)
        return acts.Handshake(
            service=service, address=app.addresses[0], server=server, version=version,
            cipher=cipher,
        )  # fmt: skip

    def officers(self, chance: random.Random) -> tuple[Clerk, Clerk]:
        """Two different officers of the desk."""
        one, other = chance.sample(self._desk(), 2)
        return one, other

    def _desk(self) -> tuple[Clerk, ...]:
        return tuple(clerk for clerk in self.town.clerks if clerk.role == "back")[-6:]

    def desked(self, chance: random.Random, clerk: Clerk) -> acts.Desked:
        """A clerk is given another certificate."""
        officer, approver = self.officers(chance)
        return acts.Desked(
            officer=officer, approver=approver, profile=chance.choice(PROFILES),
            subject=f"CN={clerk.user},OU={clerk.unit.short}",
            wait_us=chance.randrange(5, 40) * MINUTE_US,
        )  # fmt: skip

    def revoked(
        self, chance: random.Random, tried: tuple[tuple[int, Via], ...] = (),
        clerk: Clerk | None = None,
    ) -> acts.Revoke:  # fmt: skip
        """A clerk's certificate is replaced: lost, or of somebody who moved."""
        officer, _ = self.officers(chance)
        return acts.Revoke(
            officer=officer, clerk=clerk or self.clerk(chance), reason=chance.choice((1, 3, 4, 5)),
            tried=tried,
        )  # fmt: skip
