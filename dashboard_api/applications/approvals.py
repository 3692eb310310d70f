"""Approvals: two persons for a key's destruction and export; each step stands in the audit chain.

Errors: ``dashboard_api.approval.{unknown,exists,limit,params,over,asker,hand,open,given}``.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from collector.state.database import Database
from crypto.errors import CryptoError
from dashboard_api.access.principal import EVERY_UNIT, Principal
from dashboard_api.access.roles import Permission
from dashboard_api.applications import records
from dashboard_api.applications.approval import (
    Approval,
    ApprovalQuery,
    Asker,
    KeyDesk,
    Kind,
    State,
    known,
    of_row,
    unknown,
)
from dashboard_api.applications.grants import owner_of
from dashboard_api.applications.model import SITE
from dashboard_api.audit import Act, AuditChain
from schema.errors import FengsuiError
from schema.ids import uuid7
from schema.ports import Clock, Entropy
from schema.times import DAY

LIFE_US: Final = 7 * DAY
"""A question nobody answers for a week is not to be answered by surprise later."""
MATERIAL_LIFE_US: Final = 7 * DAY
"""An exported key that nobody takes does not lie about for longer."""
WAITING_MAX: Final = 50
"""For the keys of one owner: more is a mistake of a program, and nobody reads that many."""
PARAMS_BYTES_MAX: Final = 4096
"""A public key, a version and a few words."""
KEPT_MAX: Final = 10_000
"""Ended ones; the audit chain keeps all of them."""
_PLATFORM: Final = "fengsui"
"""The actor of what time does by itself."""
_PASSING: Final = frozenset({"busy", "closed", "full", "unavailable"})
"""Reasons that say nothing against what was approved: it is tried again."""


class Approvals:
    """The approvals of one site, over its state file."""

    def __init__(
        self,
        database: Database,
        audit: AuditChain,
        *,
        desk: KeyDesk,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._database = database
        self._audit = audit
        self._desk = desk
        self._clock = clock
        self._entropy = entropy
        self._carrying = threading.Lock()

    def ask(self, kind: Kind, key: str, *, asked_by: Asker, params: Mapping[str, str]) -> Approval:
        """Ask for a second person; whether the key is there and theirs the caller has checked.

        Raises ``.exists`` where the same waits already, ``.limit`` and ``.params``.
        """
        owner = owner_of(key)
        written = msgspec.json.encode(dict(params), order="sorted")
        if not owner or len(written) > PARAMS_BYTES_MAX:
            raise FengsuiError(
                "dashboard_api.approval.params",
                f"an approval is of one key, with at most {PARAMS_BYTES_MAX} bytes of what is to "
                "be done",
                limit=PARAMS_BYTES_MAX,
            )
        self.sweep()
        now = self._clock.now()
        approval_id = uuid7(now, self._entropy.take(10))

        def job(state: sqlite3.Connection) -> Approval:
            unit = EVERY_UNIT if owner == SITE else records.known(state, owner).unit
            _check_room(state, kind, key, owner)
            _forget_old(state)
            state.execute(
                "INSERT INTO approvals (id, kind, key, unit, asker_kind, asker, asker_name, "
                "params, asked_at, expires_at, state) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting')",
                (
                    approval_id, kind, key, unit, asked_by.kind, asked_by.id, asked_by.name,
                    written.decode(), now, now + LIFE_US,
                ),
            )  # fmt: skip
            self._note(state, asked_by.name, "approval.ask", known(state, approval_id))
            return known(state, approval_id)

        return self._database.write(job)

    def approve(self, approval_id: str, person: Principal) -> Approval:
        """Be the second person, and have it carried out; ``failed`` where that was refused.

        What was approved and could not be carried out yet is tried again. Raises ``.unknown`` also
        for keys of other units, ``.over``, ``.asker`` and ``.hand``.
        """
        person.must_have(Permission.KEYS_APPROVE)
        self.sweep()
        now = self._clock.now()

        def job(state: sqlite3.Connection) -> Approval:
            found = _seen(state, approval_id, person)
            _check_second(state, found, person)
            if found.state == "approved":
                return found
            _check_waiting(found)
            _decide(state, found.id, "approved", person, now)
            self._note(state, person.name, "approval.approve", found)
            return known(state, found.id)

        return self._carry_out(self._database.write(job))

    def refuse(self, approval_id: str, person: Principal) -> Approval:
        """Say no; whoever may approve may refuse."""
        person.must_have(Permission.KEYS_APPROVE)
        self.sweep()
        now = self._clock.now()

        def job(state: sqlite3.Connection) -> Approval:
            found = _seen(state, approval_id, person)
            _check_waiting(found)
            _decide(state, found.id, "refused", person, now)
            self._note(state, person.name, "approval.refuse", found)
            return known(state, found.id)

        return self._database.write(job)

    def take(self, approval_id: str, asker: Asker) -> bytes:
        """The exported key, encrypted to who asked: given once and to nobody else.

        Raises ``.unknown``, ``.open`` before it was carried out, ``.over`` where it never will be,
        and ``.given``.
        """
        self.sweep()
        now = self._clock.now()

        def job(state: sqlite3.Connection) -> bytes:
            found = known(state, approval_id)
            if not found.asker.is_same(asker):
                raise unknown(approval_id)
            _check_takable(found)
            material: bytes = state.execute(
                "SELECT material FROM approvals WHERE id = ?", (found.id,)
            ).fetchone()[0]
            state.execute(
                "UPDATE approvals SET material = NULL, given_at = ? WHERE id = ?", (now, found.id)
            )
            self._note(state, asker.name, "approval.take", found)
            return material

        return self._database.write(job)

    def get(self, approval_id: str, person: Principal) -> Approval:
        """One approval of a key of the person's units."""
        self.sweep()
        with self._database.read() as state:
            return _seen(state, approval_id, person)

    def of(self, approval_id: str, asker: Asker) -> Approval:
        """One approval, for who asked; raises ``.unknown`` for anybody else."""
        self.sweep()
        with self._database.read() as state:
            found = known(state, approval_id)
        if not found.asker.is_same(asker):
            raise unknown(approval_id)
        return found

    def page(self, query: ApprovalQuery, units: Sequence[str]) -> list[Approval]:
        """Approvals of keys of these units (``*`` for all), newest first."""
        self.sweep()
        wheres, values = ["1"], list[str | int]()
        for column, value in (("state", query.state), ("kind", query.kind), ("key", query.key)):
            if value:
                wheres.append(f"{column} = ?")
                values.append(value)
        if query.before:
            wheres.append("id < ?")
            values.append(query.before)
        if EVERY_UNIT not in units:
            wheres.append(f"unit IN ({', '.join('?' * len(units))})")
            values += units
        with self._database.read() as state:
            rows = state.execute(
                f"SELECT * FROM approvals WHERE {' AND '.join(wheres)} "  # noqa: S608 - our own texts
                "ORDER BY id DESC LIMIT ?",
                (*values, query.limit),
            ).fetchall()
        return [of_row(row) for row in rows]

    def sweep(self) -> None:
        """End what waited too long and drop exported keys nobody took."""
        now = self._clock.now()
        with self._database.read() as state:
            if not _due(state, now):
                return

        def job(state: sqlite3.Connection) -> None:
            for found in _due(state, now):
                if found.state == "waiting":
                    state.execute(
                        "UPDATE approvals SET state = 'expired' WHERE id = ?", (found.id,)
                    )
                    self._note(state, _PLATFORM, "approval.expire", found)
                else:
                    state.execute("UPDATE approvals SET material = NULL WHERE id = ?", (found.id,))
                    self._note(state, _PLATFORM, "approval.drop", found)

        self._database.write(job)

    def resume(self) -> None:
        """Carry out what was approved before the platform stopped; called once at its start."""
        with self._database.read() as state:
            rows = state.execute("SELECT * FROM approvals WHERE state = 'approved'").fetchall()
        for row in rows:
            try:
                self._carry_out(of_row(row))
            except (FengsuiError, CryptoError):
                # One that passes: who may approve can try again.
                continue

    def _carry_out(self, approval: Approval) -> Approval:
        """Have it done, once at a time: two people may press the button together."""
        with self._carrying:
            with self._database.read() as state:
                found = known(state, approval.id)
            if found.state != "approved":
                return found
            try:
                material = self._desk.carry_out(found)
            except (FengsuiError, CryptoError) as error:
                if error.code.rsplit(".", 1)[-1] in _PASSING:
                    raise
                return self._end(found, "failed", failure=error.code)
            return self._end(found, "done", material=material)

    def _end(
        self,
        approval: Approval,
        ended: State,
        *,
        failure: str | None = None,
        material: bytes | None = None,
    ) -> Approval:
        def job(state: sqlite3.Connection) -> Approval:
            state.execute(
                "UPDATE approvals SET state = ?, ended_at = ?, failure = ?, material = ? "
                "WHERE id = ?",
                (ended, self._clock.now(), failure, material, approval.id),
            )
            result = "done" if ended == "done" else "failed"
            actor = approval.decided_by or _PLATFORM
            act = Act(actor, f"approval.{approval.kind}", f"{approval.id} {approval.key}")
            self._audit.append(state, act, result, failure or "")
            return known(state, approval.id)

        return self._database.write(job)

    def _note(self, state: sqlite3.Connection, actor: str, action: str, approval: Approval) -> None:
        detail = f"{approval.kind} {approval.key} asked by {approval.asker.name}"
        self._audit.append(state, Act(actor, action, approval.id), "done", detail)


