"""Realms: what Keycloak imports at its start: accounts, clients, lock-outs, the directory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from district.identity.provider import CLIENTS, FAILURES_MAX, Provider
from district.town import Town

from living.identity import accounts
from living.identity.directory import ADDRESS as DIRECTORY
from living.identity.directory import BASE, SERVICE, SERVICE_PASSWORD, dn
from living.identity.mail import ADDRESS as MAIL
from living.identity.mail import PORT as MAIL_PORT

__all__ = ["LOCKED_S", "MINUTE_S", "SECRET", "client", "realms"]

LOCKED_S: Final = 3
"""A lock of a minute lasts as many true seconds: in them the recorder carries out the deeds of many
minutes, so a lock is never over too early; see :class:`living.identity.part.Identity`."""
MINUTE_S: Final = 60
SECRET: Final = "district-client-secret"
"""Of each confidential client."""
_HOUR_S: Final = 3600
_MAPPER: Final = "org.keycloak.storage.ldap.mappers.LDAPStorageMapper"


def client(provider: Provider, realm: str, name: str, *, consent: bool = False) -> dict[str, Any]:
    """A realm's client: public where it has no servers."""
    public = not provider.servers.get(name)
    return {
        "id": provider.number("client", realm, name), "clientId": name, "enabled": True,
        "publicClient": public, "secret": SECRET, "standardFlowEnabled": True,
        "redirectUris": [f"https://{name}.district.example/cb"], "consentRequired": consent,
        "protocol": "openid-connect", "fullScopeAllowed": True,
        "attributes": {"post.logout.redirect.uris": "+"},
    }  # fmt: skip


def realms(town: Town, provider: Provider) -> list[dict[str, Any]]:
    """Those of citizens and of staff."""
    citizens = _realm(provider, "citizens", accounts.citizens(town, provider))
    staff = _realm(provider, "staff", accounts.staff(town, provider), link=True)
    number = provider.number("component", "ldap")
    staff["components"] = {"org.keycloak.storage.UserStorageProvider": [_federation(number)]}
    return [citizens, staff]


def _realm(
    provider: Provider, name: str, people: Iterable[accounts.Account], *, link: bool = False
) -> dict[str, Any]:
    return {
        "id": provider.number("realm", name), "realm": name, "enabled": True, "sslRequired": "none",
        "bruteForceProtected": True, "failureFactor": FAILURES_MAX[name],
        "waitIncrementSeconds": LOCKED_S, "maxFailureWaitSeconds": 15 * LOCKED_S,
        # Wrong passwords of different minutes follow each other within milliseconds here.
        "quickLoginCheckMilliSeconds": 0, "maxDeltaTimeSeconds": 12 * _HOUR_S,
        "revokeRefreshToken": True, "refreshTokenMaxReuse": 0, "resetPasswordAllowed": True,
        "ssoSessionIdleTimeout": 10 * _HOUR_S, "ssoSessionMaxLifespan": 24 * _HOUR_S,
        "accessTokenLifespan": 300, "eventsEnabled": False, "eventsListeners": ["jboss-logging"],
        "passwordPolicy": "hashAlgorithm(pbkdf2-sha256) and hashIterations(1)",
        # Two log-ins of different hours may fall into one half minute of true time.
        "otpPolicyCodeReusable": True, "otpPolicyLookAheadWindow": 1,
        "smtpServer": {"host": MAIL, "port": str(MAIL_PORT), "from": "idp@district.example"},
        "clients": [client(provider, name, one, consent=one == "open-data") for one in CLIENTS],
        "users": [_user(provider, name, one, link=link) for one in people],
    }  # fmt: skip


def _user(
    provider: Provider, realm: str, account: accounts.Account, *, link: bool
) -> dict[str, Any]:
    user = account.user
    told: dict[str, Any] = {
        "id": account.number, "username": user, "enabled": account.enabled, "emailVerified": True,
        "email": f"{user}@mail.district.example", "firstName": user, "lastName": "示例",
        "realmRoles": [f"default-roles-{realm}"],
        "credentials": [accounts.code_credential(user, provider.number("otp", user))],
    }  # fmt: skip
    if link:
        told["federationLink"] = provider.number("component", "ldap")
        told["attributes"] = {"LDAP_ID": [account.number], "LDAP_ENTRY_DN": [dn(user)]}
    else:
        told["credentials"].append(accounts.password_credential())
    return told


def _federation(number: str) -> dict[str, Any]:
    config = {
        "enabled": "true", "priority": "0", "editMode": "WRITABLE", "vendor": "other",
        "connectionUrl": f"ldap://{DIRECTORY}:389", "usersDn": f"ou=people,{BASE}",
        "bindDn": SERVICE, "bindCredential": SERVICE_PASSWORD, "authType": "simple",
        "usernameLDAPAttribute": "uid", "rdnLDAPAttribute": "uid", "uuidLDAPAttribute": "entryUUID",
        "userObjectClasses": "inetOrgPerson", "searchScope": "1", "importEnabled": "true",
        "syncRegistrations": "false", "usePasswordModifyExtendedOp": "true",
        "connectionPooling": "true", "cachePolicy": "DEFAULT", "trustEmail": "true",
        "fullSyncPeriod": "-1", "changedSyncPeriod": "-1", "pagination": "false",
    }  # fmt: skip
    mapped = (("username", "uid"), ("firstName", "cn"), ("lastName", "sn"), ("email", "mail"))
    mappers = [
        {
            "name": model, "providerId": "user-attribute-ldap-mapper", "config": {
                "ldap.attribute": [attribute], "user.model.attribute": [model],
                "read.only": ["false"], "always.read.value.from.ldap": ["false"],
                "is.mandatory.in.ldap": ["true"],
            },
        }
        for model, attribute in mapped
    ]  # fmt: skip
    return {
        "id": number, "name": "ldap", "providerId": "ldap",
        "config": {key: [value] for key, value in config.items()},
        "subComponents": {_MAPPER: mappers},
    }  # fmt: skip
