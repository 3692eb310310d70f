import pytest
from standin import BASE, Browser, StandIn

from dashboard_api.access.roles import Role
from dashboard_api.front import create_front


@pytest.fixture
def both(tmp_path):
    """A duty site and a demonstration behind one front."""
    duty = StandIn(tmp_path / "site")
    demo = StandIn(tmp_path / "demo", root_path="/demo/")
    yield duty, demo, create_front({"/": duty.app, "/demo/": demo.app})
    duty.close()
    demo.close()


def sign_in(stand_in, browser, prefix):
    stand_in.user("zhang", Role.OFFICER)
    token = stand_in.access.issue_link("zhang", actor="test")
    return browser.post(f"{prefix}v1/login/link", json={"token": token})


def test_each_prefix_reaches_its_own_site(both):
    _duty, demo, front = both
    browser = Browser(front)
    assert sign_in(demo, browser, "/demo/").status_code == 200
    assert browser.get("/demo/v1/me").status_code == 200
    assert browser.get("/v1/me").status_code == 401


def test_the_cookies_of_both_sites_stand_side_by_side(both):
    duty, demo, front = both
    browser = Browser(front)
    assert "Path=/demo/;" in sign_in(demo, browser, "/demo/").headers["set-cookie"]
    assert "Path=/;" in sign_in(duty, browser, "/").headers["set-cookie"]
    assert browser.get("/v1/me").status_code == 200
    assert browser.get("/demo/v1/me").status_code == 200
    assert browser.post("/v1/logout").status_code == 204
    assert browser.get("/v1/me").status_code == 401
    assert browser.get("/demo/v1/me").status_code == 200


def test_a_session_of_one_site_opens_nothing_of_the_other(both):
    duty, _demo, front = both
    browser = Browser(front)
    sign_in(duty, browser, "/")
    assert browser.get("/demo/v1/alerts").status_code == 401


def test_one_link_token_is_good_once_for_each_site(both):
    _duty, _demo, front = both
    for one in both[:2]:
        one.access.first_link("the-same-token")
    browser = Browser(front)
    body = {"token": "the-same-token"}
    for prefix in ("/", "/demo/"):
        assert browser.post(f"{prefix}v1/login/link", json=body).status_code == 200
        assert browser.post(f"{prefix}v1/login/link", json=body).status_code == 401


def test_a_prefix_without_its_slash_is_sent_there(both):
    answer = Browser(both[2]).get("/demo")
    assert (answer.status_code, answer.headers["location"]) == (308, "/demo/")


def test_a_path_that_only_begins_alike_belongs_to_the_other_site(both):
    assert Browser(both[2]).get("/demonstration").status_code == 404
    assert Browser(both[2], BASE).get("/demo/healthz").status_code == 200


def test_the_front_knows_all_streams(both):
    duty, demo, front = both
    assert set(front.streams) == {duty.stream, demo.stream}
