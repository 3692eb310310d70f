"""Desk: the system of the run: it hands each act to the part that carries it out."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable, Sequence
from typing import Final

from district.calendar import HOUR_US, SECOND_US, ZONE, Day
from district.deed import Deed
from district.episode import Plan
from district.identity import lines, registers
from district.identity.acts import (
    Administer,
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
)
from district.identity.attacks import Attacks
from district.identity.lookalikes import Lookalikes
from district.identity.ordinary import NAME, Ordinary
from district.identity.people import People
from district.identity.provider import DIRECTORY, KEYCLOAK, Provider, Session
from district.stream import Sink, Statement, Stream
from district.system import Attack, Keyed
from district.town import Town

__all__ = ["Identity"]

PORTAL: Final = Stream(
    name="portal-access.json", form="mapping:portal_gateway", host="gw-portal", view="gateway"
)
MESSAGES: Final = Stream(
    name="sms-gateway.log", form="mapping:sms_gateway", host="sms-01", view="provider"
)
PAGES: Final = (
    ("/portal/api/home", 4100), ("/portal/api/me", 900), ("/portal/api/matters?page=1", 6200),
    ("/portal/api/progress", 1500), ("/portal/api/notices", 2300),
)  # fmt: skip


class Identity:
    """Keycloak, the directory under it, the portal's gateway and that for short messages."""

    name = NAME
    streams: Sequence[Stream] = (KEYCLOAK, DIRECTORY, PORTAL, MESSAGES)

    def __init__(self, town: Town, sink: Sink) -> None:
        self._town, self._sink = town, sink
        self._chance = town.chance("identity", "portal")
        self.provider = Provider(town, sink)
        self.people = people = People(town)
        self._ordinary = Ordinary(people)
        self._lookalikes = Lookalikes(people)
        self.serial = 900_619_000_000
        self.attacks: Sequence[Attack] = Attacks(people).all

    def statements(self, first: Day, keyed: Keyed) -> Iterable[Statement]:
        """Clients, leavers, impersonations, ranges."""
        del keyed
        return registers.statements(self._town, first.start)

    def ordinary(self, day: Day, chance: random.Random) -> Iterable[Deed]:
        """The honest deeds of a day."""
        # Sessions do not outlive the second night.
        if day.number % 2:
            self.provider.sessions.clear()
        return self._ordinary.deeds(day, chance)

    def lookalikes(self, day: Day, chance: random.Random) -> Iterable[Plan]:
        """Honest episodes that look like an abuse."""
        return self._lookalikes.plans(day, chance)

    def perform(self, deed: Deed) -> Iterable[Deed]:
        """Carry a deed out."""
        at, act, provider = deed.at, deed.act, self.provider
        match act:
            case SignIn():
                session = provider.sign_in(at, act)
                if session is not None:
                    self._pages(at, act, session)
            case Fail():
                provider.fail(at, act)
            case Refresh():
                provider.refresh(at, act)
            case Request():
                self._request(at, act)
            case SendCode():
                self._send(at, act)
            case ResetPassword():
                provider.reset(at, act)
            case BindDevice():
                provider.bind_device(at, act)
            case Impersonate():
                provider.impersonate(at, act)
            case Administer():
                provider.administer(at, act)
            case ChangeClient():
                provider.change_client(at, act)
            case UseClient():
                provider.use_client(at, act)
            case BadSignature():
                provider.bad_signature(at, act)
            case Approve() | RegisterClient():
                self.say(at, act)
            case _:
                raise TypeError(f"the identity system cannot do {act!r}")
        return ()

    def say(self, at: int, act: Approve | RegisterClient) -> None:
        """What a register knows from then on."""
        self._sink.say(self._known(at, act))

    def _known(self, at: int, act: Approve | RegisterClient) -> Statement:
        if isinstance(act, Approve):
            row = {"ticket": act.ticket, "approved_by": "duty"}
            key = (act.operator, act.target)
            return Statement("impersonations", key, row, at, at + 8 * HOUR_US)
        self.provider.servers[act.client] = act.addresses
        created = dt.datetime.fromtimestamp(at // SECOND_US, ZONE).date().isoformat()
        return registers.client_row(
            act.client, act.addresses, created, act.sensitive, act.level, at
        )  # fmt: skip

    def _pages(self, at: int, act: SignIn, session: Session) -> None:
        for number in range(act.requests):
            moment = at + (1 + 4 * number) * SECOND_US + self._chance.randrange(SECOND_US)
            self._page(moment, session, act.who.address, act.who.agent)

    def _request(self, at: int, act: Request) -> None:
        session = self.provider.sessions.get(act.session)
        if session is not None:
            self._page(at, session, act.address, act.agent)

    def _page(self, at: int, session: Session, address: str, agent: str) -> None:
        uri, size = self._chance.choice(PAGES)
        text = lines.portal_line(
            at, address=address, method="GET", uri=uri, status=200,
            size=size + self._chance.randrange(400), agent=agent, token=session.token,
            user=session.who.user,
        )  # fmt: skip
        self._sink.write(PORTAL.name, at, text)

    def _send(self, at: int, act: SendCode) -> None:
        who = act.who
        text = lines.portal_line(
            at, address=who.address, method="POST", uri="/portal/api/sms/code", status=200,
            size=47, agent=who.agent, token="", user="",
        )  # fmt: skip
        self._sink.write(PORTAL.name, at, text)
        self.serial += 1
        sent = at + 200_000 + self._chance.randrange(300_000)
        text = lines.sms_line(
            sent, number=who.phone, template=act.template, user=who.user, serial=self.serial
        )  # fmt: skip
        self._sink.write(MESSAGES.name, sent, text)
