"""Stamp: the heads of nginx' and rsyslog's lines moved onto the town's time, and nothing else."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from district.calendar import SECOND_US, ZONE

__all__ = ["combined", "rfc3339"]

_COMBINED: Final = re.compile(r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]", re.ASCII)
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d", re.ASCII)
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip


def combined(text: str, at: int) -> str:
    """An access line at ``at`` (microseconds UTC). Raises ValueError where it has no time."""
    told = _local(at)
    stamp = f"[{told.day:02d}/{_MONTHS[told.month - 1]}/{told:%Y:%H:%M:%S} +0800]"
    # The first one: a path or an agent may hold such a text of its own.
    return _put(_COMBINED.search(text), text, stamp)


def rfc3339(text: str, at: int) -> str:
    """A line of rsyslog's file format. Raises ValueError where its head is no time."""
    return _put(_RFC3339.match(text), text, head(at))


def head(at: int) -> str:
    """The time as rsyslog's file format writes it."""
    return _local(at).isoformat(timespec="microseconds")


def _local(at: int) -> datetime:
    return datetime.fromtimestamp(at / SECOND_US, ZONE)


def _put(found: re.Match[str] | None, text: str, stamp: str) -> str:
    if found is None:
        raise ValueError(f"no time in its place: {text[:80]!r}")
    return text[: found.start()] + stamp + text[found.end() :]
