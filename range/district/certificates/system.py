"""System: certificates as one part of the town."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence

from district.calendar import Day, days_from
from district.certificates import acts
from district.certificates.attacks import Attacks
from district.certificates.ca_attacks import CaAttacks
from district.certificates.desk import PROFILES, SIGN
from district.certificates.lookalikes import Lookalikes
from district.certificates.offices import MINI, Offices
from district.certificates.ordinary import NATIONAL, SERVICES, SYSTEM, Ordinary, deed
from district.certificates.records import Via
from district.certificates.service import CA, LINKS, PLATFORM, STEP, Service
from district.certificates.step_ca import KEY
from district.deed import Deed, FetchCertificate
from district.episode import Plan
from district.stream import Sink, Statement, Stream
from district.system import Attack, Keyed
from district.town import Town

__all__ = ["Certificates"]

ALWAYS = -(2**62)
CALENDAR_DAYS = 400
"""Days that the work calendar tells in advance."""


class Certificates:
    """The platform, the desk, the CA, and the links to them."""

    name = SYSTEM
    streams: Sequence[Stream] = (PLATFORM, CA, STEP, LINKS)

    def __init__(self, town: Town, sink: Sink) -> None:
        self._town = town
        self.offices = Offices(town)
        self.service = Service(town, self.offices, sink)
        self._ordinary = Ordinary(town, self.offices)
        self._lookalikes = Lookalikes(self._ordinary)
        self._numbers = {citizen.user: citizen.number for citizen in town.citizens}
        self.attacks: Sequence[Attack] = (
            *Attacks(self._ordinary).all,
            *CaAttacks(self._ordinary).all,
        )

    def statements(self, first: Day, keyed: Keyed) -> Iterator[Statement]:
        """Matters, kinds of certificates, the desk's profiles, cipher policies, the calendar."""
        del keyed
        for number, (app, item, matter) in enumerate(self.offices.approved()):
            yield Statement(
                "matters",
                (app, item.code, matter.code),
                {"approval_no": f"YZ-{number:04d}", "annotated_only": matter.annotated_only},
                ALWAYS,
            )
        for item in self.offices.items:
            yield Statement(
                "catalogue",
                ("certificate", item.code),
                {"name": item.code, "unit": item.issuer.code, "sensitive": item.sensitive},
                ALWAYS,
            )
        for officer in self.service.officers:
            for profile in PROFILES:
                yield Statement("ca_profiles", (officer.user, profile), {"office": "RA-1"}, ALWAYS)
        versions, ciphers = zip(*NATIONAL, strict=True)
        policy: dict[str, str | int | bool | list[str]] = {
            "versions": list(versions), "ciphers": list(ciphers), "algorithms": ["SM2"],
        }  # fmt: skip
        for name in (*(service for service, _ in SERVICES), SIGN, "ecert-1", "ecert-2", "ecert-3"):
            yield Statement("cipher_policy", (name,), policy, ALWAYS)
        yield Statement("cipher_policy", ("ca",), {**policy, "algorithms": ["SM2", KEY]}, ALWAYS)
        for day in days_from(first.date, warm_up=CALENDAR_DAYS, measured=0, volume=1):
            if day.working != (day.date.weekday() < 5):
                row = {"working": day.working}
                yield Statement("calendar", (day.date.isoformat(),), row, ALWAYS)

    def ordinary(self, day: Day, chance: random.Random) -> Iterable[Deed]:
        """The honest deeds of a day."""
        return self._ordinary.deeds(day, chance)

    def lookalikes(self, day: Day, chance: random.Random) -> Iterable[Plan]:
        """Honest episodes that look like an abuse."""
        return self._lookalikes.plans(day, chance)

    def perform(self, deed_: Deed) -> Iterable[Deed]:
        """Carry a deed out."""
        act = deed_.act
        if isinstance(act, FetchCertificate):
            act = self._fetch(act)
        return [deed(at, more) for at, more in self.service.perform(deed_.at, act)]

    def _fetch(self, act: FetchCertificate) -> acts.Get:
        """Somebody signed in elsewhere opens an own certificate."""
        number = self._numbers.get(act.user, self._town.citizens[0].number)
        via = Via(app=MINI, address=act.address, agent=act.agent, operator=act.user)
        return acts.Get(via=via, op="FETCH", item=self.offices.items[0].code, holder=number)
