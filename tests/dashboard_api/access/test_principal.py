import pytest

from dashboard_api.access.principal import Principal, Scope
from dashboard_api.access.roles import Permission, Role
from schema.errors import FengsuiError


def principal(*roles):
    return Principal(
        id="1",
        name="zhang",
        display_name="张",
        roles=frozenset(roles),
        scope=Scope(("tax",)),
        must_set_password=False,
    )


def test_a_scope_holds_its_units_only():
    assert Scope(("tax",)).holds("tax")
    assert not Scope(("tax",)).holds("social")
    assert not Scope(()).holds("tax")


def test_the_star_is_every_unit_and_no_unit_is_called_so():
    assert Scope(("*",)).holds("anything")
    assert Scope(("*",)).everything
    assert not Scope(("tax",)).everything


def test_a_missing_permission_is_named():
    principal(Role.OFFICER).must_have(Permission.ALERTS_DECIDE)
    with pytest.raises(FengsuiError) as caught:
        principal(Role.VIEWER).must_have(Permission.ALERTS_DECIDE)
    assert caught.value.code == "dashboard_api.permission.missing"
    assert caught.value.params == {"permission": "alerts.decide"}
