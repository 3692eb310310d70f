"""Look-alikes: honest episodes that resemble each abuse of accounts, two of a kind each day."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from district.calendar import DAY_US, HOUR_US, MINUTE_US, OFFICE, PUBLIC, SECOND_US, Day
from district.deed import Deed, FetchCertificate, PayNotice, PullRecords
from district.episode import Episode, Plan
from district.identity.acts import (
    Approve,
    BadSignature,
    BindDevice,
    ChangeClient,
    Fail,
    Impersonate,
    Refresh,
    RegisterClient,
    Request,
    ResetPassword,
    SendCode,
    SignIn,
    Who,
)
from district.identity.ordinary import deed
from district.identity.people import ADMINS, EXIT, LEAVERS, SEASONAL, People
from district.identity.provider import CLIENTS
from district.identity.registers import leaver
from district.town import Citizen

__all__ = ["Lookalikes"]

DAILY: Final = 2
CONFIDENTIAL: Final = tuple(name for name, (servers, _) in CLIENTS.items() if servers)
_NIGHT_US: Final = 23 * HOUR_US
"""What begins later would run into the next day, whose look-alikes use other people."""


class Lookalikes:
    """Made anew each day."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._free: list[Citizen] = []

    def plans(self, day: Day, chance: random.Random) -> Iterator[Plan]:
        """All of a day."""
        self._free = list(self._people.travellers)
        chance.shuffle(self._free)
        makers = {
            "ID01": self._office_after_change, "ID02": self._some_mistype, "ID03": self._nearly,
            "ID04": self._slow_codes, "ID05": self._hall, "ID06": self._roaming,
            "ID07": self._leaves_home, "ID08": self._retries, "ID09": self._reads_notices,
            "ID10": self._new_phone, "ID11": self._approved, "ID12": self._maintained,
            "ID13": self._launched, "ID14": self._old_key, "ID16": self._old_program,
            "X01": self._clumsy, "X02": self._new_phone_at_work,
        }  # fmt: skip
        for use_case, make in makers.items():
            for number in range(DAILY):
                yield self._plan(day, use_case, number, make(day, chance, number))
        for number, deeds in enumerate(self._seldom(day, chance)):
            yield self._plan(day, "ID15", number, deeds)

    def _plan(self, day: Day, use_case: str, number: int, deeds: list[Deed]) -> Plan:
        times = [one.at for one in deeds]
        name = f"{use_case}/like/{day.number}/{number}"
        episode = Episode(
            id=name, use_case=use_case, kind="lookalike", start=min(times), end=max(times)
        )
        return Plan(episode, deeds)

    def _someone(self, chance: random.Random) -> Who:
        return self._people.citizen(self._free.pop(), chance)

    def _start(self, day: Day, chance: random.Random) -> int:
        return min(day.moment(chance, PUBLIC), day.start + _NIGHT_US - 2 * HOUR_US)

    def _hall_of(self, place: int) -> str:
        """Citizens are served behind the one address of a department's hall."""
        return self._people.town.units[place].exit

    def _office_after_change(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """Passwords ran out: people of one hall mistype within minutes, each twice at most."""
        return self._mistyped(day, chance, self._hall_of(number))

    def _mistyped(self, day: Day, chance: random.Random, address: str) -> list[Deed]:
        at = day.moment(chance, OFFICE)
        return [
            deed(at + place * 70 * SECOND_US,
                 Fail(who=replace(self._someone(chance), address=address),
                      times=chance.choice((1, 2)), every_us=9 * SECOND_US))
            for place in range(chance.randrange(5, 8))
        ]  # fmt: skip

    def _some_mistype(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """The same, and they get in."""
        deeds = self._mistyped(day, chance, self._hall_of(DAILY + number))
        for one in list(deeds):
            assert isinstance(one.act, Fail)
            deeds.append(deed(one.at + 30 * SECOND_US, SignIn(who=one.act.who)))
        return deeds

    def _nearly(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """Remembered at the sixth or eighth try; or after a cup of tea."""
        at, who = self._start(day, chance), self._someone(chance)
        if number:
            return [
                deed(at, Fail(who=who, times=5, every_us=20 * SECOND_US)),
                deed(at + 25 * MINUTE_US, Fail(who=who, times=3, every_us=20 * SECOND_US)),
                deed(at + 27 * MINUTE_US, SignIn(who=who)),
            ]
        times = chance.randrange(5, 8)
        return [
            deed(at, Fail(who=who, times=times, every_us=25 * SECOND_US)),
            deed(at + 5 * MINUTE_US, SignIn(who=who)),
        ]

    def _slow_codes(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """Bad reception: two to four codes until one arrives."""
        del number
        at, who = self._start(day, chance), self._someone(chance)
        times = chance.randrange(2, 5)
        deeds = [deed(at + place * MINUTE_US, SendCode(who=who)) for place in range(times)]
        return [*deeds, deed(at + times * MINUTE_US, SignIn(who=who))]

    def _hall(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """A hall signs citizens in one after the other."""
        at, address = day.moment(chance, OFFICE), self._hall_of(2 * DAILY + number)
        deeds = []
        for place in range(chance.randrange(5, 9)):
            who = replace(self._someone(chance), address=address)
            moment = at + place * 65 * SECOND_US
            deeds += [deed(moment, SendCode(who=who)),
                      deed(moment + 25 * SECOND_US, SignIn(who=who))]  # fmt: skip
        return deeds

    def _roaming(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """Through a partner's exit abroad; or really abroad, long after."""
        at, who = self._start(day, chance), self._someone(chance)
        if number:
            at = day.at(7) + chance.randrange(HOUR_US)
            away = replace(who, address="203.0.113.77")
            after = chance.randrange(5, 12) * HOUR_US
        else:
            away, after = replace(who, address=EXIT), chance.randrange(10, 60) * MINUTE_US
        return [deed(at, SignIn(who=who)), deed(at + after, SignIn(who=away))]

    def _leaves_home(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """From Wi-Fi to the operator's network, in the middle of a session."""
        citizen = self._free.pop()
        at, session = self._start(day, chance), f"like/{day.number}/{citizen.user}"
        who = self._people.at(citizen, citizen.home)
        moved = citizen.agent.replace("NetType/WIFI", "NetType/4G")
        go = Request(session=session, address=citizen.mobile, agent=moved)
        return [
            deed(at, SignIn(who=who, session=session, requests=2)),
            deed(at + (3 + number) * MINUTE_US, go),
            deed(at + (5 + number) * MINUTE_US, go),
        ]

    def _retries(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """The answer got lost: the same token is shown again from the same place."""
        at, who = self._start(day, chance), self._someone(chance)
        session = f"like/{day.number}/{who.user}/{number}"
        first = at + 5 * MINUTE_US
        again = first + chance.randrange(2, 20) * SECOND_US
        return [
            deed(at, SignIn(who=who, session=session)),
            deed(first, Refresh(session=session, address=who.address)),
            deed(again, Refresh(session=session, address=who.address, stale=True)),
        ]

    def _reads_notices(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """Who has a certificate enters a system of level two with the password."""
        del number
        who = self._people.clerk(chance.choice(self._people.with_certificate))
        at = day.moment(chance, OFFICE)
        return [
            deed(at, SignIn(who=who, client="cert-desk", method="certificate", requests=0)),
            deed(at + 20 * MINUTE_US, SignIn(who=who, client="oa", requests=0)),
        ]

    def _new_phone(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """Two of the three: reset and device, reset and act, device and act."""
        at, who = self._start(day, chance), self._someone(chance)
        kind = (day.number + number) % 3
        fetch = FetchCertificate(user=who.user, address=who.address, agent=who.agent)
        pay = PayNotice(user=who.user, address=who.address, agent=who.agent, amount_fen=12000)
        reset, bind = (
            deed(at, ResetPassword(who=who)),
            deed(at + 4 * MINUTE_US, BindDevice(who=who)),
        )
        enter = deed(at + 6 * MINUTE_US, SignIn(who=who, method="otp"))
        if kind == 0:
            return [reset, bind, enter, deed(at + 55 * MINUTE_US, fetch, "certificates")]
        if kind == 1:
            return [reset, enter, deed(at + 9 * MINUTE_US, pay, "payment")]
        return [bind, enter, deed(at + 9 * MINUTE_US, fetch, "certificates")]

    def _approved(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """Somebody cannot get in and calls; support looks as them, with a ticket."""
        citizen = chance.choice(self._people.citizens)
        at = day.moment(chance, OFFICE)
        operator = ADMINS[number]
        ticket = f"YW{day.date:%Y%m%d}{number:02d}"
        who = self._people.citizen(citizen, chance)
        return [
            deed(at - 10 * MINUTE_US, Fail(who=who, times=2, every_us=20 * SECOND_US)),
            deed(at, Approve(operator=operator, target=citizen.user, ticket=ticket)),
            deed(at + 20 * MINUTE_US, Impersonate(operator=operator, target=citizen.user,
                                                  realm="citizens",
                                                  address=self._people.admin_desk)),
        ]  # fmt: skip

    def _maintained(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """A client's settings change, and its own servers go on."""
        client = CONFIDENTIAL[(day.number + number) % len(CONFIDENTIAL)]
        at = day.moment(chance, OFFICE)
        clerk = chance.choice(self._people.counters)
        return [
            deed(at, ChangeClient(client=client, address=CLIENTS[client][0][0])),
            deed(at + 30 * MINUTE_US, SignIn(who=self._people.clerk(clerk), client=client,
                                             method="otp", requests=0)),
        ]  # fmt: skip

    def _launched(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """A few grant sensitive scopes to a new client; many plain ones; many to an old one."""
        kind = (day.number + number) % 3
        at = day.at(9, chance.randrange(60))
        client = f"svc-{day.number}-{number}"
        deeds = []
        if kind == 2:
            client = "open-data"
        else:
            sensitive = ("idcard",) if kind == 0 else ()
            act = RegisterClient(client=client, addresses=("10.30.2.71",), sensitive=sensitive)
            deeds.append(deed(at, act))
        many = chance.randrange(3, 7) if kind == 0 else chance.randrange(10, 15)
        for place in range(many):
            who = self._people.citizen(chance.choice(self._people.citizens), chance)
            moment = at + (place + 1) * 31 * MINUTE_US
            act_in = SignIn(who=who, client=client, consent="consent_granted", requests=0)
            deeds.append(deed(moment, act_in))
        return deeds

    def _old_key(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """After a change of keys a server shows tokens under the old one, once or twice."""
        servers = CLIENTS[CONFIDENTIAL[(day.number + number) % len(CONFIDENTIAL)]][0]
        at = self._start(day, chance)
        times = chance.choice((1, 2))
        return [
            deed(at + place * 40 * SECOND_US, BadSignature(address=servers[number]))
            for place in range(times)
        ]

    def _old_program(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """Programs on a few people's phones send an old password until they are locked out."""
        del number
        at = self._start(day, chance)
        return [
            deed(at + place * 50 * SECOND_US,
                 Fail(who=self._someone(chance), times=10, every_us=SECOND_US))
            for place in range(chance.randrange(3, 7))
        ]  # fmt: skip

    def _clumsy(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """Much goes wrong for one person, and none of it for a rule."""
        at, who = self._start(day, chance), self._someone(chance)
        return [
            *self._nearly_for(who, at),
            deed(at + 8 * MINUTE_US, ResetPassword(who=who)),
            deed(at + (30 + number) * MINUTE_US, SignIn(who=who)),
        ]

    def _nearly_for(self, who: Who, at: int) -> list[Deed]:
        return [
            deed(at, Fail(who=who, times=6, every_us=20 * SECOND_US)),
            deed(at + 4 * MINUTE_US, SendCode(who=who)),
        ]

    def _new_phone_at_work(self, day: Day, chance: random.Random, number: int) -> list[Deed]:
        """A clerk's new phone, and a page or two of records afterwards; or many without one."""
        clerk = chance.choice(self._people.counters)
        who = self._people.clerk(clerk)
        at = day.at(9, chance.randrange(60))
        rows = 100 * chance.randrange(1, 4)
        deeds = [deed(at, ResetPassword(who=who, client="oa"))]
        if number:
            deeds.append(deed(at + 10 * MINUTE_US, BindDevice(who=who, client="oa")))
        pull = PullRecords(user=who.user, address=who.address, rows=rows)
        return [*deeds, deed(at + 3 * HOUR_US, pull, "sharing")]

    def _seldom(self, day: Day, chance: random.Random) -> Iterator[list[Deed]]:
        """Helpers who come back after weeks; leavers whose old program is refused."""
        for number in range(SEASONAL):
            period = 40 + number % 40
            if (day.number + number * 7) % period == 0:
                who = self._people.extra(f"tmp.helper{number}", chance)
                at = day.moment(chance, OFFICE)
                yield [deed(at, SignIn(who=who, client="oa", requests=0))]
        who = self._people.extra(leaver(day.number % LEAVERS), chance)
        at = day.start + chance.randrange(DAY_US - HOUR_US)
        yield [deed(at, Fail(who=who, client="oa", error="user_disabled"))]
