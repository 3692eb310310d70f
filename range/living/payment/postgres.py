"""Postgres: notices and orders of the payment platform in a real database.

One connection; statements are prepared once and executed in one round trip. What is asked inside
:meth:`PostgresStore.transaction` is one transaction, and one thread's at a time.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Final, Literal, cast

import pg8000.dbapi
from district.payment.records import Notice, Order, Paid, Status
from pg8000.native import literal

from living import postgres

__all__ = ["PostgresStore"]

_TABLES: Final = """
create table notice (
  no text primary key, dept text not null, due_fen bigint not null,
  state text not null check (state in ('open', 'paid', 'void')), "order" text not null);
create table pay_order (
  id text primary key, notice text not null references notice, dept text not null,
  amount_fen bigint not null, channel text not null, status text not null,
  transaction text not null, payer_account text not null, paid_at bigint not null,
  refunded_fen bigint not null, refunds text[] not null);
create unique index order_of_transaction on pay_order (transaction) where transaction <> '';
create index order_paid on pay_order (dept, paid_at) where transaction <> '';
"""
_NOTICE: Final = 'no, dept, due_fen, state, "order"'
_ORDER: Final = (
    "id, notice, dept, amount_fen, channel, status, transaction, payer_account, paid_at, "
    "refunded_fen, refunds"
)
_PREPARED: Final = f"""
prepare notice (text) as select {_NOTICE} from notice where no = $1;
prepare pay_order (text) as select {_ORDER} from pay_order where id = $1;
prepare order_of (text) as
  select {_ORDER} from pay_order where transaction = $1 and transaction <> '';
prepare paid (text, bigint) as
  select coalesce(string_agg(
    id || ' ' || channel || ' ' || status || ' ' || paid_at, ';' order by paid_at desc, id desc
  ), '') from pay_order where dept = $1 and paid_at >= $2 and transaction <> '';
prepare save_notice (text, text, bigint, text, text) as
  insert into notice ({_NOTICE}) values ($1, $2, $3, $4, $5)
  on conflict (no) do update set state = excluded.state, "order" = excluded."order";
prepare save_order (text, text, text, bigint, text, text, text, text, bigint, bigint, text[]) as
  insert into pay_order ({_ORDER}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
  on conflict (id) do update set status = excluded.status, transaction = excluded.transaction,
    payer_account = excluded.payer_account, paid_at = excluded.paid_at,
    refunded_fen = excluded.refunded_fen, refunds = excluded.refunds;
"""
_Value = str | int
_Row = tuple[str, str, str, int, str, Status, str, str, int, int, list[str]]
_NoticeRow = tuple[str, str, int, Literal["open", "paid", "void"], str]


class PostgresStore:
    """A :class:`district.payment.store.Store` in a database of its own."""

    def __init__(self, connection: pg8000.dbapi.Connection) -> None:
        """The database is empty; raises ``pg8000.dbapi.DatabaseError`` where it is not."""
        # Transactions begin and end where the service says so.
        connection.autocommit = True
        self._cursor = connection.cursor()
        self._turn = threading.RLock()
        self._cursor.execute(_TABLES)
        self._cursor.execute(_PREPARED)

    def transaction(self) -> AbstractContextManager[None]:
        """All of it or nothing; others wait."""
        return postgres.transaction(self._turn, self._cursor.execute)

    def notice(self, no: str) -> Notice | None:
        found = cast("list[_NoticeRow]", self._ask("notice", no))
        if not found:
            return None
        no, dept, due_fen, state, order = found[0]
        return Notice(no=no, dept=dept, due_fen=due_fen, state=state, order=order)

    def order(self, order_id: str) -> Order | None:
        return next(self._orders("pay_order", order_id), None)

    def order_of(self, transaction: str) -> Order | None:
        return next(self._orders("order_of", transaction), None)

    def paid(self, dept: str, since: int) -> list[Paid]:
        # As one text: the client takes thousands of rows apart slowly.
        ((text,),) = cast("list[tuple[str]]", self._ask("paid", dept, since))
        rows = (row.split(" ") for row in text.split(";") if row)
        return [
            Paid(id_, channel, cast("Status", status), int(paid_at))
            for id_, channel, status, paid_at in rows
        ]

    def save(self, record: Notice | Order) -> None:
        kind = "save_notice" if isinstance(record, Notice) else "save_order"
        self._run(kind, *_values(record))

    def load(self, records: Iterable[Notice | Order]) -> int:
        """Take many new records over at once; returns how many."""
        files = {"notice": io.StringIO(), "pay_order": io.StringIO()}
        count = 0
        for record in records:
            file = files["notice" if isinstance(record, Notice) else "pay_order"]
            file.write("\t".join(_copied(value) for value in _values(record)) + "\n")
            count += 1
        with self.transaction():
            # Notices first: orders refer to them.
            for table, file in files.items():
                file.seek(0)
                self._cursor.execute(f"copy {table} from stdin", stream=file)
        with self._turn:
            self._cursor.execute("analyze")
        return count

    def _orders(self, name: str, *values: _Value) -> Iterator[Order]:
        for row in cast("list[_Row]", self._ask(name, *values)):
            yield Order(
                id=row[0], notice=row[1], dept=row[2], amount_fen=row[3], channel=row[4],
                status=row[5], transaction=row[6], payer_account=row[7], paid_at=row[8],
                refunded_fen=row[9], refunds=list(row[10]),
            )  # fmt: skip

    def _ask(self, name: str, *values: _Value) -> object:
        with self._turn:
            self._run(name, *values)
            return self._cursor.fetchall()

    def _run(self, name: str, *values: _Value) -> None:
        with self._turn:
            self._cursor.execute(f"execute {name}({', '.join(map(literal, values))})")


def _values(record: Notice | Order) -> tuple[_Value, ...]:
    """In the order of the columns."""
    if isinstance(record, Notice):
        return record.no, record.dept, record.due_fen, record.state, record.order
    return (
        record.id, record.notice, record.dept, record.amount_fen, record.channel, record.status,
        record.transaction, record.payer_account, record.paid_at, record.refunded_fen,
        # Numbers of refunds are letters and digits.
        "{" + ",".join(record.refunds) + "}",
    )  # fmt: skip


def _copied(value: _Value) -> str:
    text = str(value).replace("\\", "\\\\")
    return text.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
