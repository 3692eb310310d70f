"""Rows of certificates, anchors and revocation lists in the state file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from crypto.x509.certificate import Certificate, load_all
from crypto.x509.revocation import Reason, Revocation, RevocationList

_SELECT: Final = (
    "SELECT owner, key, version, profile, issuer, der, above, created_at, revoked_at, reason, "
    "renewed_by FROM certificates "
)


class Kind(StrEnum):
    """What a certificate is for, or that its issuer decided that elsewhere."""

    ROOT = "root"
    SIGN = "sign"
    ENCRYPT = "encrypt"
    SERVER = "server"
    TIMESTAMP = "timestamp"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A certificate as it is kept. Times in microseconds UTC."""

    owner: str
    key: str = ""
    """Whole id; empty where somebody else holds the key."""
    version: int = 0
    kind: Kind
    issuer: str = ""
    """Fingerprint of our own authority's certificate; empty for an imported one."""
    certificate: Certificate
    above: tuple[Certificate, ...] = field(default=(), repr=False)
    created_at: int
    revoked_at: int | None = None
    reason: Reason | None = None
    renewed_by: str | None = None

    @property
    def fingerprint(self) -> str:
        """SM3 of the DER: its name here."""
        return self.certificate.fingerprint

    @property
    def serial(self) -> str:
        """In hexadecimal."""
        return f"{self.certificate.serial:x}"


def insert(state: sqlite3.Connection, one: Filed) -> None:
    """File a certificate; raises ``sqlite3.IntegrityError`` for one that is here."""
    state.execute(
        "INSERT INTO certificates VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            one.fingerprint,
            one.serial,
            one.owner,
            one.key,
            one.version,
            one.kind.value,
            one.issuer,
            one.certificate.der,
            "".join(above.to_pem().decode() for above in one.above),
            one.certificate.not_after_us,
            one.created_at,
            one.revoked_at,
            None if one.reason is None else int(one.reason),
            one.renewed_by,
        ),
    )


def by_owner(state: sqlite3.Connection) -> list[Filed]:
    """Every certificate, by owner, newest first."""
    return _read(state, "ORDER BY owner, created_at DESC, fingerprint")


def named(state: sqlite3.Connection, name: str) -> list[Filed]:
    """Those of a serial number or fingerprint."""
    return _read(state, "WHERE serial = ? OR fingerprint = ?", name, name)


def newest(state: sqlite3.Connection, key: str, version: int) -> Filed | None:
    """The newest certificate of a key's version that stands."""
    found = _read(
        state,
        "WHERE key = ? AND version = ? AND revoked_at IS NULL "
        "ORDER BY created_at DESC, fingerprint LIMIT 1",
        key,
        version,
    )
    return found[0] if found else None


def roots(state: sqlite3.Connection) -> list[Filed]:
    """The site's own roots, newest first."""
    return _read(state, "WHERE profile = 'root' ORDER BY created_at DESC, fingerprint")


def count(state: sqlite3.Connection, owner: str) -> int:
    """How many certificates an owner has."""
    found: int = state.execute(
        "SELECT count(*) FROM certificates WHERE owner = ?", (owner,)
    ).fetchone()[0]
    return found


def revoke(state: sqlite3.Connection, fingerprint: str, at: int, reason: Reason) -> None:
    """Note that a certificate counts no more."""
    state.execute(
        "UPDATE certificates SET revoked_at = ?, reason = ? WHERE fingerprint = ?",
        (at, int(reason), fingerprint),
    )


def renewed(state: sqlite3.Connection, fingerprint: str, by: str) -> None:
    """Note what took a certificate's place."""
    state.execute("UPDATE certificates SET renewed_by = ? WHERE fingerprint = ?", (by, fingerprint))


def revoked(state: sqlite3.Connection, issuer: str, now: int) -> list[Revocation]:
    """What an authority's list names: what it revoked and what is not over anyway."""
    rows = state.execute(
        "SELECT serial, revoked_at, reason FROM certificates "
        "WHERE issuer = ? AND revoked_at IS NOT NULL AND not_after > ? ORDER BY revoked_at, serial",
        (issuer, now),
    )
    return [Revocation(int(serial, 16), at, Reason(reason)) for serial, at, reason in rows]


def add_anchor(state: sqlite3.Connection, one: Certificate, now: int) -> None:
    """Trust a root; again does nothing."""
    state.execute("INSERT OR IGNORE INTO anchors VALUES (?, ?, ?)", (one.fingerprint, one.der, now))


def anchors(state: sqlite3.Connection) -> list[bytes]:
    """DER of every root the site trusts, its own first."""
    own = [one.certificate.der for one in roots(state)]
    return own + [row[0] for row in state.execute("SELECT der FROM anchors ORDER BY fingerprint")]


def put_list(state: sqlite3.Connection, issuer: str, one: RevocationList) -> None:
    """Keep an issuer's newest list."""
    state.execute(
        "INSERT INTO revocation_lists VALUES (?, ?, ?, ?, ?) ON CONFLICT (issuer) DO UPDATE SET "
        "number = excluded.number, der = excluded.der, this_update = excluded.this_update, "
        "next_update = excluded.next_update",
        (issuer, one.number or 0, one.der, one.this_update_us, one.next_update_us),
    )


def list_of(state: sqlite3.Connection, issuer: str) -> RevocationList | None:
    """The list at hand of an issuer."""
    row = state.execute("SELECT der FROM revocation_lists WHERE issuer = ?", (issuer,)).fetchone()
    return None if row is None else RevocationList.from_der(row[0])


def lists(state: sqlite3.Connection) -> list[bytes]:
    """DER of every list at hand."""
    return [row[0] for row in state.execute("SELECT der FROM revocation_lists ORDER BY issuer")]


def _read(state: sqlite3.Connection, where: str, *values: str | int) -> list[Filed]:
    rows = state.execute(_SELECT + where, values)
    return [_filed(tuple(row)) for row in rows]


def _filed(row: Sequence[object]) -> Filed:
    owner, key, version, kind, issuer, der, above, created, at, reason, renewed_by = row
    assert isinstance(der, bytes)
    assert isinstance(above, str)
    assert isinstance(created, int)
    assert isinstance(version, int)
    return Filed(
        owner=str(owner),
        key=str(key),
        version=version,
        kind=Kind(str(kind)),
        issuer=str(issuer),
        certificate=Certificate.from_der(der),
        above=tuple(load_all(above.encode())) if above else (),
        created_at=created,
        revoked_at=at if isinstance(at, int) else None,
        reason=Reason(reason) if isinstance(reason, int) else None,
        renewed_by=None if renewed_by is None else str(renewed_by),
    )
