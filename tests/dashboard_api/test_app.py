import pytest
from openapi_check import check
from standin import BASE, Browser, StandIn, problem

from dashboard_api.access.roles import Permission, Role, permissions_of
from dashboard_api.door import data_entries

OPEN = {"/v1/site", "/healthz", "/readyz", "/metrics", "/v1/login", "/v1/login/link"}
DATA = set(data_entries())
MACHINES = {
    "/v1/batches",
    "/v1/heartbeats",
    "/v1/enrolments",
    "/v1/events:batch",
    "/v1/grants:check",
}
IDS = {
    "{alert_id}": "0" * 32,
    "{event_id}": "0" * 32,
    "{name}": "gate",
    "{user_id}": "019aa0c5-6a00-7c3e-9d2b-5f1e8a7b4c21",
    "{application_id}": "payments",
    "{credential_id}": "0" * 16,
    "{serial}": "5c3ea1b09d2f4e7786c1a05d3b9e4f12",
    "{approval_id}": "019aa0c5-6a00-7c3e-9d2b-5f1e8a7b4c21",
}


@pytest.fixture
def document(site):
    return site.app.api.openapi()


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def call(browser, path, method, operation):
    """The operation with the example body of its own document."""
    for name, value in IDS.items():
        path = path.replace(name, value)
    more = {}
    if "requestBody" in operation:
        content = operation["requestBody"]["content"].get("application/json", {})
        schema = content.get("schema", {})
        more["json"] = content.get("example", schema.get("example", {}))
    if path.endswith("/count"):
        more["params"] = {"field": "source.ip"}
    return browser.request(method.upper(), path, **more)


def test_the_document_is_openapi_3_1_and_lists_every_operation_of_the_contract(document):
    assert document["openapi"].startswith("3.1")
    listed = {f"{method.upper()} {path}" for path, method, _ in operations(document)}
    assert listed >= {
        "POST /v1/login/link", "POST /v1/login", "POST /v1/logout", "PUT /v1/me/password",
        "GET /v1/me", "GET /v1/site", "GET /v1/alerts", "GET /v1/alerts/summary",
        "GET /v1/alerts/{alert_id}", "POST /v1/alerts/{alert_id}/acknowledge", "GET /v1/events",
        "GET /v1/events/count", "GET /v1/events/{event_id}", "GET /v1/events/{event_id}/proof",
        "GET /v1/sensors", "GET /v1/rules", "GET /v1/audit", "GET /v1/audit/verify",
        "GET /v1/stream", "POST /v1/enrolments", "POST /v1/batches", "POST /v1/heartbeats",
        "POST /v1/events:batch", "POST /v1/enrolment-tokens", "GET /healthz", "GET /readyz",
        "GET /metrics", "GET /v1/users", "POST /v1/users",
    }  # fmt: skip


def test_every_operation_has_a_description_and_an_example_that_its_schema_accepts(document):
    for path, method, operation in operations(document):
        assert operation["description"], path
        good = [code for code in operation["responses"] if code.startswith("2")]
        assert len(good) == 1, path
        contents = operation["responses"][good[0]].get("content", {})
        assert contents or good == ["204"], path
        default = operation["responses"]["default"]["content"]
        assert set(default) == {"application/problem+json"}
        for content in (*contents.values(), *default.values()):
            assert "example" in content, f"{method} {path}"
            check(content["example"], content["schema"], document)
        if "requestBody" in operation:
            for content in operation["requestBody"]["content"].values():
                schema = content["schema"]
                if "$ref" in schema:
                    schema = document["components"]["schemas"][schema["$ref"].split("/")[-1]]
                example = content.get("example", schema.get("example"))
                assert example is not None, path
                check(example, schema, document)


def test_every_operation_but_the_open_ones_asks_for_a_session(site, document):
    stranger = Browser(site.app)
    seen = 0
    for path, method, operation in operations(document):
        if path in OPEN | MACHINES | DATA:
            continue
        seen += 1
        assert operation["security"][0] == {"session": []}, path
        assert ("x-scope" in operation) == (len(operation["security"]) == 3), path
        answer = call(stranger, path, method, operation)
        assert problem(answer) == (401, "dashboard_api.session.missing"), path
    assert seen >= 20


def test_every_data_operation_asks_for_an_applications_credential(document):
    asked = {
        path: operation["security"] for path, _, operation in operations(document) if path in DATA
    }
    assert asked.keys() == DATA
    assert all(one == [{"application": []}, {"signed_request": []}] for one in asked.values())


def test_every_operation_with_a_permission_refuses_every_role_that_lacks_it(site, document):
    browsers = {role: site.browser(role) for role in Role}
    for path, method, operation in operations(document):
        wanted = operation.get("x-permission")
        if wanted is None:
            continue
        for role, browser in browsers.items():
            if Permission(wanted) in permissions_of({role}):
                continue
            answer = call(browser, path, method, operation)
            assert problem(answer) == (403, "dashboard_api.permission.missing"), (path, role)


def test_a_refused_write_is_in_the_audit_chain(site):
    viewer = site.browser(Role.VIEWER)
    viewer.post("/v1/users", json={"name": "mallory", "display_name": "M"})
    assert site.acts()[-1] == ("u0", "POST /v1/users", "-", "refused")


def test_an_unknown_path_a_wrong_method_and_a_wrong_form_are_problems(site):
    officer = site.officer()
    assert problem(officer.get("/v1/nothing")) == (404, "dashboard_api.path.unknown")
    assert problem(officer.get("/nothing.html")) == (404, "dashboard_api.path.unknown")
    answer = officer.get("/v1/logout")
    assert problem(answer) == (405, "dashboard_api.path.method")
    assert answer.headers["allow"] == "POST"
    answer = officer.get("/v1/alerts", params={"limit": "many"})
    assert problem(answer) == (422, "dashboard_api.request.invalid")


def test_a_wrong_form_is_told_without_the_value_that_was_sent(site):
    secret = "hunter2hunter2hunter2"
    answer = Browser(site.app).post("/v1/login", json={"name": "", "password": secret, "x": secret})
    assert problem(answer) == (422, "dashboard_api.request.invalid")
    assert secret not in answer.text


def test_a_bug_is_a_problem_without_its_inside(site):
    officer = site.officer()
    site.events.hits = None
    answer = officer.get("/v1/events")
    assert problem(answer) == (500, "dashboard_api.request.failed")
    assert "NoneType" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_titles_are_english_unless_chinese_is_preferred(site):
    stranger = Browser(site.app)
    chinese = stranger.get("/v1/me", headers={"Accept-Language": "zh-CN,en;q=0.5"})
    assert chinese.json()["title"] == "请先登录"
    english = stranger.get("/v1/me", headers={"Accept-Language": "en-GB,en;q=0.8"})
    assert english.json()["title"] == "Sign in first"


def test_the_document_is_served_below_the_mount_and_names_it(tmp_path):
    site = StandIn(tmp_path, root_path="/demo/")
    try:
        answer = Browser(site.app).get("/demo/openapi.json")
        assert answer.json()["servers"] == [{"url": "/demo"}]
        assert Browser(site.app, BASE).get("/demo/docs").status_code == 404
    finally:
        site.close()


def test_a_refused_method_names_every_method_of_its_path(site):
    answer = site.officer().request("OPTIONS", "/v1/exceptions")
    assert set(answer.headers["allow"].split(", ")) == {"GET", "POST"}
