"""Postgres: the store of the e-certificate platform in a real database.

One connection, used by one thread at a time, and statements that are prepared once. A request is
one transaction (:meth:`PostgresStore.transaction`); what is asked outside one stands for itself.
"""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final

from district.certificates.records import Case, Certificate, Consent, UseCode
from district.certificates.store import Record

from living import postgres

if TYPE_CHECKING:
    import pg8000.dbapi

__all__ = ["PostgresStore"]

_TABLES: Final = """\
create table if not exists certificate (
  licence text primary key, item text not null, holder text not null, issuer text not null,
  version integer not null, state text not null, file_sm3 text not null, size integer not null,
  unique (holder, item)
);
create table if not exists office_case (
  no text primary key, matter text not null, unit text not null, operator text not null,
  parties text[] not null, opened_at bigint not null, closed_at bigint not null,
  place bigserial not null
);
create index if not exists office_case_operator on office_case (operator, place);
create table if not exists use_code (
  code text primary key, licence text not null, made_at bigint not null, used_at bigint not null
);
create table if not exists consent (
  id text primary key, holder text not null, app text not null
);
create sequence if not exists running_number;
"""
_COLUMNS: Final[dict[type[Record], tuple[str, tuple[str, ...]]]] = {
    Certificate: (
        "certificate",
        ("licence", "item", "holder", "issuer", "version", "state", "file_sm3", "size"),
    ),
    Case: (
        "office_case",
        ("no", "matter", "unit", "operator", "parties", "opened_at", "closed_at"),
    ),
    UseCode: ("use_code", ("code", "licence", "made_at", "used_at")),
    Consent: ("consent", ("id", "holder", "app")),
}
"""Of each kind its table and columns, the key first; fields of records have the columns' names."""


def _select(kind: type[Record], rest: str) -> str:
    table, columns = _COLUMNS[kind]
    return f"select {', '.join(columns)} from {table} where {rest}"


def _upsert(kind: type[Record]) -> str:
    table, columns = _COLUMNS[kind]
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns[1:])
    names = ", ".join(columns)
    return (
        f"insert into {table} ({names}) values ({places}) "
        f"on conflict ({columns[0]}) do update set {changes}"
    )


_FIND: Final = {
    kind: _select(kind, f"{columns[0]} = $1") for kind, (_, columns) in _COLUMNS.items()
}
_SAVE: Final = {kind: _upsert(kind) for kind in _COLUMNS}
_HELD: Final = _select(Certificate, "holder = $1 and item = $2")
_CASES_OF: Final = _select(Case, "operator = $1 order by place")
_NEXT: Final = "select nextval('running_number')"


class PostgresStore:
    """Makes its tables where there are none. Raises ``pg8000`` errors of a database that fails."""

    def __init__(self, connection: pg8000.dbapi.Connection) -> None:
        self._connection = connection
        connection.autocommit = True
        self._lock = threading.RLock()
        self._prepared: dict[str, tuple[Any, ...]] = {}
        self._simple(_TABLES)

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing of what is done inside; nobody else gets in between."""
        return postgres.transaction(self._lock, self._simple)

    def certificate(self, licence: str) -> Certificate | None:
        found = self.find(Certificate, licence)
        return found if isinstance(found, Certificate) else None

    def held(self, holder: str, item: str) -> Certificate | None:
        rows = self._ask(_HELD, (holder, item))
        return _certificate(rows[0]) if rows else None

    def find(self, kind: type[Record], number: str) -> Record | None:
        rows = self._ask(_FIND[kind], (number,))
        return _MADE[kind](rows[0]) if rows else None

    def cases_of(self, operator: str) -> list[Case]:
        return [_case(row) for row in self._ask(_CASES_OF, (operator,))]

    def save(self, record: Record) -> None:
        _, columns = _COLUMNS[type(record)]
        self._ask(_SAVE[type(record)], [_value(getattr(record, name)) for name in columns])

    def next_number(self) -> int:
        return int(self._ask(_NEXT, ())[0][0])

    def take_over(self, records: Iterable[Record], *, numbers: int) -> int:
        """Fill the empty store with all records of another one, whose last running number was
        ``numbers``; how many there were. All or nothing."""
        files = {kind: io.StringIO() for kind in _COLUMNS}
        writers = {kind: csv.writer(file) for kind, file in files.items()}
        count = 0
        for record in records:
            kind = type(record)
            writers[kind].writerow(_value(getattr(record, name)) for name in _COLUMNS[kind][1])
            count += 1
        with self.transaction():
            cursor = self._connection.cursor()
            for kind, file in files.items():
                file.seek(0)
                table, columns = _COLUMNS[kind]
                copy = f"copy {table} ({', '.join(columns)}) from stdin with (format csv)"
                cursor.execute(copy, stream=file)
            if numbers:
                self._simple(f"select setval('running_number', {int(numbers)})")
        # Tables that grew in one go have no statistics yet: without them, slow plans are prepared.
        self._simple("analyze")
        return count

    def _simple(self, statement: str) -> None:
        self._connection.execute_simple(statement)

    def _ask(self, statement: str, values: Sequence[str | int]) -> list[list[Any]]:
        with self._lock:
            if statement not in self._prepared:
                self._prepared[statement] = self._connection.prepare_statement(statement, ())
            name, columns, readers = self._prepared[statement]
            # Numbers as text too: the statement knows the types.
            given = tuple(str(one) for one in values)
            done = self._connection.execute_named(name, given, columns, readers, statement)
            return done.rows or []


def _value(value: object) -> str | int:
    if isinstance(value, tuple):
        # Citizens' numbers: digits and X, nothing that would need quotes.
        return "{" + ",".join(value) + "}"
    assert isinstance(value, str | int)
    return value


def _certificate(row: Sequence[Any]) -> Certificate:
    licence, item, holder, issuer, version, state, file_sm3, size = row
    return Certificate(
        licence=licence, item=item, holder=holder, issuer=issuer, version=version, state=state,
        file_sm3=file_sm3, size=size,
    )  # fmt: skip


def _case(row: Sequence[Any]) -> Case:
    no, matter, unit, operator, parties, opened_at, closed_at = row
    return Case(
        no=no, matter=matter, unit=unit, operator=operator, parties=tuple(parties),
        opened_at=opened_at, closed_at=closed_at,
    )  # fmt: skip


def _use_code(row: Sequence[Any]) -> UseCode:
    code, licence, made_at, used_at = row
    return UseCode(code=code, licence=licence, made_at=made_at, used_at=used_at)


def _consent(row: Sequence[Any]) -> Consent:
    number, holder, app = row
    return Consent(id=number, holder=holder, app=app)


_MADE: Final[dict[type[Record], Callable[[Sequence[Any]], Record]]] = {
    Certificate: _certificate, Case: _case, UseCode: _use_code, Consent: _consent,
}  # fmt: skip
