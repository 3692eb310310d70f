"""Platform API: the payment platform as programs, pages and institutions reach it over HTTP.

A request of a program is let in when the program signed it (:mod:`living.payment.signed`), an
institution's call-back is judged by the platform's own rules. Who calls is the other end of the
connection; the time is the town's. One request is one transaction. What is not let in (401, 403)
or not understood (400, 404 without a code) leaves no line in the business log, which tells of
business only. The second node reads what the first wrote a moment late.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any, Final, NamedTuple, Protocol

import msgspec
from district.payment import requests as asked
from district.payment.platform import Platform
from district.payment.records import CallBack, Order, Via
from district.payment.store import Store

from living.payment import wire
from living.payment.signed import Gate
from living.serving import Call, Given
from living.signed import RefusedError, TownClock

__all__ = ["LIST_MAX", "PlatformApi", "Transactional"]

LIST_MAX: Final = 40_000
"""Orders of one answer: more than any department has in the forty-five days that are asked for."""


class Transactional(Store, Protocol):
    """A store in a database."""

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing."""


class _Ask(NamedTuple):
    via: Via
    places: tuple[str, ...]
    """What the path names."""
    body: Any
    """Of the route's type."""
    other_node: bool


class _Route(NamedTuple):
    method: str
    path: re.Pattern[str]
    decoder: msgspec.json.Decoder[Any]
    may: Callable[[Via], bool]
    made: Callable[[_Ask], asked.Request]


class PlatformApi:
    """Answers the calls of one node."""

    def __init__(
        self,
        platform: Platform,
        store: Transactional,
        gate: Gate,
        clock: TownClock,
        *,
        other_node: bool = False,
    ) -> None:
        self._platform, self._store, self._gate = platform, store, gate
        self._clock, self._other_node = clock, other_node

    def handle(self, call: Call) -> Given:
        """One request."""
        try:
            # First of all: nothing is read of a request that its sender did not sign.
            via = self._gate.check(call)
        except RefusedError:
            return _code("40100")
        for route in _ROUTES:
            found = route.path.fullmatch(call.target)
            if route.method == call.method and found:
                if not route.may(via):
                    return _code("40300")
                return self._done(route, via, found.groups(), call.body)
        return self._shown(call, via) if call.method == "GET" else _code("40400")

    def _done(self, route: _Route, via: Via, places: tuple[str, ...], body: bytes) -> Given:
        try:
            read = route.decoder.decode(body or b"{}")
        except msgspec.MsgspecError:
            return _code("40000")
        request = route.made(_Ask(via, places, read, self._other_node))
        with self._store.transaction():
            order = getattr(request, "order", "")
            if order and self._store.order(order) is None:
                return _code("40402")
            answer = self._platform.handle(request, self._clock.now())
        return _code(answer.code, answer.number)

    def _shown(self, call: Call, via: Via) -> Given:
        if not via.app:
            return _code("40300")
        if found := _ORDER.fullmatch(call.target):
            order = self._store.order(found[1])
            return Given(200, wire.encode(wire.Reply(_said(order) if order else None)))
        if found := _PAID.fullmatch(call.target):
            orders = self._store.paid(found[1], int(found[2]))[:LIST_MAX]
            return Given(200, wire.encode(wire.Orders(orders)))
        return _code("40400")


def _code(code: str, number: str = "") -> Given:
    status = 200 if code == "0" else int(code[:3])
    return Given(status, wire.encode(wire.Code(code, number)))


def _said(order: Order) -> wire.OrderSaid:
    return wire.OrderSaid(**asdict(order))


def _anybody(via: Via) -> bool:
    del via
    return True


def _program(via: Via) -> bool:
    return bool(via.app)


def _clerk(via: Via) -> bool:
    return bool(via.app and via.user and via.unit)


