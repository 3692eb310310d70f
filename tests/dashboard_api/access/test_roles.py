from itertools import chain, combinations

import pytest

from dashboard_api.access.roles import (
    ADMINISTRATORS,
    BUSINESS_DATA,
    PERMISSIONS,
    TITLES_ZH,
    Permission,
    Role,
    check_roles,
    permissions_of,
)
from schema.errors import FengsuiError

EVERY_SET = [
    frozenset(roles)
    for roles in chain.from_iterable(combinations(Role, size) for size in range(len(Role) + 1))
]


def reachable():
    for roles in EVERY_SET:
        try:
            yield check_roles(roles)
        except FengsuiError:
            continue


def test_some_role_sets_are_reachable_and_some_are_not():
    assert 0 < len(list(reachable())) < len(EVERY_SET) == 2 ** len(Role)


def test_no_reachable_role_set_grants_rights_and_reads_audit():
    for roles in reachable():
        assert not {Permission.RIGHTS_GRANT, Permission.AUDIT_READ} <= permissions_of(roles)


def test_no_reachable_role_set_of_an_administrator_holds_business_data():
    for roles in reachable():
        if roles & ADMINISTRATORS:
            assert not permissions_of(roles) & BUSINESS_DATA


def test_no_reachable_role_set_brings_people_in_alone():
    for roles in reachable():
        assert not {Permission.USERS_CREATE, Permission.RIGHTS_GRANT} <= permissions_of(roles)


def test_no_permission_changes_audit():
    assert [one for one in Permission if one.startswith("audit")] == [Permission.AUDIT_READ]


def test_two_administrators_in_one_person_are_refused():
    with pytest.raises(FengsuiError) as caught:
        check_roles([Role.SYSTEM_ADMIN, Role.AUDIT_ADMIN])
    assert caught.value.code == "dashboard_api.roles.exclusive"


def test_every_role_has_permissions_and_a_chinese_title():
    assert set(PERMISSIONS) == set(TITLES_ZH) == set(Role)
    assert all(PERMISSIONS.values())
    assert permissions_of(Role) == set(Permission)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # Let an application in and say what it may do.
        (Permission.APPLICATIONS_MANAGE, Permission.APPLICATIONS_GRANT),
        # Ask for a key's destruction or export and approve it.
        (Permission.KEYS_MANAGE, Permission.KEYS_APPROVE),
        # Hold an application's credential, ask in its name, and approve it.
        (Permission.APPLICATIONS_MANAGE, Permission.KEYS_APPROVE),
        # Manage keys and grant oneself their use by an application.
        (Permission.APPLICATIONS_GRANT, Permission.KEYS_MANAGE),
        (Permission.APPLICATIONS_GRANT, Permission.AUDIT_READ),
        (Permission.KEYS_APPROVE, Permission.AUDIT_READ),
    ],
)
def test_no_reachable_role_set_does_both(one, other):
    for roles in reachable():
        assert not {one, other} <= permissions_of(roles), roles


def test_somebody_can_do_each_of_them():
    held = {permission for roles in reachable() for permission in permissions_of(roles)}
    assert held == set(Permission)
