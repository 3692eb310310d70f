"""Days: what an ordinary day of the exchange is made of."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from district.calendar import HOUR_US, MINUTE_US, OFFICE, PUBLIC, SECOND_US, Day
from district.deed import Deed
from district.sharing.acts import Ask, CallBack, Flow, HeartBeat, SealedRecord, Upload, Visit
from district.sharing.catalogue import ITEMS, LATER, OLD
from district.sharing.parties import NODES, PAGE, Caller, Parties
from district.town import Town

__all__ = ["BEAT_US", "BUSY_CITIZENS", "Days", "ask_for", "case_no"]

BEAT_US: Final = 15 * MINUTE_US
CALLS: Final = 270
BROAD_SHARE: Final = 0.25
"""Of calls by applications that may ask for everything."""
CONSOLE: Final = 18
FREE_DAYS: Final = 0.25
"""How much of a working day's calls come on a free one: citizens serve themselves."""
BATCHES: Final = 5
"""Departments that compare their files each night."""
UPLOADS: Final = 14
BUSY_CITIZENS: Final = 2800
"""Citizens with ordinary business in these days; the others have none."""
_WITH_CASE: Final = 0.8
_UNKNOWN: Final = 0.04
_RESENT: Final = 0.015
_BACKUP: Final = "10.30.2.9"
_PAGES_HOST: Final = "10.30.1.30"
"""Publishes the district's pages and films; it never calls the exchange."""
_NETWORK: Final = "198.19.210.7"
"""Where the films are kept."""


def case_no(dice: random.Random) -> str:
    """Number of a case on file."""
    return f"C{dice.randrange(10**9):09d}"


def ask_for(
    dice: random.Random, caller: Caller, number: str, *, item: int = -1, case: bool = True
) -> Ask:
    """An ordinary question about one person."""
    found = ITEMS[item] if item >= 0 else dice.choice(caller.items)
    return Ask(
        requester=caller.requester,
        service=found.service,
        address=dice.choice(caller.addresses),
        number=number,
        matter=f"M-{found.code[2:]}",
        case=case_no(dice) if case else "",
    )


