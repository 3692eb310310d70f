"""Accounts: who may sign in where, and with what, when the living week begins."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from district.identity.people import ADMINS, LEAVERS, SEASONAL
from district.identity.provider import Provider
from district.identity.registers import leaver
from district.town import Town

__all__ = ["PASSWORD", "WRONG", "Account", "citizens", "operators", "secret_of", "staff"]

PASSWORD: Final = "Lu-2026-ren"
"""Of everybody: only whether a password is right can be seen in a log."""
WRONG: Final = "Lu-2025-ren"
AUDITORS: Final = 12
"""Accounts of outside auditors: one for each time ID15 is carried out, and some."""
_SALT: Final = b"district-salt-16"
_KEY_BYTES: Final = 64
"""What Keycloak's own providers make of PBKDF2; another size would be hashed anew at a log-in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One of a realm."""

    user: str
    number: str
    """Keycloak's id."""
    enabled: bool = True


def citizens(town: Town, provider: Provider) -> Iterator[Account]:
    """Everybody who lives here."""
    for one in town.citizens:
        yield Account(user=one.user, number=provider.number("user", one.user))


def staff(town: Town, provider: Provider) -> Iterator[Account]:
    """Clerks, seasonal helpers, auditors; and those who left, whose accounts are closed."""
    names = [one.user for one in town.clerks]
    names += [f"tmp.helper{number}" for number in range(SEASONAL)]
    names += [f"ext.auditor{number}" for number in range(AUDITORS)]
    for name in names:
        yield Account(user=name, number=provider.number("user", name))
    for number in range(LEAVERS):
        name = leaver(number)
        yield Account(user=name, number=provider.number("user", name), enabled=False)


def operators(provider: Provider) -> Iterator[Account]:
    """Administrators, in the realm ``master``."""
    for name in ADMINS:
        yield Account(user=name, number=provider.number("user", name))


def secret_of(account: str) -> str:
    """What the account's one-time codes come from (20 characters, as Keycloak makes them)."""
    return hashlib.sha256(f"otp/{account}".encode()).hexdigest()[:20]


def password_credential() -> dict[str, Any]:
    """One iteration of PBKDF2: a recorder's log-ins need not be dear."""
    key = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), _SALT, 1, _KEY_BYTES)
    told = {"value": base64.b64encode(key).decode(), "salt": base64.b64encode(_SALT).decode()}
    return {
        "type": "password",
        "secretData": json.dumps(told),
        "credentialData": json.dumps({"hashIterations": 1, "algorithm": "pbkdf2-sha256"}),
    }


def code_credential(account: str, number: str) -> dict[str, Any]:
    """A phone that gives one-time codes."""
    kind = {
        "subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1",
    }  # fmt: skip
    return {
        "id": number, "type": "otp", "userLabel": "phone", "secretData":
        json.dumps({"value": secret_of(account)}), "credentialData": json.dumps(kind),
    }  # fmt: skip
