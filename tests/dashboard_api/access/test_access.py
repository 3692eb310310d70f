import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standin import PASSWORD

from dashboard_api.access.access import FIRST_USERS, LINK_LIFE_US
from dashboard_api.access.roles import Role
from dashboard_api.access.sessions import IDLE_US
from schema.errors import FengsuiError
from schema.times import SECOND

TOKEN = "a-token-nobody-can-guess"


def refused(call):
    with pytest.raises(FengsuiError) as caught:
        call()
    return caught.value.code


@pytest.fixture
def officer(site):
    """A user ``zhang`` with a password."""
    site.user("zhang", Role.OFFICER)
    opened = site.access.login_link(site.access.issue_link("zhang", actor="test"))
    site.access.set_password(site.access.resolve([opened.token]), PASSWORD, "")
    return opened


def test_the_first_link_makes_four_users_and_lets_the_officer_in(site):
    site.access.first_link(TOKEN)
    found = {user.name: user for user in site.accounts.everyone()}
    assert set(found) == {name for name, _, _ in FIRST_USERS}
    assert {role for user in found.values() for role in user.roles} == {
        Role.OFFICER, Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN,
    }  # fmt: skip
    assert all(user.password is None for user in found.values())
    assert site.acts()[-1] == ("fengsui", "user.link", "officer", "done")
    opened = site.access.login_link(TOKEN)
    assert opened.principal.name == "officer"
    assert opened.principal.must_set_password


def test_a_second_start_makes_no_second_users_but_a_new_link(site):
    site.access.first_link(TOKEN)
    site.access.first_link(TOKEN + "2")
    assert len(site.accounts.everyone()) == 4
    assert site.access.login_link(TOKEN + "2").principal.name == "officer"


def test_a_site_whose_first_officer_was_closed_starts_without_a_link(site):
    site.access.first_link(TOKEN)
    (closed,) = [user for user in site.accounts.everyone() if user.name == "officer"]
    site.accounts.disable(site.user("wang", Role.SYSTEM_ADMIN), closed.id)
    assert site.access.first_link(TOKEN + "2") is False
    assert refused(lambda: site.access.login_link(TOKEN + "2")) == "dashboard_api.link.refused"


def test_a_link_used_twice_is_refused(site):
    site.access.first_link(TOKEN)
    site.access.login_link(TOKEN)
    assert refused(lambda: site.access.login_link(TOKEN)) == "dashboard_api.link.refused"


def test_a_link_used_by_many_at_once_lets_one_in(site):
    site.access.first_link(TOKEN)
    won, lost = [], []

    def use():
        try:
            won.append(site.access.login_link(TOKEN))
        except FengsuiError as error:
            lost.append(error.code)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert lost == ["dashboard_api.link.refused"] * 7


def test_a_link_ends_after_ten_minutes(site):
    site.access.first_link(TOKEN)
    site.clock.forward(LINK_LIFE_US / SECOND)
    assert refused(lambda: site.access.login_link(TOKEN)) == "dashboard_api.link.refused"


def test_no_link_for_an_unknown_user(site):
    call = lambda: site.access.issue_link("nobody", actor="test")  # noqa: E731
    assert refused(call) == "dashboard_api.user.unknown"


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30
)
@given(st.text(min_size=1, max_size=128))
def test_no_other_token_is_let_in(site, token):
    if not site.accounts.everyone():
        site.access.first_link(TOKEN)
    assert refused(lambda: site.access.login_link(token + "x")) == "dashboard_api.link.refused"


def test_name_and_password_let_in(site, officer):
    opened = site.access.login("zhang", PASSWORD)
    assert site.access.resolve([opened.token]).principal.name == "zhang"
    assert not opened.principal.must_set_password


@pytest.mark.parametrize("name", ["zhang", "nobody"])
def test_a_wrong_password_and_an_unknown_name_look_alike(site, officer, name):
    refusals = [refused(lambda: site.access.login(name, "wrong password")) for _ in range(6)]
    assert refusals == ["dashboard_api.login.refused"] * 5 + ["dashboard_api.login.locked"]


def test_a_closed_name_refuses_the_right_password_until_ten_minutes_are_over(site, officer):
    for _ in range(5):
        refused(lambda: site.access.login("zhang", "wrong password"))
    assert refused(lambda: site.access.login("zhang", PASSWORD)) == "dashboard_api.login.locked"
    site.clock.forward(600)
    assert site.access.login("zhang", PASSWORD)


def test_parallel_guesses_do_not_outrun_the_lock(site, officer):
    codes = []

    def guess():
        while True:
            code = refused(lambda: site.access.login("zhang", "wrong password"))
            if code != "dashboard_api.login.busy":
                return codes.append(code)

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes.count("dashboard_api.login.refused") == 5


def test_a_session_ends_when_idle_and_stays_while_used(site, officer):
    for _ in range(4):
        site.clock.forward(IDLE_US / SECOND - 60)
        assert site.access.resolve([officer.token])
    site.clock.forward(IDLE_US / SECOND - 60)
    assert site.access.resolve([officer.token], touch=False)
    site.clock.forward(120)
    assert site.access.resolve([officer.token]) is None


def test_the_living_one_of_two_cookies_counts(site, officer):
    assert site.access.resolve(["of another site", officer.token]).principal.name == "zhang"
    assert site.access.resolve([]) is None


def test_logging_out_ends_the_session(site, officer):
    site.access.logout(site.access.resolve([officer.token]))
    assert site.access.resolve([officer.token]) is None


def test_setting_a_password_ends_the_other_sessions(site, officer):
    other = site.access.login("zhang", PASSWORD)
    site.access.set_password(site.access.resolve([officer.token]), PASSWORD + "!", "")
    assert site.access.resolve([officer.token])
    assert site.access.resolve([other.token]) is None


def test_a_password_session_must_give_the_current_one(site, officer):
    signed_in = site.access.resolve([site.access.login("zhang", PASSWORD).token])
    call = lambda current: site.access.set_password(signed_in, "another good one", current)  # noqa: E731
    assert refused(lambda: call("wrong")) == "dashboard_api.password.wrong"
    assert not call(PASSWORD).must_set_password
    assert site.access.login("zhang", "another good one")


def test_a_weak_password_changes_nothing(site, officer):
    signed_in = site.access.resolve([officer.token])
    call = lambda: site.access.set_password(signed_in, "zhang-zhang-1", "")  # noqa: E731
    assert refused(call) == "dashboard_api.password.weak"
    assert site.access.login("zhang", PASSWORD)


def test_every_sign_in_and_refusal_is_audited_without_what_was_typed(site, officer):
    refused(lambda: site.access.login("my secret typed as name", "wrong password"))
    acts = site.acts()
    assert acts[0] == ("test", "user.link", "zhang", "done")
    assert ("zhang", "login.link", "-", "done") in acts
    assert ("zhang", "password.set", "-", "done") in acts
    assert acts[-1] == ("-", "login.password", "-", "refused")
    assert "secret" not in str(site.audit.page(0, 100))


def test_on_a_new_site_one_lets_applications_in_and_another_grants_in_every_unit(site):
    site.access.first_link(TOKEN)
    units = {user.name: user.units for user in site.accounts.everyone()}
    assert (units["sysadmin"], units["secadmin"], units["auditor"]) == (("*",), ("*",), ())
