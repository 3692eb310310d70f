"""Store: what the exchange keeps, in PostgreSQL (see :class:`district.sharing.store.Store`).

One connection; statements are prepared once and asked for with quoted values in one round trip.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Final

import pg8000.dbapi
from district.sharing.store import SEEN_US, Granted, InMemory, Registered
from pg8000.native import literal

from crypto.sm2 import PublicKey
from living import postgres

__all__ = ["Postgres"]

_TABLES: Final = """
create table application (
  requester text primary key, unit text not null, public_key text not null,
  key_id text not null, system text not null);
create table share_grant (
  requester text not null, service text not null, grant_no text not null, fields text not null,
  primary key (requester, service));
create table person (number text primary key);
create table seen (digest text primary key, at bigint not null);
create index seen_at on seen (at);
"""
_PREPARED: Final = """
prepare application (text) as
  select requester, unit, public_key, key_id, system from application where requester = $1;
prepare granted (text, text) as
  select grant_no, fields from share_grant where requester = $1 and service = $2;
prepare first_time (text, bigint, bigint) as
  insert into seen values ($1, $2)
  on conflict (digest) do update set at = excluded.at where seen.at <= $3 returning 1;
prepare knows (text) as select 1 from person where number = $1;
prepare page (bigint, bigint) as select number from person order by number offset $1 limit $2;
prepare forget (bigint) as delete from seen where at <= $1;
"""
_Row = tuple[str | int, ...]


class Postgres:
    """The store as tables of a database of its own.

    What it is asked inside :meth:`transaction` is one transaction; the nodes take turns.
    """

    def __init__(self, connection: pg8000.dbapi.Connection) -> None:
        self._connection = connection
        # Transactions begin and end where the exchange says so.
        connection.autocommit = True
        self._cursor = connection.cursor()
        self._turn = threading.RLock()
        self._keys: dict[str, PublicKey] = {}
        """Keys that were read, by their text: reading a point is dearer than the row."""
        self._cursor.execute(_TABLES)
        self._cursor.execute(_PREPARED)

    def take_over(self, memory: InMemory, key_of: Callable[[str], PublicKey]) -> None:
        """Fill the tables with all that the store in memory holds, in one go.

        ``key_of`` gives each application's public key: the private ones lie elsewhere from now on.
        """
        with self.transaction():
            self._cursor.execute("truncate application, share_grant, person, seen")
            self._copy(
                "application",
                (
                    (one.requester, one.unit, key_of(one.requester).to_pem().decode("ascii"),
                     one.key_id, one.system)
                    for one in memory.applications.values()
                ),
            )  # fmt: skip
            self._copy(
                "share_grant",
                (
                    (requester, service, one.grant, ",".join(one.fields))
                    for (requester, service), one in memory.grants.items()
                ),
            )
            self._copy("person", ((number,) for number in sorted(memory.persons)))
            self._copy("seen", ((digest, at) for at, digest in memory.seen()))

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing of what is asked inside."""
        return postgres.transaction(self._turn, self._cursor.execute)

    def application(self, requester: str) -> Registered | None:
        rows = self._ask("application", requester)
        if not rows:
            return None
        name, unit, pem, key_id, system = map(str, rows[0])
        if (key := self._keys.get(pem)) is None:
            key = self._keys[pem] = PublicKey.from_pem(pem.encode("ascii"))
        return Registered(requester=name, unit=unit, key=key, key_id=key_id, system=system)

    def granted(self, requester: str, service: str) -> Granted | None:
        rows = self._ask("granted", requester, service)
        return Granted(grant=str(rows[0][0]), fields=_fields(rows[0][1])) if rows else None

    def first_time(self, digest: str, now: int) -> bool:
        return bool(self._ask("first_time", digest, now, now - SEEN_US))

    def knows(self, number: str) -> bool:
        return bool(self._ask("knows", number))

    def page(self, first: int, count: int) -> list[str]:
        """Numbers of persons, in order."""
        return [str(number) for (number,) in self._ask("page", first, count)]

    def forget(self, now: int) -> None:
        """Drop the requests that nobody need remember at ``now`` any more."""
        self._ask("forget", now - SEEN_US)

    def _ask(self, statement: str, *values: str | int) -> list[_Row]:
        told = ", ".join(str(literal(value)) for value in values)
        with self._turn:
            self._cursor.execute(f"execute {statement} ({told})")
            # Of a statement without rows the driver has none to fetch.
            return [] if self._cursor.description is None else list(self._cursor.fetchall())

    def _copy(self, table: str, rows: Iterable[_Row]) -> None:
        text = "".join("\t".join(map(_copied, row)) + "\n" for row in rows)
        self._cursor.execute(f"copy {table} from stdin", stream=io.BytesIO(text.encode()))


def _fields(joined: str | int) -> tuple[str, ...]:
    return tuple(str(joined).split(",")) if joined else ()


def _copied(value: str | int) -> str:
    """A value in PostgreSQL's text form of COPY."""
    text = str(value).replace("\\", "\\\\").replace("\t", "\\t")
    return text.replace("\n", "\\n").replace("\r", "\\r")
