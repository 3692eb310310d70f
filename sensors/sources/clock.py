"""Times as logs write them, as the RFC 3339 text with six digits that events carry.

Every function gives "" for what is no time: a wrong time makes the record unparsed, never an
exception. All are remembered by the second, since log times repeat.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from schema import times

_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}


_EPOCH_YEAR: Final = 1970
_DAY_MINUTES: Final = 24 * 60
_SECOND_LENGTH: Final = len("2026-01-01T00:00:00")


def month(name: str) -> int:
    """1 to 12 for ``Jan`` to ``Dec``, 0 for anything else."""
    return _MONTHS.get(name, 0)


def in_zone(moment: datetime, offset_minutes: int) -> str:
    """The UTC text of a zone-less time that was read in a zone so far east of Greenwich."""
    try:
        utc = moment - timedelta(minutes=offset_minutes)
    except OverflowError:
        return ""
    if utc.year < _EPOCH_YEAR or abs(offset_minutes) >= _DAY_MINUTES:
        return ""
    return f"{utc.isoformat()[:_SECOND_LENGTH]}.{moment.microsecond:06d}Z"


def apache_time(text: str) -> str:
    """``23/Nov/2026:13:16:12 +0800``, as nginx and Apache write in access logs."""
    try:
        day, name, rest = text.split("/", 2)
        year, clock_text = rest[:4], rest[5:13]
        moment = _moment(year, _MONTHS[name], day, clock_text)
        sign, offset = rest[14], rest[15:]
        if len(rest) != 19 or sign not in "+-" or not (offset.isascii() and offset.isdecimal()):
            return ""
        minutes = int(offset[:2]) * 60 + int(offset[2:])
    except (ValueError, KeyError, IndexError):
        return ""
    return in_zone(moment, -minutes if sign == "-" else minutes)


def _moment(year: str, month_number: int, day: str, clock_text: str) -> datetime:
    """A zone-less time of ``HH:MM:SS`` and a date; raises ValueError."""
    if len(clock_text) != 8 or clock_text[2] != ":" or clock_text[5] != ":":
        raise ValueError(clock_text)
    parts = (year, day, clock_text[:2], clock_text[3:5], clock_text[6:])
    if not all(part.isascii() and part.isdecimal() for part in parts):
        raise ValueError(clock_text)
    years, days, hours, minutes, seconds = map(int, parts)
    return datetime(years, month_number, days, hours, minutes, seconds)  # noqa: DTZ001 - zoned by the caller


@lru_cache(maxsize=4096)
def plain_second(date: str, clock_text: str, offset_minutes: int) -> str:
    """``2026/11/23`` or ``2026-11-23`` and ``13:16:12`` in that zone, down to ``…12.``.

    The caller adds the fraction's six digits and ``Z``.
    """
    try:
        if len(date) != 10:
            return ""
        month_text = date[5:7]
        if not (month_text.isascii() and month_text.isdecimal()):
            return ""
        moment = _moment(date[:4], int(month_text), date[8:], clock_text)
    except ValueError:
        return ""
    return in_zone(moment, offset_minutes)[:20]


def yearless(month_number: int, day: str, clock_text: str, *, zone: int, now: int) -> str:
    """``Nov 23 13:16:12`` in that zone, in the year that puts it nearest before now + 1 day."""
    latest = times.to_text(now + times.DAY)
    year = int(latest[:4]) + 1
    # Nine years back at most: a 29 February needs up to eight.
    for candidate in range(year, year - 10, -1):
        try:
            moment = _moment(f"{candidate:04d}", month_number, day, clock_text)
        except ValueError:
            continue
        text = in_zone(moment, zone)
        if text and text <= latest:
            return text
    return ""
