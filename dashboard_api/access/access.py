"""Access: who is signed in. Every change stands or falls with its audit entry."""

from __future__ import annotations

import base64
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from collector.state.database import Database
from dashboard_api.access import lockout, passwords, sessions, users
from dashboard_api.access.principal import EVERY_UNIT, Principal
from dashboard_api.access.roles import TITLES_ZH, Role
from dashboard_api.access.sessions import Session
from dashboard_api.access.users import NewUser, User
from dashboard_api.audit import NOBODY, Act, AuditChain
from schema.errors import FengsuiError
from schema.ids import uuid7
from schema.ports import Clock, Entropy
from schema.times import MINUTE

LINK_LIFE_US: Final = 10 * MINUTE
OFFICER: Final = "officer"
_HASHING_QUEUE_MAX: Final = 4
"""Logins waiting for the one password hash at a time: a flood of guesses must not take every
thread of the API."""
FIRST_USERS: Final = (
    (OFFICER, Role.OFFICER, (EVERY_UNIT,)),
    ("sysadmin", Role.SYSTEM_ADMIN, (EVERY_UNIT,)),
    ("secadmin", Role.SECURITY_ADMIN, (EVERY_UNIT,)),
    ("auditor", Role.AUDIT_ADMIN, ()),
)
"""Who a new site begins with: name, role, units. Nobody has a password before a link is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A principal and the session it came by."""

    principal: Principal
    session: Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A new session: its token goes into the cookie and nowhere else."""

    token: str
    principal: Principal


class Access:
    """Sign-in, sessions and the caller's own password, over one state file."""

    def __init__(
        self, database: Database, audit: AuditChain, *, clock: Clock, entropy: Entropy
    ) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._entropy = entropy
        self._hashing = threading.Lock()
        self._queue = threading.BoundedSemaphore(_HASHING_QUEUE_MAX)

    def first_link(self, token: str) -> bool:
        """Make the first users of a new site, and give the officer a link with this token.

        False where that account was closed: others sign in as they do every day.
        """

        def job(state: sqlite3.Connection) -> bool:
            if not users.everyone(state):
                for name, role, units in FIRST_USERS:
                    fresh = NewUser(
                        id=self._new_id(),
                        name=name,
                        display_name=TITLES_ZH[role],
                        roles=frozenset({role}),
                        units=units,
                    )
                    users.add(state, fresh, self._clock.now())
                    self._audit.append(state, Act("fengsui", "user.create", name), "done", role)
            officer = users.by_name(state, OFFICER)
            if officer is None or officer.disabled_at is not None:
                return False
            self._add_link(state, OFFICER, token)
            self._audit.append(state, Act("fengsui", "user.link", OFFICER), "done")
            return True

        return self._database.write(job)

    def issue_link(self, name: str, *, actor: str) -> str:
        """A one-time login token for that user, good for ten minutes.

        Raises ``dashboard_api.user.unknown``. From the command line this is how anybody gets in.
        """
        token = self._new_token()

        def job(state: sqlite3.Connection) -> None:
            self._add_link(state, name, token)
            self._audit.append(state, Act(actor, "user.link", name), "done")

        self._database.write(job)
        return token

    def _add_link(self, state: sqlite3.Connection, name: str, token: str) -> None:
        user = users.by_name(state, name)
        if user is None or user.disabled_at is not None:
            raise FengsuiError("dashboard_api.user.unknown", f"there is no active user {name[:32]}")
        now = self._clock.now()
        state.execute("DELETE FROM login_links WHERE expires_at <= ?", (now,))
        state.execute(
            "INSERT INTO login_links (token, user_id, expires_at) VALUES (?, ?, ?)",
            (sessions.hashed(token), user.id, now + LINK_LIFE_US),
        )

    def login_link(self, token: str) -> Opened:
        """Exchange a one-time link; raises ``dashboard_api.link.refused`` unless fresh."""
        cookie, now = self._new_token(), self._clock.now()

        def job(state: sqlite3.Connection) -> User | None:
            used = state.execute(
                "UPDATE login_links SET used_at = ? WHERE token = ? AND used_at IS NULL "
                "AND expires_at > ? RETURNING user_id",
                (now, sessions.hashed(token), now),
            ).fetchone()
            user = users.by_id(state, used["user_id"]) if used else None
            if user is None or user.disabled_at is not None:
                self._audit.append(state, Act(NOBODY, "login.link"), "refused")
                return None
            sessions.begin(state, cookie, user_id=user.id, now=now, by_link=True)
            lockout.cleared(state, user.name)
            self._audit.append(state, Act(user.name, "login.link"), "done")
            return user

        user = self._database.write(job)
        if user is None:
            raise FengsuiError(
                "dashboard_api.link.refused",
                "the link is wrong, used, or older than ten minutes: ask for another "
                "(`fengsui user link NAME`)",
            )
        return Opened(token=cookie, principal=user.principal(by_link=True))

    def login(self, name: str, password: str) -> Opened:
        """Sign in; raises ``dashboard_api.login.refused``, ``.locked`` or ``.busy``."""
        if not self._queue.acquire(blocking=False):
            raise FengsuiError(
                "dashboard_api.login.busy", "too many people are signing in: try again in a second"
            )
        try:
            # One at a time: memory stays bounded, and parallel guesses cannot outrun the count.
            with self._hashing:
                return self._login(name, password)
        finally:
            self._queue.release()

    def _login(self, name: str, password: str) -> Opened:
        now = self._clock.now()
        with self._database.read() as state:
            lockout.check(state, name, now)
            user = users.by_name(state, name)
        usable = user is not None and user.disabled_at is None
        right = passwords.matches(user.password if user and usable else None, password)
        if user is None or not right:
            self._login_failed(name, user)
            raise FengsuiError("dashboard_api.login.refused", "the name or the password is wrong")
        found, cookie = user, self._new_token()

        def job(state: sqlite3.Connection) -> None:
            lockout.cleared(state, name)
            sessions.begin(state, cookie, user_id=found.id, now=now, by_link=False)
            self._audit.append(state, Act(found.name, "login.password"), "done")

        self._database.write(job)
        return Opened(token=cookie, principal=found.principal(by_link=False))

    def _login_failed(self, name: str, user: User | None) -> None:
        def job(state: sqlite3.Connection) -> None:
            locked = lockout.failed(state, name, self._clock.now())
            actor = user.name if user else NOBODY
            detail = "locked" if locked else ""
            self._audit.append(state, Act(actor, "login.password"), "refused", detail)

        self._database.write(job)

    def resolve(self, tokens: Sequence[str], *, touch: bool = True) -> SignedIn | None:
        """The person behind the first token that is a living session here.

        Several come when a site is mounted below another: the browser sends both cookies.
        """
        now = self._clock.now()
        with self._database.read() as state:
            for token in tokens:
                session = sessions.find(state, token, now)
                user = users.by_id(state, session.user_id) if session else None
                if session and user and user.disabled_at is None:
                    break
            else:
                return None
        if touch and now - session.seen_at >= sessions.TOUCH_US:
            self._database.write(lambda state: sessions.touch(state, session, now))
        return SignedIn(principal=user.principal(by_link=session.by_link), session=session)

    def logout(self, signed_in: SignedIn) -> None:
        """End this session."""

        def job(state: sqlite3.Connection) -> None:
            sessions.end(state, signed_in.session)
            self._audit.append(state, Act(signed_in.principal.name, "logout"), "done")

        self._database.write(job)

    def set_password(self, signed_in: SignedIn, password: str, current: str) -> Principal:
        """Set the caller's own password and end all other sessions of theirs.

        The current one is asked for unless there is none or this session began with a link.
        Raises ``dashboard_api.password.weak`` or ``.wrong``.
        """
        name, session = signed_in.principal.name, signed_in.session
        passwords.check_new(password, name)
        with self._database.read() as state:
            user = users.known(state, session.user_id)
        with self._hashing:
            asked = user.password is not None and not session.by_link
            if asked and not passwords.matches(user.password, current):
                self._audit.record(Act(name, "password.set"), "refused")
                raise FengsuiError(
                    "dashboard_api.password.wrong", "the current password is not right"
                )
            stored = passwords.hash_new(password)

        def job(state: sqlite3.Connection) -> User:
            state.execute("UPDATE users SET password = ? WHERE id = ?", (stored, user.id))
            sessions.end_all(state, user.id, keep=session.token)
            self._audit.append(state, Act(name, "password.set"), "done")
            return users.known(state, user.id)

        return self._database.write(job).principal(by_link=session.by_link)

    def _new_token(self) -> str:
        raw = self._entropy.take(sessions.TOKEN_BYTES)
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    def _new_id(self) -> str:
        return uuid7(self._clock.now(), self._entropy.take(10))
