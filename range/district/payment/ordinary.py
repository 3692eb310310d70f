"""Ordinary days: who pays what, when, how and from where; counters, refunds and nightly files."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from district.calendar import DAY_US, HOUR_US, MINUTE_US, OFFICE, PUBLIC, SECOND_US, Day
from district.deed import Deed
from district.payment.departments import (
    COUNTERS,
    DEVICES,
    MINI_PROGRAM,
    PLATFORM_HOST,
    Department,
    season,
)
from district.payment.flows import BankFile, Flow, RefundSome, TreasuryFile
from district.payment.records import Via
from district.town import Citizen, Clerk, Town

__all__ = ["Ordinary"]

ONLINE: Final = 130
"""Notices paid online on a usual day."""
AT_A_COUNTER: Final = 11
"""Amounts an operator takes on a working day."""
MICRO: Final = 12
"""Copies at fifty fen or a yuan, at the devices in the halls."""
REFUNDS: Final = 0.8
"""Of a refunding clerk on a working day."""

_SHARES: Final = {"police": 35, "education": 18, "housing": 8, "health": 18, "market": 6,
                  "insurance": 15}  # fmt: skip
_CHANNELS: Final = (("wechat", 60), ("alipay", 25), ("bank", 15))
REFUSALS: Final = ("balance insufficient", "password wrong", "timeout", "limit exceeded")
CARD_REFUSALS: Final = ("card number invalid", "cvv wrong", "card expired", "risk control")


class Ordinary:
    """The honest life of the platform."""

    def __init__(self, town: Town, departments: dict[str, Department]) -> None:
        self._town = town
        self._departments = departments
        self._all = list(departments.values())

    def deeds(self, day: Day, chance: random.Random) -> Iterator[Deed]:
        """All of a day."""
        yield from self._online(day, chance)
        yield from self._micro(day, chance)
        if day.working:
            yield from self._counters(day, chance)
            yield from self._refunds(day, chance)
            yield deed(day.at(3) + chance.randrange(900) * SECOND_US, BankFile())
            yield deed(day.at(10) + chance.randrange(900) * SECOND_US, TreasuryFile())

    def _online(self, day: Day, chance: random.Random) -> Iterator[Deed]:
        for dept in self._all:
            share = _SHARES[dept.unit.short] / 100
            for _ in range(day.count(chance, ONLINE * share * season(dept, day.date))):
                flow = self.payment(chance, dept)
                yield deed(day.moment(chance, PUBLIC) - flow.after_us % DAY_US, flow)

    def payment(
        self, chance: random.Random, dept: Department, citizen: Citizen | None = None
    ) -> Flow:
        """A citizen pays a notice of the department."""
        who = citizen or chance.choice(self._town.citizens)
        (channel,) = chance.choices([c for c, _ in _CHANNELS], weights=[w for _, w in _CHANNELS])
        waits = chance.random()
        after = (
            chance.randrange(5, 240) * MINUTE_US
            if waits < 0.7
            else chance.randrange(1, 10) * DAY_US + chance.randrange(-3, 3) * HOUR_US
        )
        fails = chance.random()
        return Flow(
            dept=dept.code,
            due_fen=dept.due(chance),
            channel=channel,
            via=self.at_home(chance, who),
            payer=account_of(who, channel),
            number=who.number,
            after_us=after,
            looks=1 if chance.random() < 0.75 else 2,
            pace_us=chance.randrange(8, 60) * SECOND_US,
            failures=(chance.choice(REFUSALS),) * (1 if fails < 0.06 else 2 if fails < 0.07 else 0),
            gives_up=fails < 0.02,
            return_host=dept.host if chance.random() < 0.4 else PLATFORM_HOST,
            told_after_us=chance.randrange(1, 6) * SECOND_US,
            told_again_us=again(chance),
            receipt_after_us=chance.randrange(5, 240) * SECOND_US,
        )

    def at_home(self, chance: random.Random, who: Citizen) -> Via:
        """A citizen on the way or at home."""
        address = who.mobile if chance.random() < 0.6 else who.home
        return Via(
            address=address, agent=who.agent, app=MINI_PROGRAM, user=who.user, device=who.device
        )

    def _micro(self, day: Day, chance: random.Random) -> Iterator[Deed]:
        for _ in range(day.count(chance, MICRO)):
            dept = chance.choice(self._all)
            failures = (chance.choice(REFUSALS),) if chance.random() < 0.08 else ()
            yield deed(day.moment(chance, PUBLIC), self.copy(chance, dept, failures))

    def copy(
        self,
        chance: random.Random,
        dept: Department,
        failures: tuple[str, ...] = (),
        via: Via | None = None,
    ) -> Flow:
        """Somebody pays for copies at the device in a department's hall."""
        who = chance.choice(self._town.citizens)
        return Flow(
            dept=dept.code,
            due_fen=chance.choice((50, 100)),
            channel=chance.choice(("wechat", "alipay")),
            via=via or Via(
                address=dept.unit.exit,
                agent=chance.choice(self._town.clerks).agent,
                app=DEVICES,
                device=f"kiosk-{dept.unit.short}-1",
            ),
            payer=account_of(who, "wechat"),
            looks=0,
            pace_us=chance.randrange(6, 20) * SECOND_US,
            failures=failures,
            receipt_after_us=chance.randrange(3, 60) * SECOND_US,
        )  # fmt: skip

    def _counters(self, day: Day, chance: random.Random) -> Iterator[Deed]:
        for dept in self._all:
            for clerk in dept.operators:
                for _ in range(day.count(chance, AT_A_COUNTER)):
                    yield deed(day.moment(chance, OFFICE), self.counter(chance, dept, clerk))

    def counter(
        self, chance: random.Random, dept: Department, clerk: Clerk, fen: int | None = None
    ) -> Flow:
        """A clerk takes money by card at the counter."""
        return Flow(
            dept=dept.code,
            due_fen=_over_the_counter(chance) if fen is None else fen,
            channel="pos",
            via=staff(clerk),
            payer=f"pos:{chance.randrange(10**9):09d}",
            looks=0,
            pace_us=chance.randrange(10, 40) * SECOND_US,
            receipt_after_us=chance.randrange(2, 30) * SECOND_US,
        )

    def _refunds(self, day: Day, chance: random.Random) -> Iterator[Deed]:
        for dept in self._all:
            for clerk in dept.refunders:
                for _ in range(day.count(chance, REFUNDS)):
                    one = RefundSome(dept=dept.code, via=staff(clerk), count=1)
                    yield deed(day.moment(chance, OFFICE), one)


