"""Form: whether the rules of a folder run in its process or past it; kept, and never guessed.

What the engine remembers lies in one place or the other, so a folder opened in the other form
would begin anew in silence: that is refused until ``fengsui migrate`` has made it ready.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from collector.state.database import Database, Readable
from schema.errors import FengsuiError

Name: TypeAlias = Literal["embedded", "distributed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The form of a folder."""

    name: Name
    prefix: str = ""
    """Of the topics, where rules run past the process; empty where they were let go of."""
    decided_before: int = 0
    """Alerts of before this event time stand as the form before decided them."""


def of(database: Readable) -> Form | None:
    """The form of a folder; None for one that no rules have run on."""
    with database.read() as state:
        row = state.execute("SELECT name, prefix, decided_before FROM form").fetchone()
        if row is not None:
            return Form(name=row[0], prefix=row[1], decided_before=row[2])
        # A folder of before forms were kept has run its rules in the process.
        old = state.execute("SELECT 1 FROM engine_snapshot WHERE name = 'engine'").fetchone()
    return None if old is None else Form(name="embedded")


def keep(database: Database, form: Form, *, counted_from: int | None = None) -> None:
    """Keep the form.

    With ``counted_from`` it is another than before: what that one remembered goes in the same
    transaction, and with it what is counted anew from the log, of that event time and later.
    """

    def job(state: sqlite3.Connection) -> None:
        state.execute(
            "INSERT OR REPLACE INTO form (one, name, prefix, decided_before) VALUES (1, ?, ?, ?)",
            (form.name, form.prefix, form.decided_before),
        )
        if counted_from is not None:
            state.execute("DELETE FROM engine_snapshot")
            state.execute("DELETE FROM feed_controls")
            # What a second look at the missed changed stands in the alerts.
            state.execute("DELETE FROM coverage WHERE minute >= ?", (counted_from,))
            state.execute("DELETE FROM missed WHERE first_at >= ?", (counted_from,))

    database.write(job)


def settle(database: Database, wanted: Form) -> Form:
    """The form a folder is opened in; raises ``collector.state.other_form``."""
    found = of(database)
    if found is None or (found != wanted and _is_new(database)):
        keep(database, wanted, counted_from=0)
        return wanted
    if (found.name, found.prefix) != (wanted.name, wanted.prefix):
        raise FengsuiError(
            "collector.state.other_form",
            f"this folder is {_said(found)} and the settings ask for {_said(wanted)}: run "
            f"`fengsui migrate --to {wanted.name}`, or set [bus] as it was",
            form=found.name,
        )
    return found


def detach(path: Path) -> None:
    """Let go of the topics of a state file that was put back from a copy.

    Their stream has gone on since the copy was made: control numbered as of then would be taken
    for repeats. ``fengsui migrate`` gives the folder topics of its own.
    """
    with closing(sqlite3.connect(path)) as state:
        if state.execute("SELECT 1 FROM sqlite_master WHERE name = 'form'").fetchone():
            state.execute("UPDATE form SET prefix = '' WHERE name = 'distributed'")
            state.commit()


def _is_new(database: Readable) -> bool:
    """Whether no sensor has sent anything yet: there is nothing to move."""
    with database.read() as state:
        found = state.execute("SELECT 1 FROM chains WHERE sensor <> 'collector'").fetchone()
    return found is None


def _said(form: Form) -> str:
    if form.name == "embedded":
        return form.name
    return f"distributed ({f'topics {form.prefix}.*' if form.prefix else 'its topics let go of'})"
