"""Flows: how somebody pays, from the notice to the receipt; and the other things done to payments.

What is planned for a day are these; the system carries them out step by step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from district.calendar import SECOND_US
from district.payment.departments import PLATFORM_HOST
from district.payment.institutions import Money, Transaction
from district.payment.records import Status, Via

__all__ = [
    "Answered",
    "BankFile",
    "BankRest",
    "BatchCheck",
    "Flow",
    "Forged",
    "Guess",
    "Issued",
    "Looked",
    "MarkPaid",
    "Ordered",
    "PatternTopUp",
    "Query",
    "Receipt",
    "Refund",
    "RefundSome",
    "RefundSpree",
    "Replay",
    "SetBack",
    "SwitchPayee",
    "Told",
    "TreasuryFile",
]

_USUAL_RECEIPT_US: Final = 40 * SECOND_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One payment as it will go."""

    dept: str
    due_fen: int
    channel: str
    via: Via
    payer: str
    """Account that pays."""
    number: str = ""
    """Citizen's number on the notice; empty where it is made at the counter or device itself."""
    after_us: int = 0
    """From the notice to the payer's looking it up."""
    looks: int = 1
    pace_us: int = 20 * SECOND_US
    """Between the payer's own steps."""
    failures: tuple[str, ...] = ()
    """Attempts the institution refuses, by its reasons."""
    gives_up: bool = False
    amount_fen: int | None = None
    """What the order says, where it is not what is due."""
    return_host: str = PLATFORM_HOST
    told_after_us: int = 2 * SECOND_US
    """From the payment to the call-back."""
    told_again_us: tuple[int, ...] = ()
    receipt_after_us: int | None = _USUAL_RECEIPT_US
    account: str = ""
    """Where the money goes, where it is not the department's account of the day."""
    money: Money = "whole"
    changes_mind: bool = False
    """A first order by another channel is left unpaid."""
    twice: bool = False
    """A second order is made at another node and both are paid."""
    marked_by: Via | None = None
    """An operator marks the order paid; no money moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """The payer has the notice."""

    flow: Flow
    notice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """The payer has seen what is due and makes the order."""

    flow: Flow
    notice: str
    channel: str
    other_node: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """The payer is at the institution's page."""

    flow: Flow
    order: str
    attempt: int = 0
    other_node: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The institution has the money and tells the platform."""

    flow: Flow
    order: str
    other_node: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The call-back is told again."""

    made: Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The receipt service writes the receipt."""

    order: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BankFile:
    """The bank sends its file of the night."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankRest:
    """The bank sends what its file of the night lacked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreasuryFile:
    """The treasury sends its receipts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Somebody looks a notice up."""

    via: Via
    notice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """An operator gives a part of an order back."""

    via: Via
    order: str
    to_account: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCheck:
    """A department's server checks whether its notices are paid, withdrawn ones among them."""

    dept: str
    count: int
    withdrawn_permille: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A program asks for notice numbers in a row; few of them exist."""

    via: Via
    count: int
    hit_permille: int
    every_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundSome:
    """An operator gives something back on so many recent orders."""

    dept: str
    via: Via
    count: int
    to_account: str = ""
    every_us: int = 60 * SECOND_US


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundSpree:
    """An operator refunds so many as are this share of what would be noticed."""

    dept: str
    via: Via
    strength: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternTopUp:
    """An operator takes further amounts below the limit until they show that much."""

    dept: str
    via: Via
    strength: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forged:
    """A call-back that no institution sent."""

    address: str
    dept: str
    order: str
    fen: int
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A true call-back of a recent payment, with another order in it."""

    dept: str
    flow: Flow
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetBack:
    """An operator changes the state of recent orders."""

    dept: str
    via: Via
    status: Status
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkPaid:
    """An operator marks an order as paid."""

    flow: Flow
    order: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchPayee:
    """An operator enters another account for a department."""

    dept: str
    via: Via
    account: str