def _told(ask: _Ask) -> asked.Request:
    said: wire.CallBack = ask.body
    words = {name: getattr(said, name) for name in said.__struct_fields__}
    told = CallBack(channel=ask.places[0], address=ask.via.address, **words)
    return asked.TellPayment(told=told, other_node=ask.other_node)


def _order(ask: _Ask, *, old_interface: bool = False) -> asked.Request:
    said: wire.NewOrder = ask.body
    return asked.CreateOrder(
        via=ask.via, notice=said.notice, amount_fen=said.amount_fen, channel=said.channel,
        return_host=said.return_host, old_interface=old_interface, other_node=ask.other_node,
    )  # fmt: skip


def _notice(ask: _Ask) -> asked.Request:
    said: wire.NewNotice = ask.body
    return asked.IssueNotice(via=ask.via, dept=said.dept, due_fen=said.due_fen, payer=said.payer)


def _entered(ask: _Ask) -> asked.Request:
    said: wire.Entered = ask.body
    return asked.EnterNotice(
        via=ask.via, notice=said.notice, dept=said.dept, due_fen=said.due_fen
    )  # fmt: skip


def _refund(ask: _Ask) -> asked.Request:
    said: wire.Refund = ask.body
    return asked.RefundOrder(
        via=ask.via, order=ask.places[0], amount_fen=said.amount_fen, to_account=said.to_account
    )


_NUMBER: Final = r"([A-Za-z0-9]{1,32})"
_ORDER: Final = re.compile(rf"/v2/orders/{_NUMBER}")
_PAID: Final = re.compile(rf"/v2/orders\?dept={_NUMBER}&paid_since=([0-9]{{1,18}})")


def _route(
    method: str,
    path: str,
    body: type[msgspec.Struct],
    may: Callable[[Via], bool],
    made: Callable[[_Ask], asked.Request],
) -> _Route:
    compiled = re.compile(path.replace("{}", _NUMBER))
    return _Route(method, compiled, msgspec.json.Decoder(body), may, made)


_ROUTES: Final = (
    _route("POST", "/v2/notices", wire.NewNotice, _program, _notice),
    _route("POST", "/v2/counter/notices", wire.Entered, _anybody, _entered),
    _route(
        "GET", "/v2/notices/{}", wire.Nothing, _anybody,
        lambda ask: asked.QueryNotice(via=ask.via, notice=ask.places[0]),
    ),
    _route(
        "POST", "/v2/notices/{}/void", wire.Nothing, _program,
        lambda ask: asked.VoidNotice(via=ask.via, notice=ask.places[0]),
    ),
    _route("POST", "/v2/orders", wire.NewOrder, _anybody, _order),
    _route(
        "POST", "/v1/orders", wire.NewOrder, _anybody, lambda ask: _order(ask, old_interface=True)
    ),
    _route(
        "POST", "/v2/orders/{}/attempts", wire.Attempt, _anybody,
        lambda ask: asked.PayResult(
            via=ask.via, order=ask.places[0], refusal=ask.body.refusal
        ),
    ),
    _route("POST", "/v2/notify/{}", wire.CallBack, _anybody, _told),
    _route(
        "POST", "/v2/orders/{}/receipt", wire.Nothing, _program,
        lambda ask: asked.IssueReceipt(order=ask.places[0]),
    ),
    _route(
        "POST", "/v2/orders/{}/close", wire.Nothing, _program,
        lambda ask: asked.CloseOrder(order=ask.places[0]),
    ),
    _route("POST", "/v2/orders/{}/refunds", wire.Refund, _clerk, _refund),
    _route(
        "PUT", "/v2/orders/{}/status", wire.State, _clerk,
        lambda ask: asked.SetStatus(via=ask.via, order=ask.places[0], status=ask.body.status),
    ),
    _route(
        "PUT", "/v2/departments/{}/payee", wire.Payee, _clerk,
        lambda ask: asked.ChangePayee(
            via=ask.via, dept=ask.places[0], account=ask.body.account
        ),
    ),
)  # fmt: skip
