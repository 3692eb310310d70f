import pytest
from standin import PASSWORD

from dashboard_api.access.roles import Role
from schema.errors import FengsuiError


def refused(call):
    with pytest.raises(FengsuiError) as caught:
        call()
    return caught.value.code


@pytest.fixture
def admin(site):
    """The principal of a system administrator."""
    site.user("sysadmin", Role.SYSTEM_ADMIN)
    return site.access.login_link(site.access.issue_link("sysadmin", actor="test")).principal


@pytest.fixture
def granter(site):
    """The principal of a security administrator."""
    site.user("secadmin", Role.SECURITY_ADMIN)
    return site.access.login_link(site.access.issue_link("secadmin", actor="test")).principal


def test_a_new_account_has_no_rights(site, admin):
    user = site.accounts.create(admin, "zhang", "张伟")
    assert user.roles == frozenset()
    assert user.units == ()
    assert user.principal(by_link=False).permissions == frozenset()


def test_rights_are_replaced_and_the_sessions_end(site, admin, granter):
    user = site.accounts.create(admin, "zhang", "张伟")
    name, token = site.accounts.link(admin, user.id, site.access)
    opened = site.access.login_link(token)
    changed = site.accounts.set_rights(
        granter, user.id, roles=frozenset({Role.VIEWER}), units=["tax"]
    )
    assert name == "zhang"
    assert (changed.roles, changed.units) == ({Role.VIEWER}, ("tax",))
    assert site.access.resolve([opened.token]) is None


def test_nobody_changes_their_own_account(site, granter):
    roles = frozenset({Role.AUDIT_ADMIN})
    call = lambda: site.accounts.set_rights(granter, granter.id, roles=roles, units=[])  # noqa: E731
    assert refused(call) == "dashboard_api.user.self"


def test_whoever_issues_links_cannot_sign_in_as_somebody_with_a_password(site, admin, granter):
    user = site.accounts.create(admin, "zhang", "张伟")
    _, token = site.accounts.link(admin, user.id, site.access)
    opened = site.access.login_link(token)
    site.access.set_password(site.access.resolve([opened.token]), PASSWORD, "")
    link = lambda: site.accounts.link(admin, user.id, site.access)  # noqa: E731
    assert refused(link) == "dashboard_api.link.password_set"
    site.accounts.clear_password(granter, user.id)
    assert site.access.resolve([opened.token]) is None
    assert refused(lambda: site.access.login("zhang", PASSWORD)) == "dashboard_api.login.refused"
    assert link()


def test_a_link_from_before_the_password_was_taken_back_is_void(site, admin, granter):
    user = site.accounts.create(admin, "zhang", "张伟")
    _, token = site.accounts.link(admin, user.id, site.access)
    site.accounts.clear_password(granter, user.id)
    assert refused(lambda: site.access.login_link(token)) == "dashboard_api.link.refused"


def test_a_closed_account_lets_nobody_in(site, admin):
    user = site.accounts.create(admin, "zhang", "张伟")
    _, token = site.accounts.link(admin, user.id, site.access)
    opened = site.access.login_link(token)
    _, unused = site.accounts.link(admin, user.id, site.access)
    assert site.accounts.disable(admin, user.id).disabled_at == site.clock.now()
    assert site.access.resolve([opened.token]) is None
    assert refused(lambda: site.access.login_link(unused)) == "dashboard_api.link.refused"
    link = lambda: site.accounts.link(admin, user.id, site.access)  # noqa: E731
    assert refused(link) == "dashboard_api.user.unknown"
    create = lambda: site.accounts.create(admin, "zhang", "again")  # noqa: E731
    assert refused(create) == "dashboard_api.user.exists"


def test_an_unknown_account_is_refused(site, admin):
    assert refused(lambda: site.accounts.disable(admin, "no-id")) == "dashboard_api.user.unknown"


def test_every_change_is_audited_by_name_and_role(site, admin, granter):
    user = site.accounts.create(admin, "zhang", "张伟")
    site.accounts.set_rights(granter, user.id, roles=frozenset({Role.VIEWER}), units=[])
    site.accounts.disable(admin, user.id)
    assert site.acts()[-3:] == [
        ("sysadmin", "user.create", "zhang", "done"),
        ("secadmin", "user.rights", "zhang", "done"),
        ("sysadmin", "user.disable", "zhang", "done"),
    ]
