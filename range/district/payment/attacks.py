"""Attacks: how each abuse of payments is carried out, and on whom an alert on it may fall."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

from district.calendar import DAY_US, HOUR_US, MINUTE_US, SECOND_US, working
from district.deed import Deed
from district.episode import Plan
from district.payment.departments import DOMAIN, MINI_PROGRAM, Department
from district.payment.episodes import date_of, files_judged, moment, planned, times
from district.payment.flows import (
    BatchCheck,
    Flow,
    Forged,
    Guess,
    PatternTopUp,
    RefundSome,
    RefundSpree,
    Replay,
    SetBack,
    SwitchPayee,
)
from district.payment.ordinary import CARD_REFUSALS, Ordinary, deed, staff
from district.payment.portal import PAGES, ROOT, Deface, Release, Restore, url
from district.payment.records import Via
from district.system import Attack, Occasion
from district.town import Town

__all__ = ["Attacks"]

ORDER: Final = "gov.pay.order_id"
NOTICE: Final = "gov.pay.notice_no"
TRANSACTION: Final = "gov.pay.trans_id"
WALK: Final = 100
MICRO: Final = 20
ABROAD: Final = ("203.0.113.40", "198.51.100.77", "203.0.113.201")
FAKE: Final = ("pay.shi1i.example", "pay.shiii.example", "pay-shili.example")
"""A digit or a letter away from the platform's own name."""
KINDS: Final[tuple[Literal["unsettled", "short", "kept", "marked"], ...]] = (
    "unsettled", "short", "kept", "marked",
)  # fmt: skip
PATTERN_DAYS: Final = 7
SPAN_OF_A_HOLIDAY: Final = 10
"""Days until the files of a day before a long holiday were judged."""


