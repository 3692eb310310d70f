"""Doors: where the steps of a payment meet others; in memory here, over the wire where it lives.

Each port has two adapters: those of :mod:`living.payment` speak to services of their own.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from district.deed import Deed
from district.payment.institutions import Institutions, Money, Transaction
from district.payment.platform import Platform, clock
from district.payment.records import CallBack, Order
from district.payment.requests import Answer, Request, TellPayment
from district.payment.store import Store
from district.town import REGION

__all__ = [
    "Desk", "Doors", "Files", "Providers", "Resumed", "Steps", "Words", "department_line",
    "in_memory",
]  # fmt: skip

Steps: TypeAlias = Iterator[Deed | int]
"""What one deed does: it yields deeds that follow, or the time at which it goes on."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """Steps that waited go on."""

    steps: Steps


class Desk(Protocol):
    """The platform, as those who pay and those who work at it reach it."""

    def handle(self, request: Request, now: int) -> Answer:
        """Ask it for something at a time."""

    def order(self, order_id: str) -> Order | None:
        """What it has of an order."""

    def paid(self, dept: str, since: int) -> list[Order]:
        """The department's orders paid since then, the newest first."""


class Providers(Protocol):
    """The payment institutions."""

    def collect(
        self, now: int, order: Order, *, account: str, payer: str, money: Money = "whole"
    ) -> None:
        """A payer pays an order."""

    def refund(self, refund: str, order: str, fen: int) -> None:
        """Money goes back."""

    def transaction(self, order: str) -> Transaction | None:
        """What paid an order."""


class Files(Protocol):
    """What banks and treasury send."""

    def settlement(self, now: int, chance: random.Random) -> Iterable[str]:
        """The rows of the bank's file that is made now."""

    def supplement(self, now: int) -> Iterable[str]:
        """Rows that were left out of the file of this night."""

    def receipts(self, now: int) -> Iterable[str]:
        """What the treasury received since its last file."""


class Words(Protocol):
    """What institutions, or whoever says to be one, tell of payments."""

    def to_platform(self, told: CallBack, now: int, *, other_node: bool = False) -> Answer:
        """A call-back from its address."""

    def to_department(
        self, made: Transaction, now: int, *, address: str, refund: str = "", fen: int = 0
    ) -> None:
        """A payment or refund, told to the department's own server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """All of them."""

    desk: Desk
    providers: Providers
    files: Files
    words: Words
    is_paced: bool
    """Whether steps that lie apart in time are deeds of their own."""

    def walk(self, steps: Steps) -> Iterable[Deed]:
        """Take steps until they wait or end; what follows is returned."""
        for step in steps:
            if isinstance(step, Deed):
                yield step
            elif self.is_paced:
                yield Deed(at=step, system="payment", act=Resumed(steps))
                return


class _Desk:
    def __init__(self, platform: Platform, store: Store) -> None:
        self.handle, self.order, self.paid = platform.handle, store.order, store.paid


class _Words:
    def __init__(self, platform: Platform, write: Callable[[int, str], None]) -> None:
        self._platform, self._write = platform, write

    def to_platform(self, told: CallBack, now: int, *, other_node: bool = False) -> Answer:
        return self._platform.handle(TellPayment(told=told, other_node=other_node), now)

    def to_department(
        self, made: Transaction, now: int, *, address: str, refund: str = "", fen: int = 0
    ) -> None:
        del address
        self._write(now, department_line(made, now, refund=refund, fen=fen))


def in_memory(
    platform: Platform,
    store: Store,
    institutions: Institutions,
    write: Callable[[int, str], None],
) -> Doors:
    """Everybody in one process; ``write`` takes the log of the departments' servers."""
    return Doors(
        desk=_Desk(platform, store),
        providers=institutions,
        files=institutions,
        words=_Words(platform, write),
        is_paced=False,
    )


def department_line(made: Transaction, now: int, *, refund: str = "", fen: int = 0) -> str:
    """What a department's server logs of what WeChat tells it."""
    moment, done = clock(now), clock(made.finished_at)
    told: dict[str, str | int] = {
        "notify_time": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+08:00",
        "payment_notice_no": made.notice,
        "department_code": made.dept,
        "region_code": REGION,
        "fee": fen or made.fen,
        "order_id": made.order,
        "trans_id": made.id,
        "status": 3,
        "bank_id": "9101",
        "bank_account": made.account,
        "openid": made.payer,
        "pay_finish_time": f"{done:%Y-%m-%dT%H:%M:%S}+08:00",
    }
    if refund:
        told["refund_order_id"] = refund
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))
