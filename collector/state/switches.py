"""Switches: which rules are on, who said so and why, and the trials before that."""

from __future__ import annotations

import sqlite3
from dataclasses import astuple, dataclass

from collector.state.database import Database, ReadOnly
from schema.errors import FengsuiError

REASON_CHARS_MAX = 500
"""A reason is a sentence or two."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A rule as a person left it. Times in microseconds UTC."""

    rule_id: str
    enabled: bool
    changed_by: str
    changed_at: int
    reason: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What one form of a rule found in stored events."""

    rule_id: str
    stamp: str
    since_at: int
    until_at: int
    events: int
    alerts: int
    tried_by: str
    tried_at: int


class Switches:
    """The switches and trials of a site."""

    def __init__(self, database: Database | ReadOnly) -> None:
        self._database = database

    def all(self) -> dict[str, Switch]:
        """The switches people have set, by rule."""
        with self._database.read() as state:
            rows = state.execute("SELECT * FROM rule_switches ORDER BY rule_id").fetchall()
        return {
            row["rule_id"]: Switch(row[0], bool(row[1]), row[2], row[3], row[4]) for row in rows
        }

    def set(self, switch: Switch) -> None:
        """Leave a rule on or off; raises ``collector.rule.reason`` without a reason."""
        if not 0 < len(switch.reason.strip()) <= REASON_CHARS_MAX:
            raise FengsuiError(
                "collector.rule.reason",
                f"say in 1 to {REASON_CHARS_MAX} characters why {switch.rule_id} is switched",
                rule=switch.rule_id,
            )

        def job(state: sqlite3.Connection) -> None:
            state.execute(
                "INSERT OR REPLACE INTO rule_switches VALUES (?, ?, ?, ?, ?)", astuple(switch)
            )

        self._database.write(job)

    def trial(self, rule_id: str, stamp: str) -> Trial | None:
        """The newest trial of that form of the rule."""
        with self._database.read() as state:
            row = state.execute(
                "SELECT * FROM rule_trials WHERE rule_id = ? AND stamp = ?", (rule_id, stamp)
            ).fetchone()
        return Trial(*row) if row else None

    def tried(self, trial: Trial) -> None:
        """Keep a trial."""

        def job(state: sqlite3.Connection) -> None:
            state.execute(
                "INSERT OR REPLACE INTO rule_trials VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                astuple(trial),
            )

        self._database.write(job)
