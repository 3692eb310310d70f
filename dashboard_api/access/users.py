"""Users in the state of record: one table of users, their roles and their units."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dashboard_api.access.principal import EVERY_UNIT, Principal, Scope
from dashboard_api.access.roles import Role, check_roles
from schema.errors import FengsuiError

NAME: Final = re.compile(r"[a-z][a-z0-9._-]{1,31}")
DISPLAY_CHARS_MAX: Final = 64
UNITS_MAX: Final = 200
"""Units of one person: more means every unit."""
UNIT: Final = re.compile(r"\*|[^\s*\x00-\x1f][^\x00-\x1f*]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account. Times in microseconds UTC."""

    id: str
    name: str
    display_name: str
    password: str | None
    """argon2id hash, None while no password was set."""
    roles: frozenset[Role]
    units: tuple[str, ...]
    created_at: int
    disabled_at: int | None

    def principal(self, *, by_link: bool) -> Principal:
        """The person this account is for, signed in."""
        return Principal(
            id=self.id,
            name=self.name,
            display_name=self.display_name,
            roles=self.roles,
            scope=Scope(self.units),
            must_set_password=by_link and self.password is None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """An account to be made; it has no rights but the roles named here."""

    id: str
    name: str
    display_name: str
    roles: frozenset[Role] = frozenset()
    units: tuple[str, ...] = ()


def add(state: sqlite3.Connection, user: NewUser, now: int) -> None:
    """Store a new account; raises ``dashboard_api.user.name`` or ``.exists``."""
    if not NAME.fullmatch(user.name) or not 0 < len(user.display_name) <= DISPLAY_CHARS_MAX:
        raise FengsuiError(
            "dashboard_api.user.malformed",
            "a user's name has 2 to 32 of a-z 0-9 . _ - and begins with a letter; the name shown "
            f"has 1 to {DISPLAY_CHARS_MAX} characters",
        )
    try:
        state.execute(
            "INSERT INTO users (id, name, display_name, created_at) VALUES (?, ?, ?, ?)",
            (user.id, user.name, user.display_name, now),
        )
    except sqlite3.IntegrityError as error:
        raise FengsuiError(
            "dashboard_api.user.exists",
            f"there is a user {user.name} already: choose another name",
            name=user.name,
        ) from error
    set_rights(state, user.id, roles=user.roles, units=user.units)


def set_rights(
    state: sqlite3.Connection, user_id: str, *, roles: frozenset[Role], units: Sequence[str]
) -> None:
    """Replace an account's roles and units; raises ``dashboard_api.roles.exclusive``."""
    check_roles(roles)
    if len(units) > UNITS_MAX or not all(UNIT.fullmatch(unit) for unit in units):
        raise FengsuiError(
            "dashboard_api.user.units",
            f"units are at most {UNITS_MAX} names of 1 to 64 characters, or {EVERY_UNIT} alone",
        )
    state.execute("DELETE FROM user_roles WHERE user_id = ?", (user_id,))
    state.execute("DELETE FROM user_units WHERE user_id = ?", (user_id,))
    state.executemany(
        "INSERT INTO user_roles (user_id, role) VALUES (?, ?)", [(user_id, r) for r in roles]
    )
    state.executemany(
        "INSERT INTO user_units (user_id, unit) VALUES (?, ?)",
        [(user_id, unit) for unit in dict.fromkeys(units)],
    )


def by_id(state: sqlite3.Connection, user_id: str) -> User | None:
    """The account with that id."""
    return _one(state, "id = ?", user_id)


def by_name(state: sqlite3.Connection, name: str) -> User | None:
    """The account with that name."""
    return _one(state, "name = ?", name)


def known(state: sqlite3.Connection, user_id: str) -> User:
    """The account with that id; raises ``dashboard_api.user.unknown``."""
    found = by_id(state, user_id)
    if found is None:
        raise FengsuiError("dashboard_api.user.unknown", "there is no such user")
    return found


def everyone(state: sqlite3.Connection) -> list[User]:
    """All accounts by name."""
    rows = state.execute("SELECT id FROM users ORDER BY name").fetchall()
    return [known(state, row["id"]) for row in rows]


def _one(state: sqlite3.Connection, where: str, value: str) -> User | None:
    row = state.execute(f"SELECT * FROM users WHERE {where}", (value,)).fetchone()  # noqa: S608 - our own two texts
    if row is None:
        return None
    roles = state.execute("SELECT role FROM user_roles WHERE user_id = ?", (row["id"],))
    units = state.execute(
        "SELECT unit FROM user_units WHERE user_id = ? ORDER BY unit", (row["id"],)
    )
    return User(
        id=row["id"],
        name=row["name"],
        display_name=row["display_name"],
        password=row["password"],
        roles=frozenset(Role(found["role"]) for found in roles.fetchall()),
        units=tuple(found["unit"] for found in units),
        created_at=row["created_at"],
        disabled_at=row["disabled_at"],
    )
