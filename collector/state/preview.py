"""Preview: which alerts an exception would hide, before anybody decides on it."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from collector.state.alertfilter import seen_by
from collector.state.alertrows import FROM, StoredAlert, ranked, select, stored
from collector.state.database import Readable
from collector.state.exceptions import ExceptionDraft, trial
from schema.times import DAY

LOOKED_AT_US: Final = 30 * DAY
"""Long enough to hold a month's end, when payments and reports make their noise."""
FIRST_MAX: Final = 20
"""Alerts shown: enough to see that they are the ones meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WouldHide:
    """Alerts an exception would hide."""

    since: int
    """Event time from which on alerts were looked at."""
    count: int
    judged_true: int
    """Of these, judged true positive by their newest verdict."""
    by_rule: tuple[tuple[str, int], ...]
    newest: Sequence[StoredAlert]


def would_hide(
    database: Readable, draft: ExceptionDraft, now: int, visible: frozenset[str] | None = None
) -> WouldHide:
    """What an exception made now would hide of the last thirty days' alerts.

    Withdrawn ones are left out. The days end with the newest alert, so that a recording of a
    year ago has some. Raises ``collector.exception.*`` for a draft that could not be created.
    """
    seen, values = seen_by(visible)
    with database.read() as state:
        last: int = state.execute("SELECT ifnull(max(decided_at), 0) FROM alerts").fetchone()[0]
        since = min(now, last) - LOOKED_AT_US
        hiding = trial(state, draft, now)
        condition = (
            f"a.decided_at >= ? AND a.state <> 'withdrawn' AND {seen} AND ? IN (a.rule_id, '*') "
            f"AND ({hiding.asked_by(state)}) IS NOT NULL"
        )
        bound = (since, *values, draft.rule_id)
        # In one pass: each asks the exception about every alert of the days.
        found = state.execute(
            "SELECT a.decided_at, a.id, a.rule_id, v.verdict IS 'true_positive' "
            f"{FROM} WHERE {condition}",
            bound,
        ).fetchall()
        newest = [row[1] for row in heapq.nlargest(FIRST_MAX, found, key=lambda row: row[:2])]
        marks = ", ".join("?" * len(newest))
        rows = state.execute(
            f"{select('NULL')} WHERE a.id IN ({marks}) ORDER BY a.decided_at DESC, a.id DESC",
            newest,
        ).fetchall()
    return WouldHide(
        since=since,
        count=len(found),
        judged_true=sum(row[3] for row in found),
        by_rule=ranked(Counter(row[2] for row in found)),
        newest=[stored(row, hiding) for row in rows],
    )
