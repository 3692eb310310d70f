"""Attacks: how each abuse of the certificate platform is carried out, and who is named by it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from district.calendar import DAY_US, HOUR_US, MINUTE_US, OFFICE, SECOND_US, Day, working
from district.certificates import acts
from district.certificates.ordinary import VISITS, Ordinary, deed
from district.certificates.planning import Planning
from district.certificates.platform import STALE
from district.episode import Plan
from district.system import Attack, Occasion
from district.town import citizen_number

__all__ = ["Attacks"]

LICENCE: Final = "gov.cert.license_code"
CODE: Final = "gov.cert.use_code"
CASE: Final = "gov.case.no"
WALK: Final = 50
BULK: Final = 20
SLOW: Final = 60
SEALS: Final = 5
MASS: Final = 21
SLOW_DAYS: Final = 20
"""Calendar days over which somebody collects; the last of them at the window's end."""


class Attacks(Planning):
    """EC01 to EC14."""

    def __init__(self, ordinary: Ordinary) -> None:
        super().__init__(ordinary)
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
        )

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
        """Somebody famous, with no business here, is looked at under the number of an own case;
        below: as a joint applicant, as it should be."""
        clerk, chance = self._clerk(occasion, "EC08"), occasion.chance
        via = self._ordinary.counter(clerk)
        deeds = [self._opened(occasion, clerk, occasion.start)]
        for place in range(self._times(occasion)):
            who = citizen_number(chance)
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
