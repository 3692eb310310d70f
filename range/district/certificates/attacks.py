"""Attacks: how each abuse of certificates is carried out, and on whom an alert on it may fall."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from district.calendar import DAY_US, HOUR_US, MINUTE_US, OFFICE, SECOND_US, Day, working
from district.certificates import acts
from district.certificates.desk import FORBIDDEN, OCSP, PROFILES, SIGN
from district.certificates.ordinary import SERVICES, VISITS, Ordinary, deed
from district.certificates.platform import STALE
from district.deed import Deed
from district.episode import Episode, Plan
from district.system import Attack, Occasion
from district.town import Clerk, Unit, citizen_number

__all__ = ["Attacks"]

LICENCE: Final = "gov.cert.license_code"
CODE: Final = "gov.cert.use_code"
CASE: Final = "gov.case.no"
REQUEST: Final = "gov.ca.request_id"
WALK: Final = 50
BULK: Final = 20
SLOW: Final = 60
SEALS: Final = 5
MASS: Final = 21
SURGE: Final = 12
LIST_US: Final = 26 * HOUR_US
SIGNED_US: Final = 2 * HOUR_US
WINDOW_US: Final = 24 * HOUR_US
ERRORS: Final = 100
SLOW_DAYS: Final = 20
"""Calendar days over which somebody collects; the last of them at the window's end."""


