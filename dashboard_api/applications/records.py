"""Records: applications as they stand in the state of record, with all that was ever issued.

What a signing process needs of them is read by ``rows``; this is what people are shown.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from dashboard_api.access.principal import EVERY_UNIT, Principal
from dashboard_api.applications.model import Operation, Quota
from schema.errors import FengsuiError

Kind: TypeAlias = Literal["token", "sm2"]
OPERATOR: Final = ""
"""In place of a person's id: whoever works on the machine itself."""


@dataclass(frozen=True, slots=True)
class Hand:
    """Who does something: a signed-in person, or the operator on the machine."""

    name: str
    person: str = OPERATOR
    """Id of the account; empty for the operator."""

    @classmethod
    def of(cls, principal: Principal) -> Hand:
        """The hand of a signed-in person."""
        return cls(principal.name, principal.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A credential, living or not. Times in microseconds UTC."""

    id: str
    kind: Kind
    created_at: int
    expires_at: int | None
    revoked_at: int | None

    def lives(self, now: int) -> bool:
        """Whether it is good at that time."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """An application with everything people decided about it."""

    id: str
    name: str
    unit: str
    created_at: int
    disabled_at: int | None
    quota: Quota
    credentials: tuple[Issued, ...]
    """Oldest first."""
    grants: Mapping[str, frozenset[Operation]]
    """By key id, ``*`` or ``-``; in the order of their names."""


def known(state: sqlite3.Connection, application: str) -> Registered:
    """One application; raises ``dashboard_api.application.unknown``."""
    found = _read(state, "WHERE id = ?", (application,))
    if not found:
        raise FengsuiError(
            "dashboard_api.application.unknown",
            f"there is no application {application[:24]}",
            id=application[:24],
        )
    return found[0]


def everyone(state: sqlite3.Connection) -> list[Registered]:
    """All applications by id."""
    return _read(state, "ORDER BY id", ())


def page(
    state: sqlite3.Connection, units: Sequence[str], *, after: str, limit: int
) -> list[Registered]:
    """Applications of these units (``*`` for all) behind an id, by id."""
    where, values = "WHERE id > ?", list[str | int]([after])
    if EVERY_UNIT not in units:
        where += f" AND unit IN ({', '.join('?' * len(units))})"
        values += units
    return _read(state, f"{where} ORDER BY id LIMIT ?", (*values, limit))


def hands(state: sqlite3.Connection, application: str) -> frozenset[str]:
    """Ids of the people who registered it or issued it a credential, ever."""
    rows = state.execute(
        "SELECT person FROM application_hands WHERE application = ?", (application,)
    )
    return frozenset(row[0] for row in rows.fetchall())


def note_hand(state: sqlite3.Connection, application: str, hand: Hand) -> None:
    """Remember that this person held, or could have held, a credential of the application."""
    if hand.person != OPERATOR:
        state.execute(
            "INSERT OR IGNORE INTO application_hands (application, person) VALUES (?, ?)",
            (application, hand.person),
        )


def _read(state: sqlite3.Connection, which: str, values: tuple[str | int, ...]) -> list[Registered]:
    rows = state.execute(
        f"SELECT * FROM applications {which}",  # noqa: S608 - our own two texts
        values,
    ).fetchall()
    return [
        Registered(
            id=row["id"],
            name=row["name"],
            unit=row["unit"],
            created_at=row["created_at"],
            disabled_at=row["disabled_at"],
            quota=Quota(
                per_second=row["per_second"],
                per_day=row["per_day"],
                opens_per_minute=row["opens_per_minute"],
            ),
            credentials=_credentials(state, row["id"]),
            grants=grants_of(state, row["id"]),
        )
        for row in rows
    ]


def _credentials(state: sqlite3.Connection, application: str) -> tuple[Issued, ...]:
    rows = state.execute(
        "SELECT id, kind, created_at, expires_at, revoked_at FROM application_credentials "
        "WHERE application = ? ORDER BY created_at, id",
        (application,),
    )
    return tuple(
        Issued(
            id=row["id"],
            kind=row["kind"],
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            revoked_at=row["revoked_at"],
        )
        for row in rows.fetchall()
    )


def grants_of(state: sqlite3.Connection, application: str) -> dict[str, frozenset[Operation]]:
    """What an application may do, by key."""
    found: dict[str, set[Operation]] = {}
    rows = state.execute(
        "SELECT key, operation FROM application_grants WHERE application = ? ORDER BY key",
        (application,),
    )
    for row in rows.fetchall():
        found.setdefault(row["key"], set()).add(Operation(row["operation"]))
    return {key: frozenset(operations) for key, operations in found.items()}
