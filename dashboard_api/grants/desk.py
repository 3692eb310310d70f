"""GrantDesk: asks for, approves, certifies again and revokes grants of data sharing.

What holds is the row of the register ``grants``: each change makes an approved version of it.
Access never lasts longer than what the table of grants says: an approval stands in the table before
the register, a revocation in the register before the table. Every act is in the audit chain.

    FengsuiError
    ├── dashboard_api.share_grant.unknown    there is none of that number
    ├── dashboard_api.share_grant.self       who asked does not decide
    ├── dashboard_api.share_grant.state      it is not in the state the act needs
    ├── dashboard_api.share_grant.until      its end has passed, or lies too far ahead
    └── dashboard_api.share_grant.limit      too many of them wait
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from collector.registers.store import RegisterStore, same_person
from collector.state.database import Database
from dashboard_api.custody.expiry import Expiring, stage_of
from dashboard_api.grants.model import LIFE_MAX_US, Asked, Grant
from schema.errors import FengsuiError
from schema.ids import uuid7
from schema.ports import Clock, Entropy
from schema.registers import FOREVER, Draft, pack_fields, pack_key

REGISTER: Final = "grants"
ASKED_MAX: Final = 1000
"""Grants that wait for their owner at once; more is a mistake or a flood."""
LISTED_MAX: Final = 500
"""Grants of one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantDesk:
    """The grants of one site."""

    database: Database
    registers: RegisterStore
    clock: Clock
    entropy: Entropy
    noted: Callable[[], None]
    """Seals a version in the control log."""
    _changing: threading.RLock = field(default_factory=threading.RLock)

    def ask(self, asked: Asked, *, by: str) -> Grant:
        """Keep what is asked for; it gives no access before the data's owner approves."""
        now = self.clock.now()
        if not now < asked.until <= now + LIFE_MAX_US:
            raise FengsuiError(
                "dashboard_api.share_grant.until",
                "a grant ends, at most five years from now: give a later end, or an earlier one",
            )
        number = uuid7(now, self.entropy.take(10))

        def job(state: sqlite3.Connection) -> None:
            waiting: int = state.execute(
                "SELECT count(*) FROM share_grants WHERE state = 'asked'"
            ).fetchone()[0]
            if waiting >= ASKED_MAX:
                raise FengsuiError(
                    "dashboard_api.share_grant.limit",
                    f"{waiting} grants wait for their owners: have them decide first",
                    limit=ASKED_MAX,
                )
            state.execute(
                "INSERT INTO share_grants (id, requester, service, purpose, fields, quota_per_day, "
                "until, owner_unit, state, asked_by, asked_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'asked', ?, ?)",
                (
                    number, asked.requester, asked.service, asked.purpose,
                    msgspec.json.encode(asked.fields).decode(), asked.quota_per_day, asked.until,
                    asked.owner_unit, by, now,
                ),
            )  # fmt: skip

        self.database.write(job)
        return self.get(number)

    def approve(self, number: str, *, by: str) -> Grant:
        """Give access from now on, as somebody of the unit that owns the data.

        Done again it only mends what a crash left undone in the register.
        """
        with self._changing:
            one = self._not_by_asker(number, by)
            now = self.clock.now()
            if one.state == "asked":
                _require(one, open_=now < one.asked.until)
                self._set(
                    number, "state = 'approved', decided_by = ?, decided_at = ?, "
                    "certified_by = ?, certified_at = ?", (by, now, by, now),
                )  # fmt: skip
            else:
                _require(one, open_=one.state == "approved" and one.version == 0)
            return self._say(self.get(number), proposer=one.asked_by, approver=by)

    def refuse(self, number: str, *, by: str) -> Grant:
        """Say no to what was asked for."""
        with self._changing:
            one = self.get(number)
            _require(one, open_=one.state == "asked")
            self._set(
                number, "state = 'refused', decided_by = ?, decided_at = ?", (by, self.clock.now())
            )
        return self.get(number)

    def certify(self, number: str, *, by: str) -> Grant:
        """Confirm that it is still needed as it is, for one more year within its end."""
        with self._changing:
            one = self._not_by_asker(number, by)
            now = self.clock.now()
            _require(one, open_=one.state == "approved" and now < one.asked.until)
            self._set(number, "certified_by = ?, certified_at = ?", (by, now))
            return self._say(self.get(number), proposer=_system(one), approver=by)

    def revoke(self, number: str, *, by: str) -> Grant:
        """End the access at once; one person is enough to take it away."""
        with self._changing:
            one = self.get(number)
            _require(one, open_=one.state == "approved")
            if self._is_said(one):
                version = self.registers.propose_end(
                    REGISTER, (one.asked.requester, one.asked.service), by=_system(one)
                )
                self.registers.apply(REGISTER, version.number, by=by)
                self.noted()
            self._set(
                number, "state = 'revoked', revoked_by = ?, revoked_at = ?", (by, self.clock.now())
            )
        return self.get(number)

    def get(self, number: str) -> Grant:
        """One grant; raises ``dashboard_api.share_grant.unknown``."""
        found = self.find(number)
        if found is None:
            raise FengsuiError(
                "dashboard_api.share_grant.unknown", f"there is no grant {number}",
                id=number,
            )  # fmt: skip
        return found

    def find(self, number: str) -> Grant | None:
        """One grant; None where none of that number was ever asked for."""
        with self.database.read() as state:
            row = state.execute("SELECT * FROM share_grants WHERE id = ?", (number,)).fetchone()
        return None if row is None else _grant(row)

    def page(self, *, before: str, limit: int) -> Sequence[Grant]:
        """Newest first."""
        with self.database.read() as state:
            rows = state.execute(
                "SELECT * FROM share_grants WHERE ? = '' OR id < ? ORDER BY id DESC LIMIT ?",
                (before, before, limit),
            ).fetchall()
        return [_grant(row) for row in rows]

    def expiring(self) -> Iterator[Expiring]:
        """Grants whose end, or whose year, comes near: thirty and seven days before, and over."""
        with self.database.read() as state:
            rows = state.execute("SELECT * FROM share_grants WHERE state = 'approved'").fetchall()
        now = self.clock.now()
        for one in map(_grant, rows):
            found = stage_of(one.certified_at, one.holds_until, now)
            if found is not None:
                name = f"{one.asked.requester} {one.asked.service} {one.id}"
                yield Expiring(what="grant", name=name, days=found[0], begun_at=found[1])

    def _say(self, one: Grant, *, proposer: str, approver: str) -> Grant:
        """Have the register say what the grant does, in a version of its own."""
        key = pack_key((one.asked.requester, one.asked.service))
        fields = pack_fields(_fields(one))
        # What an earlier grant of the two said of later times is over with it.
        drafts = [Draft(key, b"", None, FOREVER), Draft(key, fields, None, one.holds_until)]
        version = self.registers.propose(
            REGISTER, drafts, whole=False, source=f"grant {one.id}", by=proposer
        )
        said = self.registers.apply(REGISTER, version.number, by=approver)
        self.noted()
        self._set(one.id, "version = ?", (said.number,))
        return self.get(one.id)

    def _is_said(self, one: Grant) -> bool:
        """Whether the register's row is this grant's, and not a later one's of the same two."""
        row = self.registers.view().lookup(
            REGISTER, (one.asked.requester, one.asked.service), self.clock.now()
        )
        return row is not None and row.fields.get("grant") == one.id

    def _not_by_asker(self, number: str, by: str) -> Grant:
        one = self.get(number)
        if same_person(one.asked_by, by):
            raise FengsuiError(
                "dashboard_api.share_grant.self",
                f"{by} asked for grant {number}: somebody else of the owning unit decides",
                id=number,
            )
        return one

    def _set(self, number: str, what: str, values: Sequence[str | int]) -> None:
        self.database.write(
            lambda state: state.execute(
                f"UPDATE share_grants SET {what} WHERE id = ?",  # noqa: S608 - words of our own
                (*values, number),
            )
        )


