"""Look-alikes: honest episodes that resemble each abuse of certificates, at ten times its rate.

Those of offices come on working days, two of a kind; those of citizens and machines daily.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from district.calendar import HOUR_US, MINUTE_US, NIGHT, OFFICE, PUBLIC, SECOND_US, Day
from district.certificates import acts
from district.certificates.desk import PROFILES
from district.certificates.ordinary import Ordinary, deed
from district.deed import Deed
from district.episode import Episode, Plan
from district.town import citizen_number

__all__ = ["Lookalikes"]

LIST: Final = (55, 80)
"""More codes than the threshold, of which few are old."""
LAB: Final = ("ecert-lab", "10.30.9.9")
"""A service without a policy: tests with foreign programs."""


class Lookalikes:
    """Made anew each day."""

    def __init__(self, ordinary: Ordinary) -> None:
        self._ordinary, self._offices, self._town = ordinary, ordinary.offices, ordinary.town

    def plans(self, day: Day, chance: random.Random) -> Iterator[Plan]:
        """All of a day."""
        plan = self._plan
        yield plan(day, "EC01", 0, self._list(day, chance))
        yield plan(day, "EC01", 1, self._mistyped(day, chance))
        for number in range(2):
            yield plan(day, "EC02", number, self._much_used_consent(day, chance))
            yield plan(day, "EC03", number, self._code_again(day, chance, number))
            yield plan(day, "EC09", number, self._annulled(day, chance))
            yield plan(day, "EC10", number, self._anew(day, chance))
            yield plan(day, "EC11", number, self._scanned_copies(day, chance))
            yield plan(day, "EC13", number, self._known_kind(day, chance, number))
            yield plan(day, "ID20", number, self._late_list(day, chance, number))
            yield plan(day, "ID21", number, self._rotated(day, chance, number))
            yield plan(day, "ID22", number, self._without_policy(day, chance, number))
        if day.working:
            for number in range(2):
                yield plan(day, "EC04", number, self._approved_lately(day, chance))
                yield plan(day, "EC05", number, self._after_closing(day, chance))
                yield plan(day, "EC06", number, self._late_shift(day, chance))
                yield plan(day, "EC07", number, self._covering(day, chance, number))
                yield plan(day, "EC08", number, self._family(day, chance))
                yield plan(day, "EC12", number, self._batch(day, chance, number))
                yield plan(day, "EC14", number, self._copies(day, chance, number))
                yield plan(day, "ID17", number, self._slow_approval(day, chance))
                yield plan(day, "ID18", number, self._new_staff(day, chance, number))
                yield plan(day, "ID19", number, self._old_key(day, chance, number))

    def _plan(self, day: Day, use_case: str, number: int, deeds: list[Deed]) -> Plan:
        times = [one.at for one in deeds]
        return Plan(
            Episode(
                id=f"{use_case}/like/{day.number}/{number}", use_case=use_case,
                kind="lookalike", start=min(times), end=max(times),
            ),
            deeds,
        )  # fmt: skip

    def _list(self, day: Day, chance: random.Random) -> list[Deed]:
        """A program checks a list; some codes of it are old."""
        unit = chance.choice(self._town.units)
        count = chance.randrange(*LIST)
        act = acts.CheckList(
            via=self._ordinary.program(self._offices.night_app[unit.code], chance),
            count=count, missing=count * chance.choice((4, 9, 15, 20)) // 100,
            pace_us=3 * SECOND_US,
        )  # fmt: skip
        return [deed(day.moment(chance, NIGHT), act)]

    def _mistyped(self, day: Day, chance: random.Random) -> list[Deed]:
        """A short list, typed by hand, with many mistakes."""
        clerk = self._ordinary.clerk(chance)
        count = chance.randrange(8, 16)
        act = acts.CheckList(
            via=self._ordinary.counter(clerk), count=count, missing=count // 2,
            pace_us=15 * SECOND_US,
        )  # fmt: skip
        return [deed(day.moment(chance, OFFICE), act)]

    def _much_used_consent(self, day: Day, chance: random.Random) -> list[Deed]:
        """One consent, used for the same holder again and again."""
        return [deed(day.moment(chance, PUBLIC), self._ordinary.consent_use(chance, 4))]

    def _code_again(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """Scanned twice, or shown too late and refused, or sent later by an offline reader."""
        someone, clerk = self._ordinary.citizen(chance), self._ordinary.clerk(chance)
        reader = self._ordinary.counter(clerk)
        after = chance.randrange(30, 500) * SECOND_US
        shown = [
            (acts.Shown(via=reader, after_us=after),
             acts.Shown(via=reader, after_us=after + 2 * SECOND_US),
             acts.Shown(via=reader, after_us=after + 9 * SECOND_US)),
            (acts.Shown(via=reader, after_us=chance.randrange(11, 40) * MINUTE_US),),
            (acts.Shown(via=reader, after_us=9 * MINUTE_US, scanned_after_us=after),),
        ][(day.number * 2 + number) % 3]  # fmt: skip
        act = acts.CodeUse(
            via=self._ordinary.mini(someone, chance), item=chance.choice(self._offices.items).code,
            holder=someone.number, shown=shown,
        )  # fmt: skip
        return [deed(day.moment(chance, OFFICE), act)]

    def _approved_lately(self, day: Day, chance: random.Random) -> list[Deed]:
        """The second kind of a matter, which one in a handful of applications needs."""
        clerk = self._ordinary.clerk(chance)
        at = max(day.moment(chance, OFFICE), day.at(9, 5))
        visit = self._ordinary.visit(day, chance, clerk, at)
        return [deed(at, replace(visit, items=visit.items[1:], download=""))]

    def _after_closing(self, day: Day, chance: random.Random) -> list[Deed]:
        """Something is added within the week after closing."""
        clerk = self._ordinary.clerk(chance)
        at = max(day.moment(chance, OFFICE), day.at(9, 5))
        visit = self._ordinary.visit(day, chance, clerk, at)
        again = chance.randrange(1, 6) * 24 * HOUR_US
        act = acts.Visit(
            via=visit.via, matter=visit.matter, holder=visit.holder, items=visit.items,
            close_after_us=2 * HOUR_US, again_after_us=again,
        )  # fmt: skip
        return [deed(at, act)]

    def _late_shift(self, day: Day, chance: random.Random) -> list[Deed]:
        """A clerk stays on and files a few cases."""
        clerk = self._ordinary.clerk(chance)
        via = self._ordinary.counter(clerk)
        before = day.at(17, 10)
        at = day.at(chance.choice((18, 19, 20, 21)), 5)
        return [
            deed(before, self._ordinary.visit(day, chance, clerk, before)),
            *(
                deed(at + place * 3 * MINUTE_US, acts.Collect(via=via, op="DOWNLOAD", place=place))
                for place in range(chance.randrange(4, 11))
            ),
        ]

    def _covering(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """A clerk stands in for another one; each has the turn."""
        units = self._town.units
        unit = units[(day.number * 2 + number) % len(units)]
        staff = self._offices.clerks[unit.code]
        clerk = staff[day.number // 6 % len(staff)]
        deeds = []
        for _ in range(max(2, round(3 * day.volume))):
            at = max(day.moment(chance, OFFICE), day.at(9, 5))
            deeds.append(deed(at, self._ordinary.visit(day, chance, clerk, at)))
        return deeds

    def _family(self, day: Day, chance: random.Random) -> list[Deed]:
        """A spouse or child joins a case."""
        clerk = self._ordinary.clerk(chance)
        at = max(day.moment(chance, OFFICE), day.at(9, 5))
        visit = self._ordinary.visit(day, chance, clerk, at)
        act = acts.Visit(
            via=visit.via, matter=visit.matter, holder=visit.holder, items=visit.items,
            party=self._ordinary.citizen(chance).number, close_after_us=3 * HOUR_US,
        )  # fmt: skip
        return [deed(at, act)]

    def _annulled(self, day: Day, chance: random.Random) -> list[Deed]:
        """An annulled certificate is asked for: refused, and its status told."""
        clerk, someone = self._ordinary.clerk(chance), self._ordinary.citizen(chance)
        asking = self._ordinary.mini(someone, chance)
        act = acts.Annul(
            via=self._ordinary.counter(clerk), approver=self._ordinary.manager(clerk),
            holder=citizen_number(chance), item=chance.choice(self._offices.items).code,
            asked=((HOUR_US, asking, "FETCH"), (HOUR_US + MINUTE_US, asking, "STATUS")),
        )  # fmt: skip
        return [deed(day.moment(chance, PUBLIC), act)]

    def _anew(self, day: Day, chance: random.Random) -> list[Deed]:
        """A certificate is issued anew: another file, another version."""
        clerk, someone = self._ordinary.clerk(chance), self._ordinary.citizen(chance)
        act = acts.Replace(
            via=self._ordinary.mini(someone, chance), clerk=self._ordinary.counter(clerk),
            approver=self._ordinary.manager(clerk), holder=someone.number,
            item=chance.choice(self._offices.items).code, times=1, anew=True,
        )  # fmt: skip
        return [deed(day.moment(chance, PUBLIC), act)]

    def _scanned_copies(self, day: Day, chance: random.Random) -> list[Deed]:
        """Somebody brings scanned copies, two or three of one body."""
        via = self._ordinary.verifier(self._ordinary.citizen(chance), chance)
        item, at = chance.choice(self._offices.items).code, day.moment(chance, PUBLIC)
        return [
            deed(at + place * 70 * SECOND_US, acts.Verify(via=via, item=item, genuine=False))
            for place in range(chance.choice((2, 2, 3)))
        ]

    def _batch(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """A batch that was approved, or a handful by direct entry."""
        clerk = self._ordinary.clerk(chance)
        approved = number == 0 and day.number % 2 == 0
        count = chance.randrange(22, 30) if approved else chance.randrange(3, 8)
        item = next(one.code for one in self._offices.items if one.issuer is clerk.unit)
        act = acts.Entry(
            via=self._ordinary.counter(clerk),
            approver=self._ordinary.manager(clerk) if approved else None,
            holders=tuple(self._ordinary.citizen(chance).number for _ in range(count)),
            item=item, pace_us=15 * SECOND_US,
        )  # fmt: skip
        return [deed(day.moment(chance, OFFICE), act)]

    def _known_kind(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """A program asks for a sensitive kind as it always does."""
        units = self._town.units
        unit = units[(day.number * 2 + number) % len(units)]
        matter = self._offices.matters_of(unit)[0]
        get = acts.Get(
            via=self._ordinary.program(self._offices.night_app[unit.code], chance), op="FETCH",
            item=matter.items[1].code, holder=self._ordinary.citizen(chance).number,
            matter=matter.code,
        )  # fmt: skip
        return [deed(day.moment(chance, NIGHT), get)]

    def _copies(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """Annotated copies where these are wanted; originals where they may be had."""
        clerk = self._ordinary.clerk(chance)
        at = max(day.moment(chance, OFFICE), day.at(9, 5))
        visit = self._ordinary.visit(day, chance, clerk, at)
        free = not next(
            one for one in self._offices.matters if one.code == visit.matter
        ).annotated_only
        act = acts.Visit(
            via=visit.via, matter=visit.matter, holder=visit.holder, items=visit.items,
            download=visit.items[number], original=free, close_after_us=2 * HOUR_US,
        )  # fmt: skip
        return [deed(at, act)]

    def _slow_approval(self, day: Day, chance: random.Random) -> list[Deed]:
        """The second person comes back after days."""
        officer, approver = self._ordinary.officers(chance)
        act = acts.Desked(
            officer=officer, approver=approver, profile=chance.choice(PROFILES),
            subject="CN=late", wait_us=chance.randrange(1, 5) * 24 * HOUR_US,
        )  # fmt: skip
        return [deed(day.moment(chance, OFFICE), act)]

    def _new_staff(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """A body's new staff are given certificates, five to seven within the hour."""
        officer, approver = self._ordinary.officers(chance)
        at = day.at(9 + number * 5, chance.randrange(10))
        return [
            deed(
                at + place * 4 * MINUTE_US,
                acts.Desked(
                    officer=officer, approver=approver, profile="clerk-sign",
                    subject=f"CN=new{place}", wait_us=3 * MINUTE_US,
                ),
            )
            for place in range(chance.randrange(4, 7))
        ]  # fmt: skip

    def _old_key(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """The old certificate is tried after its revocation: within hours it may still open the
        door; later it is refused."""
        clerk = self._ordinary.clerk(chance)
        soon = number == 0
        via = self._ordinary.counter(clerk, node="ecert-3" if soon else "ecert-1")
        after = chance.randrange(1, 20) * HOUR_US if soon else 50 * HOUR_US
        act = self._ordinary.revoked(chance, ((after, via),), clerk)
        return [deed(day.moment(chance, OFFICE), act)]

    def _late_list(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """The list comes hours late; or the responder was restarted and twice fails."""
        if number == 0:
            act = acts.Outage(job="list", gap_us=chance.randrange(2, 10) * HOUR_US)
            return [deed(day.at(12, 9), act)]
        at = day.moment(chance, PUBLIC)
        return [
            deed(at + place * SECOND_US, acts.Job(what="ocsp", address="10.30.10.11", fails=True))
            for place in range(2)
        ]

    def _rotated(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """The trail is rotated; or a signature comes late."""
        if number == 0:
            return [deed(day.at(2, 30), acts.Job(what="AUDIT_ROTATE"))]
        gap = chance.randrange(62, 80) * MINUTE_US
        return [deed(day.at(chance.randrange(23), 3), acts.Outage(job="signature", gap_us=gap))]

    def _without_policy(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """A service without a policy speaks as the rest of the world does."""
        app = chance.choice(self._town.applications)
        if number == 0:
            act: object = acts.Handshake(
                service=LAB[0], address=app.addresses[0], server=LAB[1], version="1.2",
                cipher="TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            )  # fmt: skip
        else:
            act = acts.StepCa(app=app, what="sign")
        return [deed(day.moment(chance, PUBLIC), act)]
