"""Records of the payment platform: notices, orders, and who asks for something."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

__all__ = ["CallBack", "Notice", "Order", "Paid", "Status", "Via"]

Status = Literal["1", "3", "4", "6", "12"]
"""Unpaid, paid, paid with its receipt, given back, closed: as the payment institutions count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Via:
    """From where and by whom a request comes."""

    address: str
    agent: str = ""
    app: str = ""
    key: str = ""
    """Of a signed call of a department's own server."""
    user: str = ""
    unit: str = ""
    """Of somebody who works at it."""
    device: str = ""


@dataclass(slots=True, kw_only=True)
class Notice:
    """What somebody owes a department."""

    no: str
    dept: str
    due_fen: int
    state: Literal["open", "paid", "void"] = "open"
    order: str = ""
    """The newest order for it."""


@dataclass(slots=True, kw_only=True)
class Order:
    """One attempt to pay a notice."""

    id: str
    notice: str
    dept: str
    amount_fen: int
    channel: str
    status: Status = "1"
    transaction: str = ""
    payer_account: str = ""
    paid_at: int = 0
    refunded_fen: int = 0
    refunds: list[str] = field(default_factory=list)


class Paid(NamedTuple):
    """An order in the list of those that were paid."""

    id: str
    channel: str
    status: Status
    paid_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBack:
    """What a payment institution tells of a payment, and its signature over that."""

    order: str
    transaction: str
    amount_fen: int
    channel: str
    bank: str
    payee_account: str
    payer_account: str
    business_date: str
    signature: str
    address: str
