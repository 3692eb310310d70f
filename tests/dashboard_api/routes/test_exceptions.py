import pytest
from standin import START, problem

from dashboard_api.access.roles import Role
from dashboard_api.details import ZH
from schema.times import DAY, to_text

DRAFT = {
    "rule": "gateway-path-probing",
    "entity": "203.0.113.1",
    "expires_at": to_text(START + 90 * DAY),
}
NEW = {**DRAFT, "reason": " 压测，工单 118 ", "owner": "张三"}


@pytest.fixture
def officer(site):
    return site.officer()


def test_an_exception_is_created_listed_and_audited(site, officer):
    made = officer.post("/v1/exceptions", json=NEW)
    assert made.status_code == 201
    row = made.json()
    assert {name: row[name] for name in ("rule", "entity", "units", "reason", "owner")} == {
        "rule": "gateway-path-probing",
        "entity": "203.0.113.1",
        "units": ["*"],
        "reason": "压测，工单 118",
        "owner": "张三",
    }
    assert (row["created_by"], row["in_force"], row["hidden"]) == ("u0", True, 0)
    assert row["id"][14] == "7"
    assert officer.get("/v1/exceptions").json() == {"items": [row]}
    assert site.acts()[-2:] == [
        ("u0", "exception.create", row["id"], "begun"),
        ("u0", "exception.create", row["id"], "done"),
    ]
    assert "压测" not in str(site.audit.page(0, 100))


def test_a_revoked_exception_says_by_whom_and_stays_listed(site, officer):
    row = officer.post("/v1/exceptions", json=NEW).json()
    ended = officer.post(f"/v1/exceptions/{row['id']}/revoke").json()
    assert (ended["revoked_by"], ended["in_force"]) == ("u0", False)
    assert ended["revoked_at"] == to_text(START)
    answer = officer.post(f"/v1/exceptions/{row['id']}/revoke")
    assert problem(answer) == (409, "collector.exception.over")
    assert [one["id"] for one in officer.get("/v1/exceptions").json()["items"]] == [row["id"]]
    assert site.acts()[-1] == ("u0", "exception.revoke", row["id"], "refused")


def test_a_preview_tells_how_many_and_warns_of_true_ones_and_creates_nothing(site, officer):
    row = site.alerts.put("203.0.113.1")
    site.alerts.put("203.0.113.2")
    officer.post(f"/v1/alerts/{row.id}/acknowledge", json={"verdict": "true_positive"})
    found = officer.post("/v1/exceptions/preview", json=DRAFT).json()
    assert (found["count"], found["judged_true"]) == (1, 1)
    assert [one["count"] for one in found["by_rule"]] == [1]
    assert [one["id"] for one in found["items"]] == [row.id]
    assert officer.get("/v1/exceptions").json() == {"items": []}


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("collector.exception.wide", {"rule": "*", "entity": "*"}),
        ("collector.exception.network", {"entity": "10.0.0.5/8"}),
        ("collector.exception.expiry", {"expires_at": to_text(START)}),
        ("collector.exception.expiry", {"expires_at": to_text(START + 401 * DAY)}),
        ("collector.exception.reason", {"reason": " "}),
        ("collector.exception.owner", {"owner": " "}),
        ("dashboard_api.request.invalid", {"entity": ""}),
        ("dashboard_api.request.invalid", {"reason": None}),
    ],
)
def test_one_that_says_too_little_or_too_much_is_refused_in_both_languages(officer, code, more):
    answer = officer.post("/v1/exceptions", json={**NEW, **more}, headers={"accept-language": "en"})
    assert problem(answer) == (422, code)
    if code in ZH:
        told = officer.post(
            "/v1/exceptions", json={**NEW, **more}, headers={"accept-language": "zh-CN"}
        ).json()["detail"]
        assert told == ZH[code].format_map(answer.json()["params"])
    assert officer.get("/v1/exceptions").json() == {"items": []}


