"""Remote desk: payers, clerks, departments and programs as clients of the platform's interface."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

import msgspec
from district.payment import requests as asked
from district.payment.records import CallBack, Order, Via

from living.payment import wire
from living.payment.signed import Caller

__all__ = ["CASHIER", "RemoteDesk"]

CASHIER: Final = Via(address="10.30.90.2", app="pay-cashier", agent="Java/1.8.0_402")
"""The platform's own program that looks orders up and writes receipts."""
_NOT_LET_IN: Final = ("", "40000", "40100", "40300", "40400")
_CODE: Final = msgspec.json.Decoder(wire.Code)
_REPLY: Final = msgspec.json.Decoder(wire.Reply)
_ORDERS: Final = msgspec.json.Decoder(wire.Orders)


class RemoteDesk:
    """A :class:`district.payment.doors.Desk` over HTTP.

    When something is asked is what the town's clock says, not the ``now`` that is given. Raises
    RuntimeError where a request was not let in or not understood, OSError and
    ``http.client.HTTPException`` where nobody answers.
    """

    def __init__(self, caller: Caller, *, base: str, other_base: str) -> None:
        """``other_base`` is the node that reads late."""
        self._caller, self._base, self._other_base = caller, base, other_base

    def handle(self, request: asked.Request, now: int) -> asked.Answer:
        del now
        base = self._other_base if getattr(request, "other_node", False) else self._base
        method, target, via, body = _call(request)
        reply = self._caller.ask(method, base, target, via, wire.encode(body) if body else b"")
        said = _CODE.decode(reply.body or b'{"code":""}')
        if said.code in _NOT_LET_IN:
            raise RuntimeError(f"{method} {target}: {reply.status} {said.code}")
        return asked.Answer(said.code, said.number)

    def order(self, order_id: str) -> Order | None:
        reply = self._caller.ask("GET", self._base, f"/v2/orders/{order_id}", CASHIER)
        found = _REPLY.decode(reply.body).order
        return None if found is None else _order(found)

    def paid(self, dept: str, since: int) -> list[Order]:
        target = f"/v2/orders?dept={dept}&paid_since={max(0, since)}"
        reply = self._caller.ask("GET", self._base, target, CASHIER)
        return [_order(one) for one in _ORDERS.decode(reply.body).orders]


def _order(said: wire.OrderSaid) -> Order:
    return Order(**msgspec.structs.asdict(said))


def _call(request: asked.Request) -> tuple[str, str, Via, msgspec.Struct | None]:
    match request:
        case asked.IssueNotice(via=via):
            body = wire.NewNotice(request.dept, request.due_fen, request.payer)
            return "POST", "/v2/notices", via, body
        case asked.EnterNotice(via=via):
            entered = wire.Entered(request.notice, request.dept, request.due_fen)
            return "POST", "/v2/counter/notices", via, entered
        case asked.QueryNotice(via=via, notice=notice):
            return "GET", f"/v2/notices/{notice}", via, None
        case asked.VoidNotice(via=via, notice=notice):
            return "POST", f"/v2/notices/{notice}/void", via, None
        case asked.CreateOrder(via=via):
            new = wire.NewOrder(
                request.notice, request.amount_fen, request.channel, request.return_host
            )
            return "POST", "/v1/orders" if request.old_interface else "/v2/orders", via, new
        case asked.PayResult(via=via, order=order):
            return "POST", f"/v2/orders/{order}/attempts", via, wire.Attempt(request.refusal)
        case asked.TellPayment(told=told):
            return "POST", *notify(told)
        case asked.IssueReceipt(order=order):
            return "POST", f"/v2/orders/{order}/receipt", CASHIER, None
        case asked.CloseOrder(order=order):
            return "POST", f"/v2/orders/{order}/close", CASHIER, None
        case asked.RefundOrder(via=via, order=order):
            refund = wire.Refund(request.amount_fen, request.to_account)
            return "POST", f"/v2/orders/{order}/refunds", via, refund
        case asked.SetStatus(via=via, order=order):
            return "PUT", f"/v2/orders/{order}/status", via, wire.State(request.status)
        case asked.ChangePayee(via=via, dept=dept):
            return "PUT", f"/v2/departments/{dept}/payee", via, wire.Payee(request.account)


def notify(told: CallBack) -> tuple[str, Via, wire.CallBack]:
    """Path, sender and body of a call-back: signed by its own words, by no program."""
    words = asdict(told)
    address, channel = words.pop("address"), words.pop("channel")
    return f"/v2/notify/{channel}", Via(address=address), wire.CallBack(**words)
