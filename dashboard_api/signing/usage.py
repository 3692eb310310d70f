"""Usage: how many items each application had done, by algorithm, mode and place of the key.

Every journal entry is counted exactly once: counts and the entry they reach to are stored in one
transaction, and whatever a crash kept from being counted is read from the journal's files. This is
what an assessor of 密评 asks for, and what daily quotas go on from after a restart.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

from dashboard_api.signing.journal_file import Entry, Place, Reader, entries, files
from dashboard_api.signing.ports import Mark
from schema import times
from schema.errors import FengsuiError

DONE: Final = "done"
DOOR: Final = "dashboard_api."
"""What codes of calls begin with that were turned away before anything was carried out."""
_ZONE_US: Final = 8 * times.HOUR
_MONTH: Final = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")
_Kind = tuple[int | str, str, str, str, str, str]
"""Day, application, operation, algorithm, mode, place."""


class Count(msgspec.Struct, frozen=True, array_like=True):
    """Items of one kind on one day (Beijing time)."""

    day: str
    application: str
    operation: str
    algorithm: str
    mode: str
    place: str
    done: int
    failed: int
    """Carried out without a result: a signature that is not valid, a ciphertext not readable."""
    refused: int
    """Of calls turned away: no credential, no scope, no quota."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What one application had done in one month: a line of ``GET /v1/crypto/usage``."""

    application: str
    month: str
    """As ``2026-11``, in Beijing time."""
    operation: str
    algorithm: str
    mode: str
    place: str
    done: int
    failed: int
    refused: int


class Tally:
    """Counts entries as they are committed."""

    def __init__(self) -> None:
        self._counts: dict[_Kind, list[int]] = {}

    def add(self, marks: Iterable[Mark]) -> None:
        """Count what was committed."""
        for mark in marks:
            # The number of the day is cheaper than its name, and there is one name for each.
            day = (mark.at + _ZONE_US) // times.DAY
            self._count(
                (day, mark.application, mark.operation, mark.algorithm, mark.mode, mark.place),
                items=mark.items, failed=mark.failed, result=mark.result,
            )  # fmt: skip

    def add_entries(self, found: Iterable[Entry]) -> None:
        """Count entries read from a file: the same numbers as of their marks."""
        for one in found:
            day = (times.from_text(one.at) + _ZONE_US) // times.DAY
            self._count(
                (day, one.application, one.operation, one.algorithm, one.mode, one.place),
                items=one.items, failed=one.failed, result=one.result,
            )  # fmt: skip

    def _count(self, kind: _Kind, *, items: int, failed: int, result: str) -> None:
        counts = self._counts.get(kind)
        if counts is None:
            counts = self._counts[kind] = [0, 0, 0]
        if result == DONE:
            counts[0] += items - failed
            counts[1] += failed
        else:
            counts[2 if result.startswith(DOOR) else 1] += items

    def take(self) -> tuple[Count, ...]:
        """What was counted since the last call."""
        found = tuple(
            Count(_day(int(kind[0])), *kind[1:], *counts) for kind, counts in self._counts.items()
        )
        self._counts = {}
        return found


@lru_cache(maxsize=64)
def _day(number: int) -> str:
    return datetime.fromtimestamp(number * 86_400, UTC).strftime("%Y-%m-%d")


def recount(folder: Path, *, after: int, upto: int | None = None) -> tuple[int, tuple[Count, ...]]:
    """Count a journal's entries behind ``after``; returns up to which, and the counts.

    ``folder`` is ``DIR/signing/<slot>``. With ``upto``, the last entry of a group, what was written
    since is left out. Raises ``dashboard_api.journal.broken``; ``dashboard_api.journal.cut`` where
    the journal ends before ``after`` or ``upto``.
    """
    found = files(folder / "journal")
    start = max(0, sum(first <= after + 1 for first, _ in found) - 1)
    tally = Tally()
    reached = found[start][0] - 1 if found else 0
    for first, path in found[start:]:
        reader = Reader(path, Place(n=first - 1, digest=""), last=path == found[-1][1])
        for group in reader.groups():
            if upto is not None and group.last > upto:
                break
            reached = group.last
            if reached > after:
                tally.add_entries(one for one in entries(group, path) if one.n > after)
    if reached < max(after, upto or 0):
        raise FengsuiError(
            "dashboard_api.journal.cut",
            f"the signing journal {folder} ends with entry {reached}, but was counted up to "
            f"{max(after, upto or 0)}: it was cut or rolled back; put back the newest copy",
            path=str(folder),
            n=max(after, upto or 0),
        )
    return reached, tally.take()


def counted(state: sqlite3.Connection, slot: int) -> int:
    """Up to which entry a signing process is counted."""
    row = state.execute("SELECT n FROM signing_counted WHERE slot = ?", (slot,)).fetchone()
    return int(row[0]) if row else 0


def store(
    state: sqlite3.Connection, slot: int, counts: Sequence[Count], *, after: int, upto: int
) -> bool:
    """Add counts of the entries behind ``after`` up to ``upto``, in the caller's transaction.

    Returns False, and changes nothing, where others than those up to ``after`` are counted by now.
    """
    if counted(state, slot) != after:
        return False
    state.executemany(
        "INSERT INTO signing_usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET done = done + excluded.done, "
        "failed = failed + excluded.failed, refused = refused + excluded.refused",
        [msgspec.structs.astuple(one) for one in counts],
    )
    state.execute(
        "INSERT INTO signing_counted VALUES (?, ?) ON CONFLICT DO UPDATE SET n = excluded.n",
        (slot, upto),
    )
    return True


def month(
    state: sqlite3.Connection, named: str, application: str | None = None
) -> tuple[Usage, ...]:
    """What was done in a month (``2026-11``, Beijing time), by one application or by each.

    Raises ``dashboard_api.usage.malformed`` for what is no month.
    """
    if not _MONTH.fullmatch(named):
        raise FengsuiError(
            "dashboard_api.usage.malformed", "a month is written as 2026-11", month=named[:20]
        )
    rows = state.execute(
        "SELECT application, operation, algorithm, mode, place, SUM(done), SUM(failed), "
        "SUM(refused) FROM signing_usage WHERE day BETWEEN ? || '-01' AND ? || '-31' "
        "AND (? IS NULL OR application = ?) "
        "GROUP BY application, operation, algorithm, mode, place "
        "ORDER BY application, operation, algorithm, mode, place",
        (named, named, application, application),
    )
    return tuple(
        Usage(
            application=row[0], month=named, operation=row[1], algorithm=row[2], mode=row[3],
            place=row[4], done=row[5], failed=row[6], refused=row[7],
        )
        for row in rows
    )  # fmt: skip


def daily_items(state: sqlite3.Connection, application: str, day: str) -> int:
    """Items of one day (``2026-11-25``, Beijing time) that count against a daily quota.

    Those turned away at the door do not.
    """
    row = state.execute(
        "SELECT SUM(done + failed) FROM signing_usage WHERE application = ? AND day = ?",
        (application, day),
    ).fetchone()
    return int(row[0] or 0)


def used_today(state: sqlite3.Connection, now: int) -> dict[str, int]:
    """The same of every application, for the Beijing day that holds ``now``."""
    rows = state.execute(
        "SELECT application, SUM(done + failed) FROM signing_usage WHERE day = ? "
        "GROUP BY application",
        (_day((now + _ZONE_US) // times.DAY),),
    )
    return {row[0]: int(row[1]) for row in rows}
