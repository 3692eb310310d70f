"""Sessions: random tokens kept as SM3; they end after 30 idle minutes and after 12 hours."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from crypto import sm3
from schema.times import HOUR, MINUTE

TOKEN_BYTES: Final = 32
TOKEN_CHARS_MAX: Final = 128
"""Longer ones cannot be ours and are not even hashed."""
IDLE_US: Final = 30 * MINUTE
LIFE_US: Final = 12 * HOUR
TOUCH_US: Final = MINUTE
"""The time a session was last seen is stored this seldom: each storing waits for the disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A signed-in browser. Times in microseconds UTC."""

    token: bytes
    """SM3 of the cookie."""
    user_id: str
    created_at: int
    seen_at: int
    by_link: bool


def hashed(token: str) -> bytes:
    """What is stored of a token."""
    return sm3.digest(token.encode("utf-8", "replace"))


def begin(
    state: sqlite3.Connection, token: str, *, user_id: str, now: int, by_link: bool
) -> Session:
    """Store a new session, and forget those that have ended."""
    state.execute(
        "DELETE FROM sessions WHERE seen_at <= ? OR created_at <= ?", (now - IDLE_US, now - LIFE_US)
    )
    session = Session(
        token=hashed(token), user_id=user_id, created_at=now, seen_at=now, by_link=by_link
    )
    state.execute(
        "INSERT INTO sessions (token, user_id, created_at, seen_at, by_link) "
        "VALUES (?, ?, ?, ?, ?)",
        (session.token, user_id, now, now, by_link),
    )
    return session


def find(state: sqlite3.Connection, token: str, now: int) -> Session | None:
    """The session of a token, None once it has ended."""
    if not 0 < len(token) <= TOKEN_CHARS_MAX:
        return None
    row = state.execute("SELECT * FROM sessions WHERE token = ?", (hashed(token),)).fetchone()
    if row is None or now - row["seen_at"] >= IDLE_US or now - row["created_at"] >= LIFE_US:
        return None
    return Session(
        token=row["token"],
        user_id=row["user_id"],
        created_at=row["created_at"],
        seen_at=row["seen_at"],
        by_link=bool(row["by_link"]),
    )


def touch(state: sqlite3.Connection, session: Session, now: int) -> None:
    """Store that the session was used."""
    state.execute("UPDATE sessions SET seen_at = ? WHERE token = ?", (now, session.token))


def end(state: sqlite3.Connection, session: Session) -> None:
    """End one session."""
    state.execute("DELETE FROM sessions WHERE token = ?", (session.token,))


def end_all(state: sqlite3.Connection, user_id: str, *, keep: bytes = b"") -> None:
    """End every session of a user but the one to keep."""
    state.execute("DELETE FROM sessions WHERE user_id = ? AND token <> ?", (user_id, keep))
