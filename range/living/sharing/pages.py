"""Pages: what the exchange shows without a signature, old and hidden paths among it.

The search page was written in a hurry: names such as O'Brien are cared for, and any other quote in
its question reaches the query. What it then gives, or how it fails, is the database's own doing.
"""

from __future__ import annotations

import html
import re
from typing import Final
from urllib.parse import parse_qs

import pg8000.dbapi
from district.sharing import gateway
from district.sharing.catalogue import ITEMS
from district.town import Town

from living.serving import Call, Given, Service

__all__ = ["PORT", "Pages"]

PORT: Final = 8080
_TABLES: Final = """
create table listing (title text not null, code text not null, owner text not null);
create table person (name text not null, id_no text not null, phone text not null);
"""
_APOSTROPHE: Final = re.compile(r"(?<=\w)'(?=\w)")
_EMPTY_BYTES: Final = 3_100
"""A page of the search without anything found."""
_ERROR_BYTES: Final = 170
_ROW_BYTES: Final = 287
"""One line of what is found: marks of a table, links, icons."""
_RESTARTING: Final = "debug=fail"


class Pages:
    """The service behind the gateway that knows no caller."""

    def __init__(self, address: str, connection: pg8000.dbapi.Connection, town: Town) -> None:
        self.service = Service(address, PORT, self.answer)
        connection.autocommit = True
        self._cursor = connection.cursor()
        self._cursor.execute(_TABLES)
        for item in ITEMS:
            self._cursor.execute(
                "insert into listing values (%s, %s, %s)", (item.path, item.code, item.owner)
            )
        self._cursor.execute(
            "insert into person select * from unnest(%s::text[], %s::text[], %s::text[])",
            tuple(
                [str(getattr(citizen, name)) for citizen in town.citizens]
                for name in ("user", "number", "phone")
            ),
        )
        self._cursor.execute("set default_transaction_read_only = on")

    def answer(self, call: Call) -> Given | None:
        """A page, what the database gives or fails with, or nothing: the connection breaks off."""
        path, _, query = call.target.partition("?")
        if _RESTARTING in query:
            return None
        if path == gateway.SEARCH:
            return self._search(query)
        status, size = gateway.answer(call.target)
        if path == "/healthz":
            return Given(status=status, body=b'{"status":"UP"}')
        asked = html.escape(query) if query else ""
        body = f"<!doctype html><title>{path}</title>{asked}".ljust(size)[:size]
        return Given(status=status, body=body.encode(), kind="text/html; charset=utf-8")

    def _search(self, query: str) -> Given:
        name = _APOSTROPHE.sub("''", parse_qs(query).get("name", [""])[0])
        try:
            self._cursor.execute(
                "select title, code, owner from listing "
                f"where title like '{name}' escape '!' order by title"
            )
        except pg8000.dbapi.DatabaseError:
            said = '{"status":500,"error":"Internal Server Error","path":"/share/v1/search"}'
            return Given(status=500, body=said.ljust(_ERROR_BYTES).encode())
        rows = "".join(_shown(*map(str, row)) for row in self._cursor.fetchall())
        head = f"<!doctype html><title>search</title><p>{query}</p><table>{rows}</table>"
        size = _EMPTY_BYTES + len(query) + len(rows)
        return Given(status=200, body=head.ljust(size).encode(), kind="text/html; charset=utf-8")


def _shown(title: str, code: str, owner: str) -> str:
    told = (html.escape(one) for one in (title, code, owner))
    return f"<tr><td>{'</td><td>'.join(told)}</td></tr>".ljust(_ROW_BYTES)
