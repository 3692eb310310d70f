"""Provider: Keycloak in the small: realms, clients, sessions, rotation, lock-outs, consent.

What it answers depends on what was done before, as with the real one: a rotated refresh token is
refused, an account with too many failures is locked for a while, a success forgets them.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from district.calendar import HOUR_US, MINUTE_US, SECOND_US
from district.identity import lines
from district.identity.acts import (
    PORTAL,
    Administer,
    BadSignature,
    BindDevice,
    ChangeClient,
    Fail,
    Impersonate,
    Refresh,
    ResetPassword,
    SignIn,
    UseClient,
    Who,
)
from district.stream import Sink, Stream
from district.town import Town

__all__ = ["CLIENTS", "DIRECTORY", "KEYCLOAK", "Provider", "Session"]

KEYCLOAK: Final = Stream(name="keycloak.log", form="keycloak", host="idp-01", view="provider")
DIRECTORY: Final = Stream(name="slapd.log", form="openldap", host="ldap-01", view="provider")

FAILURES_MAX: Final = {"staff": 30, "citizens": 10, "master": 30}
"""Keycloak's own default is 30; for citizens the district has less."""
WAIT_US: Final = MINUTE_US
"""Added for each such number of failures."""
FORGOTTEN_US: Final = 12 * HOUR_US

REUSED: Final = "Maximum allowed refresh token reuse exceeded"

CLIENTS: Final[dict[str, tuple[tuple[str, ...], int]]] = {
    PORTAL: ((), 2),
    "cert-desk": (("10.30.2.31", "10.30.2.32"), 3),
    "service-hall": (("10.30.2.41", "10.30.2.42"), 3),
    "oa": (("10.30.2.51", "10.30.2.52"), 2),
    "open-data": (("10.30.2.61", "10.30.2.62"), 2),
}
"""Servers and level of each client of the district; a public one has no servers."""


@dataclass(slots=True)
class Session:
    """One of an account."""

    who: Who
    client: str
    number: str
    token: str
    """Id of the access token."""
    refresh: list[str] = field(default_factory=list)
    """Ids of refresh tokens, the newest last."""
    since: int = 0
    """When it began."""


@dataclass(slots=True)
class _Failures:
    who: Who
    count: int = 0
    newest: int = 0
    locked_until: int = 0


