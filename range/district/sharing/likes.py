"""Look-alikes: honest deeds that look like the misuse each use case is about."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from district.calendar import MINUTE_US, SECOND_US, Day
from district.deed import Deed
from district.episode import Episode, Plan
from district.sharing.acts import (
    Ask,
    CallBack,
    Flow,
    SealedRecord,
    StopNode,
    Upload,
    Visit,
)
from district.sharing.catalogue import ITEMS, LATER
from district.sharing.days import BEAT_US, BUSY_CITIZENS, ask_for
from district.sharing.gateway import SEARCH
from district.sharing.parties import JOINT, NODES, PAGE, Caller, Parties
from district.town import Town, with_check_digit

__all__ = ["LookAlikes", "neighbours"]

A_DAY: Final = 2
"""Of each use case: fifty-six in the measured days."""
_Acts = Iterator[tuple[int, object]]


def neighbours(number: str, count: int) -> list[str]:
    """The numbers of those registered behind one another on a day in a county."""
    first = int(number[14:17])
    return [with_check_digit(f"{number[:14]}{(first + step) % 1000:03d}") for step in range(count)]


class LookAlikes:
    """Makes them for each day."""

    def __init__(self, town: Town, parties: Parties) -> None:
        self._town = town
        self._parties = parties
        self._makers: tuple[tuple[str, Callable[[int, random.Random, int], _Acts]], ...] = (
            ("DX01", self._refused), ("DX02", self._new_key), ("DX03", self._slow_clock),
            ("DX04", self._second_server), ("DX05", self._busy_hour), ("DX06", self._newborns),
            ("DX07", self._fewer_fields), ("DX08", self._some_pages), ("DX09", self._copies),
            ("DX10", self._monthly), ("DX11", self._old_links), ("DX12", self._odd_names),
            ("DX13", self._own_servers), ("DX14", self._old_decoys), ("DX15", self._right_level),
            ("DX16", self._joint_matter), ("DX17", self._on_file), ("DX18", self._quick_clerk),
            ("DX19", self._short_stop), ("DX20", self._not_yet_enrolled),
            ("X05", self._plain_files),
        )  # fmt: skip

    def of(self, day: Day, dice: random.Random) -> Iterator[Plan]:
        """The day's."""
        for use_case, make in self._makers:
            for number in range(A_DAY):
                start = day.at(8) + dice.randrange(10 * 60 * MINUTE_US)
                deeds = [
                    Deed(at=at, system="sharing", act=act)
                    for at, act in make(start, dice, day.number * A_DAY + number)
                ]
                yield Plan(
                    Episode(
                        id=f"{use_case}/like/day{day.number}/{number}", use_case=use_case,
                        kind="lookalike", start=start, end=max(deed.at for deed in deeds),
                    ),
                    deeds,
                )  # fmt: skip

    def _number(self, dice: random.Random) -> str:
        return self._town.citizens[dice.randrange(BUSY_CITIZENS)].number

    def _narrow(self, dice: random.Random) -> Caller:
        return dice.choice(self._parties.narrow)

    def _refused(self, start: int, dice: random.Random, number: int) -> _Acts:
        """A developer tries a service before it is granted."""
        caller = self._narrow(dice)
        had = {*caller.items, self._parties.ended(caller)}
        wanted = dice.choice([item for item in ITEMS if item not in had])
        ask = ask_for(dice, caller, self._number(dice))
        for step in range(1 + number % 3):
            yield start + step * 40 * SECOND_US, replace(ask, service=wanted.service)

    def _new_key(self, start: int, dice: random.Random, number: int) -> _Acts:
        """A key was changed here and not yet there."""
        caller = self._narrow(dice)
        wrong = 2 + number % 5
        for step in range(wrong + 2):
            ask = ask_for(dice, caller, self._number(dice))
            yield start + step * 25 * SECOND_US, replace(ask, wrong_key=step < wrong)

    def _slow_clock(self, start: int, dice: random.Random, number: int) -> _Acts:
        """A clock that is minutes behind, or an answer lost and asked for again."""
        caller = self._narrow(dice)
        for step in range(3):
            ask = ask_for(dice, caller, self._number(dice))
            if number % 2:
                again = dice.randrange(SECOND_US, 20 * SECOND_US)
                yield start + step * MINUTE_US, replace(ask, resend_after=again)
            else:
                behind = dice.randrange(90_000, 280_000)
                yield start + step * MINUTE_US, replace(ask, behind_ms=behind)

    def _second_server(self, start: int, dice: random.Random, number: int) -> _Acts:
        caller = self._narrow(dice)
        for step in range(3):
            ask = ask_for(dice, caller, self._number(dice))
            address = caller.addresses[(number + step) % 2]
            yield start + step * 30 * SECOND_US, replace(ask, address=address)

    def _busy_hour(self, start: int, dice: random.Random, number: int) -> _Acts:
        caller, item = self._narrow(dice), number % 3
        place = ITEMS.index(caller.items[item])
        for _ in range(10 + number % 12):
            ask = ask_for(dice, caller, self._number(dice), item=place)
            yield start + dice.randrange(40 * MINUTE_US), ask

    def _newborns(self, start: int, dice: random.Random, number: int) -> _Acts:
        """Numbers given one after another on one day in a maternity ward."""
        caller = self._narrow(dice)
        for step, one in enumerate(neighbours(self._number(dice), 6 + number % 9)):
            yield start + step * 20 * SECOND_US, ask_for(dice, caller, one)

    def _fewer_fields(self, start: int, dice: random.Random, number: int) -> _Acts:
        caller = self._narrow(dice)
        item = dice.choice(caller.items)
        fields = item.approved if number % 2 else item.approved[:2]
        ask = ask_for(dice, caller, self._number(dice), item=ITEMS.index(item))
        yield start, replace(ask, fields=fields)

    def _some_pages(self, start: int, dice: random.Random, number: int) -> _Acts:
        """A department looks for what its night left out."""
        start += dice.randrange(MINUTE_US)
        caller = self._parties.narrow[number % 5 * 2 + 1]
        item = caller.items[0]
        for page in range(1, 3 + number % 4):
            yield (
                start + page * 30 * SECOND_US,
                Ask(
                    requester=caller.requester, service=item.service, address=caller.addresses[0],
                    rows=PAGE, page=page, matter=f"M-{item.code[2:]}", case=f"S{number:06d}",
                ),
            )  # fmt: skip

    def _copies(self, start: int, dice: random.Random, number: int) -> _Acts:
        """Pages and then a large copy inside, or a few and then a report to the province."""
        caller = self._parties.narrow[number % 5 * 2 + 1]
        item, inside = caller.items[2], number % 2
        for page in range(1, 12 if inside and not number % 3 else 4):
            yield (
                start + page * 20 * SECOND_US,
                Ask(
                    requester=caller.requester, service=item.service, address=caller.addresses[1],
                    rows=PAGE, page=page, matter=f"M-{item.code[2:]}", case=f"Y{number:06d}",
                ),
            )  # fmt: skip
        destination = "10.30.2.9" if inside else "198.19.211.5"
        size = dice.randrange(52_000_000, 300_000_000)
        if number % 5 == 4:
            # Updates are fetched from outside.
            fetched = Flow(
                source=caller.addresses[1], destination="198.19.211.6", sent=40_000, received=size
            )
            yield start + 15 * MINUTE_US, fetched
        yield (
            start + 20 * MINUTE_US,
            Flow(source=caller.addresses[1], destination=destination, sent=size),
        )  # fmt: skip

    def _monthly(self, start: int, dice: random.Random, number: int) -> _Acts:
        """An interface that is listed and seldom called; the newest are listed this month."""
        listed = min(len(LATER), 1 + number // A_DAY // 8)
        caller = self._narrow(dice)
        uri = LATER[number % listed]
        yield start, Visit(address=caller.addresses[0], agent=caller.agent, uri=uri)

    def _old_links(self, start: int, dice: random.Random, number: int) -> _Acts:
        """Links of a document that was moved, opened one after another."""
        clerk = dice.choice(self._town.clerks)
        for step in range(4 + number % 9):
            uri = f"/docs/2024/{dice.randrange(400)}-{step}.html"
            at = start + step * dice.randrange(5, 25) * SECOND_US
            yield at, Visit(address=clerk.unit.exit, agent=clerk.agent, uri=uri)
        if number % 4 == 0:
            # An administrator sees to it that the monitor is closed.
            yield start, Visit(address=clerk.unit.exit, agent=clerk.agent, uri="/actuator/health")

    def _odd_names(self, start: int, dice: random.Random, number: int) -> _Acts:
        """Names with quotes and words of a query, and a node that is being restarted."""
        clerk = dice.choice(self._town.clerks)
        asked = ("name=O%27Brien", "name=Union+Selected+Goods", "q=order+by+phone", "q=sleep+aid")
        for step in range(3):
            uri = f"{SEARCH}?{asked[(number + step) % len(asked)]}"
            yield (
                start + step * 15 * SECOND_US,
                Visit(address=clerk.unit.exit, agent=clerk.agent, uri=uri),
            )
        for step in range(number % 5):
            yield (
                start + MINUTE_US + step * 3 * SECOND_US,
                Visit(address=clerk.unit.exit, agent=clerk.agent, uri=f"{SEARCH}?debug=fail"),
            )

    def _own_servers(self, start: int, dice: random.Random, number: int) -> _Acts:
        caller = self._narrow(dice)
        address = caller.addresses[number % 2] if number % 3 else "198.19.211.5"
        url = f"https://{address}/notify" if number % 3 else "https://province.example/notify"
        yield start, CallBack(requester=caller.requester, url=url, address=address)

    def _old_decoys(self, start: int, dice: random.Random, number: int) -> _Acts:
        """Somebody has the number of a decoy taken back, or the one beside a decoy."""
        if number % 2:
            one = dice.choice(self._parties.old_decoys)
        else:
            one = neighbours(dice.choice(self._parties.decoys), 2)[1]
        yield start, ask_for(dice, self._narrow(dice), one)

    def _right_level(self, start: int, dice: random.Random, number: int) -> _Acts:
        caller = dice.choice(self._parties.broad)
        low = [place for place, item in enumerate(ITEMS) if item.level < 3]
        high = [place for place, item in enumerate(ITEMS) if item.level >= 3]
        ask = ask_for(
            dice, caller, self._number(dice), item=dice.choice(low if number % 2 else high)
        )
        yield start, replace(ask, system=caller.low_system if number % 2 else "")

    def _joint_matter(self, start: int, dice: random.Random, number: int) -> _Acts:
        """A child is born: one counter fetches what seven departments have."""
        caller, one, case = dice.choice(self._parties.broad), self._number(dice), f"J{number:07d}"
        for step in range(6 + number % 3):
            ask = ask_for(dice, caller, one, item=(number + step) % len(ITEMS))
            yield start + step * 30 * SECOND_US, replace(ask, matter=JOINT, case=case)

    def _on_file(self, start: int, dice: random.Random, number: int) -> _Acts:
        """Six bodies with cases, or three that only inquire."""
        one, filed = self._number(dice), bool(number % 2)
        callers = dice.sample(self._parties.broad, 6 if filed else 3)
        for step, caller in enumerate(callers):
            yield start + step * 9 * MINUTE_US, ask_for(dice, caller, one, case=filed)

    def _quick_clerk(self, start: int, dice: random.Random, number: int) -> _Acts:
        """Somebody who works through a pile, quickly and by hand."""
        clerk = dice.choice([one for one in self._town.clerks if one.role == "back"])
        caller = self._parties.by_name[f"rid-{clerk.unit.short}-2"]
        at = start
        for _ in range(6 + number % 10):
            ask = ask_for(dice, caller, self._number(dice))
            yield at, replace(ask, user=clerk.user, address=clerk.address)
            at += dice.randrange(2 * SECOND_US, 60 * SECOND_US)

    def _short_stop(self, start: int, dice: random.Random, number: int) -> _Acts:
        """A node is restarted and misses one heart-beat; a sensor is back within minutes."""
        if number % 2:
            at = start - start % BEAT_US + BEAT_US - 5 * SECOND_US
            yield at, StopNode(node=NODES[0], until=at + 10 * SECOND_US)
            return
        sensor = f"sensor-{dice.randrange(21, 40)}"
        yield start, SealedRecord(action="source_excluded", sensor=sensor, reason="silent")
        back = start + dice.randrange(3 * MINUTE_US, 13 * MINUTE_US)
        yield back, SealedRecord(action="source_readmitted", sensor=sensor)

    def _not_yet_enrolled(self, start: int, dice: random.Random, number: int) -> _Acts:
        """A new machine sends before somebody enrolled it; an event is set aside."""
        action, reason = (
            ("batch_refused", "collector.batch.unenrolled")
            if number % 2
            else ("event_quarantined", "collector.event.time_out_of_range")
        )
        sensor = f"sensor-{dice.randrange(40, 60)}"
        yield start, SealedRecord(action=action, sensor=sensor, reason=reason, number=1)

    def _plain_files(self, start: int, dice: random.Random, number: int) -> _Acts:
        """Papers about secrecy that are none."""
        clerk = dice.choice(self._town.clerks)
        head = _ABOUT_SECRETS[number % len(_ABOUT_SECRETS)]
        yield (
            start,
            Upload(user=clerk.user, unit=clerk.unit.code, name=f"paper-{number}.docx", head=head,
                   content=f"paper {number} {dice.getrandbits(32):x}"),
        )  # fmt: skip


_ABOUT_SECRETS: Final = (
    "商业秘密保护承诺书，签订双方各执一份。",
    "保密工作责任制学习材料：机密、秘密的区别。",
    "内部资料，注意保存。",
    "个人信息保护影响评估报告 ★ 摘要",
)
