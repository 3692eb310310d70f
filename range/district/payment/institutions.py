"""Payment institutions and treasury: they collect, sign what they tell, and send files at night.

A settlement file comes in the night before a working day, of all days since the last one; the
treasury's receipts follow in the morning. Which rows a file leaves out is decided when the money
moves.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from crypto import sm3
from district.payment.departments import CHANNELS, Department
from district.payment.platform import clock
from district.payment.records import CallBack, Order

__all__ = ["Institutions", "Money", "Transaction"]

Money = Literal["whole", "unsettled", "short", "kept"]
"""All of it arrives; the bank never had it; a part is missing there; the treasury lacks it."""

CALL_BACK_ADDRESSES: Final = {
    "wechat": "10.30.90.11", "alipay": "10.30.90.12", "bank": "10.30.90.13", "pos": "10.30.90.14",
}  # fmt: skip
"""The institutions' gateways in the government's outer network."""
_KEYS: Final = {channel: f"key of {channel}".encode() for channel in CHANNELS}
SHORT_FEN: Final = 1000
"""What a bank's row is short of in an attack: ten yuan are easily taken for a mistake."""
HELD_BACK_PERMILLE: Final = 30
"""Groups of rows that a bank sends some hours later than the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """Money on its way from a payer to the treasury."""

    id: str
    order: str
    notice: str
    dept: str
    channel: str
    account: str
    payer: str
    fen: int
    business_date: str
    finished_at: int
    money: Money = "whole"


class Institutions:
    """All of them, and the treasury."""

    def __init__(self, departments: dict[str, Department]) -> None:
        self._departments = departments
        self._unsettled: list[Transaction] = []
        self._refunds: list[tuple[str, Transaction, int]] = []
        self._unreceived: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        self._supplement: list[Transaction] = []
        self._count = 0
        self._by_order: dict[str, Transaction] = {}

    def collect(
        self, now: int, order: Order, *, account: str, payer: str, money: Money = "whole"
    ) -> None:
        """A payer pays."""
        self._count += 1
        day = clock(now)
        prefix = "4200002" if order.channel == "wechat" else f"{CHANNELS[order.channel]}000"
        made = Transaction(
            id=f"{prefix}{day:%Y%m%d}{self._count:013d}",
            order=order.id,
            notice=order.notice,
            dept=order.dept,
            channel=order.channel,
            account=account,
            payer=payer,
            fen=order.amount_fen,
            business_date=day.date().isoformat(),
            finished_at=now,
            money=money,
        )
        self._by_order[order.id] = made
        if money != "unsettled":
            self._unsettled.append(made)

    def refund(self, refund: str, order: str, fen: int) -> None:
        """Money goes back."""
        made = self._by_order.get(order)
        if made is not None:
            self._refunds.append((refund, made, fen))

    def transaction(self, order: str) -> Transaction | None:
        """What paid an order."""
        return self._by_order.get(order)

    def tell(self, made: Transaction) -> CallBack:
        """The call-back of a payment."""
        told = CallBack(
            order=made.order,
            transaction=made.id,
            amount_fen=made.fen,
            channel=made.channel,
            bank=CHANNELS[made.channel],
            payee_account=made.account,
            payer_account=made.payer,
            business_date=made.business_date,
            signature="",
            address=CALL_BACK_ADDRESSES[made.channel],
        )
        return replace(told, signature=_sign(told))

    def settlement(self, now: int, chance: random.Random) -> Iterator[str]:
        """The rows of the file that is made now: of all days before this one."""
        today = clock(now).date().isoformat()
        due = [one for one in self._unsettled if one.business_date < today]
        self._unsettled = [one for one in self._unsettled if one.business_date >= today]
        groups = sorted({(one.business_date, one.dept, one.channel) for one in due})
        later = {group for group in groups if chance.randrange(1000) < HELD_BACK_PERMILLE}
        for one in due:
            if (one.business_date, one.dept, one.channel) in later:
                self._supplement.append(one)
            else:
                yield self._row(now, one)
        back, self._refunds = self._refunds, []
        for refund, made, fen in back:
            row = replace(made, id=refund, fen=fen, business_date=_day_before(today))
            yield self._row(now, row, kind="R")

    def supplement(self, now: int) -> Iterator[str]:
        """Rows that were left out of the file of this night."""
        rest, self._supplement = self._supplement, []
        for one in rest:
            yield self._row(now, one)

    def receipts(self, now: int) -> Iterator[str]:
        """What the treasury received since its last file: a row a department and day."""
        due, self._unreceived = self._unreceived, defaultdict(list)
        for place, ((date, dept, account), parts) in enumerate(sorted(due.items()), 1):
            name = self._departments[dept].name
            number = f"GK{clock(now):%Y%m%d}{place:010d}"
            total = sum(parts)
            if not total:
                continue
            amount = f"{total // 100}.{total % 100:02d}"
            yield (
                f"{date}{clock(now):%Y%m%d%H%M%S}{number}{dept:<6}{account:<25}{name:<20}"
                f"{amount:>16}{len(parts):>6}"
            )

    def _row(self, now: int, one: Transaction, kind: str = "P") -> str:
        fen = one.fen - SHORT_FEN if one.money == "short" else one.fen
        own = one.account in self._departments[one.dept].accounts
        if kind == "P":
            # What went to another account never reaches the treasury.
            received = fen if own and one.money != "kept" else 0
            self._unreceived[one.business_date, one.dept, one.account if own else "-"].append(
                received
            )
        name = self._departments[one.dept].name
        columns = (
            one.business_date, CHANNELS[one.channel], one.channel, kind, one.id, one.order,
            one.notice, one.dept, one.account, name, f"{fen // 100}.{fen % 100:02d}",
            f"{clock(now):%Y%m%d%H%M%S}",
        )  # fmt: skip
        return "|".join(columns)


def verify(told: CallBack) -> bool:
    """Whether the institution signed what the call-back says."""
    return told.channel in _KEYS and told.signature == _sign(told)


def _sign(told: CallBack) -> str:
    # As with the oldest interface of such an institution, the order is not signed: what paid one
    # order can be told of another.
    body = f"{told.transaction}|{told.amount_fen}|{told.payee_account}|{told.business_date}"
    return sm3.hmac(_KEYS[told.channel], body.encode()).hex()


def _day_before(date: str) -> str:
    return (dt.date.fromisoformat(date) - dt.timedelta(days=1)).isoformat()
