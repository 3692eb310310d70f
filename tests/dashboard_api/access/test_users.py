import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard_api.access import users
from dashboard_api.access.roles import Role
from schema.errors import FengsuiError


def refused(call):
    with pytest.raises(FengsuiError) as caught:
        call()
    return caught.value.code


def test_a_user_is_kept_with_roles_and_units(site):
    made = site.user("zhang.wei", Role.VIEWER, units=("tax", "social"))
    with site.database.read() as state:
        found = users.known(state, made.id)
        assert users.by_name(state, "zhang.wei") == found
    assert found.roles == {Role.VIEWER}
    assert found.units == ("social", "tax")
    assert found.password is None
    assert found.disabled_at is None
    assert not found.principal(by_link=False).must_set_password
    assert found.principal(by_link=True).must_set_password


def test_a_name_is_taken_once(site):
    site.user("zhang", Role.VIEWER)
    assert refused(lambda: site.user("zhang", Role.VIEWER)) == "dashboard_api.user.exists"


@pytest.mark.parametrize("name", ["", "a", "Zhang", "1abc", "a b", "a" * 33, "张伟"])
def test_a_name_that_is_no_name_is_refused(site, name):
    assert refused(lambda: site.user(name, Role.VIEWER)) == "dashboard_api.user.malformed"


@pytest.mark.parametrize("units", [("",), ("a\nb",), ("ta*x",), ("x" * 65,), ("u",) * 201])
def test_units_that_are_no_units_are_refused(site, units):
    refusal = refused(lambda: site.user("zhang", Role.VIEWER, units=units))
    assert refusal == "dashboard_api.user.units"
    with site.database.read() as state:
        assert users.by_name(state, "zhang") is None


def test_exclusive_roles_are_refused_and_nothing_changes(site):
    made = site.user("zhang", Role.VIEWER)
    roles = frozenset({Role.AUDIT_ADMIN, Role.VIEWER})

    def job(state):
        users.set_rights(state, made.id, roles=roles, units=())

    assert refused(lambda: site.database.write(job)) == "dashboard_api.roles.exclusive"
    with site.database.read() as state:
        assert users.known(state, made.id).roles == {Role.VIEWER}


@given(st.text(max_size=70))
def test_a_unit_never_looks_like_every_unit(text):
    if users.UNIT.fullmatch(text) and text != "*":
        assert "*" not in text
        assert text.strip()
