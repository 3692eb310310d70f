"""Store: where the payment platform keeps its notices and orders; here, in memory.

Where the town is living they lie in PostgreSQL (:mod:`living.payment.postgres`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
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

    def records(self) -> Iterator[Notice | Order]:
        """Everything, to be handed over: notices, then orders in the order they were paid."""
        yield from self._notices.values()
        paid = [one for orders in self._paid.values() for one in orders.values()]
        yield from sorted(paid, key=lambda one: one.paid_at)
        yield from (one for one in self._orders.values() if not one.transaction)

    def save(self, record: Notice | Order) -> None:
        if isinstance(record, Notice):
            self._notices[record.no] = record
            return
        self._orders[record.id] = record
        if record.transaction:
            self._by_transaction[record.transaction] = record
            self._paid[record.dept][record.id] = record
