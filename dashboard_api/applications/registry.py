"""Registry: which applications may call the national-crypto service, by what and for what.

Each change is one transaction with its audit entry, and signing processes see it before their next
call. Who registers an application does not grant (``dashboard_api.access.roles``); units are
checked by the routes, since an application's unit never changes.

Errors: ``dashboard_api.application.{malformed,exists,limit,unknown,state}``,
``dashboard_api.credential.*``, ``dashboard_api.grant.*``, ``dashboard_api.quota.malformed``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from collector.state.database import Database
from dashboard_api.access.users import UNIT
from dashboard_api.applications import credentials, grants, records
from dashboard_api.applications.credentials import NewCredential, NewKey
from dashboard_api.applications.grants import Difference, Grants
from dashboard_api.applications.model import ID, SITE, Quota
from dashboard_api.applications.records import Hand, Issued, Registered
from dashboard_api.audit import Act, AuditChain
from dashboard_api.signing import changes
from schema.errors import FengsuiError
from schema.ports import Clock, Entropy

T = TypeVar("T")

APPLICATIONS_MAX: Final = 1000
"""All of them are held by each signing process."""
NAME_CHARS_MAX: Final = 64
QUOTA_MAX: Final = 1_000_000_000
"""More than a machine can do in a day; keeps counters small."""


class Registry:
    """The applications of one site, over its state file."""

    def __init__(
        self, database: Database, audit: AuditChain, *, clock: Clock, entropy: Entropy
    ) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._entropy = entropy

    def everyone(self) -> list[Registered]:
        """All applications by id."""
        with self._database.read() as state:
            return records.everyone(state)

    def page(self, units: Sequence[str], *, after: str, limit: int) -> list[Registered]:
        """Applications of these units (``*`` for all) behind an id, by id."""
        with self._database.read() as state:
            return records.page(state, units, after=after, limit=limit)

    def get(self, application: str) -> Registered:
        """One application; raises ``dashboard_api.application.unknown``."""
        with self._database.read() as state:
            return records.known(state, application)

    def register(self, hand: Hand, application: str, *, name: str, unit: str) -> Registered:
        """A new application, without a credential and with the grants of a new one."""
        _check_words(application, name, unit)
        quota = Quota()
        row = (
            application, name, unit, self._clock.now(),
            quota.per_second, quota.per_day, quota.opens_per_minute,
        )  # fmt: skip

        def job(state: sqlite3.Connection) -> Registered:
            _check_room(state, application)
            state.execute(
                "INSERT INTO applications (id, name, unit, created_at, per_second, per_day, "
                "opens_per_minute) VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            records.note_hand(state, application, hand)
            grants.put(state, application, grants.AT_FIRST)
            self._note(state, Act(hand.name, "application.register", application))
            return records.known(state, application)

        return self._database.write(job)

    def issue_token(
        self, hand: Hand, application: str, *, expires_at: int | None = None
    ) -> tuple[str, Issued]:
        """A new bearer token, which is shown here and never again, and what is kept of it."""
        token = credentials.new_token(application, self._entropy.take(credentials.TOKEN_BYTES))
        new = credentials.of_token(token, expires_at)
        return token, self._issue(hand, application, new, "credential.token")

    def enrol_key(
        self, hand: Hand, application: str, key: NewKey, *, expires_at: int | None = None
    ) -> Issued:
        """Let the holder of a key sign requests; raises ``.credential.proof_invalid``."""
        new = credentials.of_key(application, key, expires_at)
        return self._issue(hand, application, new, "credential.sm2")

    def revoke(self, hand: Hand, application: str, credential: str) -> Registered:
        """Believe a credential no longer, from the next call on."""
        act = Act(hand.name, "credential.revoke", f"{application}/{credential}")

        def change(state: sqlite3.Connection) -> None:
            credentials.revoke(state, application, credential, now=self._clock.now())
            self._note(state, act)

        return self._changed(application, change)

    def put_grants(self, hand: Hand, application: str, wanted: Grants) -> Registered:
        """Replace all grants: what is not named here is taken away."""

        def change(state: sqlite3.Connection) -> None:
            self._note_grants(state, hand, application, grants.put(state, application, wanted))

        return self._changed(application, change)

    def put_some_grants(self, hand: Hand, application: str, wanted: Grants) -> Registered:
        """Replace the operations of the keys named here and leave every other key's."""

        def change(state: sqlite3.Connection) -> None:
            merged = {**records.grants_of(state, application), **wanted}
            self._note_grants(state, hand, application, grants.put(state, application, merged))

        return self._changed(application, change)

    def add_grants(self, hand: Hand, application: str, wanted: Grants) -> Registered:
        """Give these operations besides what there is."""

        def change(state: sqlite3.Connection) -> None:
            merged = dict(records.grants_of(state, application))
            for key, operations in wanted.items():
                merged[key] = merged.get(key, frozenset()) | operations
            self._note_grants(state, hand, application, grants.put(state, application, merged))

        return self._changed(application, change)

    def set_quota(self, hand: Hand, application: str, quota: Quota) -> Registered:
        """Say how much it may ask for; raises ``dashboard_api.quota.malformed``."""
        if (
            not 0 < quota.per_second <= QUOTA_MAX
            or not 0 <= quota.per_day <= QUOTA_MAX
            or not 0 < quota.opens_per_minute <= QUOTA_MAX
        ):
            raise FengsuiError(
                "dashboard_api.quota.malformed",
                f"a quota has 1 to {QUOTA_MAX} a second and opened a minute, and 0 (no limit) to "
                f"{QUOTA_MAX} a day; whoever may open nothing has no grant to",
                limit=QUOTA_MAX,
            )
        words = f"{quota.per_second}/s {quota.per_day}/d {quota.opens_per_minute} opens/min"

        def change(state: sqlite3.Connection) -> None:
            state.execute(
                "UPDATE applications SET per_second = ?, per_day = ?, opens_per_minute = ? "
                "WHERE id = ?",
                (quota.per_second, quota.per_day, quota.opens_per_minute, application),
            )
            self._note(state, Act(hand.name, "application.quota", application), words)

        return self._changed(application, change)

    def disable(self, hand: Hand, application: str) -> Registered:
        """Refuse all its calls; raises ``dashboard_api.application.state`` where it is so."""
        return self._switch(hand, application, disabled_at=self._clock.now())

    def enable(self, hand: Hand, application: str) -> Registered:
        """Answer its calls again; credentials and grants are those from before."""
        return self._switch(hand, application, disabled_at=None)

    def _switch(self, hand: Hand, application: str, *, disabled_at: int | None) -> Registered:
        action = "application.enable" if disabled_at is None else "application.disable"

        def change(state: sqlite3.Connection) -> None:
            disabled = records.known(state, application).disabled_at is not None
            if disabled == (disabled_at is not None):
                raise FengsuiError(
                    "dashboard_api.application.state",
                    f"application {application} is {'disabled' if disabled else 'enabled'} already",
                    id=application,
                )
            state.execute(
                "UPDATE applications SET disabled_at = ? WHERE id = ?", (disabled_at, application)
            )
            self._note(state, Act(hand.name, action, application))

        return self._changed(application, change)

    def _issue(self, hand: Hand, application: str, new: NewCredential, action: str) -> Issued:
        def job(state: sqlite3.Connection) -> Issued:
            issued = credentials.add(state, application, new, now=self._clock.now())
            records.note_hand(state, application, hand)
            self._note(state, Act(hand.name, action, f"{application}/{new.id}"))
            return issued

        return self._database.write(job)

    def _changed(
        self, application: str, change: Callable[[sqlite3.Connection], None]
    ) -> Registered:
        def job(state: sqlite3.Connection) -> Registered:
            records.known(state, application)
            change(state)
            return records.known(state, application)

        return self._database.write(job)

    def _note_grants(
        self,
        state: sqlite3.Connection,
        hand: Hand,
        application: str,
        differences: list[Difference],
    ) -> None:
        for one in differences:
            act = Act(hand.name, "application.grant", f"{application} {one.key}")
            self._note(state, act, one.words)

    def _note(self, state: sqlite3.Connection, act: Act, detail: str = "") -> None:
        """The audit entry of a change, and word of it to signing processes."""
        self._audit.append(state, act, "done", detail)
        changes.raise_in(state)


def _check_words(application: str, name: str, unit: str) -> None:
    if not ID.fullmatch(application) or application == SITE:
        raise FengsuiError(
            "dashboard_api.application.malformed",
            "an application's id has 1 to 24 of a-z 0-9 -, neither begins nor ends with -, and is "
            f"not {SITE}",
        )
    named = 0 < len(name) <= NAME_CHARS_MAX and name.isprintable() and name.strip() == name
    if not named or unit == "*" or not UNIT.fullmatch(unit):
        raise FengsuiError(
            "dashboard_api.application.malformed",
            f"an application's name has 1 to {NAME_CHARS_MAX} characters, and its unit is one "
            "unit's name",
        )


def _check_room(state: sqlite3.Connection, application: str) -> None:
    ids = {row[0] for row in state.execute("SELECT id FROM applications").fetchall()}
    if application in ids:
        raise FengsuiError(
            "dashboard_api.application.exists",
            f"there is an application {application} already: choose another id",
            id=application,
        )
    if len(ids) >= APPLICATIONS_MAX:
        raise FengsuiError(
            "dashboard_api.application.limit",
            f"{APPLICATIONS_MAX} applications are registered, the most there may be",
            limit=APPLICATIONS_MAX,
        )
