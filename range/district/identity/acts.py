"""Acts: what people and programs do at the identity provider, the portal and by messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = [
    "Act", "Administer", "Approve", "BadSignature", "BindDevice", "ChangeClient", "Fail",
    "Impersonate", "Refresh", "RegisterClient", "Request", "ResetPassword", "SendCode", "SignIn",
    "UseClient", "Who",
]  # fmt: skip

PORTAL: str = "portal-app"
"""The citizens' client: public, so that its requests come from their own addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """An account, and from where and with what it is used."""

    user: str
    realm: str
    address: str
    agent: str
    phone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """The password, certificate or code is right."""

    who: Who
    client: str = PORTAL
    method: str = "password"
    consent: str = "no_consent_required"
    session: str = ""
    """A name for what is done later in the session; nothing more is done without one."""
    requests: int = 1
    """Pages of the portal asked for right after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """The password is wrong, ``times`` in a row and ``every_us`` apart."""

    who: Who
    client: str = PORTAL
    times: int = 1
    every_us: int = 0
    error: str = "invalid_user_credentials"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """A refresh token is shown: the newest of the session, or one that was rotated already."""

    session: str
    address: str
    stale: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A page is asked for with the session's access token."""

    session: str
    address: str
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendCode:
    """The portal is asked to send a code."""

    who: Who
    template: str = "SMS_LOGIN_CODE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPassword:
    """A forgotten password is set anew by the link in a message."""

    who: Who
    client: str = PORTAL


@dataclass(frozen=True, slots=True, kw_only=True)
class BindDevice:
    """Another phone gives the one-time codes from now on."""

    who: Who
    client: str = PORTAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve:
    """The register of impersonations gets a row for eight hours."""

    operator: str
    target: str
    ticket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Impersonate:
    """An administrator takes on a user's session."""

    operator: str
    target: str
    realm: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Administer:
    """An administrator changes an account in the console."""

    operator: str
    target: str
    address: str
    reset: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterClient:
    """A client that the register knows from now on."""

    client: str
    addresses: tuple[str, ...]
    sensitive: tuple[str, ...] = ()
    level: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeClient:
    """A client's settings are changed by the registration service."""

    client: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UseClient:
    """Somebody signs in through a client, whose token is fetched from this address."""

    client: str
    address: str
    who: Who


@dataclass(frozen=True, slots=True, kw_only=True)
class BadSignature:
    """An access token whose signature does not hold is shown to the user-info interface."""

    address: str


Act: TypeAlias = (
    SignIn | Fail | Refresh | Request | SendCode | ResetPassword | BindDevice | Approve
    | Impersonate | Administer | RegisterClient | ChangeClient | UseClient | BadSignature
)  # fmt: skip
