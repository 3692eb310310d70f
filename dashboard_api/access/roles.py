"""Roles and permissions: the one table that says who may do what.

The three administrators (三员) exclude each other and every business role, so nobody can grant
rights and touch audit, and no administrator sees alerts or events. Of the national-crypto service:
who lets an application in does not say what it may do, and who may ask for a key's destruction or
export may not approve one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from schema.errors import FengsuiError


class Permission(StrEnum):
    """One thing a person may do."""

    ALERTS_READ = "alerts.read"
    ALERTS_DECIDE = "alerts.decide"
    EVENTS_READ = "events.read"
    EVENTS_PROVE = "events.prove"
    SENSORS_READ = "sensors.read"
    SENSORS_ENROL = "sensors.enrol"
    """Issue enrolment tokens and revoke sensors."""
    RULES_READ = "rules.read"
    USERS_READ = "users.read"
    USERS_CREATE = "users.create"
    """Create and disable accounts, and issue the first login link of one without password."""
    RIGHTS_GRANT = "rights.grant"
    """Set roles and units of an account, and take back its password."""
    AUDIT_READ = "audit.read"
    APPLICATIONS_READ = "applications.read"
    APPLICATIONS_MANAGE = "applications.manage"
    """Register applications, issue and revoke their credentials, disable and enable them."""
    APPLICATIONS_GRANT = "applications.grant"
    """Say what an application may do, with which keys and how much."""
    KEYS_READ = "keys.read"
    KEYS_MANAGE = "keys.manage"
    """Make, import, rotate, enable and disable keys and certificates; ask for the destruction or
    export of a key."""
    KEYS_APPROVE = "keys.approve"
    """Be the second person for the destruction or export of a key."""
    REGISTERS_READ = "registers.read"
    REGISTERS_PROPOSE = "registers.propose"
    """Hand in what a register should say; it holds once somebody else approved it."""
    REGISTERS_APPROVE = "registers.approve"
    """Be the second person for a register, and never for what one proposed oneself."""


class Role(StrEnum):
    """What a person is here."""

    SYSTEM_ADMIN = "system_admin"
    SECURITY_ADMIN = "security_admin"
    AUDIT_ADMIN = "audit_admin"
    OFFICER = "officer"
    SYSTEM_OWNER = "system_owner"
    INTEGRATOR = "integrator"
    VIEWER = "viewer"


ADMINISTRATORS: Final = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN})
BUSINESS_DATA: Final = frozenset(
    {
        Permission.ALERTS_READ,
        Permission.ALERTS_DECIDE,
        Permission.EVENTS_READ,
        Permission.EVENTS_PROVE,
    }
)

TITLES_ZH: Final[Mapping[Role, str]] = MappingProxyType(
    {
        Role.SYSTEM_ADMIN: "系统管理员",
        Role.SECURITY_ADMIN: "安全管理员",
        Role.AUDIT_ADMIN: "审计管理员",
        Role.OFFICER: "网络安全员",
        Role.SYSTEM_OWNER: "系统责任人",
        Role.INTEGRATOR: "集成方",
        Role.VIEWER: "查看者",
    }
)

_P: Final = Permission
PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = MappingProxyType(
    {
        Role.SYSTEM_ADMIN: frozenset(
            {
                _P.USERS_READ,
                _P.USERS_CREATE,
                _P.SENSORS_READ,
                _P.SENSORS_ENROL,
                _P.APPLICATIONS_READ,
                _P.APPLICATIONS_MANAGE,
            }
        ),
        Role.SECURITY_ADMIN: frozenset(
            {
                _P.USERS_READ,
                _P.RIGHTS_GRANT,
                _P.RULES_READ,
                _P.APPLICATIONS_READ,
                _P.APPLICATIONS_GRANT,
                _P.KEYS_READ,
                _P.KEYS_APPROVE,
            }
        ),
        Role.AUDIT_ADMIN: frozenset({_P.AUDIT_READ}),
        Role.OFFICER: BUSINESS_DATA
        | {
            _P.SENSORS_READ,
            _P.RULES_READ,
            _P.APPLICATIONS_READ,
            _P.KEYS_READ,
            _P.REGISTERS_READ,
            _P.REGISTERS_PROPOSE,
            _P.REGISTERS_APPROVE,
        },
        Role.SYSTEM_OWNER: frozenset(
            {
                _P.ALERTS_READ,
                _P.EVENTS_READ,
                _P.EVENTS_PROVE,
                _P.SENSORS_READ,
                _P.RULES_READ,
                _P.REGISTERS_READ,
                _P.REGISTERS_PROPOSE,
                _P.REGISTERS_APPROVE,
            }
        ),
        Role.INTEGRATOR: frozenset(
            {
                _P.SENSORS_READ,
                _P.RULES_READ,
                _P.APPLICATIONS_READ,
                _P.KEYS_READ,
                _P.KEYS_MANAGE,
                _P.REGISTERS_READ,
                _P.REGISTERS_PROPOSE,
            }
        ),
        Role.VIEWER: frozenset({_P.ALERTS_READ, _P.SENSORS_READ, _P.RULES_READ}),
    }
)


def check_roles(roles: Iterable[Role]) -> frozenset[Role]:
    """The roles, if one person may hold them together; else ``dashboard_api.roles.exclusive``."""
    held = frozenset(roles)
    if held & ADMINISTRATORS and len(held) > 1:
        names = ", ".join(sorted(held))
        raise FengsuiError(
            "dashboard_api.roles.exclusive",
            f"one person cannot hold {names} together: an administrator's role stands alone, "
            "give each to a person of its own",
            roles=names,
        )
    return held


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """Everything these roles allow."""
    return frozenset(permission for role in roles for permission in PERMISSIONS[role])