def _seen(state: sqlite3.Connection, approval_id: str, person: Principal) -> Approval:
    found = known(state, approval_id)
    if not person.scope.holds(found.unit):
        raise unknown(approval_id)
    return found


def _check_second(state: sqlite3.Connection, approval: Approval, person: Principal) -> None:
    """Raise ``.asker`` or ``.hand`` for somebody who may have asked."""
    asker = approval.asker
    if asker.kind == "person" and asker.id == person.id:
        raise FengsuiError(
            "dashboard_api.approval.asker",
            "nobody approves what they asked for: a second person does",
        )
    if asker.kind == "application" and person.id in records.hands(state, asker.id):
        raise FengsuiError(
            "dashboard_api.approval.hand",
            f"{person.name} registered {asker.id} or issued it a credential, and could have asked "
            "in its name: a second person approves",
            application=asker.id,
        )


def _check_waiting(approval: Approval) -> None:
    if approval.state != "waiting":
        raise FengsuiError(
            "dashboard_api.approval.over",
            f"approval {approval.id} is {approval.state}: ask anew",
            id=approval.id,
            state=approval.state,
        )


def _check_takable(approval: Approval) -> None:
    if approval.state in ("waiting", "approved"):
        raise FengsuiError(
            "dashboard_api.approval.open",
            f"approval {approval.id} is {approval.state}: the key is there once it is done",
            id=approval.id,
            state=approval.state,
        )
    if approval.state != "done" or approval.kind != "export":
        raise FengsuiError(
            "dashboard_api.approval.over",
            f"approval {approval.id} is {approval.state} and gives no key: ask anew",
            id=approval.id,
            state=approval.state,
        )
    if not approval.material_waits:
        raise FengsuiError(
            "dashboard_api.approval.given",
            f"the key of approval {approval.id} was given, or lay longer than "
            f"{MATERIAL_LIFE_US // DAY} days: ask anew",
            id=approval.id,
        )


