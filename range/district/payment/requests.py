"""Requests: what the payment platform is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from district.payment.records import CallBack, Status, Via

__all__ = [
    "Answer",
    "ChangePayee",
    "CloseOrder",
    "CreateOrder",
    "EnterNotice",
    "IssueNotice",
    "IssueReceipt",
    "PayResult",
    "QueryNotice",
    "RefundOrder",
    "Request",
    "SetStatus",
    "TellPayment",
    "VoidNotice",
]


class Answer(NamedTuple):
    """What a request is answered, and the number of what it made."""

    code: str
    number: str = ""

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return self.code == "0"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueNotice:
    """A department asks somebody for money."""

    via: Via
    dept: str
    due_fen: int
    payer: str
    """Citizen's number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterNotice:
    """A counter or a device makes a notice itself, with a number of its own range."""

    via: Via
    notice: str
    dept: str
    due_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidNotice:
    """A department takes an unpaid notice back."""

    via: Via
    notice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryNotice:
    """Somebody looks a notice up."""

    via: Via
    notice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOrder:
    """Somebody wants to pay a notice."""

    via: Via
    notice: str
    amount_fen: int
    channel: str
    return_host: str
    old_interface: bool = False
    """Version 1, which old devices use, takes the amount it is given."""
    other_node: bool = False
    """A node that read the notice before another one wrote it sees no other order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayResult:
    """What the institution answered the payer's attempt at once."""

    via: Via
    order: str
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TellPayment:
    """A payment institution tells of a payment."""

    told: CallBack
    other_node: bool = False
    """As of :class:`CreateOrder`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueReceipt:
    """The receipt service writes the electronic receipt of a paid order."""

    order: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseOrder:
    """An order that was not paid is closed."""

    order: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOrder:
    """An operator gives a part or all back, to the payer unless an account is named."""

    via: Via
    order: str
    amount_fen: int
    to_account: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStatus:
    """An operator corrects an order by hand."""

    via: Via
    order: str
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePayee:
    """An operator enters the account a department's money goes to."""

    via: Via
    dept: str
    account: str


Request: TypeAlias = (
    IssueNotice
    | EnterNotice
    | VoidNotice
    | QueryNotice
    | CreateOrder
    | PayResult
    | TellPayment
    | IssueReceipt
    | CloseOrder
    | RefundOrder
    | SetStatus
    | ChangePayee
)
