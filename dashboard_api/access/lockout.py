"""Lock-out: five wrong passwords for a name, known or not, close it for ten minutes."""

from __future__ import annotations

import sqlite3
from typing import Final

from crypto import sm3
from schema.errors import FengsuiError
from schema.times import MINUTE, SECOND

FAILURES_MAX: Final = 5
LOCKED_US: Final = 10 * MINUTE
NAMES_MAX: Final = 10_000
"""Tried names remembered at once; past it the oldest are forgotten, so guessing names costs us
no disk."""


def check(state: sqlite3.Connection, name: str, now: int) -> None:
    """Raise ``dashboard_api.login.locked`` while the name is closed."""
    row = state.execute(
        "SELECT locked_until FROM login_failures WHERE name = ?", (_key(name),)
    ).fetchone()
    if row and row["locked_until"] > now:
        seconds = -(-(row["locked_until"] - now) // SECOND)
        raise FengsuiError(
            "dashboard_api.login.locked",
            f"too many wrong passwords: try again in {seconds} seconds, or use a one-time link",
            retry_seconds=seconds,
        )


def failed(state: sqlite3.Connection, name: str, now: int) -> bool:
    """Count a wrong password; True when this one closed the name."""
    row = state.execute(
        "SELECT count, last_at FROM login_failures WHERE name = ?", (_key(name),)
    ).fetchone()
    fresh = row is None or now - row["last_at"] >= LOCKED_US
    count = 1 if fresh else row["count"] + 1
    locked = count >= FAILURES_MAX
    state.execute(
        "INSERT OR REPLACE INTO login_failures (name, count, last_at, locked_until) "
        "VALUES (?, ?, ?, ?)",
        (_key(name), 0 if locked else count, now, now + LOCKED_US if locked else 0),
    )
    state.execute(
        "DELETE FROM login_failures WHERE name IN (SELECT name FROM login_failures "
        "ORDER BY last_at DESC LIMIT -1 OFFSET ?)",
        (NAMES_MAX,),
    )
    return locked


def cleared(state: sqlite3.Connection, name: str) -> None:
    """Forget the failures of a name that has signed in."""
    state.execute("DELETE FROM login_failures WHERE name = ?", (_key(name),))


def _key(name: str) -> bytes:
    # People type passwords into the name field: what was typed is never stored.
    return sm3.digest(name.encode("utf-8", "replace"))
