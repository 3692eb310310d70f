"""Moment: the time a record tells, as the text events carry; "" for what is no time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

from schema import times
from sensors.sources.mapping.columns import Columns
from sensors.sources.mapping.description import Time

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LAST: Final = 253_402_300_799
"""The last second of the year 9999."""


def minutes_of(zone: str, default: int) -> int:
    """Minutes east of Greenwich."""
    if not zone:
        return default
    minutes = int(zone[1:3]) * 60 + int(zone[4:])
    return -minutes if zone[0] == "-" else minutes


def moment(columns: Columns, told: Time, zone: int) -> str:
    """The time of a record, ``zone`` minutes east where it names no zone."""
    names = (told.from_,) if isinstance(told.from_, str) else told.from_
    text = " ".join(str(columns.get(name, "")) for name in names)
    return _read(text, told.form, zone)


@lru_cache(maxsize=4096)
def _read(text: str, form: str, zone: int) -> str:
    """Log times repeat: each is read once."""
    try:
        if form in ("unix", "unix_ms"):
            return _of_number(text, 1000 if form == "unix_ms" else 1)
        found = (
            datetime.fromisoformat(text) if form == "rfc3339" else datetime.strptime(text, form)  # noqa: DTZ007 # zoned below
        )
        if found.tzinfo is None:
            found = found.replace(tzinfo=timezone(timedelta(minutes=zone)))
        micros = (found - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return ""
    return times.to_text(micros) if micros >= 0 else ""


def _of_number(text: str, parts: int) -> str:
    """Seconds or milliseconds since 1970, with a fraction where there is one."""
    whole, _, fraction = text.partition(".")
    if not (whole.isascii() and whole.isdecimal() and len(whole) < 18):
        return ""
    if fraction and not (fraction.isascii() and fraction.isdecimal()):
        return ""
    micros = int(whole) * (times.SECOND // parts)
    micros += int(fraction[:6].ljust(6, "0")) // parts if fraction else 0
    return times.to_text(micros) if micros // times.SECOND <= _LAST else ""
