"""Attacks: how each abuse of accounts is carried out, and on whom an alert on it may fall.

Below the threshold the same is done less often or, where once is enough, with its approval.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from district.calendar import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from district.deed import Deed, FetchCertificate, PayNotice, PullRecords
from district.episode import Plan
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
    UseClient,
    Who,
)
from district.identity.lookalikes import CONFIDENTIAL
from district.identity.ordinary import deed
from district.identity.people import ABROAD, ADMINS, EXIT, LEAVERS, People
from district.identity.plot import few, network, plan, times
from district.identity.provider import CLIENTS, FAILURES_MAX
from district.identity.registers import leaver
from district.system import Attack, Occasion

__all__ = ["Attacks"]

ABROAD_US: Final = 2 * HOUR_US
"""The owner at home after a thief abroad is two countries too."""
SPRAYED: Final = 20
STUFFED: Final = 10
GUESSED: Final = 8
CHALLENGES: Final = 5
SENDS: Final = 11
SENDS_ONE: Final = 6
CONSENTS: Final = 10
FORGED: Final = 3
LOCKED: Final = 30
ROWS: Final = 500
SLEPT: Final = 95
"""Days a dormant account slept, and below the threshold: fewer than ninety."""
DOZED: Final = 70
KEYCLOAK_EVENTS: Final = "keycloak.event"
"""A rule without an entity of its own speaks of the dataset."""
NUMBER: Final = "user.target.id"
"""A phone's number stands keyed in events."""
OTHER_AGENT: Final = "python-requests/2.31.0"


