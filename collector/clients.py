"""Clients: business systems that may push events, known by a bearer token kept as SM3 only."""

from __future__ import annotations

import base64
import re
import sqlite3
from dataclasses import dataclass
from typing import Final

from collector.state.database import Database
from crypto import sm3
from schema.errors import FengsuiError
from schema.ports import Clock, Entropy

CLIENTS_MAX: Final = 1000
"""Each client has a position in the push chain's header, whose size is limited."""

_TOKEN_BYTES: Final = 32
_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A business system that may push."""

    id: str
    unit: str


class Clients:
    """The registry of push clients in the state of record."""

    def __init__(self, database: Database, *, clock: Clock, entropy: Entropy) -> None:
        self._database = database
        self._clock = clock
        self._entropy = entropy

    def add(self, client_id: str, unit: str) -> str:
        """Register a client, or give it a new token that replaces the old; shown once."""
        if not _ID.fullmatch(client_id):
            raise FengsuiError(
                "collector.client.name",
                f"{client_id[:80]!r} cannot be a client's id: 1 to 63 of a-z 0-9 . _ -",
            )
        token = base64.urlsafe_b64encode(self._entropy.take(_TOKEN_BYTES)).decode().rstrip("=")
        row = (client_id, unit, sm3.digest(token.encode()), self._clock.now())

        def job(state: sqlite3.Connection) -> None:
            others: int = state.execute(
                "SELECT count(*) FROM app_clients WHERE id <> ?", (client_id,)
            ).fetchone()[0]
            if others >= CLIENTS_MAX:
                raise FengsuiError(
                    "collector.client.too_many",
                    f"{others} clients are registered, the most there may be: give one of them a "
                    "new token instead",
                )
            state.execute(
                "INSERT INTO app_clients (id, unit, token_hash, created_at) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET unit = excluded.unit, "
                "token_hash = excluded.token_hash, revoked_at = NULL",
                row,
            )

        self._database.write(job)
        return token

    def revoke(self, client_id: str) -> None:
        """Refuse the client's pushes from now on; raises ``collector.client.unknown``."""

        def job(state: sqlite3.Connection) -> None:
            done = state.execute(
                "UPDATE app_clients SET revoked_at = ? WHERE id = ?",
                (self._clock.now(), client_id),
            )
            if done.rowcount != 1:
                raise FengsuiError("collector.client.unknown", f"there is no client {client_id}")

        self._database.write(job)

    def of_token(self, token: str) -> Client:
        """The client that holds this token; raises ``collector.client.token_invalid``."""
        with self._database.read() as state:
            row = state.execute(
                "SELECT id, unit FROM app_clients WHERE token_hash = ? AND revoked_at IS NULL",
                (sm3.digest(token.encode()),),
            ).fetchone()
        if row is None:
            raise FengsuiError(
                "collector.client.token_invalid",
                "the bearer token is not one of a registered client: ask for a new one",
            )
        return Client(id=row["id"], unit=row["unit"])

    def all(self) -> list[Client]:
        """Clients that may push, by id."""
        with self._database.read() as state:
            rows = state.execute(
                "SELECT id, unit FROM app_clients WHERE revoked_at IS NULL ORDER BY id"
            )
            return [Client(id=row["id"], unit=row["unit"]) for row in rows]
