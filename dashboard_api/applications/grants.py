"""Grants: which operations an application may do with which keys.

A new application may do what is harmless with its own keys and without a key; what gives plaintext
out, signs foreign digests or changes keys is granted by name only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from dashboard_api.applications.model import (
    DEFAULT,
    ID,
    KEY_NAME,
    NO_KEY,
    OFF_BY_DEFAULT,
    OWN_KEYS,
    SITE,
    Operation,
)
from dashboard_api.applications.records import grants_of
from schema.errors import FengsuiError

Grants: TypeAlias = Mapping[str, frozenset[Operation]]

GRANTS_MAX: Final = 1000
"""Pairs of key and operation of one application: all of them are held by a signing process."""
AT_FIRST: Final[Grants] = MappingProxyType({OWN_KEYS: DEFAULT, NO_KEY: DEFAULT})
"""What a new application may do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a change gives and takes of one key."""

    key: str
    given: frozenset[Operation]
    taken: frozenset[Operation]

    @property
    def words(self) -> str:
        """``+sign_e-hmac``: what is dangerous to give first; fits an audit entry whole."""
        given = sorted(self.given, key=lambda one: (one not in OFF_BY_DEFAULT, one))
        return "".join([*(f"+{one}" for one in given), *(f"-{one}" for one in sorted(self.taken))])


def owner_of(key: str) -> str:
    """The application, or ``site``, a key belongs to; empty for ``*`` and ``-``.

    Raises ``dashboard_api.grant.key`` for what is no id of a key.
    """
    if key in (OWN_KEYS, NO_KEY):
        return ""
    owner, dot, name = key.partition(".")
    if not (dot and ID.fullmatch(owner) and KEY_NAME.fullmatch(name)):
        raise FengsuiError(
            "dashboard_api.grant.key",
            f"{key[:64]!r} is not a key's whole id, such as payments.receipt, nor {OWN_KEYS} for "
            f"all of one's own nor {NO_KEY} for operations without a key",
            key=key[:64],
        )
    return owner


def check(state: sqlite3.Connection, grants: Grants) -> None:
    """Raise ``dashboard_api.grant.too_many``, ``.key`` or ``.unknown`` (no such owner)."""
    if sum(len(operations) for operations in grants.values()) > GRANTS_MAX:
        raise FengsuiError(
            "dashboard_api.grant.too_many",
            f"an application has at most {GRANTS_MAX} grants: grant {OWN_KEYS} instead of its own "
            "keys one by one",
            limit=GRANTS_MAX,
        )
    for key in grants:
        owner = owner_of(key)
        if owner in ("", SITE):
            continue
        if not state.execute("SELECT 1 FROM applications WHERE id = ?", (owner,)).fetchone():
            raise FengsuiError(
                "dashboard_api.grant.unknown",
                f"there is no application {owner} that {key} could belong to",
                key=key,
            )


def put(state: sqlite3.Connection, application: str, grants: Grants) -> list[Difference]:
    """Replace all grants of an application; returns what changed, key by key."""
    check(state, grants)
    before = grants_of(state, application)
    state.execute("DELETE FROM application_grants WHERE application = ?", (application,))
    state.executemany(
        "INSERT INTO application_grants (application, key, operation) VALUES (?, ?, ?)",
        [(application, key, one) for key, operations in grants.items() for one in operations],
    )
    return list(_differences(before, grants))


def _differences(before: Grants, after: Grants) -> Iterator[Difference]:
    none: frozenset[Operation] = frozenset()
    for key in sorted({*before, *after}):
        had, has = before.get(key, none), after.get(key, none)
        if had != has:
            yield Difference(key=key, given=has - had, taken=had - has)