class Attacks:
    """All of them; who attacks is somebody who also works honestly."""

    def __init__(self, ordinary: Ordinary) -> None:
        self._ordinary, self._offices, self._town = ordinary, ordinary.offices, ordinary.town
        self._places: dict[str, int] = {
            name: place for place, name in enumerate(
                [*(f"EC{n:02d}" for n in range(1, 15)), *(f"ID{n}" for n in range(17, 23))]
            )
        }  # fmt: skip
        self.all: Sequence[Attack] = (
            Attack(use_case="EC01", plan=self._walk, hours="any"),
            Attack(use_case="EC02", plan=self._many_holders, hours="office"),
            Attack(use_case="EC03", plan=self._replay, hours="office"),
            Attack(use_case="EC04", plan=self._unapproved, hours="office"),
            Attack(use_case="EC05", plan=self._no_case, hours="office"),
            Attack(use_case="EC06", plan=self._bulk, hours="off"),
            Attack(use_case="EC07", plan=self._collect, hours="office", span_days=SLOW_DAYS + 2),
            Attack(use_case="EC08", plan=self._snoop, hours="office"),
            Attack(use_case="EC09", plan=self._served, hours="office"),
            Attack(use_case="EC10", plan=self._altered, hours="office"),
            Attack(use_case="EC11", plan=self._forged, hours="any"),
            Attack(use_case="EC12", plan=self._mass, hours="office"),
            Attack(use_case="EC13", plan=self._first_time, hours="night"),
            Attack(use_case="EC14", plan=self._original, hours="office"),
            Attack(use_case="ID17", plan=self._alone, hours="office"),
            Attack(use_case="ID18", plan=self._surge, hours="office"),
            Attack(use_case="ID19", plan=self._revoked, hours="office", span_days=6),
            Attack(use_case="ID20", plan=self._stale, hours="any", span_days=6),
            Attack(use_case="ID21", plan=self._unsigned, hours="any", span_days=2),
            Attack(use_case="ID22", plan=self._weak, hours="any"),
        )

    def _unit(self, occasion: Occasion, use_case: str) -> Unit:
        """Another unit for each carrying out, and for each use case."""
        units = self._town.units
        return units[(3 * self._places[use_case] + occasion.number + self._town.seed) % len(units)]

    def _clerk(self, occasion: Occasion, use_case: str) -> Clerk:
        staff = self._offices.clerks[self._unit(occasion, use_case).code]
        return staff[(self._places[use_case] + occasion.number) % len(staff)]

    def _plan(
        self,
        occasion: Occasion,
        use_case: str,
        deeds: Iterable[Deed],
        entities: Iterable[str],
        *,
        collect: tuple[str, ...] = (),
        waits_us: int = 0,
    ) -> Plan:
        done = list(deeds)
        return Plan(
            Episode(
                id=f"{use_case}/{occasion.id}", use_case=use_case,
                kind="attack" if occasion.strength >= 1000 else "below",
                # Logs tell milliseconds or seconds, rounded down.
                start=min(one.at for one in done) // SECOND_US * SECOND_US,
                end=max(one.at for one in done) + waits_us + 10 * MINUTE_US,
                strength=occasion.strength, entities=tuple(entities), collect=collect,
            ),
            done,
        )  # fmt: skip

    def _walk(self, occasion: Occasion) -> Plan:
        """Codes are tried one after another with a stolen key."""
        unit = self._unit(occasion, "EC01")
        app, chance = self._offices.night_app[unit.code], occasion.chance
        count = -(-WALK * occasion.strength // 1000)
        act = acts.CheckList(
            via=self._ordinary.program(app, chance), count=count,
            missing=count * chance.randrange(50, 90) // 100, pace_us=270 * SECOND_US // count,
        )  # fmt: skip
        return self._plan(
            occasion, "EC01", [deed(occasion.start, act)], [app.app, *app.addresses],
            waits_us=5 * MINUTE_US,
        )  # fmt: skip

    def _many_holders(self, occasion: Occasion) -> Plan:
        """A program uses one holder's consent for others; below: a front end, which is refused."""
        chance = occasion.chance
        use = self._ordinary.consent_use(chance, 1)
        others = [
            self._ordinary.citizen(chance).number for _ in range(1 + occasion.strength // 1001)
        ]
        gets = tuple(
            ((300 + 120 * place) * SECOND_US, holder, use.gets[0][2])
            for place, holder in enumerate(others)
        )
        if occasion.strength < 1000:
            someone = self._ordinary.citizen(chance)
            use = replace(use, user=self._ordinary.mini(someone, chance), matter="")
        act = replace(use, gets=(*use.gets, *gets))
        return self._plan(
            occasion, "EC02", [deed(occasion.start, act)], [act.user.app, act.user.unit],
            collect=("gov.consent.id",), waits_us=HOUR_US,
        )  # fmt: skip

    def _replay(self, occasion: Occasion) -> Plan:
        """A code is sent twice at once, by a second program, or too late; below: refused."""
        chance = occasion.chance
        use = self._ordinary.code_use(chance)
        first = use.shown[0]
        thief = self._ordinary.counter(self._clerk(occasion, "EC03"), node="ecert-2")
        kind = occasion.number % 3
        if occasion.strength < 1000:
            shown = (first, replace(first, after_us=first.after_us + 5 * SECOND_US))
        elif kind == 0:
            shown = (first, replace(first, after_us=first.after_us + 700_000))
        elif kind == 1 and thief.app != first.via.app:
            shown = (first, acts.Shown(via=thief, after_us=first.after_us + 400_000))
        else:
            late = chance.randrange(15, 120) * MINUTE_US
            shown = (acts.Shown(via=first.via, after_us=late, scanned_after_us=MINUTE_US),)
        act = replace(use, shown=shown)
        return self._plan(
            occasion, "EC03", [deed(occasion.start, act)], [thief.app], collect=(CODE,),
            waits_us=3 * HOUR_US,
        )  # fmt: skip

    def _unapproved(self, occasion: Occasion) -> Plan:
        """A kind that the platform still allows; below: one that was approved."""
        clerk = self._clerk(occasion, "EC04")
        via = self._ordinary.counter(clerk)
        item = self._offices.left_over[clerk.unit.code].code if occasion.strength >= 1000 else ""
        deeds = [
            self._opened(occasion, clerk, occasion.start),
            *(
                deed(occasion.start + (2 + place * 9) * MINUTE_US, acts.Collect(via=via, item=item))
                for place in range(self._times(occasion))
            ),
        ]
        return self._plan(occasion, "EC04", deeds, [via.app, clerk.user])

    def _opened(self, occasion: Occasion, clerk: Clerk, at: int) -> Deed:
        """A case of the clerk's, so that there is one to hide behind."""
        matter = self._offices.matter_of(clerk, occasion.day.number)
        visit = acts.Visit(
            via=self._ordinary.counter(clerk), matter=matter.code, items=(),
            holder=self._ordinary.citizen(occasion.chance).number, close_after_us=2 * HOUR_US,
        )  # fmt: skip
        return deed(at, visit)

    def _times(self, occasion: Occasion) -> int:
        return max(1, occasion.strength // 1000)

    def _no_case(self, occasion: Occasion) -> Plan:
        """A made-up number, or a case long closed; below: one closed lately."""
        clerk, chance = self._clerk(occasion, "EC05"), occasion.chance
        via = self._ordinary.counter(clerk)
        matter = self._offices.matter_of(clerk, occasion.day.number)
        deeds = []
        for place in range(self._times(occasion)):
            at = occasion.start + place * 12 * MINUTE_US
            if occasion.strength < 1000:
                act: object = acts.OldCase(via=via, at_least_us=0, at_most_us=6 * DAY_US)
            elif occasion.number % 2 == 0:
                act = acts.Get(
                    via=via, op="FETCH", item=matter.items[0].code, matter=matter.code,
                    holder=self._ordinary.citizen(chance).number,
                    case=f"C{occasion.day.date:%Y%m%d}9{chance.randrange(10**5):05d}",
                )  # fmt: skip
            else:
                act = acts.OldCase(via=via, at_least_us=8 * DAY_US, at_most_us=50 * DAY_US)
            deeds.append(deed(at, act))
        return self._plan(
            occasion, "EC05", deeds, [clerk.user, clerk.unit.code], collect=(CASE,)
        )  # fmt: skip

    def _bulk(self, occasion: Occasion) -> Plan:
        """A clerk comes back by night and downloads what the own cases give, within an hour."""
        clerk = self._clerk(occasion, "EC06")
        via = self._ordinary.counter(clerk, vpn=True)
        count = -(-BULK * occasion.strength // 1000)
        # From the beginning of an hour, so that all lie in one.
        start = (occasion.start // HOUR_US) * HOUR_US + MINUTE_US
        deeds = [
            self._opened(occasion, clerk, start),
            *(
                deed(
                    start + (60 + place * 52) * SECOND_US,
                    acts.Collect(via=via, op="DOWNLOAD", place=place),
                )
                for place in range(count)
            ),
        ]  # fmt: skip
        return self._plan(occasion, "EC06", deeds, [clerk.user, clerk.vpn])

    def _collect(self, occasion: Occasion) -> Plan:
        """A clerk looks a few people up each day under the pretext of cases that nobody brought."""
        clerk, chance, volume = self._clerk(occasion, "EC07"), occasion.chance, occasion.day.volume
        via = self._ordinary.counter(clerk)
        staff = sum(len(one) for one in self._offices.clerks.values())
        usual = 21 * (VISITS * volume + 14) / staff
        threshold = max(SLOW, usual + 6 * 0.9 * usual**0.5 + 8)
        count = round(
            threshold * occasion.strength / 1000 * (1.2 if occasion.strength >= 1000 else 1)
        )
        if occasion.strength < 1000:
            count = max(1, round(count - usual))
        days = [
            occasion.day.date + dt.timedelta(days=more)
            for more in range(SLOW_DAYS)
            if working(occasion.day.date + dt.timedelta(days=more))
        ]
        deeds = []
        for place in range(count):
            date = days[place % len(days)]
            day = Day(
                number=occasion.day.number + (date - occasion.day.date).days, date=date,
                measured=True, volume=volume,
            )  # fmt: skip
            matter = self._offices.matter_of(clerk, day.number)
            act = acts.Pretext(
                via=via, matter=matter.code, victim=self._ordinary.citizen(chance).number,
                item=matter.items[place % 2].code,
            )  # fmt: skip
            at = max(day.moment(chance, OFFICE), day.at(9, 5), occasion.start)
            deeds.append(deed(at, act))
        return self._plan(
            occasion, "EC07", deeds, [clerk.user], waits_us=2 * DAY_US
        )  # fmt: skip

    def _snoop(self, occasion: Occasion) -> Plan:
        """Somebody famous is looked at under the number of an own case; below: as a joint
        applicant, as it should be."""
        clerk, chance = self._clerk(occasion, "EC08"), occasion.chance
        via = self._ordinary.counter(clerk)
        deeds = [self._opened(occasion, clerk, occasion.start)]
        for place in range(self._times(occasion)):
            who = self._ordinary.citizen(chance).number
            act: object = acts.Collect(via=via, stranger=who, place=place)
            if occasion.strength < 1000:
                item = self._offices.matter_of(clerk, 0).items[0].code
                act = acts.Join(via=via, party=who, item=item)
            deeds.append(deed(occasion.start + (2 + place * 20) * MINUTE_US, act))
        return self._plan(occasion, "EC08", deeds, [clerk.user, clerk.unit.code])

    def _served(self, occasion: Occasion) -> Plan:
        """An annulled certificate is used by way of the node with the old cache; below: refused."""
        clerk, chance = self._clerk(occasion, "EC09"), occasion.chance
        someone = self._ordinary.citizen(chance)
        way = self._ordinary.mini(someone, chance)
        if occasion.strength >= 1000:
            way = replace(way, node=STALE)
        act = acts.Annul(
            via=self._ordinary.counter(clerk), approver=self._ordinary.manager(clerk),
            holder=citizen_number(chance), item=chance.choice(self._offices.items).code,
            asked=tuple(
                ((50 + 15 * place) * MINUTE_US, way, "FETCH")
                for place in range(self._times(occasion))
            ),
        )  # fmt: skip
        return self._plan(
            occasion, "EC09", [deed(occasion.start, act)], [someone.user], collect=(LICENCE,),
            waits_us=3 * HOUR_US,
        )  # fmt: skip

    def _altered(self, occasion: Occasion) -> Plan:
        """The stored file is exchanged; below: issued anew with its approval."""
        clerk, chance = self._clerk(occasion, "EC10"), occasion.chance
        someone = self._ordinary.citizen(chance)
        act = acts.Replace(
            via=self._ordinary.mini(someone, chance), clerk=self._ordinary.counter(clerk),
            approver=self._ordinary.manager(clerk), holder=citizen_number(chance),
            item=chance.choice(self._offices.items).code, times=self._times(occasion),
            anew=occasion.strength < 1000,
        )  # fmt: skip
        return self._plan(
            occasion, "EC10", [deed(occasion.start, act)], [someone.user], collect=(LICENCE,),
            waits_us=4 * HOUR_US,
        )  # fmt: skip

    def _forged(self, occasion: Occasion) -> Plan:
        """Forged certificates of one body are tried until one passes."""
        unit, chance = self._unit(occasion, "EC11"), occasion.chance
        via = self._ordinary.verifier(self._ordinary.citizen(chance), chance)
        item = next(one.code for one in self._offices.items if one.issuer is unit)
        count = -(-SEALS * occasion.strength // 1000)
        deeds = [
            deed(
                occasion.start + place * (540 // max(1, count)) * SECOND_US,
                acts.Verify(via=via, item=item, genuine=False),
            )
            for place in range(count)
        ]  # fmt: skip
        return self._plan(occasion, "EC11", deeds, [unit.code, via.address])

    def _mass(self, occasion: Occasion) -> Plan:
        """By direct entry, without anybody's approval."""
        clerk, chance = self._clerk(occasion, "EC12"), occasion.chance
        via = self._ordinary.counter(clerk, vpn=True)
        count = -(-MASS * occasion.strength // 1000)
        item = next(one.code for one in self._offices.items if one.issuer is clerk.unit)
        act = acts.Entry(
            via=via, approver=None, item=item, op="ANNUL" if occasion.number % 2 else "ISSUE",
            holders=tuple(self._ordinary.citizen(chance).number for _ in range(count)),
            pace_us=540 * SECOND_US // count,
        )  # fmt: skip
        return self._plan(
            occasion, "EC12", [deed(occasion.start, act)], [clerk.user, clerk.vpn],
            waits_us=20 * MINUTE_US,
        )  # fmt: skip

    def _first_time(self, occasion: Occasion) -> Plan:
        """A program that was approved for a sensitive kind long ago suddenly asks for it; below:
        for one that is not sensitive."""
        unit, chance = self._unit(occasion, "EC13"), occasion.chance
        app = self._offices.night_app[unit.code]
        kinds = self._offices.unused if occasion.strength >= 1000 else self._offices.unused_plain
        matter = self._offices.matters_of(unit)[0]
        deeds = [
            deed(
                occasion.start + place * 5 * MINUTE_US,
                acts.Get(
                    via=self._ordinary.program(app, chance), op="FETCH",
                    item=kinds[unit.code].code, holder=self._ordinary.citizen(chance).number,
                    matter=matter.code,
                ),
            )
            for place in range(self._times(occasion))
        ]  # fmt: skip
        return self._plan(occasion, "EC13", deeds, [app.app])

    def _original(self, occasion: Occasion) -> Plan:
        """The old interface hands out originals; below: the annotated copy."""
        clerk = self._clerk(occasion, "EC14")
        via = self._ordinary.counter(clerk)
        matter = next(one for one in self._offices.matters_of(clerk.unit) if one.annotated_only)
        deeds = [
            deed(occasion.start, acts.Take(via=via, matter=matter.code)),
            *(
                deed(
                    occasion.start + (10 + place * 8) * MINUTE_US,
                    acts.Visit(
                        via=via, matter=matter.code, items=(),
                        holder=self._ordinary.citizen(occasion.chance).number,
                        download=matter.items[place % 2].code,
                        original=occasion.strength >= 1000, close_after_us=HOUR_US,
                    ),
                )
                for place in range(self._times(occasion))
            ),
        ]  # fmt: skip
        return self._plan(occasion, "EC14", deeds, [clerk.user, via.app], waits_us=HOUR_US)

    def _alone(self, occasion: Occasion) -> Plan:
        """An officer issues without the second person, or plays both; below: two of them."""
        chance = occasion.chance
        officer, other = self._ordinary.officers(chance)
        approver: Clerk | None = other
        if occasion.strength >= 1000:
            approver = None if occasion.number % 2 == 0 else officer
        deeds = [
            deed(
                occasion.start + place * 11 * MINUTE_US,
                acts.Desked(
                    officer=officer, approver=approver, profile=PROFILES[0],
                    subject=f"CN={officer.user}{place},OU=it", wait_us=2 * MINUTE_US,
                ),
            )
            for place in range(self._times(occasion))
        ]  # fmt: skip
        return self._plan(
            occasion, "ID17", deeds, [officer.user], collect=(REQUEST,), waits_us=HOUR_US
        )  # fmt: skip

    def _surge(self, occasion: Occasion) -> Plan:
        """Far more than ever in an hour, each of them approved; or a profile nobody granted."""
        chance = occasion.chance
        officer, approver = self._ordinary.officers(chance)
        count, profile = -(-SURGE * occasion.strength // 1000), PROFILES[0]
        if occasion.number % 2:
            count = self._times(occasion)
            profile = FORBIDDEN if occasion.strength >= 1000 else profile
        # From the beginning of an hour, so that all lie in one.
        start = (occasion.start // HOUR_US) * HOUR_US + MINUTE_US
        deeds = [
            deed(
                start + place * 80 * SECOND_US,
                acts.Desked(
                    officer=officer, approver=approver, profile=profile,
                    subject=f"CN=svc{place}", wait_us=30 * SECOND_US,
                ),
            )
            for place in range(count)
        ]  # fmt: skip
        return self._plan(occasion, "ID18", deeds, [officer.user])

    def _revoked(self, occasion: Occasion) -> Plan:
        """A revoked certificate opens a node that looks at no list; below: before it is out."""
        clerk = self._clerk(occasion, "ID19")
        via = self._ordinary.counter(clerk, node=STALE, vpn=True)
        after = WINDOW_US * occasion.strength // 1000 + HOUR_US
        act = self._ordinary.revoked(occasion.chance, ((after, via),), clerk)
        return self._plan(
            occasion, "ID19", [deed(occasion.start, act)], [clerk.user],
            collect=("gov.ca.serial",), waits_us=after,
        )  # fmt: skip

    def _stale(self, occasion: Occasion) -> Plan:
        """The list stays out; or the responder answers nobody."""
        if occasion.number % 2 == 0:
            start = occasion.day.at(12, 12)
            gap = LIST_US * occasion.strength // 1000 + 5 * MINUTE_US
            deeds = [deed(start, acts.Outage(job="list", gap_us=gap))]
            return self._plan(occasion, "ID20", deeds, [SIGN], waits_us=max(gap, LIST_US))
        count = -(-ERRORS * occasion.strength // 1000) if occasion.strength >= 1000 else 3
        deeds = [
            deed(
                occasion.start + place * 40 * SECOND_US,
                acts.Job(what="ocsp", address="10.30.10.11", fails=True),
            )
            for place in range(count)
        ]  # fmt: skip
        return self._plan(occasion, "ID20", deeds, [OCSP])

    def _unsigned(self, occasion: Occasion) -> Plan:
        """The audit trail is stopped, or goes on unsigned; below: rotated, or signed late."""
        if occasion.number % 2 == 0:
            what = "AUDIT_STOP" if occasion.strength >= 1000 else "AUDIT_ROTATE"
            officer, _ = self._ordinary.officers(occasion.chance)
            deeds = [
                deed(occasion.start, acts.Job(what=what, officer=officer.user)),
                deed(occasion.start + 7 * MINUTE_US, acts.Job(what="AUDIT_START")),
            ]
            return self._plan(occasion, "ID21", deeds, [SIGN, officer.user])
        gap = SIGNED_US * occasion.strength // 1000 + 2 * MINUTE_US
        deeds = [deed(occasion.start, acts.Outage(job="signature", gap_us=gap))]
        return self._plan(occasion, "ID21", deeds, [SIGN], waits_us=max(gap, SIGNED_US))

    def _weak(self, occasion: Occasion) -> Plan:
        """A link by a suite outside the policy, or a certificate by a short key; below: allowed
        ones."""
        chance = occasion.chance
        weak = occasion.strength >= 1000
        if occasion.number % 2 == 0:
            service, server = SERVICES[0]
            hello = self._ordinary.link(chance)
            if weak:
                hello = replace(
                    hello, service=service, server=server, version="1.2",
                    cipher="TLS_RSA_WITH_AES_128_CBC_SHA",
                )  # fmt: skip
            deeds = [
                deed(occasion.start + place * MINUTE_US, hello)
                for place in range(self._times(occasion))
            ]
            return self._plan(occasion, "ID22", deeds, [hello.service, hello.address])
        desked = self._ordinary.desked(chance, self._clerk(occasion, "ID22"))
        act = replace(desked, alg="RSA-1024" if weak else "SM2")
        return self._plan(
            occasion, "ID22", [deed(occasion.start, act)], [SIGN], waits_us=3 * HOUR_US
        )  # fmt: skip
