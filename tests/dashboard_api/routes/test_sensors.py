from standin import START, StandIn, problem

from dashboard_api.access.roles import Role
from dashboard_api.retention import RetentionClassView, RetentionSourceView, RetentionView


def test_sensors_are_listed_with_lag_and_gaps(site):
    gate, pay = site.officer().get("/v1/sensors").json()["items"]
    assert (gate["name"], gate["unit"], gate["status"]) == ("gate", "tax", "active")
    assert gate["lag_seconds"] == 4
    assert gate["last_event_at"] == "2026-11-20T08:00:00.000000Z"
    assert gate["last_seen_at"] is None
    assert gate["gaps"] == [
        {
            "from": "2026-11-20T08:00:00.000000Z",
            "to": "2026-11-20T08:00:01.000000Z",
            "reason": "silent",
        }
    ]
    assert pay["name"] == "pay"


def test_sensors_of_another_unit_are_not_there(site):
    items = site.officer(units=("social",)).get("/v1/sensors").json()["items"]
    assert [item["name"] for item in items] == ["pay"]


def test_a_token_is_issued_by_the_system_administrator_and_audited_without_itself(site):
    admin = site.browser(Role.SYSTEM_ADMIN)
    answer = admin.post("/v1/enrolment-tokens", json={"name": "gate-2", "unit": "tax"})
    assert answer.status_code == 201
    assert answer.json() == {
        "token": "token-gate-2-tax",
        "name": "gate-2",
        "unit": "tax",
        "expires_at": "2026-11-20T09:00:00.000000Z",
    }
    assert site.acts()[-1] == ("u0", "sensor.token", "gate-2", "done")
    assert "token-gate" not in str(site.audit.page(0, 100))
    answer = admin.post("/v1/enrolment-tokens", json={"name": "../x", "unit": "tax"})
    assert problem(answer) == (422, "dashboard_api.request.invalid")


def test_a_sensor_is_revoked_and_an_unknown_one_is_not(site):
    admin = site.browser(Role.SYSTEM_ADMIN)
    assert admin.post("/v1/sensors/gate/revoke").status_code == 204
    assert admin.get("/v1/sensors").json()["items"][0]["status"] == "revoked"
    answer = admin.post("/v1/sensors/other/revoke")
    assert problem(answer) == (404, "collector.enrolment.unknown")
    assert site.acts()[-1] == ("u0", "sensor.revoke", "other", "refused")


def test_rules_are_listed_with_their_texts(site):
    (rule,) = site.browser(Role.SECURITY_ADMIN).get("/v1/rules").json()["items"]
    assert rule["text"]["title_zh"] == "路径探测"
    assert rule["techniques"] == ["T1595.003"]


def test_coverage_is_asked_of_the_sensors_a_person_may_see(site):
    owner = site.browser(Role.SYSTEM_OWNER, units=("social",))
    path = "/v1/coverage?start=2026-11-20T08:00:00Z&sensor=pay&missed=true&limit=7"
    assert owner.get(path).json()["totals"] == []
    query, visible = site.sensors.asked
    assert (query.start, query.sensor, query.missed, query.limit) == (START, "pay", True, 7)
    assert visible == {"pay"}
    assert site.officer().get("/v1/coverage").status_code == 200
    assert site.sensors.asked[0].start is None
    assert site.sensors.asked[1] is None
    assert site.browser(Role.AUDIT_ADMIN).get("/v1/coverage").status_code == 403


def test_sensors_are_enrolled_and_revoked_by_those_in_charge_of_their_unit(site):
    admin = site.browser(Role.SYSTEM_ADMIN, units=("social",))
    for name, unit in (("new", "tax"), ("gate", "social")):
        answer = admin.post("/v1/enrolment-tokens", json={"name": name, "unit": unit})
        assert problem(answer) == (403, "dashboard_api.unit.foreign")
    assert site.acts()[-1] == ("u0", "sensor.token", "gate", "refused")
    answer = admin.post("/v1/sensors/gate/revoke")
    assert problem(answer) == (404, "collector.enrolment.unknown")
    assert admin.post("/v1/sensors/pay/revoke").status_code == 204
    answer = admin.post("/v1/enrolment-tokens", json={"name": "pay", "unit": "social"})
    assert answer.status_code == 201


def test_retention_shows_the_sources_of_ones_own_units(tmp_path):
    def source(sensor):
        return RetentionSourceView(
            sensor=sensor, retention="log", oldest_event_at=START, segments=2, bytes=10,
            expired_events=3, expired_to=None, held=False, next_at=START, verdict="young",
        )  # fmt: skip

    view = RetentionView(
        classes=[
            RetentionClassView(
                name="log", title_zh="网络日志", title_en="logs", floor_months=6, months=12,
                required_from=START,
            )
        ],
        sources=[source("gate"), source("pay")],
    )  # fmt: skip
    site = StandIn(tmp_path, retention=lambda: view)
    answer = site.officer(units=("social",)).get("/v1/retention").json()
    assert [one["sensor"] for one in answer["sources"]] == ["pay"]
    assert answer["sources"][0]["oldest_event_at"] == "2026-11-20T08:00:00.000000Z"
    assert answer["classes"][0]["months"] == 12
    assert problem(site.browser(Role.SECURITY_ADMIN).get("/v1/retention"))[0] == 403


def test_what_stands_still_at_the_site_is_told_with_its_sensors(site):
    assert site.officer().get("/v1/sensors").json()["troubles"] == []