def test_a_rule_that_is_not_there_is_not_excepted(officer):
    answer = officer.post("/v1/exceptions", json={**NEW, "rule": "gateway-path-probbing"})
    assert problem(answer) == (404, "dashboard_api.rule.unknown")


def test_hidden_alerts_are_left_out_unless_asked_for_and_carry_their_exception(site, officer):
    row = site.alerts.put("203.0.113.1", exception="e1")
    shown = site.alerts.put("203.0.113.2")
    page = officer.get("/v1/alerts").json()
    assert ([one["id"] for one in page["items"]], page["total"]) == ([shown.id], 1)
    assert page["items"][0]["exception"] is None
    everything = officer.get("/v1/alerts", params={"hidden": "true"}).json()
    assert everything["total"] == 2
    mark = {
        "id": "e1",
        "reason": "压测",
        "owner": "张三",
        "expires_at": to_text(START + 30 * DAY),
    }
    assert [one["exception"] for one in everything["items"]] == [None, mark]
    assert officer.get(f"/v1/alerts/{row.id}").json()["exception"] == mark
    summary = officer.get("/v1/alerts/summary").json()
    assert (summary["open"], summary["hidden"]) == (1, 1)


def test_an_exception_is_of_ones_own_units(site):
    tax = site.officer(units=("tax",))
    made = tax.post("/v1/exceptions", json=NEW).json()
    assert made["units"] == ["tax"]
    for units in (["social"], ["*"], ["tax", "social"]):
        answer = tax.post("/v1/exceptions", json={**NEW, "units": units})
        assert problem(answer) == (403, "dashboard_api.unit.foreign")
        answer = tax.post("/v1/exceptions/preview", json={**DRAFT, "units": units})
        assert problem(answer) == (403, "dashboard_api.unit.foreign")


def test_an_exception_of_another_unit_is_not_there_and_one_of_more_units_not_ones_to_end(site):
    everyone = site.officer()
    social = everyone.post("/v1/exceptions", json={**NEW, "units": ["social"]}).json()
    both = everyone.post("/v1/exceptions", json={**NEW, "units": ["tax", "social"]}).json()
    every = everyone.post("/v1/exceptions", json=NEW).json()
    tax = site.officer(units=("tax",))
    listed = {one["id"] for one in tax.get("/v1/exceptions").json()["items"]}
    assert listed == {both["id"], every["id"]}
    answer = tax.post(f"/v1/exceptions/{social['id']}/revoke")
    assert problem(answer) == (404, "collector.exception.unknown")
    for one in (both, every):
        answer = tax.post(f"/v1/exceptions/{one['id']}/revoke")
        assert problem(answer) == (403, "dashboard_api.unit.foreign")
    assert all(one["in_force"] for one in everyone.get("/v1/exceptions").json()["items"])


def test_who_may_not_decide_may_read_exceptions_only(site):
    viewer = site.browser(Role.VIEWER)
    assert viewer.get("/v1/exceptions").status_code == 200
    for path, body in (
        ("/v1/exceptions", NEW),
        ("/v1/exceptions/preview", DRAFT),
        (f"/v1/exceptions/{'0' * 36}/revoke", None),
    ):
        answer = viewer.post(path, json=body)
        assert problem(answer) == (403, "dashboard_api.permission.missing")
    administrator = site.browser(Role.SECURITY_ADMIN)
    assert problem(administrator.get("/v1/exceptions"))[0] == 403


def test_one_too_old_to_be_listed_is_revoked_all_the_same(site, officer, monkeypatch):
    row = officer.post("/v1/exceptions", json=NEW).json()
    monkeypatch.setattr("collector.state.exceptions.SHOWN_MAX", 0)
    answer = officer.post(f"/v1/exceptions/{row['id']}/revoke")
    assert (answer.status_code, answer.json()["in_force"]) == (200, False)