class Provider:
    """Carries out what concerns accounts, and writes what Keycloak and slapd would."""

    def __init__(self, town: Town, sink: Sink) -> None:
        self._town, self._sink = town, sink
        self._chance = town.chance("identity", "provider")
        self._console = lines.Console(town.chance("identity", "console"))
        self._directory = lines.Directory(town.chance("identity", "directory"))
        self._numbers: dict[str, str] = {}
        self._failures: dict[str, _Failures] = {}
        self.sessions: dict[str, Session] = {}
        self.servers = {name: servers for name, (servers, _) in CLIENTS.items()}

    def number(self, *names: str) -> str:
        """The id Keycloak gave to a realm, an account or a client."""
        key = "/".join(names)
        if key not in self._numbers:
            self._numbers[key] = _uuid(self._town.chance("identity", "uuid", key))
        return self._numbers[key]

    def sign_in(self, at: int, act: SignIn) -> Session | None:
        """A session, unless the account is locked."""
        who, chance = act.who, self._chance
        failures = self._failures.get(who.user)
        if failures and failures.locked_until > at:
            self._refused(at, who, act.client, "user_temporarily_disabled")
            return None
        self._failures.pop(who.user, None)
        if who.realm == "staff" and act.method != "certificate":
            self._bind(at, who.user, right=True)
        session = Session(
            who, act.client, _uuid(chance), f"onrtac:{_uuid(chance)}", since=at
        )  # fmt: skip
        details = [("auth_method", "openid-connect"), *self._method(act)]
        if act.consent != "no_consent_required":
            details.append(("remember_me", "false"))
        details += [("consent", act.consent), ("code_id", session.number), ("username", who.user),
                    ("response_mode", "query"), *self._tab(session.number)]  # fmt: skip
        self._event(at, "LOGIN", who, act.client, who.address, details, session=session.number)
        self._tokens(at + 180_000 + chance.randrange(200_000), session)
        if act.session:
            self.sessions[act.session] = session
        return session

    def _method(self, act: SignIn) -> Iterator[tuple[str, str]]:
        if act.method == "certificate":
            serial = f"{self._town.chance('identity', 'serial', act.who.user).getrandbits(64):016x}"
            yield "x509_cert_serial_number", serial
            yield "x509_cert_subject_distinguished_name", f"CN={act.who.user},O=district,C=CN"
            yield "x509_cert_issuer_distinguished_name", "CN=District CA,O=district,C=CN"
        else:
            yield "auth_type", "code"
        if act.method == "otp":
            yield "selected_credential_id", self.number("otp", act.who.user)
        yield "response_type", "code"
        yield "redirect_uri", f"https://{act.client}.district.example/cb"

    def _tokens(self, at: int, session: Session) -> None:
        chance = self._chance
        session.refresh.append(_uuid(chance))
        servers = self.servers.get(session.client, ())
        address = chance.choice(servers) if servers else session.who.address
        self._code_to_token(at, session, address)

    def _code_to_token(self, at: int, session: Session, address: str) -> None:
        details = [
            ("token_id", session.token), ("grant_type", "authorization_code"),
            ("refresh_token_type", "Refresh"), ("scope", "openid email profile"),
            ("refresh_token_id", session.refresh[-1]), ("code_id", session.number),
            ("client_auth_method", "client-secret"),
        ]  # fmt: skip
        self._event(
            at, "CODE_TO_TOKEN", session.who, session.client, address, details,
            session=session.number,
        )  # fmt: skip

    def use_client(self, at: int, act: UseClient) -> None:
        """A log-in whose code is exchanged from another address than the client's own."""
        session = Session(act.who, act.client, _uuid(self._chance), f"onrtac:{_uuid(self._chance)}")
        session.refresh.append(_uuid(self._chance))
        self._code_to_token(at, session, act.address)

    def fail(self, at: int, act: Fail) -> None:
        """Wrong passwords, and the lock that follows too many."""
        for place in range(act.times):
            self._fail(at + place * act.every_us, act)

    def _fail(self, at: int, act: Fail) -> None:
        who = act.who
        if act.error != "invalid_user_credentials":
            self._refused(at, who, act.client, act.error)
            return
        failures = self._failures.setdefault(who.user, _Failures(who))
        if failures.locked_until > at:
            self._refused(at, who, act.client, "user_temporarily_disabled")
            return
        if at - failures.newest > FORGOTTEN_US:
            failures.count = 0
        if who.realm == "staff":
            self._bind(at, who.user, right=False)
        self._refused(at, who, act.client, "invalid_user_credentials")
        failures.count += 1
        failures.newest = at
        most = FAILURES_MAX[who.realm]
        if failures.count % most == 0:
            failures.locked_until = at + WAIT_US * (failures.count // most)
            self._locked(at + 10_000, who, failures)

    def _locked(self, at: int, who: Who, failures: _Failures) -> None:
        until = lines.utc_text(failures.locked_until)
        details = [
            ("reason", "brute_force_attack detected"), ("not_before", until),
            ("num_failures", str(failures.count)),
        ]  # fmt: skip
        self._event(at, "USER_DISABLED_BY_TEMPORARY_LOCKOUT", who, "null", who.address, details)

    def _refused(self, at: int, who: Who, client: str, error: str) -> None:
        user = "null" if error == "user_not_found" else self.number("user", who.user)
        details = [
            ("error", error), ("auth_method", "openid-connect"), ("auth_type", "code"),
            ("redirect_uri", f"https://{client}.district.example/cb"),
            ("code_id", _uuid(self._chance)), ("username", who.user),
        ]  # fmt: skip
        self._event(at, "LOGIN_ERROR", who, client, who.address, details, user=user)

    def failing(self, at: int) -> Iterator[tuple[Who, int, int]]:
        """Accounts whose wrong passwords still count: who, how many, and when the newest was."""
        for failures in self._failures.values():
            if at - failures.newest <= FORGOTTEN_US and failures.locked_until <= at:
                yield failures.who, failures.count, failures.newest

    def refresh(self, at: int, act: Refresh) -> None:
        """A refresh token is shown; the newest gives another, a rotated one is refused."""
        session = self.sessions.get(act.session)
        if session is None:
            return
        stale = act.stale and len(session.refresh) > 1
        shown = session.refresh[-2 if stale else -1]
        user = self.number("user", session.who.user)
        if stale:
            details = [
                ("error", "invalid_token"), ("reason", REUSED),
                ("grant_type", "refresh_token"), ("refresh_token_type", "Refresh"),
                ("refresh_token_id", shown), ("refresh_token_sub", user),
                ("client_auth_method", "client-secret"),
            ]  # fmt: skip
            self._event(
                at, "REFRESH_TOKEN_ERROR", session.who, session.client, act.address, details,
                user="null", session=session.number,
            )  # fmt: skip
            return
        session.refresh.append(_uuid(self._chance))
        session.token = f"onrtrt:{_uuid(self._chance)}"
        details = [
            ("token_id", session.token), ("grant_type", "refresh_token"),
            ("refresh_token_type", "Refresh"), ("access_token_expiration_time", "300"),
            ("updated_refresh_token_id", session.refresh[-1]), ("scope", "openid email profile"),
            ("age_of_refresh_token", str(self._chance.randrange(240, 300))),
            ("refresh_token_id", shown), ("refresh_token_sub", user),
            ("client_auth_method", "client-secret"),
        ]  # fmt: skip
        self._event(
            at, "REFRESH_TOKEN", session.who, session.client, act.address, details,
            session=session.number,
        )  # fmt: skip

    def reset(self, at: int, act: ResetPassword) -> None:
        """The link is sent, and a minute later the password is new."""
        who, client = act.who, act.client
        code = _uuid(self._chance)
        common = [("auth_method", "openid-connect"), ("auth_type", "code"),
                  ("redirect_uri", f"https://{client}.district.example/cb"),
                  ("code_id", code), ("username", who.user)]  # fmt: skip
        self._event(at, "SEND_RESET_PASSWORD", who, client, who.address, common)
        self._credential(at + 40 * SECOND_US, who, client, "UPDATE_PASSWORD", "password")

    def bind_device(self, at: int, act: BindDevice) -> None:
        """One-time codes of another phone."""
        self._credential(at, act.who, act.client, "UPDATE_TOTP", "otp")

    def _credential(self, at: int, who: Who, client: str, kind: str, credential: str) -> None:
        action = "CONFIGURE_TOTP" if credential == "otp" else "UPDATE_PASSWORD"
        code = _uuid(self._chance)
        details = [
            ("credential_type", credential), ("auth_method", "openid-connect"),
            ("custom_required_action", action), ("response_type", "code"),
            ("redirect_uri", f"https://{client}.district.example/cb"), ("remember_me", "false"),
            ("code_id", code), ("response_mode", "query"), ("username", who.user),
            *self._tab(code),
        ]  # fmt: skip
        self._event(at, kind, who, client, who.address, details)
        self._event(at + 2_000, "UPDATE_CREDENTIAL", who, client, who.address, details)

    def impersonate(self, at: int, act: Impersonate) -> None:
        """An administrator's session as somebody else."""
        who = Who(user=act.target, realm=act.realm, address=act.address, agent="")
        details = [("impersonator_realm", "master"), ("impersonator", act.operator)]
        self._event(
            at, "IMPERSONATE", who, "null", act.address, details, session=_uuid(self._chance)
        )  # fmt: skip

    def administer(self, at: int, act: Administer) -> None:
        """An account is changed in the console."""
        path = f"users/{self.number('user', act.target)}"
        operation = "ACTION" if act.reset else "UPDATE"
        self._admin(
            at, operation, act.operator, act.address, "USER", path + "/reset-password" * act.reset
        )  # fmt: skip

    def change_client(self, at: int, act: ChangeClient) -> None:
        """The registration service changes a client."""
        who = Who(user="", realm="staff", address=act.address, agent="")
        self._event(at, "CLIENT_UPDATE", who, act.client, act.address, (), user="null")

    def bad_signature(self, at: int, act: BadSignature) -> None:
        """The user-info interface refuses a token."""
        who = Who(user="", realm="citizens", address=act.address, agent="")
        details = [
            ("error", "invalid_token"),
            ("reason", "org.keycloak.common.VerificationException: Signing failed"),
            ("auth_method", "validate_access_token"),
        ]  # fmt: skip
        self._event(
            at, "USER_INFO_REQUEST_ERROR", who, "null", act.address, details, user="null"
        )  # fmt: skip

    def _bind(self, at: int, user: str, *, right: bool) -> None:
        for moment, text in self._directory.bind(at - 5_000, user, right=right):
            self._sink.write(DIRECTORY.name, moment, text)

    def _tab(self, number: str) -> list[tuple[str, str]]:
        tab = f"{self._chance.getrandbits(48):012x}"[:11]
        return [("authSessionParentId", number), ("authSessionTabId", tab)]

    def _event(
        self,
        at: int,
        kind: str,
        who: Who,
        client: str,
        address: str,
        details: list[tuple[str, str]] | tuple[()],
        *,
        user: str = "",
        session: str = "",
    ) -> None:
        pairs = [
            ("type", kind), ("realmId", self.number("realm", who.realm)), ("realmName", who.realm),
            ("clientId", client), ("userId", user or self.number("user", who.user)),
        ]  # fmt: skip
        if session:
            pairs.append(("sessionId", session))
        pairs.append(("ipAddress", address))
        level = "WARN" if kind.endswith("_ERROR") else "INFO"
        text = lines.message([*pairs, *details])
        self._sink.write(KEYCLOAK.name, at, self._console.line(at, level, text))

    def _admin(
        self, at: int, operation: str, operator: str, address: str, resource: str, path: str
    ) -> None:
        text = lines.message(
            [
                ("operationType", operation), ("realmId", self.number("realm", "master")),
                ("realmName", "master"), ("clientId", self.number("client", "security-console")),
                ("userId", self.number("user", operator)), ("ipAddress", address),
                ("resourceType", resource), ("resourcePath", path),
            ]
        )  # fmt: skip
        self._sink.write(KEYCLOAK.name, at, self._console.line(at, "INFO", text))


def _uuid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))
