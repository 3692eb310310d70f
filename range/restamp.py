"""Moves the true times of a recording onto the recorded day; nothing but timestamps changes.

Lines that belong together (one SSH connection, one HTTP connection, one database session) and
follow each other within a moment keep their true distances: only the first of such a cluster goes
through the warp, the others follow it. Inside one connection order never changes; each file comes
out sorted by its new times.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clock import Warp
from town import ZONE

__all__ = ["DATABASE_TIME", "JSON_TIME", "KINDS", "Line", "restamped", "retime", "rewrite"]

# A longer true pause than this ends a cluster. A login's steps take longer than a statement, and
# the statements of one database session are planned seconds apart.
_GAP_S = 0.12
_DATABASE_GAP_S = 0.015
_DATABASES = ("pay ", "share ")
_SPAN_S = 5.0  # a cluster is no longer than this, so that busy sessions spread over the day
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_SYSLOG = re.compile(rb"^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d")
_ACCESS = re.compile(rb"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0800\]")
_ERROR = re.compile(rb"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d")
DATABASE_TIME = re.compile(rb"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}")
JSON_TIME = re.compile(rb'^\{"timestamp":"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3})')
_JSON_START = re.compile(rb'"session_start":"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) ')


@dataclass(slots=True, kw_only=True)
class Line:
    """One log record (with continuation lines), its true time and the connection it belongs to."""

    true_s: float
    key: str
    text: bytes
    new_s: float = 0.0


def retime(lines: Sequence[Line], warp: Warp, *, first_s: float) -> None:
    """Set `new_s` of every line, of all files of one recording together."""
    by_key: dict[str, list[Line]] = {}
    for line in lines:
        by_key.setdefault(line.key, []).append(line)
    for session in by_key.values():
        session.sort(key=lambda line: line.true_s)
        anchor = before = session[0].true_s
        base = first_s + warp(anchor)
        gap_s = _DATABASE_GAP_S if session[0].key.startswith(_DATABASES) else _GAP_S
        for line in session:
            if line.true_s - before > gap_s or line.true_s - anchor > _SPAN_S:
                anchor = line.true_s
                base = first_s + warp(anchor)
            line.new_s = base + (line.true_s - anchor)
            before = line.true_s


def rewrite(kind: str, line: Line, *, session_s: float) -> bytes:
    """Return the line with its new time; `session_s` is when its session began.

    Raises ValueError when the line has no timestamp where its kind must have one.
    """
    return _REWRITERS[kind](line, session_s)


def restamped(kind: str, lines: Sequence[Line]) -> list[tuple[Line, bytes]]:
    """Return the lines of one file in their new order, with their new text."""
    began: dict[str, float] = {}
    for line in lines:
        began[line.key] = min(line.new_s, began.get(line.key, line.new_s))
    ordered = sorted(lines, key=lambda line: line.new_s)  # stable: ties keep their order
    return [(line, rewrite(kind, line, session_s=began[line.key])) for line in ordered]


def _local(new_s: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(new_s, ZONE)


def _put(pattern: re.Pattern[bytes], text: bytes, stamp: str) -> bytes:
    changed, count = pattern.subn(lambda _: stamp.encode("ascii"), text, count=1)
    if count != 1:
        raise ValueError(f"no timestamp in {text[:80]!r}")
    return changed


def _syslog(line: Line, _session_s: float) -> bytes:
    at = _local(line.new_s)
    stamp = f"{_MONTHS[at.month - 1]} {at.day:2d} {at:%H:%M:%S}"
    return _put(_SYSLOG, line.text, stamp)


def _access(line: Line, _session_s: float) -> bytes:
    at = _local(line.new_s)
    stamp = f"[{at.day:02d}/{_MONTHS[at.month - 1]}/{at:%Y:%H:%M:%S} +0800]"
    return _put(_ACCESS, line.text, stamp)


def _error(line: Line, _session_s: float) -> bytes:
    return _put(_ERROR, line.text, f"{_local(line.new_s):%Y/%m/%d %H:%M:%S}")


def _milliseconds(new_s: float) -> str:
    return f"{_local(new_s):%Y-%m-%d %H:%M:%S.%f}"[:-3]


def _database(line: Line, _session_s: float) -> bytes:
    stamp = _milliseconds(line.new_s)
    # A DETAIL or STATEMENT line of the same record carries a timestamp of its own.
    return b"\n".join(
        DATABASE_TIME.sub(stamp.encode("ascii"), part, count=1) for part in line.text.split(b"\n")
    )


def _json(line: Line, session_s: float) -> bytes:
    text = _put(JSON_TIME, line.text, '{"timestamp":"' + _milliseconds(line.new_s))
    start = f'"session_start":"{_local(session_s):%Y-%m-%d %H:%M:%S} '
    return _JSON_START.sub(start.encode("ascii"), text, count=1)


_REWRITERS: dict[str, Callable[[Line, float], bytes]] = {
    "sshd": _syslog,
    "nginx_access": _access,
    "nginx_error": _error,
    "postgresql_text": _database,
    "postgresql_json": _json,
}
KINDS = tuple(_REWRITERS)
