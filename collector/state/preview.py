"""Preview: which alerts an exception would hide, before anybody decides on it."""

from __future__ import annotations

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
        newest: int = state.execute("SELECT ifnull(max(decided_at), 0) FROM alerts").fetchone()[0]
        since = min(now, newest) - LOOKED_AT_US
        hiding = trial(state, draft, now)
        condition = (
            f"a.decided_at >= ? AND a.state <> 'withdrawn' AND {seen} AND ? IN (a.rule_id, '*') "
            f"AND ({hiding.asked_by(state)}) IS NOT NULL"
        )
        bound = (since, *values, draft.rule_id)
        counts = state.execute(
            "SELECT a.rule_id, count(*), sum(v.verdict IS 'true_positive') "
            f"{FROM} WHERE {condition} GROUP BY a.rule_id",
            bound,
        ).fetchall()
        rows = state.execute(
            f"{select('NULL')} WHERE {condition} ORDER BY a.decided_at DESC, a.id DESC LIMIT ?",
            (*bound, FIRST_MAX),
        ).fetchall()
    return WouldHide(
        since=since,
        count=sum(row[1] for row in counts),
        judged_true=sum(row[2] for row in counts),
        by_rule=ranked({row[0]: row[1] for row in counts}),
        newest=[stored(row, hiding) for row in rows],
    )
