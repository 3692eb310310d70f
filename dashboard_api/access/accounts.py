"""Accounts: what administrators do to other people's accounts.

It takes two of them to bring anybody in or to take an account over: the system administrator
makes accounts and links, the security administrator grants rights and takes passwords back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from collector.state.database import Database
from dashboard_api.access import sessions, users
from dashboard_api.access.access import Access
from dashboard_api.access.principal import Principal
from dashboard_api.access.roles import Role
from dashboard_api.access.users import NewUser, User
from dashboard_api.audit import Act, AuditChain
from schema.errors import FengsuiError
from schema.ids import uuid7
from schema.ports import Clock, Entropy


class Accounts:
    """Administration of users, over one state file; each change carries its audit entry."""

    def __init__(
        self, database: Database, audit: AuditChain, *, clock: Clock, entropy: Entropy
    ) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._entropy = entropy

    def everyone(self) -> list[User]:
        """All accounts by name."""
        with self._database.read() as state:
            return users.everyone(state)

    def create(self, actor: Principal, name: str, display_name: str) -> User:
        """A new account without any right and without a password."""
        fresh = NewUser(
            id=uuid7(self._clock.now(), self._entropy.take(10)),
            name=name,
            display_name=display_name,
        )

        def job(state: sqlite3.Connection) -> User:
            users.add(state, fresh, self._clock.now())
            self._audit.append(state, Act(actor.name, "user.create", name), "done")
            return users.known(state, fresh.id)

        return self._database.write(job)

    def set_rights(
        self, actor: Principal, user_id: str, *, roles: frozenset[Role], units: Sequence[str]
    ) -> User:
        """Replace roles and units and end the user's sessions.

        Raises ``dashboard_api.user.self`` for one's own account and ``.roles.exclusive``.
        """

        def change(state: sqlite3.Connection) -> None:
            users.set_rights(state, user_id, roles=roles, units=units)

        detail = ",".join(sorted(roles))
        return self._change(actor, user_id, action="user.rights", change=change, detail=detail)

    def clear_password(self, actor: Principal, user_id: str) -> User:
        """Take a password back and end the user's sessions, so that a new link can be issued."""

        def change(state: sqlite3.Connection) -> None:
            state.execute("UPDATE users SET password = NULL WHERE id = ?", (user_id,))
            state.execute("DELETE FROM login_links WHERE user_id = ?", (user_id,))

        return self._change(actor, user_id, action="user.password_clear", change=change)

    def disable(self, actor: Principal, user_id: str) -> User:
        """Close an account for good; its name stays taken, its acts stay in the audit chain."""

        def change(state: sqlite3.Connection) -> None:
            now = self._clock.now()
            state.execute(
                "UPDATE users SET disabled_at = ? WHERE id = ? AND disabled_at IS NULL",
                (now, user_id),
            )

        return self._change(actor, user_id, action="user.disable", change=change)

    def link(self, actor: Principal, user_id: str, access: Access) -> tuple[str, str]:
        """The name and a one-time login token of an account that has no password.

        Raises ``dashboard_api.link.password_set``: whoever issues links must not be able to sign
        in as somebody who is here already.
        """
        with self._database.read() as state:
            user = users.known(state, user_id)
        if user.password is not None:
            raise FengsuiError(
                "dashboard_api.link.password_set",
                f"{user.name} has a password: the security administrator takes it back first",
                name=user.name,
            )
        return user.name, access.issue_link(user.name, actor=actor.name)

    def _change(
        self,
        actor: Principal,
        user_id: str,
        *,
        action: str,
        change: Callable[[sqlite3.Connection], None],
        detail: str = "",
    ) -> User:
        if actor.id == user_id:
            raise FengsuiError(
                "dashboard_api.user.self",
                "nobody changes the rights of their own account: ask another administrator",
            )

        def job(state: sqlite3.Connection) -> User:
            user = users.known(state, user_id)
            change(state)
            sessions.end_all(state, user_id)
            self._audit.append(state, Act(actor.name, action, user.name), "done", detail)
            return users.known(state, user_id)

        return self._database.write(job)
