"""How values look on the wire: times as RFC 3339 text, severities as 0 to 4."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, TypeAlias

from pydantic import Field, PlainSerializer, WithJsonSchema

from schema import times
from schema.errors import FengsuiError

Time: TypeAlias = Annotated[
    int,
    PlainSerializer(times.to_text, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""Microseconds UTC inside, ``2026-11-20T08:00:00.000000Z`` outside."""

Severity: TypeAlias = Annotated[int, Field(ge=0, le=4)]
"""0 informational, 1 low, 2 medium, 3 high, 4 critical."""

TIME_MIN: Final = 0
TIME_MAX: Final = times.from_text("9999-12-31T23:59:59.000000Z")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def time_of(text: str, *, absent: int) -> int:
    """Microseconds of any RFC 3339 text with a zone; ``absent`` for an empty one.

    Raises ``dashboard_api.time.malformed``.
    """
    if not text:
        return absent
    try:
        parsed = datetime.fromisoformat(text)
        if parsed.tzinfo is None:
            raise ValueError(text)
        gone = parsed - _EPOCH
    except (ValueError, OverflowError) as error:
        raise FengsuiError(
            "dashboard_api.time.malformed",
            f"time {text[:40]!r} is not RFC 3339 with a zone, as 2026-01-31T08:00:00Z",
            text=text[:40],
        ) from error
    # Integer arithmetic: a float of seconds loses microseconds.
    return (gone.days * 86400 + gone.seconds) * times.SECOND + gone.microseconds
