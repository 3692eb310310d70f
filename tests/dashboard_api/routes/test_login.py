import pytest
from standin import PASSWORD, Browser, problem

from dashboard_api.access.roles import Role


@pytest.fixture
def browser(site):
    return Browser(site.app)


def link(site, browser, name="zhang", role=Role.OFFICER):
    site.user(name, role, units=("tax",))
    token = site.access.issue_link(name, actor="test")
    return browser.post("/v1/login/link", json={"token": token})


def test_a_link_opens_a_session_in_a_cookie_no_script_can_read(site, browser):
    answer = link(site, browser)
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("fengsui_session=")
    for part in ("HttpOnly", "Path=/", "SameSite=strict", "Max-Age=43200"):
        assert part in cookie.split("; ")
    assert "Secure" not in cookie
    me = browser.get("/v1/me").json()
    assert me == answer.json()
    assert (me["name"], me["roles"], me["scope"]) == ("zhang", ["officer"], {"units": ["tax"]})
    assert me["must_set_password"] is True
    assert "alerts.decide" in me["permissions"]


def test_over_tls_the_cookie_is_secure(site):
    browser = Browser(site.app, "https://localhost")
    assert "Secure" in link(site, browser).headers["set-cookie"].split("; ")


def test_a_wrong_link_and_a_used_link_are_refused_alike(site, browser):
    wrong = browser.post("/v1/login/link", json={"token": "wrong"})
    site.access.first_link("once")
    browser.post("/v1/login/link", json={"token": "once"})
    used = browser.post("/v1/login/link", json={"token": "once"})
    assert problem(wrong) == problem(used) == (401, "dashboard_api.link.refused")
    assert "fengsui_dashboard_api_logins_refused_total 2" in site.stream.metrics.text()


def test_the_way_from_link_to_password_to_login_to_logout(site, browser):
    link(site, browser)
    answer = browser.put("/v1/me/password", json={"password": "short"})
    assert problem(answer) == (422, "dashboard_api.password.weak")
    answer = browser.put("/v1/me/password", json={"password": PASSWORD})
    assert answer.json()["must_set_password"] is False
    assert browser.post("/v1/logout").status_code == 204
    assert not browser.cookies
    assert problem(browser.get("/v1/me"))[0] == 401
    login = {"name": "zhang", "password": PASSWORD}
    assert browser.post("/v1/login", json=login).status_code == 200
    change = {"password": PASSWORD + "!", "current": "wrong"}
    answer = browser.put("/v1/me/password", json=change)
    assert problem(answer) == (422, "dashboard_api.password.wrong")
    change["current"] = PASSWORD
    assert browser.put("/v1/me/password", json=change).status_code == 200


def test_a_closed_name_says_when_to_come_back(site, browser):
    for _ in range(5):
        answer = browser.post("/v1/login", json={"name": "zhang", "password": "wrong"})
        assert problem(answer) == (401, "dashboard_api.login.refused")
    answer = browser.post("/v1/login", json={"name": "zhang", "password": "wrong"})
    assert problem(answer) == (429, "dashboard_api.login.locked")
    assert answer.headers["retry-after"] == "600"


def test_a_session_that_ended_by_the_clock_is_no_session(site, browser):
    link(site, browser)
    site.clock.forward(30 * 60)
    assert problem(browser.get("/v1/me")) == (401, "dashboard_api.session.missing")
