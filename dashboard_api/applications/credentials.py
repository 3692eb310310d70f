"""Credentials: what an application proves itself by, made, enrolled and taken back.

A bearer token is ``fsk1.<application>.<43 characters>``: shown once, kept as the SM3 of the whole
text. An SM2 key comes with proof that its holder has the private half: a signature over
``proof_text`` under the domain ``fengsui/credential/1``, which verifies nowhere else.
"""

from __future__ import annotations

import base64
import sqlite3
from dataclasses import dataclass
from typing import Final

from crypto import sm3
from crypto.errors import CryptoError
from crypto.sm2 import PublicKey, signature_from_raw
from dashboard_api.applications.records import Issued, Kind, known
from schema.errors import FengsuiError
from schema.times import DAY

DOMAIN: Final = "fengsui/credential/1"
"""SM2 ID of the proof that comes with an enrolled key."""
TOKEN_MARK: Final = "fsk1"  # noqa: S105 - the mark of a token, none itself
TOKEN_BYTES: Final = 32
LIVING_MAX: Final = 4
"""Two kinds, and room to change each without a stop."""
KEPT_MAX: Final = 100
"""Rows of one application, dead ones included; older dead ones stand in the audit chain only."""
LIFE_DAYS_MAX: Final = 1100
"""Three years: a credential that is never thought about again is one nobody misses."""
_ID_CHARS: Final = 16
_RAW_SIZE: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCredential:
    """A credential to be stored."""

    id: str
    kind: Kind
    expires_at: int | None
    token_hash: bytes | None = None
    public: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """An SM2 public key somebody wants enrolled."""

    public: PublicKey
    proof: bytes
    """Signature over ``proof_text``: canonical DER, or r ‖ s in 64 bytes."""


def new_token(application: str, randomness: bytes) -> str:
    """A bearer token nobody can guess."""
    assert len(randomness) == TOKEN_BYTES
    return f"{TOKEN_MARK}.{application}.{base64.urlsafe_b64encode(randomness).decode().rstrip('=')}"


def token_hash(token: str) -> bytes:
    """What is kept of a token: SM3 of its whole text."""
    return sm3.digest(token.encode())


def of_token(token: str, expires_at: int | None) -> NewCredential:
    """The credential of a token; its id is the beginning of the hash."""
    digest = token_hash(token)
    return NewCredential(
        id=digest.hex()[:_ID_CHARS], kind="token", expires_at=expires_at, token_hash=digest
    )


def proof_text(application: str, key_id: str) -> bytes:
    """What the holder of a key signs to have it enrolled for an application."""
    return f"FENGSUI-CREDENTIAL/1\n{application}\n{key_id}".encode()


def of_key(application: str, new: NewKey, expires_at: int | None) -> NewCredential:
    """The credential of a key; raises ``dashboard_api.credential.proof_invalid``."""
    text = proof_text(application, new.public.key_id)
    try:
        signature = signature_from_raw(new.proof) if len(new.proof) == _RAW_SIZE else new.proof
        new.public.verify(signature, text, domain=DOMAIN)
    except CryptoError as error:
        raise FengsuiError(
            "dashboard_api.credential.proof_invalid",
            f"the proof is not a signature by key {new.public.key_id} over the text of this "
            f"application under the SM2 ID {DOMAIN}",
            key_id=new.public.key_id,
            domain=DOMAIN,
        ) from error
    return NewCredential(
        id=new.public.key_id, kind="sm2", expires_at=expires_at, public=new.public.point
    )


def add(state: sqlite3.Connection, application: str, new: NewCredential, *, now: int) -> Issued:
    """Store a credential.

    Raises ``dashboard_api.credential.limit`` for one too many, ``.exists`` for one that was there
    before, revoked or not, and ``.expiry``.
    """
    _check_expiry(new.expires_at, now)
    issued = known(state, application).credentials
    if any(one.id == new.id for one in issued):
        raise FengsuiError(
            "dashboard_api.credential.exists",
            f"application {application} has, or had, the credential {new.id}: make a new key",
            id=new.id,
        )
    if sum(one.lives(now) for one in issued) >= LIVING_MAX:
        raise FengsuiError(
            "dashboard_api.credential.limit",
            f"application {application} has {LIVING_MAX} living credentials, the most there may "
            "be: revoke one first",
            limit=LIVING_MAX,
        )
    _forget_dead(state, application, issued, now)
    state.execute(
        "INSERT INTO application_credentials (application, id, kind, token_hash, public, "
        "created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (application, new.id, new.kind, new.token_hash, new.public, now, new.expires_at),
    )
    return Issued(
        id=new.id, kind=new.kind, created_at=now, expires_at=new.expires_at, revoked_at=None
    )


def revoke(state: sqlite3.Connection, application: str, credential: str, *, now: int) -> None:
    """Believe it no longer; raises ``dashboard_api.credential.absent`` and ``.revoked_before``."""
    known(state, application)
    row = state.execute(
        "SELECT revoked_at FROM application_credentials WHERE application = ? AND id = ?",
        (application, credential),
    ).fetchone()
    if row is None:
        raise FengsuiError(
            "dashboard_api.credential.absent",
            f"application {application} has no credential {credential[:_ID_CHARS]}",
            id=credential[:_ID_CHARS],
        )
    if row[0] is not None:
        raise FengsuiError(
            "dashboard_api.credential.revoked_before",
            f"credential {credential} was revoked before",
            id=credential,
        )
    state.execute(
        "UPDATE application_credentials SET revoked_at = ? WHERE application = ? AND id = ?",
        (now, application, credential),
    )


def _check_expiry(expires_at: int | None, now: int) -> None:
    if expires_at is not None and not now < expires_at <= now + LIFE_DAYS_MAX * DAY:
        raise FengsuiError(
            "dashboard_api.credential.expiry",
            f"a credential ends within the next {LIFE_DAYS_MAX} days, or has no end",
            days=LIFE_DAYS_MAX,
        )


def _forget_dead(
    state: sqlite3.Connection, application: str, issued: tuple[Issued, ...], now: int
) -> None:
    """Make room for one more row by letting the oldest dead ones go."""
    dead = [one for one in issued if not one.lives(now)]
    surplus = len(issued) + 1 - KEPT_MAX
    state.executemany(
        "DELETE FROM application_credentials WHERE application = ? AND id = ?",
        [(application, one.id) for one in dead[: max(0, surplus)]],
    )
