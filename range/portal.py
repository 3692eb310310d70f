"""The small web application behind nginx; its search page is weak on purpose.

It pastes the search word into its SQL, so an injection reaches the real database and leaves real
errors there. It listens on loopback only and holds nothing but made-up rows.
"""

from __future__ import annotations

import asyncio
import random
import urllib.parse

import guard
import pg8000.exceptions
import pg8000.native
from town import PORTS, SYSTEM_HOSTS, citizen_number, database_password

_ROLES = {"pay": ("pay", "pay_app"), "cert": ("pay", "cert_app"), "share": ("share", "share_app")}
_USES = 150  # statements before a pooled connection is renewed, as pools do
_BODY_LIMIT = 1_048_576
_TIMED_OUT = "57014"


class _WorkerLostError(RuntimeError):
    """The request killed its worker: the connection closes without an answer."""


class _Pool:
    def __init__(self) -> None:
        self._open: dict[str, tuple[pg8000.native.Connection, int]] = {}

    def run(self, database: str, sql: str, **values: object) -> list[list[object]]:
        connection, uses = self._open.pop(database, (None, 0))
        if connection is None or uses >= _USES:
            if connection is not None:
                connection.close()
            connection, uses = self._connect(database), 0
        self._open[database] = (connection, uses + 1)
        return connection.run(sql, **values) or []

    @staticmethod
    def _connect(database: str) -> pg8000.native.Connection:
        cluster, role = _ROLES[database]
        connection = pg8000.native.Connection(
            role,
            host="127.0.0.1",
            port=PORTS[cluster],
            database=database,
            password=database_password(role),
            application_name=f"{database}-web",
            source_address=(SYSTEM_HOSTS["portal"], 0),
        )
        connection.run("SET statement_timeout = '400ms'")
        return connection


class Portal:
    """Answers one request at a time from the three databases."""

    def __init__(self) -> None:
        """Start with no connection open."""
        self._pool = _Pool()
        self._dice = random.Random(7)

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        """Return status and body; raises _WorkerLostError where a real worker would have died."""
        path, _, query = target.partition("?")
        asked = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        form = dict(urllib.parse.parse_qsl(body.decode("utf-8", "replace")))
        try:
            return self._route(method, path, asked | form)
        except pg8000.exceptions.DatabaseError as error:
            code = error.args[0].get("C") if isinstance(error.args[0], dict) else ""
            if code == _TIMED_OUT:
                raise _WorkerLostError from error
            return 500, b'{"code":500,"msg":"internal error"}'

    def _route(self, method: str, path: str, asked: dict[str, str]) -> tuple[int, bytes]:
        if path == "/login":
            return self._login(method, asked)
        if path.startswith("/api/cert/"):
            return self._cert(path, asked)
        if path.startswith("/api/share/"):
            return self._share(path, asked)
        if path.startswith(("/pay/", "/api/pay/")):
            return self._pay(method, path, asked)
        if path in {"/logout", "/account/password", "/account/me"}:
            self._pool.run("pay", "SELECT unit FROM account WHERE name = :n", n=asked.get("u", ""))
            return 200, b'{"code":0}'
        if path.startswith("/admin/"):
            return 403, b'{"code":403}'
        return 404, b'{"code":404}'

    def _login(self, method: str, asked: dict[str, str]) -> tuple[int, bytes]:
        if method != "POST":
            return 200, b"<html>" + b"." * 3900
        rows = self._pool.run(
            "pay", "SELECT secret, unit FROM account WHERE name = :n", n=asked.get("username", "")
        )
        if rows and rows[0][0] == asked.get("password"):
            return 200, b'{"code":0,"msg":"ok"}'
        return 401, b'{"code":401,"msg":"name or password is wrong"}'

    def _cert(self, path: str, asked: dict[str, str]) -> tuple[int, bytes]:
        if "holder" in asked:
            # Legacy code path: literal SQL, so the number also stands in the database's log.
            holder = asked["holder"].replace("'", "''")
            found = self._pool.run(
                "cert", f"SELECT no, state FROM certificate WHERE holder_no = '{holder}'"
            )
        else:
            number = path.rsplit("/", 1)[-1]
            found = self._pool.run(
                "cert", "SELECT no, kind, state FROM certificate WHERE no = :n", n=number
            )
        return (200, b"." * (180 + 7 * len(found))) if found else (200, b'{"code":0,"rows":[]}')

    def _share(self, path: str, asked: dict[str, str]) -> tuple[int, bytes]:
        if path == "/api/share/search":
            word = asked.get("kw", "")
            rows = self._pool.run(
                "share", f"SELECT id, title FROM catalog WHERE title LIKE '%{word}%' LIMIT 20"
            )
            return 200, b"." * (90 + 60 * len(rows))
        if path == "/api/share/exchange":
            unit = asked.get("unit", "unit1")
            allowed = self._pool.run(
                "share", "SELECT catalog FROM grant_list WHERE unit = :u LIMIT 5", u=unit
            )
            self._pool.run(
                "share",
                "INSERT INTO exchange_log (unit, catalog, rows) VALUES (:u, :c, :r)",
                u=unit,
                c=self._dice.randrange(2000),
                r=len(allowed),
            )
            return (200, b"." * 640) if allowed else (403, b'{"code":403}')
        number = int(path.rsplit("/", 1)[-1]) if path.rsplit("/", 1)[-1].isdigit() else 0
        rows = self._pool.run(
            "share", "SELECT title, unit, level FROM catalog WHERE id = :i", i=number
        )
        return (200, b"." * 320) if rows else (404, b'{"code":404}')

    def _pay(self, method: str, path: str, asked: dict[str, str]) -> tuple[int, bytes]:
        if method == "POST":
            self._pool.run("pay", "BEGIN")
            self._pool.run(
                "pay",
                "UPDATE notice\n   SET state = 'paid'\n WHERE no = "
                f"'N2026{self._dice.randrange(1, 5000):06d}' AND state = 'open'",
            )
            self._pool.run("pay", "COMMIT")
            return 200, b'{"code":0,"msg":"paid"}'
        rows = self._pool.run(
            "pay",
            "SELECT no, amount_fen, state FROM notice WHERE no = :n",
            n=path.rsplit("/", 1)[-1],
        )
        if asked.get("idno") or self._dice.random() < 0.002:
            self._pool.run(
                "pay", f"SELECT no FROM notice WHERE payer = '{citizen_number(self._dice)}'"
            )
        return (200, b"." * 410) if rows else (404, b'{"code":404,"msg":"no such notice"}')


async def _serve(
    portal: Portal, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            first, *fields = head.decode("latin-1").split("\r\n")
            method, target, _ = first.split(" ", 2)
            headers = {k.lower(): v.strip() for k, _, v in (f.partition(":") for f in fields)}
            length = min(int(headers.get("content-length", "0")), _BODY_LIMIT)
            body = await reader.readexactly(length)
            status, content = portal.answer(method, target, body)
            kind = "text/html" if content.startswith(b"<") else "application/json"
            writer.write(
                f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n"
                f"Content-Length: {len(content)}\r\n\r\n".encode()
                + content
            )
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, _WorkerLostError, ValueError):
        pass
    finally:
        writer.close()


async def _main() -> None:
    portal = Portal()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _serve(portal, reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", PORTS["portal"])
    await server.serve_forever()


if __name__ == "__main__":
    guard.install()
    asyncio.run(_main())
