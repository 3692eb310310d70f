import pytest
from standin import event_id, problem

from dashboard_api.access.roles import Role


@pytest.fixture
def officer(site):
    return site.officer()


def test_alerts_are_listed_newest_first_and_page_by_page(site, officer):
    rows = [site.alerts.put(f"203.0.113.{n}") for n in range(5)]
    first = officer.get("/v1/alerts", params={"limit": 3}).json()
    assert first["total"] == 5
    second = officer.get("/v1/alerts", params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert second["next_cursor"] is None
    listed = [item["id"] for item in first["items"] + second["items"]]
    assert listed == [row.id for row in reversed(rows)]
    item = first["items"][0]
    assert item["decided_at"] == "2026-11-20T08:00:00.000000Z"
    assert item["rule"]["title_zh"] == "路径探测"
    assert item["acknowledged"] is None
    assert "sensors" not in item


def test_a_list_is_filtered_by_terms_state_and_verdict(site, officer):
    row = site.alerts.put("203.0.113.1")
    site.alerts.put("203.0.113.2")
    found = officer.get("/v1/alerts", params={"filter": "entity:203.0.113.1"}).json()
    assert [item["entity"] for item in found["items"]] == ["203.0.113.1"]
    assert officer.get("/v1/alerts", params={"state": "withdrawn"}).json()["total"] == 0
    officer.post(f"/v1/alerts/{row.id}/acknowledge", json={"verdict": "benign"})
    assert officer.get("/v1/alerts", params={"verdict": "done"}).json()["total"] == 1
    assert officer.get("/v1/alerts", params={"verdict": "open"}).json()["total"] == 1


def test_a_filter_that_is_not_understood_says_where(officer):
    answer = officer.get("/v1/alerts", params={"filter": 'a:"'})
    assert problem(answer) == (400, "schema.filter.malformed")
    assert answer.json()["params"] == {"position": 1}


def test_one_alert_comes_with_reasons_and_evidence(site, officer):
    row = site.alerts.put("203.0.113.1")
    found = officer.get(f"/v1/alerts/{row.id}").json()
    assert found["id"] == row.id
    assert found["conditions"] == [
        {"name": "count", "value": 30, "threshold": 30, "comparison": "gte", "name_zh": ""}
    ]
    assert found["counterfactual_zh"] == ["若少于 30 次则不触发"]
    assert found["false_positives"] == [{"zh": "扫描器", "en": "scanner"}]
    kept, gone = found["events"]
    assert kept["id"] == event_id("gate", 0)
    assert kept["fields"]["source.ip"] == "203.0.113.0"
    assert gone == {"id": event_id("gone", 0), "fields": None}
    assert found["history"][0]["by"] is None


def test_a_viewer_sees_the_alert_but_not_its_events(site):
    row = site.alerts.put("203.0.113.1")
    found = site.browser(Role.VIEWER).get(f"/v1/alerts/{row.id}").json()
    assert [one["fields"] for one in found["events"]] == [None, None]


def test_an_unknown_alert_is_not_found(officer):
    answer = officer.get(f"/v1/alerts/{'0' * 32}")
    assert problem(answer) == (404, "dashboard_api.alert.unknown")
    assert problem(officer.get("/v1/alerts/nonsense"))[0] == 422


def test_a_verdict_is_kept_with_who_and_when_and_audited_without_the_note(site, officer):
    row = site.alerts.put("203.0.113.1")
    path = f"/v1/alerts/{row.id}/acknowledge"
    answer = officer.post(path, json={"verdict": "true_positive", "note": " 已核实 "})
    assert answer.json()["acknowledged"] == {
        "by": "u0",
        "at": "2026-11-20T08:00:00.000000Z",
        "verdict": "true_positive",
        "note": "已核实",
    }
    assert site.acts()[-2:] == [
        ("u0", "alert.acknowledge", row.id, "begun"),
        ("u0", "alert.acknowledge", row.id, "done"),
    ]
    assert "核实" not in str(site.audit.page(0, 100))


@pytest.mark.parametrize("verdict", ["false_positive", "accepted"])
def test_some_verdicts_need_a_note(site, officer, verdict):
    row = site.alerts.put("203.0.113.1")
    path = f"/v1/alerts/{row.id}/acknowledge"
    answer = officer.post(path, json={"verdict": verdict, "note": "  "})
    assert problem(answer) == (422, "dashboard_api.verdict.note_missing")
    assert site.acts()[-1][-1] == "refused"
    assert site.alerts.rows[row.id].acknowledged is None
    assert officer.post(path, json={"verdict": verdict, "note": "why"}).status_code == 200


def test_a_verdict_that_is_none_is_refused(site, officer):
    row = site.alerts.put("203.0.113.1")
    answer = officer.post(f"/v1/alerts/{row.id}/acknowledge", json={"verdict": "maybe"})
    assert problem(answer) == (422, "dashboard_api.request.invalid")


def test_alerts_of_another_unit_are_not_there(site):
    mine = site.alerts.put("203.0.113.1", sensors=["gate"])
    others = site.alerts.put("203.0.113.2", sensors=["pay"])
    both = site.alerts.put("203.0.113.3", sensors=["gate", "pay"])
    officer = site.officer(units=("tax",))
    page = officer.get("/v1/alerts").json()
    assert ([item["id"] for item in page["items"]], page["total"]) == ([mine.id], 1)
    assert officer.get("/v1/alerts/summary").json()["open"] == 1
    for row in (others, both):
        path = f"/v1/alerts/{row.id}"
        assert problem(officer.get(path)) == (404, "dashboard_api.alert.unknown")
        answer = officer.post(f"{path}/acknowledge", json={"verdict": "benign"})
        assert problem(answer) == (404, "dashboard_api.alert.unknown")
        assert site.alerts.rows[row.id].acknowledged is None


def test_the_summary_counts_open_alerts_by_severity_and_rule(site, officer):
    site.alerts.put("203.0.113.1")
    assert officer.get("/v1/alerts/summary").json() == {
        "open": 1,
        "by_severity": [0, 0, 0, 1, 0],
        "by_rule": [
            {"rule": "gateway-path-probing", "title_zh": "路径探测", "title_en": "", "open": 1}
        ],
        "hidden": 0,
    }
