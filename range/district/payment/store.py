"""Store: where the payment platform keeps its notices and orders; here, in memory."""

from __future__ import annotations

from collections import defaultdict
from typing import Protocol

from district.payment.records import Notice, Order

__all__ = ["MemoryStore", "Store"]


class Store(Protocol):
    """What the platform asks of a database."""

    def notice(self, no: str) -> Notice | None:
        """The notice of that number."""

    def order(self, order_id: str) -> Order | None:
        """The order of that number."""

    def order_of(self, transaction: str) -> Order | None:
        """The order that a transaction paid."""

    def paid(self, dept: str, since: int) -> list[Order]:
        """The department's orders paid since then, the newest first."""

    def save(self, record: Notice | Order) -> None:
        """Write a new record, or an old one that changed."""


class MemoryStore:
    """The store of a made-up district."""

    def __init__(self) -> None:
        self._notices: dict[str, Notice] = {}
        self._orders: dict[str, Order] = {}
        self._by_transaction: dict[str, Order] = {}
        self._paid: dict[str, dict[str, Order]] = defaultdict(dict)

    def notice(self, no: str) -> Notice | None:
        return self._notices.get(no)

    def order(self, order_id: str) -> Order | None:
        return self._orders.get(order_id)

    def order_of(self, transaction: str) -> Order | None:
        return self._by_transaction.get(transaction)

    def paid(self, dept: str, since: int) -> list[Order]:
        found = []
        for order in reversed(self._paid[dept].values()):
            if order.paid_at < since:
                break
            found.append(order)
        return found

    def save(self, record: Notice | Order) -> None:
        if isinstance(record, Notice):
            self._notices[record.no] = record
            return
        self._orders[record.id] = record
        if record.transaction:
            self._by_transaction[record.transaction] = record
            self._paid[record.dept][record.id] = record
