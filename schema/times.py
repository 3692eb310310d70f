"""Time: integer microseconds UTC inside, RFC 3339 text with six digits at the border."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final

from schema import native
from schema.errors import FengsuiError

ZONE: Final = timezone(timedelta(hours=8))
"""Where the sites are: days and working hours are told in it."""

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

_TEXT_LENGTH: Final = len("2026-01-01T00:00:00.000000Z")
_SECOND_LENGTH: Final = len("2026-01-01T00:00:00")


@lru_cache(maxsize=65536)
def _second_text(second: int) -> str:
    try:
        return datetime.fromtimestamp(second, UTC).isoformat()[:_SECOND_LENGTH]
    except (ValueError, OverflowError, OSError) as error:
        raise FengsuiError(
            "schema.time.out_of_range", "a time is outside the years 1 to 9999"
        ) from error


@lru_cache(maxsize=65536)
def _second_of(text: str) -> int:
    moment = datetime.fromisoformat(f"{text}+00:00")
    # fromisoformat also takes other separators and week dates.
    if moment.isoformat()[:_SECOND_LENGTH] != text:
        raise ValueError(text)
    return int(moment.timestamp())


def to_text(time_us: int) -> str:
    """Microseconds since the epoch as ``2026-11-23T13:16:12.000000Z``.

    Raises ``schema.time.out_of_range`` outside the years 1 to 9999.
    """
    second, micros = divmod(time_us, SECOND)
    return f"{_second_text(second)}.{micros:06d}Z"


def from_written(text: str, *, last: bool = False, zone: tzinfo = UTC) -> int:
    """Microseconds of a date or time as people write it, in ``zone`` where it names none.

    ``last`` takes a date for its last microsecond, as the end of a range means it. Raises
    ``ValueError``.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    if last and len(text) <= len("2026-01-31"):
        moment = moment.replace(hour=23, minute=59, second=59, microsecond=999_999)
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds


def from_texts(texts: Sequence[str]) -> list[int]:
    """As :func:`from_text` of each; raises for the first that has another form."""
    # None when one of them is refused: which, and why, is told below.
    found = native.scan.times(texts) if native.scan else None
    if found is None:
        known = {text: from_text(text) for text in dict.fromkeys(texts)}
        found = [known[text] for text in texts]
    return found


def from_text(text: str) -> int:
    """Microseconds of the exact text form that :func:`to_text` writes.

    Raises ``schema.time.malformed`` for any other form.
    """
    try:
        if len(text) != _TEXT_LENGTH or text[19] != "." or text[26] != "Z":
            raise ValueError(text)
        micros = text[20:26]
        if not (micros.isascii() and micros.isdigit()):
            raise ValueError(text)
        return _second_of(text[:19]) * SECOND + int(micros)
    except ValueError as error:
        raise FengsuiError(
            "schema.time.malformed",
            f"time {text[:40]!r} is not UTC with six digits, as 2026-01-31T08:00:00.000000Z",
            text=text[:40],
        ) from error
