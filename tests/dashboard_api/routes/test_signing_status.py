import pytest
from processes import Processes
from standin import Browser, problem

from dashboard_api.access.roles import Role
from dashboard_api.applications.model import Application
from dashboard_api.applications.records import Hand

STATUS, USAGE = "/v1/crypto/status", "/v1/crypto/usage"
NOVEMBER = {"month": "2026-11"}


@pytest.fixture
def used(site):
    """Two applications of two units signed in November; so did a stranger, in vain."""
    for name, unit in (("payments", "finance"), ("permits", "health")):
        site.applications.register(Hand("sysadmin", "p1"), name, name=name, unit=unit)
    rows = [("payments", 5), ("permits", 7), ("", 0)]
    site.database.write(
        lambda state: state.executemany(
            "INSERT INTO signing_usage VALUES ('2026-11-20', ?, 'sign', 'SM2-SM3', 'message', "
            "'software', ?, 0, 1)",
            rows,
        )
    )
    return site


def seen(browser, **more):
    return {
        one["application"] for one in browser.get(USAGE, params=NOVEMBER, **more).json()["items"]
    }


def test_the_status_says_what_computes_and_that_it_is_no_certified_module(site):
    shown = site.browser(Role.INTEGRATOR).get(STATUS).json()
    assert shown["module"] == "software, not a certified module"
    assert len(shown["vectors"]) >= 5
    assert (shown["workers"], shown["restarts"], shown["waiting"]) == (2, 1, 3)
    assert shown["failures"] == ["dashboard_api.signing.restarted"]
    assert shown["device"] is None


def test_people_see_the_usage_of_their_units(used):
    assert seen(used.browser(Role.INTEGRATOR, units=("finance",))) == {"payments"}
    assert seen(used.browser(Role.INTEGRATOR)) == {"payments", "permits", ""}


def test_an_application_sees_its_own_usage_without_any_grant(used):
    asking = Application(id="permits", name="x", unit="health", credentials=(), grants={})
    object.__setattr__(used.services, "signing", Processes(asking))
    headers = {"Authorization": "Bearer permits"}
    assert seen(Browser(used.app), headers=headers) == {"permits"}
    assert Browser(used.app).get(STATUS, headers=headers).status_code == 200


def test_the_counts_are_of_the_month_that_is_asked_for(used):
    browser = used.browser(Role.INTEGRATOR, units=("finance",))
    (one,) = browser.get(USAGE, params=NOVEMBER).json()["items"]
    assert (one["done"], one["refused"], one["place"]) == (5, 1, "software")
    assert browser.get(USAGE, params={"month": "2026-10"}).json() == {"items": []}
    assert problem(browser.get(USAGE, params={"month": "2026-13"}))[0] == 422
