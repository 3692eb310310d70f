"""Wire: bodies of requests and answers, as JSON; whatever else a body says is not read."""

from __future__ import annotations

from typing import Annotated

import msgspec
from district.payment.records import Status
from msgspec import Meta, Struct

__all__ = [
    "Attempt", "Back", "CallBack", "Code", "DepartmentNotice", "Entered", "NewNotice", "NewOrder",
    "Nothing", "OrderSaid", "Orders", "Payee", "Payment", "Refund", "Reply", "State", "encode",
]  # fmt: skip

Text = Annotated[str, Meta(max_length=128)]
"""Numbers, accounts and names: the longest has 64 characters."""
Fen = Annotated[int, Meta(ge=1, le=10**12)]


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """A body without anything."""


class NewNotice(Struct, frozen=True):
    """A department asks somebody for money."""

    dept: Text
    due_fen: Fen
    payer: Text


class Entered(Struct, frozen=True):
    """A notice of a counter's or device's own."""

    notice: Text
    dept: Text
    due_fen: Fen


class NewOrder(Struct, frozen=True):
    """Somebody wants to pay."""

    notice: Text
    amount_fen: Fen
    channel: Text
    return_host: Text


class Attempt(Struct, frozen=True):
    """What the institution answered the payer."""

    refusal: Text = ""


class Refund(Struct, frozen=True):
    """Something is given back."""

    amount_fen: Fen
    to_account: Text = ""


class State(Struct, frozen=True):
    """An order is corrected."""

    status: Status


class Payee(Struct, frozen=True):
    """Where a department's money goes."""

    account: Text


class CallBack(Struct, frozen=True):
    """What an institution tells of a payment: its words and its own signature over them."""

    order: Text
    transaction: Text
    amount_fen: Fen
    bank: Text
    payee_account: Text
    payer_account: Text
    business_date: Text
    signature: Text


class Payment(Struct, frozen=True):
    """The platform's cashier hands a payer over to an institution."""

    order: Text
    notice: Text
    dept: Text
    amount_fen: Fen
    channel: Text
    account: Text
    payer: Text


class Back(Struct, frozen=True):
    """The platform has an institution give something back."""

    refund: Text
    order: Text
    amount_fen: Fen


class DepartmentNotice(Struct, frozen=True):
    """What WeChat tells a department's own server, in the words of its interface."""

    payment_notice_no: Text
    department_code: Text
    fee: Fen
    order_id: Text
    trans_id: Text
    bank_account: Text
    openid: Text
    pay_finish_time: Text
    sign: Text
    refund_order_id: Text = ""


class Code(Struct, frozen=True):
    """A refusal, or that it was done."""

    code: str
    number: str = ""


class OrderSaid(Struct, frozen=True):
    """An order as it is shown."""

    id: str
    notice: str
    dept: str
    amount_fen: int
    channel: str
    status: Status
    transaction: str
    payer_account: str
    paid_at: int
    refunded_fen: int
    refunds: list[str]


class Reply(Struct, frozen=True):
    """An answer with an order, if there is one."""

    order: OrderSaid | None


class Orders(Struct, frozen=True):
    """An answer with a list."""

    orders: list[OrderSaid]


encode = msgspec.json.Encoder().encode
"""Any of them, as bytes."""
