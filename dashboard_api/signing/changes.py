"""Changes: one number that tells signing processes when what they hold is out of date."""

from __future__ import annotations

import sqlite3


def raise_in(state: sqlite3.Connection) -> None:
    """Tell signing processes of a change, in the transaction that makes it."""
    state.execute("UPDATE signing_changes SET n = n + 1")


def number(state: sqlite3.Connection) -> int:
    """The number as it stands."""
    found: int = state.execute("SELECT n FROM signing_changes").fetchone()[0]
    return found