def _system(one: Grant) -> str:
    """Who proposes what follows from an act of one person: the grant itself."""
    return f"grant {one.id}"


def _require(one: Grant, *, open_: bool) -> None:
    if not open_:
        raise FengsuiError(
            "dashboard_api.share_grant.state",
            f"grant {one.id} is {one.state}, or its end has passed: ask for another",
            id=one.id, state=one.state,
        )  # fmt: skip


def _fields(one: Grant) -> dict[str, str | int | bool | list[str]]:
    return {
        "grant": one.id,
        "fields": list(one.asked.fields),
        "quota_per_day": one.asked.quota_per_day,
        "purpose": one.asked.purpose,
        "owner_unit": one.asked.owner_unit,
    }


def _grant(row: sqlite3.Row) -> Grant:
    return Grant(
        id=row["id"],
        asked=Asked(
            requester=row["requester"],
            service=row["service"],
            purpose=row["purpose"],
            fields=msgspec.json.decode(row["fields"], type=tuple[str, ...]),
            quota_per_day=row["quota_per_day"],
            until=row["until"],
            owner_unit=row["owner_unit"],
        ),
        state=row["state"],
        asked_by=row["asked_by"],
        asked_at=row["asked_at"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        certified_by=row["certified_by"],
        certified_at=row["certified_at"],
        revoked_by=row["revoked_by"],
        revoked_at=row["revoked_at"],
        version=row["version"],
    )
