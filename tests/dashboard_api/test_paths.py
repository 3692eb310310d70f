from standin import problem

from dashboard_api.access.roles import Role

ID = "019aa0c5-6a00-7c3e-9d2b-5f1e8a7b4c21"


def test_a_verb_behind_a_colon_is_another_resource_than_what_it_is_done_to(site):
    browser = site.browser(Role.SECURITY_ADMIN)
    for path, methods in (
        (f"/v1/crypto/approvals/{ID}", "GET"),
        (f"/v1/crypto/approvals/{ID}:approve", "POST"),
        ("/v1/crypto/applications/payments", "GET"),
        ("/v1/crypto/applications/payments:disable", "POST"),
    ):
        answer = browser.request("OPTIONS", path)
        assert problem(answer) == (405, "dashboard_api.path.method")
        assert answer.headers["allow"] == methods
    assert browser.get(f"/v1/crypto/approvals/{ID}:approve").status_code == 405
    assert problem(browser.get(f"/v1/crypto/approvals/{ID}:fly"))[0] == 404


def test_the_document_names_the_part_without_its_kind(site):
    paths = site.app.api.openapi()["paths"]
    assert "/v1/crypto/applications/{application_id}:disable" in paths
    assert not [path for path in paths if "plain" in path]


def test_a_refused_write_is_audited_by_the_path_of_the_document(site):
    site.browser(Role.VIEWER).post(f"/v1/crypto/approvals/{ID}:approve")
    act = ("u0", "POST /v1/crypto/approvals/{approval_id}:approve", "-", "refused")
    assert site.acts()[-1] == act
