"""Desk: what administrators do in Keycloak's console, and clients' owners at its registration."""

from __future__ import annotations

import json

from district.identity.acts import Administer, ChangeClient, Impersonate, RegisterClient
from district.identity.people import ADMINS
from district.identity.provider import Provider

from living.identity import accounts, idp, realms
from living.identity.steering import CONSOLE, Steering
from living.web import Web

__all__ = ["Desk"]


class Desk:
    """Administrators signed in before the week, and stay it."""

    def __init__(self, web: Web, provider: Provider, steering: Steering) -> None:
        self._web, self._provider, self._steering = web, provider, steering
        self._admins: dict[str, idp.Admin] = {}

    def open(self, address: str) -> None:
        """Sign all of them in from their desk."""
        for name in ADMINS:
            admin = idp.Admin(self._web, name, accounts.PASSWORD, address, CONSOLE)
            admin.sign_in()
            self._admins[name] = admin

    def impersonate(self, act: Impersonate) -> None:
        """Become somebody else."""
        number = self._provider.number("user", act.target)
        self._admins[act.operator].ask(
            "POST", f"/{act.realm}/users/{number}/impersonation", {}, source=act.address
        )  # fmt: skip

    def administer(self, act: Administer) -> None:
        """Change an account, or its password."""
        path = f"/citizens/users/{self._provider.number('user', act.target)}"
        admin = self._admins[act.operator]
        if act.reset:
            told = {"type": "password", "value": accounts.PASSWORD, "temporary": False}
            admin.ask("PUT", f"{path}/reset-password", told, source=act.address)
        else:
            found = admin.ask("GET", path, source=act.address)
            admin.ask("PUT", path, found, source=act.address)

    def register(self, act: RegisterClient) -> None:
        """Enter a client."""
        told = realms.client(self._provider, "citizens", act.client, consent=True)
        self._admins[ADMINS[0]].ask("POST", "/citizens/clients", told)

    def change(self, act: ChangeClient) -> None:
        """Change a client through the registration service."""
        token = self._steering.registration_token("staff", act.client)
        told = realms.client(self._provider, "staff", act.client)
        self._web.request(
            "PUT", f"{idp.BASE}/realms/staff/clients-registrations/default/{act.client}",
            source=act.address, body=json.dumps(told).encode(),
            headers={"Host": idp.HOST, "Authorization": f"Bearer {token}",
                     "Content-Type": "application/json"},
        )  # fmt: skip