class Attacks:
    """All of them; accounts and addresses are shared with honest users."""

    def __init__(self, people: People) -> None:
        self._people = people
        self.all = (
            Attack(use_case="ID01", plan=self._spray),
            Attack(use_case="ID02", plan=self._stuff),
            Attack(use_case="ID03", plan=self._guess),
            Attack(use_case="ID04", plan=self._tire, hours="evening"),
            Attack(use_case="ID05", plan=self._bomb),
            Attack(use_case="ID06", plan=self._travel),
            Attack(use_case="ID07", plan=self._replay),
            Attack(use_case="ID08", plan=self._reuse, span_days=2),
            Attack(use_case="ID09", plan=self._downgrade, hours="office"),
            Attack(use_case="ID10", plan=self._take_over),
            Attack(use_case="ID11", plan=self._impersonate, hours="office"),
            Attack(use_case="ID12", plan=self._change_client, span_days=2),
            Attack(use_case="ID13", plan=self._phish, span_days=4),
            Attack(use_case="ID14", plan=self._forge),
            Attack(use_case="ID15", plan=self._wake, hours="office"),
            Attack(use_case="ID16", plan=self._lock_out),
            Attack(use_case="X01", plan=self._pile_up, span_days=4, last=True),
            Attack(use_case="X02", plan=self._collect, hours="office", span_days=2),
        )

    def _citizens(self, occasion: Occasion, count: int) -> list[Who]:
        people, chance = self._people, occasion.chance
        return [people.citizen(one, chance) for one in chance.sample(people.citizens, count)]

    def _citizen(self, occasion: Occasion) -> Who:
        return self._citizens(occasion, 1)[0]

    def _clerk(self, occasion: Occasion, case: int) -> Who:
        """Another clerk for each carrying out of each case."""
        counters = self._people.counters
        return self._people.clerk(counters[(case * 5 + occasion.number) % len(counters)])

    def _alone(self, occasion: Occasion) -> Who:
        """A clerk whom no other attack names."""
        free = [one for one in self._people.counters if one.user not in occasion.named]
        return self._people.clerk(occasion.chance.choice(free))

    def _spray(self, occasion: Occasion) -> Plan:
        """One password on many accounts: from an operator's exit, or from several of a network."""
        chance = occasion.chance
        count = times(occasion, SPRAYED)
        exit_address = self._citizen(occasion).address
        head = exit_address.rpartition(".")[0]
        addresses = [f"{head}.{number}" for number in range(1, 10)]
        spread = occasion.number % 2 == 1
        deeds = []
        for place, who in enumerate(self._citizens(occasion, count)):
            address = addresses[place % len(addresses)] if spread else exit_address
            moment = occasion.start + place * (8 * MINUTE_US // count)
            user = who.user if chance.random() < 0.7 else f"test{place:03d}"
            error = "invalid_user_credentials" if user == who.user else "user_not_found"
            act = Fail(who=replace(who, address=address, user=user), error=error)
            deeds.append(deed(moment, act))
        names = {one.act.who.address: None for one in deeds if isinstance(one.act, Fail)}
        users = [one.act.who.user for one in deeds if isinstance(one.act, Fail)]
        return plan("ID01", occasion, deeds, *names, f"{head}.0/24", *users)

    def _stuff(self, occasion: Occasion) -> Plan:
        """A leaked list, of which one pair is right."""
        count = times(occasion, STUFFED)
        address = occasion.chance.choice((*ABROAD, self._citizen(occasion).address))
        victims = [replace(one, address=address) for one in self._citizens(occasion, count + 1)]
        every = 11 * MINUTE_US // count
        deeds = [
            deed(occasion.start + place * every, Fail(who=who))
            for place, who in enumerate(victims[:-1])
        ]
        hit = SignIn(who=victims[-1], requests=2)
        deeds.append(deed(occasion.start + 12 * MINUTE_US, hit))
        return plan(
            "ID02",
            occasion,
            deeds,
            address,
            network(address),
            *(one.user for one in victims),
            more=ABROAD_US,
        )

    def _guess(self, occasion: Occasion) -> Plan:
        """One account of staff, until it opens."""
        who = self._clerk(occasion, 3)
        deeds = _guessing(who, occasion.start, times(occasion, GUESSED))
        return plan("ID03", occasion, deeds, who.user)

    def _tire(self, occasion: Occasion) -> Plan:
        """The password is known; codes are asked for until the owner passes one on."""
        who = self._citizen(occasion)
        deeds = _tiring(who, occasion.start, times(occasion, CHALLENGES))
        return plan("ID04", occasion, deeds, who.user, who.address, collect=(NUMBER,))

    def _bomb(self, occasion: Occasion) -> Plan:
        """Codes to many numbers from one address, or to one number from everywhere."""
        start = occasion.start
        if occasion.number % 2:
            count = times(occasion, SENDS_ONE)
            victim = self._citizen(occasion)
            senders = self._citizens(occasion, count)
            deeds = [
                deed(start + place * (8 * MINUTE_US // count),
                     SendCode(who=replace(victim, user="", address=sender.address)))
                for place, sender in enumerate(senders)
            ]  # fmt: skip
            return plan("ID05", occasion, deeds, collect=(NUMBER,))
        count = times(occasion, SENDS)
        victims = self._citizens(occasion, count)
        address = victims[0].address
        deeds = [
            deed(start + place * (8 * MINUTE_US // count),
                 SendCode(who=replace(victim, user="", address=address)))
            for place, victim in enumerate(victims)
        ]  # fmt: skip
        return plan("ID05", occasion, deeds, address)

    def _travel(self, occasion: Occasion) -> Plan:
        """The owner at home, the thief abroad; below: through an exit in the register."""
        who, chance = self._citizen(occasion), occasion.chance
        deeds = [deed(occasion.start, SignIn(who=who))]
        for place in range(few(occasion)):
            address = chance.choice(ABROAD) if occasion.strength >= 1000 else EXIT
            moment = occasion.start + (25 + 20 * place) * MINUTE_US
            deeds.append(deed(moment, SignIn(who=replace(who, address=address))))
        return plan("ID06", occasion, deeds, who.user, more=ABROAD_US)

    def _replay(self, occasion: Occasion) -> Plan:
        """The access token is used by a program, or from abroad; below: from the same browser."""
        who, chance = self._citizen(occasion), occasion.chance
        session = f"attack/ID07/{occasion.number}"
        address, agent = who.address, who.agent
        if occasion.strength >= 1000:
            if occasion.number % 2:
                address = chance.choice(ABROAD)
            else:
                agent = OTHER_AGENT
        deeds = [deed(occasion.start, SignIn(who=who, session=session, requests=2))]
        for place in range(few(occasion)):
            moment = occasion.start + (2 + 2 * place) * MINUTE_US
            act = Request(session=session, address=address, agent=agent)
            deeds.append(deed(moment, act))
        return plan("ID07", occasion, deeds, who.user, collect=("gov.auth.token_hmac",))

    def _reuse(self, occasion: Occasion) -> Plan:
        """A copied refresh token is shown after its rotation; below: a retry of the owner."""
        who, chance = self._citizen(occasion), occasion.chance
        session = f"attack/ID08/{occasion.number}"
        thief = chance.choice(ABROAD) if occasion.number % 2 else self._citizen(occasion).address
        address = thief if occasion.strength >= 1000 else who.address
        first = occasion.start + 5 * MINUTE_US
        deeds = [
            deed(occasion.start, SignIn(who=who, session=session)),
            deed(first, Refresh(session=session, address=who.address)),
        ]
        for place in range(few(occasion)):
            moment = first + 10 * SECOND_US + place * 7 * MINUTE_US
            deeds.append(deed(moment, Refresh(session=session, address=address, stale=True)))
        return plan("ID08", occasion, deeds, who.user, collect=("gov.auth.token_hmac",))

    def _downgrade(self, occasion: Occasion) -> Plan:
        """A certificate's owner comes with a password; below: into a system of level two."""
        owners = self._people.with_certificate
        who = self._people.clerk(owners[(9 + 7 * occasion.number) % len(owners)])
        deeds = [
            deed(occasion.start - 3 * DAY_US + place * HOUR_US,
                 SignIn(who=who, client="cert-desk", method="certificate", requests=0))
            for place in range(1)
        ]  # fmt: skip
        client = "cert-desk" if occasion.strength >= 1000 else "oa"
        for place in range(few(occasion)):
            act = SignIn(who=who, client=client, requests=0)
            deeds.append(deed(occasion.start + place * 9 * MINUTE_US, act))
        return plan("ID09", occasion, deeds, who.user, start=occasion.start)

    def _take_over(self, occasion: Occasion) -> Plan:
        """Reset, another phone, then a certificate and a payment; below: nothing is done after."""
        who, start = self._citizen(occasion), occasion.start
        address = occasion.chance.choice((who.address, *ABROAD[:1]))
        thief = replace(who, address=address)
        deeds = [
            deed(start, ResetPassword(who=thief)),
            deed(start + 5 * MINUTE_US, BindDevice(who=thief)),
            deed(start + 7 * MINUTE_US, SignIn(who=thief, method="otp")),
        ]
        if occasion.strength >= 1000:
            fetch = FetchCertificate(user=who.user, address=address, agent=who.agent)
            pay = PayNotice(
                user=who.user, address=address, agent=who.agent, amount_fen=50_000
            )  # fmt: skip
            deeds.append(deed(start + 11 * MINUTE_US, fetch, "certificates"))
            deeds.append(deed(start + 15 * MINUTE_US, pay, "payment"))
        return plan("ID10", occasion, deeds, who.user, start=start, more=ABROAD_US)

    def _impersonate(self, occasion: Occasion) -> Plan:
        """An administrator becomes somebody else; below: with a ticket."""
        operator = ADMINS[occasion.number % len(ADMINS)]
        deeds = []
        for place, victim in enumerate(self._citizens(occasion, few(occasion))):
            moment = occasion.start + place * 6 * MINUTE_US
            if occasion.strength < 1000:
                act = Approve(operator=operator, target=victim.user, ticket=f"YW{occasion.number}")
                deeds.append(deed(moment - MINUTE_US, act))
            deeds.append(
                deed(moment, Impersonate(operator=operator, target=victim.user, realm="citizens",
                                         address=self._people.admin_desk))
            )  # fmt: skip
        return plan("ID11", occasion, deeds, operator)

    def _change_client(self, occasion: Occasion) -> Plan:
        """A client's return address is changed and its codes are exchanged at a desk."""
        client = CONFIDENTIAL[occasion.number % len(CONFIDENTIAL)]
        insider = self._clerk(occasion, 12)
        own = CLIENTS[client][0]
        deeds = [deed(occasion.start, ChangeClient(client=client, address=insider.address))]
        for place, who in enumerate(self._citizens(occasion, few(occasion))):
            address = insider.address if occasion.strength >= 1000 else own[1]
            moment = occasion.start + (30 + 40 * place) * MINUTE_US
            deeds.append(deed(moment, UseClient(client=client, address=address, who=who)))
        return plan("ID12", occasion, deeds, client, insider.address)

    def _phish(self, occasion: Occasion) -> Plan:
        """A new client with a friendly name asks for numbers, and people agree."""
        client = f"gov-subsidy-{occasion.number}"
        start = occasion.day.at(6)
        deeds = [
            deed(start, RegisterClient(client=client, addresses=("10.30.2.79",),
                                       sensitive=("idcard", "phone")))
        ]  # fmt: skip
        first = start + DAY_US + 2 * HOUR_US
        count = times(occasion, CONSENTS)
        for place, who in enumerate(self._citizens(occasion, count)):
            moment = first + place * (11 * HOUR_US // count)
            act = SignIn(who=who, client=client, consent="consent_granted", requests=0)
            deeds.append(deed(moment, act))
        return plan("ID13", occasion, deeds, client, start=first)

    def _forge(self, occasion: Occasion) -> Plan:
        """Tokens signed with a key of one's own."""
        count = times(occasion, FORGED)
        address = occasion.chance.choice((*ABROAD, self._citizen(occasion).address))
        deeds = [
            deed(occasion.start + place * (8 * MINUTE_US // count), BadSignature(address=address))
            for place in range(count)
        ]
        return plan("ID14", occasion, deeds, address)

    def _wake(self, occasion: Occasion) -> Plan:
        """An account nobody used for long, or one whose owner left."""
        chance = occasion.chance
        if occasion.strength >= 1000 and occasion.number % 2:
            who = self._people.extra(leaver(occasion.number % LEAVERS), chance)
            deeds = [
                deed(occasion.start + place * 20 * MINUTE_US,
                     SignIn(who=who, client="oa", requests=0))
                for place in range(few(occasion))
            ]  # fmt: skip
            return plan("ID15", occasion, deeds, who.user)
        who = self._people.extra(f"ext.auditor{occasion.number}", chance)
        slept = SLEPT if occasion.strength >= 1000 else DOZED
        before = [occasion.start - slept * DAY_US - day * 2 * DAY_US for day in (1, 0)]
        act = SignIn(who=who, client="oa", requests=0)
        deeds = [deed(moment, act) for moment in (*before, occasion.start)]
        return plan("ID15", occasion, deeds, who.user, start=occasion.start)

    def _lock_out(self, occasion: Occasion) -> Plan:
        """Accounts are locked on purpose, from many exits."""
        count = times(occasion, LOCKED)
        addresses = [one.address for one in self._citizens(occasion, 8)] + list(ABROAD)
        every = 8 * MINUTE_US // count
        most = FAILURES_MAX["citizens"]
        deeds = []
        victims = self._citizens(occasion, count)
        for place, victim in enumerate(victims):
            who = replace(victim, address=addresses[place % len(addresses)])
            act = Fail(who=who, times=most, every_us=every // most)
            deeds.append(deed(occasion.start + place * every, act))
        names = (*addresses, *map(network, addresses), *(one.user for one in victims))
        return plan("ID16", occasion, deeds, KEYCLOAK_EVENTS, *names)

    def _pile_up(self, occasion: Occasion) -> Plan:
        """One account in several ways within three days; below: in one."""
        who, start = self._alone(occasion), occasion.start
        abroad = replace(who, address=ABROAD[occasion.number % len(ABROAD)])
        at_home = replace(who, address="198.19.7.9")
        parts = [
            _guessing(who, start, GUESSED),
            [deed(start + 20 * HOUR_US, SignIn(who=at_home, client="oa")),
             deed(start + 21 * HOUR_US, SignIn(who=abroad, client="oa"))],
            _tiring(who, start + 30 * HOUR_US, CHALLENGES + 1),
            _guessing(who, start + 50 * HOUR_US, GUESSED + 1),
        ]  # fmt: skip
        wanted = 1 if occasion.strength < 1000 else 2 + (occasion.strength - 1000) // 700
        deeds = [one for part in parts[:wanted] for one in part]
        return plan(
            "X01", occasion, deeds, who.user, who.address, more=ABROAD_US, collect=(NUMBER,)
        )

    def _collect(self, occasion: Occasion) -> Plan:
        """A clerk's account is taken over and then pages of records are turned."""
        who, start = self._clerk(occasion, 18), min(occasion.start, occasion.day.at(17))
        pull = PullRecords(
            user=who.user, address=who.address, rows=ROWS * occasion.strength // 1000
        )  # fmt: skip
        deeds = [
            deed(start, ResetPassword(who=who, client="oa")),
            deed(start + 6 * MINUTE_US, BindDevice(who=who, client="oa")),
            deed(start + 9 * MINUTE_US, SignIn(who=who, client="oa", method="otp", requests=0)),
            deed(start + 2 * HOUR_US, pull, "sharing"),
        ]
        return plan(
            "X02", occasion, deeds, who.user, start=start, more=DAY_US,
            collect=("gov.share.requester_id", "organization.id", "source.ip"),
        )  # fmt: skip


def _guessing(who: Who, start: int, times: int) -> list[Deed]:
    guess = Fail(who=who, client="oa", times=times, every_us=7 * MINUTE_US // times)
    return [deed(start, guess), deed(start + 8 * MINUTE_US, SignIn(who=who, client="oa"))]


def _tiring(who: Who, start: int, times: int) -> list[Deed]:
    every = 4 * MINUTE_US // times
    deeds = [deed(start + place * every, SendCode(who=who)) for place in range(times)]
    return [*deeds, deed(start + 4 * MINUTE_US + 20 * SECOND_US, SignIn(who=who, requests=2))]
