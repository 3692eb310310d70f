"""Dismissals: entries of the assets' list of work that somebody set aside, each with a reason.

What was set aside comes back when it shows more than it did: another port of a newly exposed
asset, or a new silence of one that was heard since. An unknown host and an orphan stay set aside
until somebody takes that back.

    FengsuiError
    ├── collector.assets.unknown   nothing of the kind is in the list, or was set aside
    └── collector.assets.limit     too many entries are set aside
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from collector.assets.worklist import Entry, Finding
from collector.state.database import Database
from schema.errors import FengsuiError

DISMISSED_MAX: Final = 10_000
"""Half of all hosts of a site: whoever sets more aside has the wrong register."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dismissal:
    """One entry as it was when somebody set it aside."""

    asset: str
    finding: Finding
    ports: tuple[str, ...]
    last_at: int
    reason: str
    by: str
    at: int


@dataclass(frozen=True, slots=True)
class Dismissals:
    """What is set aside, in the state of record."""

    database: Database

    def all(self) -> Sequence[Dismissal]:
        """Newest first."""
        with self.database.read() as state:
            rows = state.execute(
                "SELECT * FROM asset_dismissals ORDER BY dismissed_at DESC, asset, finding"
            ).fetchall()
        return [_dismissal(row) for row in rows]

    def left(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The entries that nobody set aside; of exposed ports those that are new since."""
        known = {(one.asset, one.finding): one for one in self.all()}
        for entry in entries:
            found = known.get((entry.asset, entry.finding))
            if found is None or (entry.finding == "vanished" and entry.last_at > found.last_at):
                yield entry
            elif ports := set(entry.ports) - set(found.ports):
                yield replace(entry, ports=tuple(sorted(ports)))

    def dismiss(self, entry: Entry, *, reason: str, by: str, now: int) -> Dismissal:
        """Set an entry aside, beside what was set aside of it before."""

        def job(state: sqlite3.Connection) -> None:
            many: int = state.execute("SELECT count(*) FROM asset_dismissals").fetchone()[0]
            if many >= DISMISSED_MAX:
                raise FengsuiError(
                    "collector.assets.limit",
                    f"{many} entries are set aside: declare assets in the register instead",
                    limit=DISMISSED_MAX,
                )
            before = _find(state, entry.asset, entry.finding)
            ports = sorted({*entry.ports, *(before.ports if before else ())})
            state.execute(
                "INSERT OR REPLACE INTO asset_dismissals VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    entry.asset, entry.finding, msgspec.json.encode(ports).decode(),
                    entry.last_at, reason, by, now,
                ),
            )  # fmt: skip

        self.database.write(job)
        with self.database.read() as state:
            kept = _find(state, entry.asset, entry.finding)
        assert kept is not None
        return kept

    def take_back(self, asset: str, finding: Finding) -> None:
        """List an entry again; raises ``collector.assets.unknown``."""

        def job(state: sqlite3.Connection) -> None:
            if _find(state, asset, finding) is None:
                raise unknown(asset)
            state.execute(
                "DELETE FROM asset_dismissals WHERE asset = ? AND finding = ?", (asset, finding)
            )

        self.database.write(job)


def unknown(asset: str) -> FengsuiError:
    """That the list has no such entry."""
    return FengsuiError(
        "collector.assets.unknown",
        f"the list has nothing of the kind about {asset[:80]}: read it again",
        asset=asset[:80],
    )


def _find(state: sqlite3.Connection, asset: str, finding: Finding) -> Dismissal | None:
    row = state.execute(
        "SELECT * FROM asset_dismissals WHERE asset = ? AND finding = ?", (asset, finding)
    ).fetchone()
    return None if row is None else _dismissal(row)


def _dismissal(row: sqlite3.Row) -> Dismissal:
    return Dismissal(
        asset=row["asset"],
        finding=row["finding"],
        ports=msgspec.json.decode(row["ports"], type=tuple[str, ...]),
        last_at=row["last_at"],
        reason=row["reason"],
        by=row["dismissed_by"],
        at=row["dismissed_at"],
    )
