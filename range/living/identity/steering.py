"""Steering: what the recorder sets up in Keycloak before the week, and opens by its own hand in it.

All of it is done as the recorder's own administrator, whose lines are no part of the recording.
"""

from __future__ import annotations

import urllib.parse
from typing import Any, Final

from district.identity.people import ADMINS
from district.identity.provider import Provider

from living.identity import accounts, realms
from living.identity.idp import RECORDER, RECORDER_PASSWORD, Admin
from living.web import Web

__all__ = ["CONSOLE", "Steering"]

CONSOLE: Final = "security-admin-console"
_SOURCE: Final = "10.30.2.250"
_FLOW: Final = "district browser"
_LONG_S: Final = 24 * 3600
_X509: Final = {
    "x509-cert-auth.mapping-source-selection": "Subject's Common Name",
    "x509-cert-auth.mapper-selection": "Username or Email",
    "x509-cert-auth.confirmation-page-disallowed": "true",
    "x509-cert-auth.timestamp-validation-enabled": "true",
    "x509-cert-auth.crl-checking-enabled": "false",
    "x509-cert-auth.ocsp-checking-enabled": "false",
}


class Steering:
    """The recorder's hand."""

    def __init__(self, web: Web, provider: Provider) -> None:
        self._provider = provider
        self._admin = Admin(web, RECORDER, RECORDER_PASSWORD, _SOURCE, "admin-cli")
        self.number = ""
        """Keycloak's id of the recorder's account: lines that name it are left out."""
        self.operators: dict[str, str] = {}
        """Ids of the administrators' accounts."""

    def prepare(self) -> None:
        """Flows, operators, and long tokens for these."""
        ask = self._admin.ask
        (recorder,) = ask("GET", f"/master/users?username={RECORDER}&exact=true")
        self.number = recorder["id"]
        ask("PUT", "/master", {"accessTokenLifespan": _LONG_S, "ssoSessionIdleTimeout": _LONG_S,
                               "ssoSessionMaxLifespan": _LONG_S, "sslRequired": "none",
                               "passwordPolicy": "hashAlgorithm(pbkdf2-sha256) and "
                                                 "hashIterations(1)"})  # fmt: skip
        (console,) = ask("GET", f"/master/clients?clientId={CONSOLE}")
        console["directAccessGrantsEnabled"] = True
        ask("PUT", f"/master/clients/{console['id']}", console)
        self._add_operators()
        for realm in ("citizens", "staff"):
            self._flow(realm, certificates=realm == "staff")
            self._reset(realm)

    def _add_operators(self) -> None:
        ask = self._admin.ask
        people = [
            {"id": one.number, "username": one.user, "enabled": True, "firstName": one.user,
             "lastName": "示例", "email": f"{one.user}@district.example",
             "credentials": [accounts.password_credential()]}
            for one in accounts.operators(self._provider)
        ]  # fmt: skip
        ask("POST", "/master/partialImport", {"ifResourceExists": "FAIL", "users": people})
        role = ask("GET", "/master/roles/admin")
        for name in ADMINS:
            (found,) = ask("GET", f"/master/users?username={name}&exact=true")
            self.operators[name] = found["id"]
            ask("POST", f"/master/users/{found['id']}/role-mappings/realm", [role])

    def _flow(self, realm: str, *, certificates: bool) -> None:
        """A password; a one-time code where a level of two is asked for; or a certificate."""
        ask, base = self._admin.ask, f"/{realm}/authentication"
        ask("POST", f"{base}/flows", {"alias": _FLOW, "providerId": "basic-flow",
                                      "topLevel": True, "builtIn": False})  # fmt: skip
        if certificates:
            self._step(realm, _FLOW, "auth-x509-client-username-form", "ALTERNATIVE", _X509)
        self._part(realm, _FLOW, "forms", "ALTERNATIVE")
        self._part(realm, "forms", "password", "CONDITIONAL")
        self._level(realm, "password", 1)
        self._step(realm, "password", "auth-username-password-form", "REQUIRED")
        self._part(realm, "forms", "code", "CONDITIONAL")
        self._level(realm, "code", 2)
        self._step(realm, "code", "auth-otp-form", "REQUIRED")
        ask("PUT", f"/{realm}", {"browserFlow": _FLOW})

    def _level(self, realm: str, flow: str, level: int) -> None:
        # A log-in is a level of its own: none is kept from an earlier one.
        config = {"loa-condition-level": str(level), "loa-max-age": "0"}
        self._step(realm, flow, "conditional-level-of-authentication", "REQUIRED", config)

    def _part(self, realm: str, flow: str, alias: str, requirement: str) -> None:
        told = {"alias": alias, "type": "basic-flow", "provider": "", "description": ""}
        path = f"/{realm}/authentication/flows/{urllib.parse.quote(flow)}/executions/flow"
        self._admin.ask("POST", path, told)
        self._require(realm, flow, alias, requirement)

    def _step(
        self, realm: str, flow: str, provider: str, requirement: str,
        config: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        path = f"/{realm}/authentication/flows/{urllib.parse.quote(flow)}/executions"
        self._admin.ask("POST", f"{path}/execution", {"provider": provider})
        number = self._require(realm, flow, provider, requirement)
        if config:
            told = {"alias": f"{flow} {provider}", "config": config}
            self._admin.ask("POST", f"/{realm}/authentication/executions/{number}/config", told)

    def _require(self, realm: str, flow: str, name: str, requirement: str) -> str:
        path = f"/{realm}/authentication/flows/{urllib.parse.quote(flow)}/executions"
        found: list[dict[str, Any]] = self._admin.ask("GET", path)
        one = next(x for x in found if name in (x.get("providerId"), x.get("displayName")))
        self._admin.ask("PUT", path, one | {"requirement": requirement})
        return str(one["id"])

    def _reset(self, realm: str) -> None:
        """A forgotten password is set anew without another phone."""
        flow = "reset credentials"
        self._require(realm, flow, "Reset - Conditional OTP", "DISABLED")

    def client(self, realm: str, name: str) -> dict[str, Any]:
        """A client as it stands."""
        found: dict[str, Any] = self._admin.ask("GET", f"/{realm}/clients?clientId={name}")[0]
        return found

    def has(self, realm: str, name: str) -> bool:
        """Whether there is such a client."""
        return bool(self._admin.ask("GET", f"/{realm}/clients?clientId={name}"))

    def register(self, realm: str, name: str) -> None:
        """A client that was registered before the week."""
        told = realms.client(self._provider, realm, name, consent=True)
        self._admin.ask("POST", f"/{realm}/clients", told)

    def registration_token(self, realm: str, name: str) -> str:
        """A fresh one, with which the registration service lets a client be changed."""
        path = f"/{realm}/clients/{self._provider.number('client', realm, name)}"
        return str(self._admin.ask("POST", f"{path}/registration-access-token")[
            "registrationAccessToken"])  # fmt: skip

    def enable(self, realm: str, user: str, enabled: bool) -> None:
        """Open or close an account, as nobody noticed it was."""
        number = self._provider.number("user", user)
        self._admin.ask("PUT", f"/{realm}/users/{number}", {"enabled": enabled})