class Days:
    """Makes the deeds of a day."""

    def __init__(self, town: Town, parties: Parties) -> None:
        self._town = town
        self._parties = parties
        self._desk = [clerk for clerk in town.clerks if clerk.role != "counter"]

    def of(self, day: Day, dice: random.Random) -> Iterator[Deed]:
        """All of them, in any order."""
        for make in (
            self._calls, self._console, self._nights, self._months, self._beats, self._flows,
            self._uploads, self._pages, self._upkeep,
        ):  # fmt: skip
            for at, act in make(day, dice):
                yield Deed(at=at, system="sharing", act=act)

    def _calls(self, day: Day, dice: random.Random) -> Iterator[tuple[int, object]]:
        base = CALLS if day.working else CALLS * FREE_DAYS
        curve = OFFICE if day.working else PUBLIC
        for _ in range(day.count(dice, base)):
            broad = dice.random() < BROAD_SHARE
            caller = dice.choice(self._parties.broad if broad else self._parties.narrow)
            number = self._town.citizens[dice.randrange(BUSY_CITIZENS)].number
            if dice.random() < _UNKNOWN:
                # Mistyped: two digits exchanged.
                number = number[:16] + number[17] + number[16]
            ask = ask_for(dice, caller, number, case=dice.random() < _WITH_CASE)
            if dice.random() < _RESENT:
                ask = _resent(ask, dice)
            yield day.moment(dice, curve), ask

    def _console(self, day: Day, dice: random.Random) -> Iterator[tuple[int, object]]:
        for _ in range(day.count(dice, CONSOLE) if day.working else 0):
            clerk = dice.choice(self._desk)
            caller = self._parties.by_name[f"rid-{clerk.unit.short}-2"]
            number = self._town.citizens[dice.randrange(BUSY_CITIZENS)].number
            ask = ask_for(dice, caller, number)
            yield (
                day.moment(dice),
                Ask(
                    requester=ask.requester, service=ask.service, address=clerk.address,
                    number=number, matter=ask.matter, case=ask.case, user=clerk.user,
                ),
            )  # fmt: skip

    def _nights(self, day: Day, dice: random.Random) -> Iterator[tuple[int, object]]:
        """Pages of a department's file, the same hour each night, then a copy to the backup."""
        for place in range(BATCHES):
            caller = self._parties.narrow[place * 2]
            at = day.at(place % 4) + dice.randrange(20 * MINUTE_US)
            for page in range(1, dice.randrange(9, 13)):
                item = caller.items[0]
                yield (
                    at + page * dice.randrange(2 * SECOND_US, 9 * SECOND_US) + page * MINUTE_US,
                    Ask(
                        requester=caller.requester, service=item.service,
                        address=caller.addresses[0], rows=PAGE, page=page,
                        matter=f"M-{item.code[2:]}", case=f"B{day.date:%Y%m%d}",
                    ),
                )  # fmt: skip
            size = dice.randrange(180_000_000, 420_000_000)
            yield (
                at + 35 * MINUTE_US,
                Flow(source=caller.addresses[0], destination=_BACKUP, sent=size),
            )

    def _months(self, day: Day, dice: random.Random) -> Iterator[tuple[int, object]]:
        """On the first of a month two departments compare all of it."""
        if day.date.day != 1:
            return
        for place in (1, 3):
            caller = self._parties.narrow[place]
            at, item = day.at(20) + dice.randrange(HOUR_US), caller.items[1]
            for page in range(1, 26):
                yield (
                    at + page * dice.randrange(20 * SECOND_US, 40 * SECOND_US),
                    Ask(
                        requester=caller.requester, service=item.service,
                        address=caller.addresses[1], rows=PAGE, page=page,
                        matter=f"M-{item.code[2:]}", case=f"R{day.date:%Y%m}",
                    ),
                )  # fmt: skip

    def _beats(self, day: Day, dice: random.Random) -> Iterator[tuple[int, object]]:
        for node in NODES:
            for slot in range(24 * HOUR_US // BEAT_US):
                yield day.start + slot * BEAT_US + dice.randrange(SECOND_US), HeartBeat(node=node)

    def _flows(self, day: Day, dice: random.Random) -> Iterator[tuple[int, object]]:
        for _ in range(6):
            caller = dice.choice(self._parties.callers)
            yield (
                day.moment(dice),
                Flow(
                    source=dice.choice(caller.addresses), destination=_NETWORK,
                    sent=dice.randrange(2_000, 9_000_000), received=dice.randrange(9_000_000),
                ),
            )  # fmt: skip
        for _ in range(3):
            yield (
                day.moment(dice),
                Flow(
                    source=_PAGES_HOST,
                    destination=_NETWORK,
                    sent=dice.randrange(60_000_000, 190_000_000),
                ),
            )

    def _uploads(self, day: Day, dice: random.Random) -> Iterator[tuple[int, object]]:
        for _ in range(day.count(dice, UPLOADS) if day.working else 0):
            clerk = dice.choice(self._town.clerks)
            name, head = dice.choice(_DOCUMENTS)
            yield (
                day.moment(dice),
                Upload(
                    user=clerk.user, unit=clerk.unit.code, name=name, head=head,
                    content=f"{day.number}/{dice.getrandbits(64):x}",
                ),
            )  # fmt: skip

    def _pages(self, day: Day, dice: random.Random) -> Iterator[tuple[int, object]]:
        """Help pages, health checks, an address mistyped; in the first days the first version."""
        for _ in range(day.count(dice, 20)):
            clerk = dice.choice(self._town.clerks)
            uri = dice.choice(("/console/index.html", "/console/help.html", "/healthz", "/help"))
            yield (
                day.moment(dice),
                Visit(address=clerk.unit.exit, agent=clerk.agent, uri=uri),
            )
        if day.number < 3:
            for path in OLD:
                caller = dice.choice(self._parties.narrow)
                yield (
                    day.moment(dice),
                    Visit(address=caller.addresses[0], agent=caller.agent, uri=path),
                )
        if day.date.day == 5:
            caller = self._parties.narrow[5]
            yield day.at(10), Visit(address=caller.addresses[0], agent=caller.agent, uri=LATER[0])

    def _upkeep(self, day: Day, dice: random.Random) -> Iterator[tuple[int, object]]:
        """A sensor restarts; call-backs reach those who asked for them."""
        if dice.random() < 0.5:
            at, sensor = day.moment(dice), dice.choice(_SENSORS)
            yield at, SealedRecord(action="source_excluded", sensor=sensor, reason="silent")
            back = at + dice.randrange(2 * MINUTE_US, 10 * MINUTE_US)
            yield back, SealedRecord(action="source_readmitted", sensor=sensor)
        for _ in range(4):
            caller = dice.choice(self._parties.callers)
            address = dice.choice(caller.addresses)
            yield (
                day.moment(dice),
                CallBack(
                    requester=caller.requester, url=f"http://{address}:9000/done", address=address
                ),
            )


_SENSORS: Final = tuple(f"sensor-{number:02d}" for number in range(1, 21))
_DOCUMENTS: Final = (
    ("application.pdf", "婚姻登记申请材料，申请人声明内容属实。"),
    ("minutes.docx", "会议纪要：研究数据共享责任清单。"),
    ("notice.pdf", "关于做好办件材料归档的通知。"),
    ("list.xlsx", "材料清单 序号 名称 份数"),
    ("scan-01.jpg", "扫描件"),
)


def _resent(ask: Ask, dice: random.Random) -> Ask:
    """The answer is lost on its way, and the library sends the same bytes again."""
    return Ask(
        requester=ask.requester, service=ask.service, address=ask.address, number=ask.number,
        matter=ask.matter, case=ask.case, resend_after=dice.randrange(2 * SECOND_US, 9 * SECOND_US),
    )  # fmt: skip
