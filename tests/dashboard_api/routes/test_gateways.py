"""One administrator lets a gateway in, another says what it may ask about; both are on record."""

import pytest
from standin import Browser, problem

from dashboard_api.access.roles import Role

NEW = {"id": "apisix", "unit": "data"}
ASKED = {"requester": "civil-affairs", "service": "marriage"}


@pytest.fixture
def admin(site):
    return site.browser(Role.SYSTEM_ADMIN)


@pytest.fixture
def granter(site):
    return site.browser(Role.SECURITY_ADMIN)


def asked_by(site, token):
    headers = {"authorization": f"Bearer {token}", "origin": None}
    return Browser(site.app).post("/v1/grants:check", json=ASKED, headers=headers)


def test_who_lets_a_gateway_in_does_not_say_what_it_asks_about(site, admin, granter):
    made = admin.post("/v1/gateways", json=NEW)
    assert made.status_code == 201
    token = made.json()["token"]
    assert problem(asked_by(site, token)) == (403, "dashboard_api.gateway.foreign")
    services = {"services": ["marriage"]}
    answer = admin.put("/v1/gateways/apisix/services", json=services)
    assert problem(answer) == (403, "dashboard_api.permission.missing")
    assert problem(granter.post("/v1/gateways", json=NEW))[0] == 403
    shown = granter.put("/v1/gateways/apisix/services", json=services).json()
    assert shown["services"] == ["marriage"]
    assert asked_by(site, token).json()["reason"] == "register_absent"


def test_the_list_shows_what_stands_and_never_a_token(site, admin):
    token = admin.post("/v1/gateways", json=NEW).json()["token"]
    rotated = admin.post("/v1/gateways/apisix:rotate", json={}).json()
    listed = admin.get("/v1/gateways")
    (shown,) = listed.json()["items"]
    assert shown["earlier_token_until"] == rotated["earlier_token_until"] is not None
    assert token not in listed.text
    assert rotated["token"] not in listed.text
    assert asked_by(site, token).status_code == 403
    admin.post("/v1/gateways/apisix:rotate", json={"at_once": True})
    assert asked_by(site, rotated["token"]).status_code == 401


def test_a_revoked_gateway_is_refused_from_the_next_question_on(site, admin):
    token = admin.post("/v1/gateways", json=NEW).json()["token"]
    assert admin.delete("/v1/gateways/apisix").json()["revoked_at"]
    assert problem(asked_by(site, token)) == (401, "dashboard_api.gateway.token_invalid")
    assert problem(admin.delete("/v1/gateways/apisix")) == (409, "dashboard_api.gateway.revoked")


def test_every_act_is_in_the_audit_chain_by_its_name(site, admin, granter):
    admin.post("/v1/gateways", json=NEW)
    granter.put("/v1/gateways/apisix/services", json={"services": ["*"]})
    admin.post("/v1/gateways/apisix:rotate", json={})
    admin.delete("/v1/gateways/apisix")
    acts = [act[1:] for act in site.acts() if act[1].startswith("gateway.") and act[3] == "done"]
    assert acts == [
        ("gateway.add", "apisix", "done"),
        ("gateway.services", "apisix", "done"),
        ("gateway.rotate", "apisix", "done"),
        ("gateway.revoke", "apisix", "done"),
    ]