def _check_room(state: sqlite3.Connection, kind: Kind, key: str, owner: str) -> None:
    rows = state.execute(
        "SELECT id, kind, key FROM approvals WHERE state IN ('waiting', 'approved') "
        "AND key LIKE ? || '.%'",
        (owner,),
    ).fetchall()
    for row in rows:
        if (row["kind"], row["key"]) == (kind, key):
            raise FengsuiError(
                "dashboard_api.approval.exists",
                f"{kind} of {key} waits already, as approval {row['id']}",
                id=row["id"],
            )
    if len(rows) >= WAITING_MAX:
        raise FengsuiError(
            "dashboard_api.approval.limit",
            f"{WAITING_MAX} approvals wait for keys of {owner}, the most there may be",
            limit=WAITING_MAX,
        )


def _decide(
    state: sqlite3.Connection, approval_id: str, decided: State, person: Principal, now: int
) -> None:
    state.execute(
        "UPDATE approvals SET state = ?, decided_by = ?, decided_name = ?, decided_at = ? "
        "WHERE id = ?",
        (decided, person.id, person.name, now, approval_id),
    )


def _due(state: sqlite3.Connection, now: int) -> list[Approval]:
    rows = state.execute(
        "SELECT * FROM approvals WHERE (state = 'waiting' AND expires_at <= ?) "
        "OR (material IS NOT NULL AND ended_at <= ?)",
        (now, now - MATERIAL_LIFE_US),
    ).fetchall()
    return [of_row(row) for row in rows]


def _forget_old(state: sqlite3.Connection) -> None:
    state.execute(
        "DELETE FROM approvals WHERE state IN ('refused', 'expired', 'done', 'failed') "
        "AND material IS NULL AND id NOT IN (SELECT id FROM approvals ORDER BY id DESC LIMIT ?)",
        (KEPT_MAX,),
    )
