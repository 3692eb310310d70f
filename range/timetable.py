"""Small words that all plans of the range share: hours, and a database session."""

from __future__ import annotations

from collections.abc import Sequence

from actions import Sql
from town import HOURS, database_password

__all__ = ["DAY_S", "at_hour", "sql_session"]

DAY_S = HOURS * 3600.0


def at_hour(hour: float) -> float:
    """Return recorded seconds for hours since the start (20:00 local)."""
    return hour * 3600.0


def sql_session(
    at: float,
    source: str,
    cluster: str,
    database: str,
    user: str,
    application: str,
    statements: Sequence[str],
    *,
    gap_s: float = 0.0,
    secret: str = "",
) -> Sql:
    """Return a session whose statements follow each other every `gap_s` recorded seconds."""
    timed = tuple((gap_s * n, text) for n, text in enumerate(statements))
    return Sql(
        at_s=at,
        source=source,
        cluster=cluster,
        database=database,
        user=user,
        application=application,
        statements=timed,
        password=secret or database_password(user),
    )
