"""Providers: the payment institutions and the treasury as services of their own.

Each listens at its own address and tells of payments from there. Their books are those of
:class:`district.payment.institutions.Institutions`; what becomes of the money inside a bank is said
on no wire, so the town tells the bank itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

import msgspec
from district.payment.institutions import Institutions, Money, Transaction
from district.payment.platform import clock
from district.payment.records import CallBack, Order, Via
from district.payment.requests import Answer, TellPayment

from living.payment import wire
from living.payment.remote_desk import CASHIER, RemoteDesk
from living.payment.signed import Caller, Gate
from living.serving import Call, Given, Service
from living.signed import Asker, RefusedError, TownClock

__all__ = [
    "DEPARTMENT_PORT",
    "FILES",
    "PORT",
    "TREASURY",
    "Institution",
    "RemoteFiles",
    "RemoteProviders",
    "Words",
]

PORT: Final = 8443
DEPARTMENT_PORT: Final = 9180
"""Where a department's own server is told of payments."""
TREASURY: Final = "10.30.90.20"
FILES: Final = Via(address="10.30.90.3", app="pay-files", agent="Java/1.8.0_402")
"""The platform's program that fetches files."""
_ENCODING: Final = "gb18030"
_PAYMENT: Final = msgspec.json.Decoder(wire.Payment)
_BACK: Final = msgspec.json.Decoder(wire.Back)


class Institution:
    """One of them: takes payers and refunds from the platform, and gives its files out."""

    def __init__(
        self,
        books: Institutions,
        gate: Gate,
        town: TownClock,
        *,
        address: str,
        port: int = PORT,
        files: Mapping[str, Callable[[int], Iterable[str]]],
    ) -> None:
        """``files`` are made when they are asked for, by their paths."""
        self._books, self._gate, self._town, self._files = books, gate, town, files
        self.fates: dict[str, Money] = {}
        """What will become of the money of an order."""
        self._serving = Service(address, port, self._handle).start()
        self.base = self._serving.base

    def stop(self) -> None:
        """Listen no more."""
        self._serving.stop()

    def _handle(self, call: Call) -> Given:
        try:
            via = self._gate.check(call)
        except RefusedError:
            return Given(401)
        if not via.app:
            return Given(403)
        try:
            return self._done(call)
        except msgspec.MsgspecError:
            return Given(400)

    def _done(self, call: Call) -> Given:
        now = self._town.now()
        if call.method == "GET" and call.target in self._files:
            text = "".join(f"{row}\n" for row in self._files[call.target](now))
            return Given(200, text.encode(_ENCODING), f"text/plain; charset={_ENCODING}")
        if call.method == "POST" and call.target == "/payments":
            asked = _PAYMENT.decode(call.body)
            order = Order(
                id=asked.order, notice=asked.notice, dept=asked.dept,
                amount_fen=asked.amount_fen, channel=asked.channel,
            )  # fmt: skip
            money = self.fates.pop(asked.order, "whole")
            self._books.collect(
                now, order, account=asked.account, payer=asked.payer, money=money
            )  # fmt: skip
            return Given(200, b"{}")
        if call.method == "POST" and call.target == "/refunds":
            back = _BACK.decode(call.body)
            self._books.refund(back.refund, back.order, back.amount_fen)
            return Given(200, b"{}")
        return Given(404)


class RemoteProviders:
    """:class:`district.payment.doors.Providers`: the platform's cashier hands payers over."""

    def __init__(
        self, institutions: Mapping[str, Institution], books: Institutions, caller: Caller
    ) -> None:
        self._institutions, self._books, self._caller = institutions, books, caller

    def collect(
        self, now: int, order: Order, *, account: str, payer: str, money: Money = "whole"
    ) -> None:
        del now
        at = self._institutions[order.channel]
        if money != "whole":
            at.fates[order.id] = money
        body = wire.Payment(
            order=order.id, notice=order.notice, dept=order.dept, amount_fen=order.amount_fen,
            channel=order.channel, account=account, payer=payer,
        )  # fmt: skip
        _sure(self._caller.ask("POST", at.base, "/payments", CASHIER, wire.encode(body)).status)

    def refund(self, refund: str, order: str, fen: int) -> None:
        made = self._books.transaction(order)
        if made is not None:
            base = self._institutions[made.channel].base
            body = wire.encode(wire.Back(refund=refund, order=order, amount_fen=fen))
            _sure(self._caller.ask("POST", base, "/refunds", CASHIER, body).status)

    def transaction(self, order: str) -> Transaction | None:
        """The institution's own knowledge: what it will tell of."""
        return self._books.transaction(order)


class RemoteFiles:
    """:class:`district.payment.doors.Files`: fetched from the bank and the treasury."""

    def __init__(self, caller: Caller, *, bank: str, treasury: str) -> None:
        self._caller, self._bank, self._treasury = caller, bank, treasury

    def settlement(self, now: int, chance: random.Random) -> Iterable[str]:
        del now, chance
        return self._fetched(self._bank, "/files/settlement")

    def supplement(self, now: int) -> Iterable[str]:
        del now
        return self._fetched(self._bank, "/files/supplement")

    def receipts(self, now: int) -> Iterable[str]:
        del now
        return self._fetched(self._treasury, "/files/receipts")

    def _fetched(self, base: str, target: str) -> list[str]:
        reply = self._caller.ask("GET", base, target, FILES)
        _sure(reply.status)
        # Not splitlines: a name may hold what other alphabets take for an end of line.
        return reply.body.decode(_ENCODING).split("\n")[:-1]


class Words:
    """:class:`district.payment.doors.Words`: what is told comes from its teller's address."""

    def __init__(
        self,
        desk: RemoteDesk,
        books: Institutions,
        web: Asker,
        servers: Mapping[str, str],
    ) -> None:
        """``servers`` are the departments' own, by code."""
        self._desk, self._books, self._web, self._servers = desk, books, web, servers

    def to_platform(self, told: CallBack, now: int, *, other_node: bool = False) -> Answer:
        return self._desk.handle(TellPayment(told=told, other_node=other_node), now)

    def to_department(
        self, made: Transaction, now: int, *, address: str, refund: str = "", fen: int = 0
    ) -> None:
        del now
        signed = self._books.tell(replace(made, fen=fen or made.fen))
        done = clock(made.finished_at)
        body = wire.DepartmentNotice(
            payment_notice_no=made.notice,
            department_code=made.dept,
            fee=signed.amount_fen,
            order_id=made.order,
            trans_id=made.id,
            bank_account=made.account,
            openid=made.payer,
            pay_finish_time=f"{done:%Y-%m-%dT%H:%M:%S}+08:00",
            sign=signed.signature,
            refund_order_id=refund,
        )
        reply = self._web.request(
            "POST", f"{self._servers[made.dept]}/pay/notice", source=address,
            headers={"content-type": "application/json"}, body=wire.encode(body),
        )  # fmt: skip
        _sure(reply.status)


def _sure(status: int) -> None:
    if status != 200:
        raise RuntimeError(f"an institution or a department's server answered {status}")
