"""On whom an alert is, and with what score, is for those in charge alone."""

from __future__ import annotations

import pytest
from standin import problem

from dashboard_api.access.roles import Role

PEOPLE = ("user.id", "gov.subject.id_hmac", "organization.id+user.name", "gov.pay.payee_hmac")


@pytest.mark.parametrize("field", PEOPLE)
def test_a_viewer_sees_that_somebody_but_not_who(site, field):
    row = site.alerts.put("li.na", entity_field=field)
    viewer = site.browser(Role.VIEWER)
    (listed,) = viewer.get("/v1/alerts").json()["items"]
    detail = viewer.get(f"/v1/alerts/{row.id}").json()
    for shown in (listed, detail):
        assert (shown["entity"], shown["score"]) == ("***", None)
        assert shown["rule"]["id"] == "gateway-path-probing"
    assert (detail["reason_zh"], detail["conditions"]) == ("***", [])
    assert "li.na" not in viewer.get(f"/v1/alerts/{row.id}").text


def test_officers_and_owners_see_who(site):
    row = site.alerts.put("li.na", entity_field="user.id")
    for browser in (site.officer(), site.browser(Role.SYSTEM_OWNER)):
        found = browser.get(f"/v1/alerts/{row.id}").json()
        assert (found["entity"], found["score"]) == ("li.na", 60)


def test_addresses_and_programs_are_shown_to_all(site):
    row = site.alerts.put("203.0.113.1")
    found = site.browser(Role.VIEWER).get(f"/v1/alerts/{row.id}").json()
    assert (found["entity"], found["score"]) == ("203.0.113.1", 60)


@pytest.mark.parametrize("text", ["entity:li.na", "li.na", "-entity:li.na"])
def test_a_filter_tells_a_viewer_no_more_than_the_list(site, text):
    answer = site.browser(Role.VIEWER).get("/v1/alerts", params={"filter": text})
    assert problem(answer) == (403, "dashboard_api.permission.missing")
    assert site.officer().get("/v1/alerts", params={"filter": text}).status_code == 200


def test_an_exception_on_somebody_names_nobody(site):
    officer = site.officer()
    body = {
        "rule": "gateway-path-probing", "entity": "li.na", "reason": "li.na 出差", "owner": "张三",
        "expires_at": "2026-12-20T08:00:00Z",
    }  # fmt: skip
    assert officer.post("/v1/exceptions", json=body).status_code == 201
    (shown,) = site.browser(Role.VIEWER).get("/v1/exceptions").json()["items"]
    assert (shown["entity"], shown["reason"], shown["rule"]) == ("***", "***", body["rule"])