class Attacks:
    """All of them; the town's people and addresses are shared with honest users."""

    def __init__(
        self, town: Town, departments: dict[str, Department], ordinary: Ordinary
    ) -> None:  # fmt: skip
        self._town, self._ordinary = town, ordinary
        self._all: Sequence[Department] = list(departments.values())
        self.all = (
            Attack(use_case="PAY01", plan=self._tamper),
            Attack(use_case="PAY02", plan=self._forge),
            Attack(use_case="PAY03", plan=self._replay),
            Attack(use_case="PAY04", plan=self._switch, span_days=SPAN_OF_A_HOLIDAY),
            Attack(use_case="PAY05", plan=self._walk),
            Attack(use_case="PAY06", plan=self._refund, hours="office"),
            Attack(use_case="PAY07", plan=self._gap, span_days=SPAN_OF_A_HOLIDAY),
            Attack(use_case="PAY08", plan=self._back, hours="office"),
            Attack(use_case="PAY09", plan=self._fake_page),
            Attack(use_case="PAY10", plan=self._test_cards),
            Attack(use_case="PAY11", plan=self._stolen_key, hours="night"),
            Attack(use_case="PAY12", plan=self._pay_twice),
            Attack(use_case="PAY13", plan=self._pattern, hours="office", span_days=16),
            Attack(use_case="X04", plan=self._deface),
        )

    def _tamper(self, occasion: Occasion) -> Plan:
        """The amount of an order is set to next to nothing; below: the notice was lowered first."""
        chance, deeds = occasion.chance, []
        for place in range(times(occasion)):
            flow = self._quick(chance)
            amount: int | None = chance.choice((1, 10, 100, flow.due_fen // 10))
            if occasion.strength < 1000:
                flow, amount = replace(flow, due_fen=max(1, flow.due_fen // 10)), None
            deeds.append(
                deed(occasion.start + place * 5 * MINUTE_US, replace(flow, amount_fen=amount))
            )
        return planned("PAY01", occasion, deeds, hours=2, collect=(NOTICE, ORDER))

    def _forge(self, occasion: Occasion) -> Plan:
        """A call-back that nobody sent; below: a true one of an order of the day before."""
        chance, deeds = occasion.chance, []
        address = self._address(occasion)
        if occasion.strength < 1000:
            flow = replace(self._quick(chance), told_after_us=5 * HOUR_US)
            return planned(
                "PAY02", occasion, [deed(occasion.start, flow)], hours=7, collect=(ORDER,)
            )
        for place in range(times(occasion)):
            dept = chance.choice(self._all)
            act = Forged(
                address=address,
                dept=dept.code,
                order=f"ZF{date_of(occasion.start):%Y%m%d}{90_000_000 + chance.randrange(10**6)}",
                fen=dept.due(chance),
                account=dept.accounts[0],
            )
            deeds.append(deed(occasion.start + place * 7 * MINUTE_US, act))
        return planned("PAY02", occasion, deeds, entities=(address,), collect=(ORDER,))

    def _replay(self, occasion: Occasion) -> Plan:
        """The words about one payment are told of another order; below: told again of its own."""
        chance, deeds = occasion.chance, []
        if occasion.strength < 1000:
            often = tuple(minutes * MINUTE_US for minutes in (1, 2, 3, 10, 60))
            flow = replace(self._quick(chance), told_again_us=often)
            return planned(
                "PAY03", occasion, [deed(occasion.start, flow)], hours=3, collect=(ORDER,)
            )
        address = self._address(occasion)
        for place in range(times(occasion)):
            flow = self._quick(chance, self._all[place % 2])
            act = Replay(dept=flow.dept, flow=flow, address=address)
            deeds.append(deed(occasion.start + place * 9 * MINUTE_US, act))
        return planned(
            "PAY03", occasion, deeds, entities=(address,), collect=(TRANSACTION, ORDER)
        )  # fmt: skip

    def _switch(self, occasion: Occasion) -> Plan:
        """A department's account is replaced for some payments; below: by a registered one."""
        chance = occasion.chance
        dept = self._all[occasion.number % len(self._all)]
        stolen = f"7300{chance.randrange(10**13):013d}"
        account = stolen if occasion.strength >= 1000 else dept.accounts[0]
        insider = staff(dept.refunders[0])
        start = occasion.start
        deeds = [deed(start, SwitchPayee(dept=dept.code, via=insider, account=account))]
        for place in range(times(occasion)):
            flow = replace(self._quick(chance, dept), account=account)
            deeds.append(deed(start + (1 + 4 * place) * MINUTE_US, flow))
        return planned(
            "PAY04",
            occasion,
            deeds,
            end=files_judged(start + HOUR_US),
            entities=(stolen, dept.code),
        )

    def _walk(self, occasion: Occasion) -> Plan:
        """Notice numbers are guessed in a row, from an address others share."""
        chance = occasion.chance
        citizen = chance.choice(self._town.citizens)
        count = WALK * occasion.strength // 1000
        via = Via(address=citizen.mobile, agent=citizen.agent, app=MINI_PROGRAM)
        guess = Guess(
            via=via, count=count, hit_permille=80, every_us=8 * MINUTE_US // max(1, count)
        )  # fmt: skip
        return planned(
            "PAY05",
            occasion,
            [deed(occasion.start, guess)],
            entities=(via.address, via.app),
        )

    def _refund(self, occasion: Occasion) -> Plan:
        """An operator refunds far more than usual, or to an account of a friend."""
        dept = self._all[occasion.number % len(self._all)]
        clerk = dept.refunders[occasion.number // len(self._all)]
        via = staff(clerk)
        start = min(occasion.start, occasion.day.at(17))
        if occasion.strength >= 1000 and occasion.chance.random() < 0.5:
            act: object = RefundSome(
                dept=dept.code,
                via=via,
                count=times(occasion),
                to_account=f"oQ{occasion.chance.getrandbits(48):012x}",
            )
        else:
            act = RefundSpree(dept=dept.code, via=via, strength=occasion.strength)
        return planned(
            "PAY06",
            occasion,
            [deed(start, act)],
            start=start,
            hours=6,
            entities=(clerk.user,),
            collect=(ORDER,),
        )

    def _gap(self, occasion: Occasion) -> Plan:
        """Money that an order claims and nobody has; below: all of it arrives in two parts."""
        chance = occasion.chance
        dept = self._all[(occasion.number + 3) % len(self._all)]
        start = min(occasion.start, occasion.day.at(21))
        kind = chance.choice(KINDS)
        # An honest payment of the same account and day: the day is judged once the file is there.
        deeds = [deed(start, replace(self._quick(chance, dept), channel="bank"))]
        for place in range(times(occasion)):
            flow = replace(self._quick(chance, dept), channel="bank")
            if occasion.strength >= 1000:
                flow = _without_money(flow, kind, staff(dept.refunders[-1]))
            deeds.append(deed(start + (2 + 3 * place) * MINUTE_US, flow))
        # The bank's side has an order too, for the file names none that it never had.
        return planned(
            "PAY07",
            occasion,
            deeds,
            start=start,
            end=files_judged(start + HOUR_US),
            entities=(dept.code,),
        )

    def _back(self, occasion: Occasion) -> Plan:
        """Paid orders are set back to unpaid, or get no receipt; below: one comes just in time."""
        chance = occasion.chance
        dept = self._all[occasion.number % 2]
        if occasion.strength >= 1000 and occasion.number % 2:
            act = SetBack(
                dept=dept.code, via=staff(dept.refunders[0]), status="1", count=times(occasion)
            )  # fmt: skip
            return planned(
                "PAY08", occasion, [deed(occasion.start, act)], hours=1, collect=(ORDER,)
            )
        late = None if occasion.strength >= 1000 else 590 * SECOND_US
        deeds = [
            deed(
                occasion.start + place * 4 * MINUTE_US,
                replace(self._quick(chance, dept), receipt_after_us=late),
            )
            for place in range(times(occasion))
        ]
        return planned("PAY08", occasion, deeds, hours=1, collect=(ORDER,))

    def _fake_page(self, occasion: Occasion) -> Plan:
        """Payers are sent on to a look-alike page; below: to a department's own one."""
        chance = occasion.chance
        dept = chance.choice(self._all)
        fake = FAKE[occasion.number % len(FAKE)]
        host = fake if occasion.strength >= 1000 else f"www.{dept.unit.short}.{DOMAIN}"
        deeds = [
            deed(
                occasion.start + place * 6 * MINUTE_US,
                replace(self._quick(chance, dept), return_host=host),
            )
            for place in range(times(occasion))
        ]
        return planned("PAY09", occasion, deeds, hours=2, entities=(host,), collect=(ORDER,))

    def _test_cards(self, occasion: Occasion) -> Plan:
        """Stolen cards are tried with a few fen each, from an address others share."""
        chance = occasion.chance
        citizen = chance.choice(self._town.citizens)
        count = MICRO * occasion.strength // 1000
        via = Via(
            address=citizen.mobile, agent=citizen.agent, device=f"dev-{chance.getrandbits(48):012x}"
        )  # fmt: skip
        deeds = []
        for place in range(count):
            good = place % 6 == 2
            flow = replace(
                self._ordinary.copy(chance, chance.choice(self._all), via=via),
                due_fen=chance.choice((1, 10, 50, 100)),
                failures=() if good else (chance.choice(CARD_REFUSALS),),
                gives_up=not good,
                channel="bank",
                pace_us=4 * SECOND_US,
            )
            deeds.append(deed(occasion.start + place * 8 * MINUTE_US // count, flow))
        return planned("PAY10", occasion, deeds, entities=(via.address, via.device))

    def _stolen_key(self, occasion: Occasion) -> Plan:
        """A department's key is used from elsewhere; below: from its second server."""
        chance = occasion.chance
        dept = chance.choice(self._all)
        if occasion.strength < 1000:
            check: object = BatchCheck(dept=dept.code, count=5, withdrawn_permille=0)
            return planned("PAY11", occasion, [deed(occasion.start, check)])
        address = self._address(occasion)
        via = replace(dept.server(), address=address)
        guess = Guess(
            via=via, count=times(occasion), hit_permille=900, every_us=40 * SECOND_US
        )  # fmt: skip
        return planned(
            "PAY11", occasion, [deed(occasion.start, guess)], entities=(address, dept.app)
        )

    def _pay_twice(self, occasion: Occasion) -> Plan:
        """One notice is paid at two nodes at once; below: the first order is left unpaid."""
        chance = occasion.chance
        twice = occasion.strength >= 1000
        deeds = [
            deed(
                occasion.start + place * 6 * MINUTE_US,
                replace(self._quick(chance), twice=twice, changes_mind=not twice),
            )
            for place in range(times(occasion))
        ]
        return planned("PAY12", occasion, deeds, hours=2, collect=(NOTICE, ORDER))

    def _pattern(self, occasion: Occasion) -> Plan:
        """An operator takes amounts just below the limit, for seven working days."""
        counters = [dept for dept in self._all if dept.operators]
        dept = counters[occasion.number % len(counters)]
        clerk = dept.operators[occasion.chance.randrange(len(dept.operators))]
        act = PatternTopUp(dept=dept.code, via=staff(clerk), strength=occasion.strength)
        deeds: list[Deed] = []
        day, first = date_of(occasion.start), True
        while len(deeds) < PATTERN_DAYS:
            if working(day):
                at = occasion.start if first else moment(day, 16, 0)
                deeds.append(deed(max(at, moment(day, 9, 0)), act))
                first = False
            day += dt.timedelta(days=1)
        # Until the amounts leave the window of thirty days.
        return planned(
            "PAY13", occasion, deeds, end=occasion.start + 30 * DAY_US, entities=(clerk.user,)
        )  # fmt: skip

    def _deface(self, occasion: Occasion) -> Plan:
        """Pages are replaced for some hours; below: under a ticket."""
        chance, start = occasion.chance, occasion.start
        pages = chance.sample(PAGES, times(occasion))
        deeds: list[Deed] = []
        if occasion.strength < 1000:
            ticket = f"FB-X-{occasion.number}"
            deeds = [deed(start, Release(page=pages[0], ticket=ticket))]
            return planned("X04", occasion, deeds)
        back = start + chance.randrange(2, 7) * HOUR_US
        for place, page in enumerate(pages):
            text = f"changed {occasion.number} {page} {chance.random()}"
            deeds.append(deed(start + place * 20 * SECOND_US, Deface(page=page, text=text)))
            deeds.append(deed(back + place * 20 * SECOND_US, Restore(page=page)))
        names = (*map(url, pages), *(f"{ROOT}{page}" for page in pages))
        return planned("X04", occasion, deeds, entities=names, hours=1)

    def _quick(self, chance: random.Random, dept: Department | None = None) -> Flow:
        """A payment that goes through within minutes of its notice."""
        flow = self._ordinary.payment(chance, dept or chance.choice(self._all))
        return replace(
            flow,
            after_us=MINUTE_US,
            looks=1,
            pace_us=15 * SECOND_US,
            failures=(),
            gives_up=False,
            told_after_us=2 * SECOND_US,
            told_again_us=(),
            receipt_after_us=40 * SECOND_US,
        )

    def _address(self, occasion: Occasion) -> str:
        """Abroad, an office's exit or a mobile operator's: by turns, shared with honest users."""
        chance = occasion.chance
        return (
            ABROAD[occasion.number % len(ABROAD)],
            chance.choice(self._all).unit.exit,
            chance.choice(self._town.citizens).mobile,
        )[chance.randrange(3)]


def _without_money(
    flow: Flow, kind: Literal["unsettled", "short", "kept", "marked"], insider: Via
) -> Flow:
    return replace(flow, marked_by=insider) if kind == "marked" else replace(flow, money=kind)