def staff(clerk: Clerk) -> Via:
    """A clerk at the own machine."""
    return Via(
        address=clerk.address,
        agent=clerk.agent,
        app=COUNTERS,
        user=clerk.user,
        unit=clerk.unit.code,
        device=f"pc-{clerk.user}",
    )


def account_of(who: Citizen, channel: str) -> str:
    """The account a citizen pays from: one at each institution."""
    prefix = {"wechat": "oQ", "alipay": "2088", "bank": "zh-"}[channel]
    return f"{prefix}{who.device.removeprefix('dev-')}"


def again(chance: random.Random) -> tuple[int, ...]:
    """When an institution repeats a call-back: it heard no answer."""
    if chance.random() >= 0.05:
        return ()
    return tuple(
        minutes * MINUTE_US for minutes in (1, 6, 30, 180, 720)[: chance.randrange(1, 6)]
    )  # fmt: skip


def deed(at: int, act: object) -> Deed:
    """Something done to payments."""
    return Deed(at=at, system="payment", act=act)


def _over_the_counter(chance: random.Random) -> int:
    """The same mix at every counter: one in eleven is round, one in thirty-three just below the
    limit from which a second person signs."""
    kind = chance.random()
    if kind < 0.09:
        return chance.randrange(1, 5) * 100_000
    if kind < 0.12:
        return 480_000 + chance.randrange(0, 2000) * 10
    return chance.randrange(20, 4700) * 100 + 50
