import pytest
from standin import PASSWORD, Browser, problem

from dashboard_api.access.roles import Role


@pytest.fixture
def admin(site):
    return site.browser(Role.SYSTEM_ADMIN)


@pytest.fixture
def granter(site):
    return site.browser(Role.SECURITY_ADMIN)


def create(admin, name="zhang"):
    answer = admin.post("/v1/users", json={"name": name, "display_name": "张伟"})
    assert answer.status_code == 201
    return answer.json()


def test_it_takes_two_administrators_to_bring_somebody_in(site, admin, granter):
    user = create(admin)
    assert (user["roles"], user["units"], user["has_password"]) == ([], [], False)
    rights = {"roles": ["viewer"], "units": ["tax"]}
    path = f"/v1/users/{user['id']}"
    assert admin.put(f"{path}/roles", json=rights).status_code == 403
    assert granter.put(f"{path}/roles", json=rights).json()["roles"] == ["viewer"]
    assert granter.post(f"{path}/link").status_code == 403
    link = admin.post(f"{path}/link").json()
    assert link["fragment"] == f"#token={link['token']}"
    assert link["expires_at"] == "2026-11-20T08:10:00.000000Z"
    browser = Browser(site.app)
    me = browser.post("/v1/login/link", json={"token": link["token"]}).json()
    assert (me["name"], me["roles"], me["scope"]) == ("zhang", ["viewer"], {"units": ["tax"]})
    assert browser.put("/v1/me/password", json={"password": PASSWORD}).status_code == 200
    assert problem(admin.post(f"{path}/link")) == (409, "dashboard_api.link.password_set")
    assert granter.delete(f"{path}/password").json()["has_password"] is False
    assert browser.get("/v1/me").status_code == 401


def test_exclusive_roles_and_ones_own_account_are_refused(site, admin, granter):
    user = create(admin)
    rights = {"roles": ["audit_admin", "officer"], "units": []}
    answer = granter.put(f"/v1/users/{user['id']}/roles", json=rights)
    assert problem(answer) == (422, "dashboard_api.roles.exclusive")
    assert site.acts()[-1] == ("u1", "user.rights", user["id"], "refused")
    own = granter.get("/v1/me").json()["id"]
    answer = granter.put(f"/v1/users/{own}/roles", json={"roles": ["audit_admin"], "units": []})
    assert problem(answer) == (403, "dashboard_api.user.self")
    answer = granter.put(f"/v1/users/{own}/roles", json={"roles": ["emperor"], "units": []})
    assert problem(answer) == (422, "dashboard_api.request.invalid")


def test_accounts_are_listed_and_closed(admin):
    user = create(admin)
    names = [one["name"] for one in admin.get("/v1/users").json()["items"]]
    assert names == ["u0", "zhang"]
    closed = admin.delete(f"/v1/users/{user['id']}").json()
    assert closed["disabled_at"] == "2026-11-20T08:00:00.000000Z"
    answer = admin.post("/v1/users", json={"name": "zhang", "display_name": "x"})
    assert problem(answer) == (409, "dashboard_api.user.exists")
    answer = admin.delete("/v1/users/019aa0c5-6a00-7c3e-9d2b-5f1e8a7b4c21")
    assert problem(answer) == (404, "dashboard_api.user.unknown")
    answer = admin.post("/v1/users", json={"name": "No Name", "display_name": "x"})
    assert problem(answer) == (400, "dashboard_api.user.malformed")


def test_no_answer_holds_a_password_hash(site, admin):
    opened = site.access.login_link(site.access.issue_link("u0", actor="test"))
    site.access.set_password(site.access.resolve([opened.token]), PASSWORD, "")
    again = Browser(site.app)
    again.post("/v1/login", json={"name": "u0", "password": PASSWORD})
    assert "argon2" not in again.get("/v1/users").text
