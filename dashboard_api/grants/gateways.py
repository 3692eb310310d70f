"""Gateways: who may ask whether a call may pass, and about which services.

A gateway's bearer token is ``fsg1.<gateway>.<43 characters>``: shown once, kept as the SM3 of the
whole text. After a rotation the token before still holds for an hour, so that the nodes of one
gateway can be changed one after the other; a revocation ends both at once. Asked for each call, so
all gateways are held in memory; one process at a time owns the state of record.

    FengsuiError
    ├── dashboard_api.gateway.name           its id has other characters
    ├── dashboard_api.gateway.exists         there is, or was, one of that id
    ├── dashboard_api.gateway.too_many       the most there may be
    ├── dashboard_api.gateway.unknown        there is none of that id
    ├── dashboard_api.gateway.revoked        it was revoked: register another
    ├── dashboard_api.gateway.services       too many services, or ``*`` beside names
    ├── dashboard_api.gateway.token_invalid  the token is no gateway's
    └── dashboard_api.gateway.foreign        the service is not among the gateway's
"""

from __future__ import annotations

import base64
import re
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from collector.state.database import Database
from crypto import sm3
from schema.errors import FengsuiError
from schema.ports import Clock, Entropy
from schema.times import HOUR

GATEWAYS_MAX: Final = 200
"""Of one site, revoked ones included: a district has some dozens, and all are held in memory."""
SERVICES_MAX: Final = 1000
"""Services of one gateway by name; one that asks about more asks about every service."""
EVERY: Final = "*"
"""In place of names: every service."""
OVERLAP_US: Final = HOUR
"""How long the token before the last holds after a rotation."""
TOKEN_MARK: Final = "fsg1"  # noqa: S105 - the mark of a token, none itself
_TOKEN_BYTES: Final = 32
_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One gateway; times are microseconds UTC, 0 for not yet."""

    id: str
    unit: str
    services: tuple[str, ...]
    """What it may ask about: names, or ``*`` alone; nothing at first."""
    created_at: int
    rotated_at: int
    earlier_until: int
    """Until when the token before the last holds."""
    revoked_at: int

    def may_ask(self, service: str) -> bool:
        """Whether it may ask about a service."""
        return service in self.services or EVERY in self.services


@dataclass(frozen=True, slots=True)
class _Held:
    gateway: Gateway
    until: int | None
    """Of an earlier token; None for the one that holds."""


class Gateways:
    """The gateways of one site. Safe from any thread."""

    def __init__(self, database: Database, *, clock: Clock, entropy: Entropy) -> None:
        self._database = database
        self._clock = clock
        self._entropy = entropy
        self._changing = threading.Lock()
        self._tokens: Mapping[bytes, _Held] | None = None

    def add(self, gateway_id: str, unit: str, services: Sequence[str] = ()) -> str:
        """Register one and return its token; it may ask about nothing but ``services``."""
        if not _ID.fullmatch(gateway_id):
            raise FengsuiError(
                "dashboard_api.gateway.name",
                f"{gateway_id[:80]!r} cannot be a gateway's id: 1 to 63 of a-z 0-9 . _ -",
            )
        token = self._token(gateway_id)
        row = (gateway_id, unit, _packed(services), _hash(token), self._clock.now())

        def job(state: sqlite3.Connection) -> None:
            if state.execute("SELECT 1 FROM gateways WHERE id = ?", (gateway_id,)).fetchone():
                raise FengsuiError(
                    "dashboard_api.gateway.exists",
                    f"there is, or was, a gateway {gateway_id}: rotate its token, or choose "
                    "another id",
                    id=gateway_id,
                )
            if state.execute("SELECT count(*) FROM gateways").fetchone()[0] >= GATEWAYS_MAX:
                raise FengsuiError(
                    "dashboard_api.gateway.too_many",
                    f"{GATEWAYS_MAX} gateways are registered, the most there may be",
                    limit=GATEWAYS_MAX,
                )
            state.execute(
                "INSERT INTO gateways (id, unit, services, token_hash, created_at) "
                "VALUES (?, ?, ?, ?, ?)",
                row,
            )

        self._change(job)
        return token

    def rotate(self, gateway_id: str, *, at_once: bool = False) -> str:
        """A new token; the one before holds for an hour yet, or not at all."""
        token, now = self._token(gateway_id), self._clock.now()
        until = 0 if at_once else now + OVERLAP_US

        def job(state: sqlite3.Connection) -> None:
            _living(state, gateway_id)
            state.execute(
                "UPDATE gateways SET earlier_hash = token_hash, earlier_until = ?, "
                "token_hash = ?, rotated_at = ? WHERE id = ?",
                (until, _hash(token), now, gateway_id),
            )

        self._change(job)
        return token

    def revoke(self, gateway_id: str) -> Gateway:
        """Believe it no longer, at once and for good."""
        now = self._clock.now()

        def job(state: sqlite3.Connection) -> None:
            _living(state, gateway_id)
            state.execute(
                "UPDATE gateways SET revoked_at = ?, earlier_until = 0 WHERE id = ?",
                (now, gateway_id),
            )

        self._change(job)
        return self.get(gateway_id)

    def set_services(self, gateway_id: str, services: Sequence[str]) -> Gateway:
        """All services it may ask about: names, or ``*`` alone."""
        packed = _packed(services)

        def job(state: sqlite3.Connection) -> None:
            _living(state, gateway_id)
            state.execute("UPDATE gateways SET services = ? WHERE id = ?", (packed, gateway_id))

        self._change(job)
        return self.get(gateway_id)

    def get(self, gateway_id: str) -> Gateway:
        """One gateway; raises ``dashboard_api.gateway.unknown``."""
        with self._database.read() as state:
            return _gateway(_row(state, gateway_id))

    def all(self) -> list[Gateway]:
        """Every gateway by id, revoked ones too."""
        with self._database.read() as state:
            return [_gateway(row) for row in state.execute("SELECT * FROM gateways ORDER BY id")]

    def of_token(self, token: str) -> Gateway:
        """The gateway of a token; raises ``dashboard_api.gateway.token_invalid``."""
        held = self._held().get(_hash(token))
        if held is None or (held.until is not None and held.until <= self._clock.now()):
            raise FengsuiError(
                "dashboard_api.gateway.token_invalid",
                "the bearer token is not one of a registered gateway: make one with "
                "`fengsui gateway add`; a pushing system's token does not serve here",
            )
        return held.gateway

    def _held(self) -> Mapping[bytes, _Held]:
        """Every token that may hold, by its hash; read once after each change."""
        if self._tokens is None:
            with self._changing:
                if self._tokens is None:
                    self._tokens = self._read()
        return self._tokens

    def _read(self) -> Mapping[bytes, _Held]:
        found: dict[bytes, _Held] = {}
        with self._database.read() as state:
            for row in state.execute("SELECT * FROM gateways WHERE revoked_at IS NULL"):
                gateway = _gateway(row)
                if row["earlier_hash"] is not None:
                    found[row["earlier_hash"]] = _Held(gateway, row["earlier_until"])
                found[row["token_hash"]] = _Held(gateway, None)
        return found

    def _change(self, job: Callable[[sqlite3.Connection], None]) -> None:
        with self._changing:
            self._database.write(job)
            self._tokens = self._read()

    def _token(self, gateway_id: str) -> str:
        secret = base64.urlsafe_b64encode(self._entropy.take(_TOKEN_BYTES)).decode().rstrip("=")
        return f"{TOKEN_MARK}.{gateway_id}.{secret}"


def _hash(token: str) -> bytes:
    return sm3.digest(token.encode())


def _packed(services: Sequence[str]) -> str:
    names = list(dict.fromkeys(services))
    if len(names) > SERVICES_MAX or (EVERY in names and len(names) > 1):
        raise FengsuiError(
            "dashboard_api.gateway.services",
            f"a gateway asks about at most {SERVICES_MAX} services by name, or about every one: "
            f"then give {EVERY} alone",
            limit=SERVICES_MAX,
        )
    return msgspec.json.encode(names).decode()


def _row(state: sqlite3.Connection, gateway_id: str) -> sqlite3.Row:
    row: sqlite3.Row | None = state.execute(
        "SELECT * FROM gateways WHERE id = ?", (gateway_id,)
    ).fetchone()
    if row is None:
        raise FengsuiError(
            "dashboard_api.gateway.unknown", f"there is no gateway {gateway_id[:80]}"
        )
    return row


def _living(state: sqlite3.Connection, gateway_id: str) -> None:
    if _row(state, gateway_id)["revoked_at"] is not None:
        raise FengsuiError(
            "dashboard_api.gateway.revoked",
            f"gateway {gateway_id} was revoked: register another",
            id=gateway_id,
        )


def _gateway(row: sqlite3.Row) -> Gateway:
    return Gateway(
        id=row["id"],
        unit=row["unit"],
        services=msgspec.json.decode(row["services"], type=tuple[str, ...]),
        created_at=row["created_at"],
        rotated_at=row["rotated_at"],
        earlier_until=row["earlier_until"],
        revoked_at=row["revoked_at"] or 0,
    )
