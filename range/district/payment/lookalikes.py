"""Look-alikes: honest episodes that resemble each abuse of payments, at ten times its rate.

Those of offices come on working days, two of a kind; those of citizens and institutions daily.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from district.calendar import HOUR_US, MINUTE_US, OFFICE, PUBLIC, SECOND_US, Day
from district.deed import Deed
from district.episode import Episode, Plan
from district.payment.departments import Department
from district.payment.flows import BatchCheck, Flow, RefundSome
from district.payment.ordinary import Ordinary, deed, staff
from district.payment.portal import PAGES, Release
from district.town import Town

__all__ = ["Lookalikes"]

DAILY: Final = 2
BATCH: Final = (105, 140)
RUSH: Final = 21


class Lookalikes:
    """Made anew each day."""

    def __init__(
        self, town: Town, departments: dict[str, Department], ordinary: Ordinary
    ) -> None:  # fmt: skip
        self._town, self._ordinary = town, ordinary
        self._all: Sequence[Department] = list(departments.values())

    def plans(self, day: Day, chance: random.Random) -> Iterator[Plan]:
        """All of a day."""
        for number in range(DAILY):
            yield self._plan(day, "PAY01", number, self._reduced(day, chance))
            yield self._plan(day, "PAY02", number, self._told_late(day, chance))
            yield self._plan(day, "PAY03", number, self._told_often(day, chance))
            yield self._plan(day, "PAY04", number, self._new_account(day, chance))
            yield self._plan(day, "PAY07", number, self._over_midnight(day, chance))
            yield self._plan(day, "PAY08", number, self._slow_receipt(day, chance))
            yield self._plan(day, "PAY09", number, self._own_page(day, chance))
            yield self._plan(day, "PAY11", number, self._second_server(day, chance))
            yield self._plan(day, "PAY12", number, self._another_channel(day, chance))
        for number in range(2 if day.working else 1):
            yield self._plan(day, "PAY10", number, self._rush(day, chance))
        if day.working:
            for number in range(2):
                yield self._plan(day, "PAY05", number, self._batch(day, chance))
                yield self._plan(day, "PAY06", number, self._cancelled(day, chance, number))
                yield self._plan(day, "PAY13", number, self._deposits(day, chance, number))
                yield self._plan(day, "X04", number, self._released(day, chance, number))

    def _plan(self, day: Day, use_case: str, number: int, deeds: list[Deed]) -> Plan:
        times = [one.at for one in deeds]
        return Plan(
            Episode(
                id=f"{use_case}/like/{day.number}/{number}",
                use_case=use_case,
                kind="lookalike",
                start=min(times),
                end=max(times),
            ),
            deeds,
        )

    def _someone(self, chance: random.Random) -> Flow:
        """A payment made within the hour of its notice."""
        flow = self._ordinary.payment(chance, chance.choice(self._all))
        after = chance.randrange(5, 60) * MINUTE_US
        return replace(flow, after_us=after, failures=(), gives_up=False)

    def _reduced(self, day: Day, chance: random.Random) -> list[Deed]:
        """A notice is issued anew for less, and paid."""
        flow = self._someone(chance)
        at = day.moment(chance, PUBLIC)
        less = replace(flow, due_fen=flow.due_fen * 8 // 10)
        left = replace(flow, looks=1, gives_up=True, failures=("balance insufficient",))
        return [deed(at, left), deed(at + 30 * MINUTE_US, less)]

    def _told_late(self, day: Day, chance: random.Random) -> list[Deed]:
        """The call-back comes long after its order, sometimes after days."""
        late = chance.choice((40, 90, 300, 600, 1200)) * MINUTE_US
        # Of the same day's account: past midnight a day would be judged without it.
        at = day.at(0, chance.randrange(0, 60))
        late = min(late, 20 * HOUR_US)
        return [deed(at, replace(self._someone(chance), after_us=0, told_after_us=late))]

    def _told_often(self, day: Day, chance: random.Random) -> list[Deed]:
        """An institution repeats what was answered already."""
        often = tuple(minutes * MINUTE_US for minutes in (1, 2, 5, 15, 60, 240))
        return [
            deed(day.moment(chance, PUBLIC), replace(self._someone(chance), told_again_us=often))
        ]

    def _new_account(self, day: Day, chance: random.Random) -> list[Deed]:
        """Money goes to the account a department opened last."""
        dept = chance.choice(self._all)
        flow = self._ordinary.payment(chance, dept)
        account = dept.accounts_on(day.number)[-1]
        now = replace(
            flow, after_us=5 * MINUTE_US, account=account, failures=(), gives_up=False
        )  # fmt: skip
        return [deed(day.moment(chance, PUBLIC), now)]

    def _batch(self, day: Day, chance: random.Random) -> list[Deed]:
        """A department's server checks its notices, withdrawn ones among them."""
        dept = chance.choice(self._all)
        check = BatchCheck(
            dept=dept.code,
            count=chance.randrange(*BATCH),
            withdrawn_permille=chance.choice((50, 150, 300)),
        )
        return [deed(day.moment(chance, OFFICE), check)]

    def _cancelled(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """An exam is cancelled: one clerk refunds its fees."""
        dept = self._all[(2 * day.number + number) % len(self._all)]
        clerk = dept.refunders[day.number // 3 % len(dept.refunders)]
        some = RefundSome(dept=dept.code, via=staff(clerk), count=chance.randrange(5, 10))
        return [deed(day.at(9, 30) + chance.randrange(5 * 60) * MINUTE_US, some)]

    def _over_midnight(self, day: Day, chance: random.Random) -> list[Deed]:
        """Paid before midnight, told after it: the money counts for the day before."""
        flow = replace(
            self._someone(chance),
            after_us=5 * MINUTE_US,
            told_after_us=chance.randrange(70, 360) * MINUTE_US,
        )
        return [deed(day.at(22, 50) + chance.randrange(40) * MINUTE_US, flow)]

    def _slow_receipt(self, day: Day, chance: random.Random) -> list[Deed]:
        """The receipt comes after minutes: the service was busy."""
        flow = replace(
            self._someone(chance), receipt_after_us=chance.randrange(400, 590) * SECOND_US
        )
        return [deed(day.moment(chance, PUBLIC), flow)]

    def _own_page(self, day: Day, chance: random.Random) -> list[Deed]:
        """The payer returns to a department's own page, which is called much like another's."""
        dept = chance.choice(self._all)
        flow = replace(self._ordinary.payment(chance, dept), return_host=dept.host, after_us=0)
        return [deed(day.moment(chance, PUBLIC), flow)]

    def _rush(self, day: Day, chance: random.Random) -> list[Deed]:
        """A queue at a hall's copying device: many small payments, a few refused."""
        dept = chance.choice(self._all)
        at = day.at(chance.choice((9, 10, 14, 15)), chance.randrange(50))
        return [
            deed(
                at + place * 26 * SECOND_US,
                self._ordinary.copy(chance, dept, ("timeout",) if place % 7 == 3 else ()),
            )
            for place in range(RUSH)
        ]

    def _second_server(self, day: Day, chance: random.Random) -> list[Deed]:
        """A department's other server takes over, with the same key."""
        dept = chance.choice(self._all)
        check = BatchCheck(dept=dept.code, count=3, withdrawn_permille=0)
        return [deed(day.moment(chance), check)]

    def _another_channel(self, day: Day, chance: random.Random) -> list[Deed]:
        """A payer opens an order, thinks again, and pays by another channel."""
        flow = replace(self._someone(chance), changes_mind=True)
        return [deed(day.moment(chance, PUBLIC), flow)]

    def _deposits(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """Deposits of whole thousands at one counter; each operator has the turn."""
        counters = [dept for dept in self._all if dept.operators]
        dept = counters[(day.number + number) % len(counters)]
        clerk = dept.operators[day.number // 3 % len(dept.operators)]
        at = day.at(14) + chance.randrange(60) * MINUTE_US
        return [
            deed(
                at + place * 4 * MINUTE_US,
                self._ordinary.counter(chance, dept, clerk, chance.randrange(1, 5) * 100_000),
            )
            for place in range(3)
        ]

    def _released(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """A page is published again under a ticket."""
        page = PAGES[(day.number * 2 + number) % len(PAGES)]
        at = day.at(chance.choice((10, 11, 15, 16)), chance.randrange(60))
        return [deed(at, Release(page=page, ticket=f"FB-{day.number}-{number}"))]
