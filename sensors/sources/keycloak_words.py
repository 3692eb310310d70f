"""What Keycloak's event types are called here (``org.keycloak.events.EventType``, 26).

A type that is not in the list keeps its own name in lower case; one that ends in ``_ERROR`` is the
refusal of the one without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["action_of", "admin_action_of", "method_of"]

REFUSED: Final = "_refused"
_ERROR: Final = "_ERROR"

_ACTIONS: Final[dict[str, str]] = {
    "LOGIN": "login",
    "LOGOUT": "logout",
    "REGISTER": "account_register",
    "CODE_TO_TOKEN": "code_to_token",
    "CLIENT_LOGIN": "client_login",
    "REFRESH_TOKEN": "token_refresh",
    "INTROSPECT_TOKEN": "token_introspect",
    "VALIDATE_ACCESS_TOKEN": "token_validate",
    "USER_INFO_REQUEST": "userinfo",
    "TOKEN_EXCHANGE": "token_exchange",
    "UPDATE_PASSWORD": "password_change",
    "RESET_PASSWORD": "password_reset",
    "SEND_RESET_PASSWORD": "password_reset_ask",
    "UPDATE_TOTP": "device_change",
    "REMOVE_TOTP": "device_remove",
    "GRANT_CONSENT": "consent_grant",
    "UPDATE_CONSENT": "consent_grant",
    "REVOKE_GRANT": "consent_revoke",
    "IMPERSONATE": "impersonate",
    "CLIENT_REGISTER": "client_register",
    "CLIENT_UPDATE": "client_update",
    "CLIENT_DELETE": "client_delete",
    "INVALID_SIGNATURE": "signature_invalid",
    "USER_DISABLED_BY_TEMPORARY_LOCKOUT": "account_lockout",
    "USER_DISABLED_BY_PERMANENT_LOCKOUT": "account_lockout_permanent",
}
_CREDENTIALS: Final = {
    "UPDATE_CREDENTIAL": ("password_change", "device_change"),
    "REMOVE_CREDENTIAL": ("password_remove", "device_remove"),
}
"""Of a password, and of anything else: a one-time code's secret, a security key."""
_UNSIGNED: Final = ("Signing failed", "Invalid token signature", "Invalid signature")
"""How refusals of an access token say it in ``reason``."""


def action_of(kind: str, told: Mapping[str, str]) -> tuple[str, bool]:
    """The action of a user's event, and whether it succeeded."""
    base, failed = kind.removesuffix(_ERROR), kind.endswith(_ERROR)
    if failed and _is_unsigned(told):
        return "signature_invalid", False
    if base in _CREDENTIALS:
        action = _CREDENTIALS[base][told.get("credential_type") != "password"]
    else:
        action = _ACTIONS.get(base, base.lower())
    if action == "signature_invalid":
        return action, False
    return (action + REFUSED, False) if failed else (action, True)


def _is_unsigned(told: Mapping[str, str]) -> bool:
    reason = told.get("reason", "")
    return told.get("error") == "invalid_signature" or any(one in reason for one in _UNSIGNED)


def admin_action_of(operation: str, resource: str, path: str) -> str:
    """The action of an administrator's event: the console, or a program by the admin interface."""
    if resource == "USER" and path.endswith("/reset-password"):
        return "password_reset_by_admin"
    if resource == "CLIENT":
        return {"CREATE": "client_register", "DELETE": "client_delete"}.get(
            operation, "client_update"
        )
    return f"admin_{operation.lower()}"


def method_of(told: Mapping[str, str]) -> str:
    """How somebody proved who they are, as far as the event tells; empty where it does not.

    Keycloak does not name the method. A certificate, another identity provider and a one-time code
    leave traces of their own; what leaves none was a password.
    """
    if "x509_cert_serial_number" in told:
        return "certificate"
    if "identity_provider" in told:
        return "federated"
    if told.get("credential_type", "").startswith("webauthn"):
        return "webauthn"
    if told.get("credential_type") == "otp" or "selected_credential_id" in told:
        return "otp"
    if told.get("grant_type") == "client_credentials":
        return "client"
    return "password"
