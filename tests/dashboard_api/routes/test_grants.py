"""A grant of data sharing lives from its asking to its end, and a gateway is told of it."""

from urllib.parse import quote

import pytest
from standin import PUSH_TOKEN, START, Browser, problem

from dashboard_api.access.roles import Role
from dashboard_api.grants.check import GrantCheck, Question
from dashboard_api.grants.quota import QuotaBook
from schema.errors import FengsuiError
from schema.times import DAY, SECOND, to_text

NEW = {
    "requester": "civil-affairs",
    "service": "marriage",
    "purpose": "办理低保",
    "fields": ["name", "state"],
    "quota_per_day": 2,
    "until": to_text(START + 3 * 366 * DAY),
    "owner_unit": "tax",
}
ASKED = {"requester": "civil-affairs", "service": "marriage"}
CHECK = "/v1/grants:check"


@pytest.fixture
def zhang(site):
    return site.officer()


@pytest.fixture
def owner(site, zhang):
    return site.officer(units=("tax",))


@pytest.fixture
def grant(zhang, owner):
    asked = zhang.post("/v1/grants", json=NEW).json()
    return owner.post(f"/v1/grants/{asked['id']}:approve").json()


@pytest.fixture
def gateway(site):
    """Asks as a registered gateway."""
    token = site.gateways.add("apisix", "data", ["marriage", "births"])
    headers = {"authorization": f"Bearer {token}", "origin": None}

    def ask(**more):
        answer = Browser(site.app).post(CHECK, json={**ASKED, **more}, headers=headers)
        assert answer.status_code == 200
        return answer.json()

    return ask


@pytest.fixture
def leave(site):
    """Asks for leave as a gateway that goes by the status: values in headers."""
    token = site.gateways.add("nginx", "data", ["*"])

    def ask(**more):
        said = {f"x-fengsui-{name}": quote(value, safe=",") for name, value in more.items()}
        headers = {"authorization": f"Bearer {token}", **said}
        return Browser(site.app).get(CHECK, headers=headers)

    return ask


def forward(site, days):
    site.clock.forward(days * DAY / SECOND)


def test_what_is_only_asked_for_gives_no_access(zhang, grant, gateway):
    zhang.post("/v1/grants", json={**NEW, "service": "births"})
    told = gateway(service="births")
    assert (told["allowed"], told["reason"], told["failed"]) == (False, "no_grant", False)


def test_an_approved_grant_lets_its_fields_through_until_its_quota_is_used(
    site, zhang, grant, gateway
):
    told = gateway(fields=["name"], purpose="办理低保")
    assert (told["allowed"], told["reason"], told["quota_left"]) == (True, "granted", 1)
    assert (told["fields"], told["grant"], told["register_version"]) == (
        ["name", "state"],
        grant["id"],
        1,
    )
    assert gateway(count=False)["quota_left"] == 1
    assert gateway()["quota_left"] == 0
    assert gateway()["reason"] == "quota"
    forward(site, 1)
    assert gateway()["allowed"] is True


def test_another_purpose_and_fields_nobody_approved_are_refused(zhang, grant, gateway):
    assert gateway(purpose="催收")["reason"] == "other_purpose"
    told = gateway(fields=["name", "income"])
    assert (told["allowed"], told["reason"], told["refused_fields"]) == (
        False,
        "fields",
        ["income"],
    )


def test_the_asker_never_decides_and_neither_does_another_unit(site, zhang, owner):
    asked = zhang.post("/v1/grants", json=NEW).json()
    answer = zhang.post(f"/v1/grants/{asked['id']}:approve")
    assert problem(answer) == (403, "dashboard_api.share_grant.self")
    social = site.officer(units=("social",))
    answer = social.post(f"/v1/grants/{asked['id']}:approve")
    assert problem(answer) == (403, "dashboard_api.unit.foreign")
    assert social.get("/v1/grants").json()["items"] == []
    assert len(owner.get("/v1/grants").json()["items"]) == 1


def test_a_refused_grant_stays_refused(owner, zhang):
    asked = zhang.post("/v1/grants", json=NEW).json()
    assert owner.post(f"/v1/grants/{asked['id']}:refuse").json()["state"] == "refused"
    answer = owner.post(f"/v1/grants/{asked['id']}:approve")
    assert problem(answer) == (409, "dashboard_api.share_grant.state")


def test_a_revoked_grant_lets_nothing_through_from_the_next_call_on(
    site, zhang, owner, grant, gateway
):
    assert gateway()["allowed"] is True
    site.clock.forward(1)
    assert owner.post(f"/v1/grants/{grant['id']}:revoke").json()["state"] == "revoked"
    assert gateway()["reason"] == "no_grant"
    assert [one.state for one in site.registers.store.versions("grants")] == ["approved"] * 2
    assert site.noted == 2


def test_a_grant_nobody_certifies_for_a_year_lapses_and_one_certified_goes_on(
    site, zhang, owner, grant, gateway
):
    forward(site, 360)
    assert [one.days for one in site.grants.expiring()] == [7]
    site.grants.certify(grant["id"], by="li")
    assert list(site.grants.expiring()) == []
    forward(site, 10)
    assert gateway()["allowed"] is True
    forward(site, 366)
    assert gateway()["reason"] == "no_grant"
    assert site.grants.get(grant["id"]).standing(site.clock.now()) == "expired"
    assert [one.days for one in site.grants.expiring()] == [0]


def test_certifying_never_goes_past_the_end(site, zhang, owner, gateway):
    short = {**NEW, "until": to_text(START + 20 * DAY)}
    asked = zhang.post("/v1/grants", json=short).json()
    owner.post(f"/v1/grants/{asked['id']}:approve")
    site.clock.forward(60)
    certified = owner.post(f"/v1/grants/{asked['id']}:certify").json()
    assert certified["holds_until"] == short["until"]
    assert certified["certified_at"] > certified["decided_at"]
    forward(site, 20)
    assert gateway()["reason"] == "no_grant"
    with pytest.raises(FengsuiError, match="its end has passed"):
        site.grants.certify(asked["id"], by="li")


def test_revoking_an_old_grant_leaves_a_newer_one_of_the_same_two(
    site, zhang, owner, grant, gateway
):
    site.clock.forward(1)
    newer = zhang.post("/v1/grants", json={**NEW, "quota_per_day": 9}).json()
    owner.post(f"/v1/grants/{newer['id']}:approve")
    owner.post(f"/v1/grants/{grant['id']}:revoke")
    told = gateway()
    assert (told["allowed"], told["grant"], told["quota_left"]) == (True, newer["id"], 8)


def test_an_approval_that_broke_off_before_the_register_is_mended_by_approving_again(
    site, zhang, owner, gateway
):
    asked = zhang.post("/v1/grants", json=NEW).json()
    site.database.write(
        lambda state: state.execute(
            "UPDATE share_grants SET state = 'approved', decided_by = 'u1', certified_at = ?",
            (START,),
        )
    )
    assert gateway()["allowed"] is False
    assert owner.post(f"/v1/grants/{asked['id']}:approve").json()["register_version"] == 1
    assert gateway()["allowed"] is True


@pytest.mark.parametrize("until", [to_text(START), to_text(START + 6 * 366 * DAY)])
def test_a_grant_has_an_end_within_five_years(zhang, until):
    answer = zhang.post("/v1/grants", json={**NEW, "until": until})
    assert problem(answer) == (422, "dashboard_api.share_grant.until")


def test_every_act_is_in_the_audit_chain(site, owner, grant):
    owner.post(f"/v1/grants/{grant['id']}:revoke")
    acts = [(act[0], act[1], act[3]) for act in site.acts() if act[1].startswith("grant.")]
    assert acts == [
        ("u0", "grant.ask", "begun"),
        ("u0", "grant.ask", "done"),
        ("u1", "grant.approve", "begun"),
        ("u1", "grant.approve", "done"),
        ("u1", "grant.revoke", "begun"),
        ("u1", "grant.revoke", "done"),
    ]


@pytest.mark.parametrize("token", [PUSH_TOKEN, "stranger", "fsg1.apisix.x"])
def test_only_a_gateways_own_token_is_answered(site, gateway, token):
    headers = {"authorization": f"Bearer {token}", "origin": None}
    answer = Browser(site.app).post(CHECK, json=ASKED, headers=headers)
    assert problem(answer) == (401, "dashboard_api.gateway.token_invalid")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_without_a_token_and_with_a_session_only_nobody_is_answered(zhang):
    assert problem(zhang.post(CHECK, json=ASKED)) == (401, "dashboard_api.session.missing")


def test_a_gateway_asks_about_its_own_services_only(site):
    token = site.gateways.add("kong", "data", ["births"])
    headers = {"authorization": f"Bearer {token}", "origin": None}
    answer = Browser(site.app).post(CHECK, json=ASKED, headers=headers)
    assert problem(answer) == (403, "dashboard_api.gateway.foreign")


def test_a_gateway_that_goes_by_the_status_gets_leave_and_is_told_by_what(leave, grant):
    answer = leave(
        requester="civil-affairs", service="marriage", fields="name,state", purpose="办理低保"
    )
    assert answer.status_code == 200
    assert answer.headers["x-fengsui-reason"] == "granted"
    assert answer.headers["x-fengsui-fields"] == "name,state"
    assert answer.headers["x-fengsui-grant"] == grant["id"]
    assert answer.json()["quota_left"] == 1


def test_a_gateway_that_goes_by_the_status_is_refused_with_403_whatever_the_reason(leave, grant):
    answer = leave(requester="civil-affairs", service="marriage", purpose="催收")
    assert problem(answer) == (403, "dashboard_api.share_grant.refused")
    assert answer.headers["x-fengsui-reason"] == "other_purpose"
    leave(requester="civil-affairs", service="marriage")
    leave(requester="civil-affairs", service="marriage")
    answer = leave(requester="civil-affairs", service="marriage")
    assert answer.headers["x-fengsui-reason"] == "quota"
    assert "x-fengsui-fields" not in answer.headers


def test_a_failing_site_says_so_to_one_that_goes_by_the_status(leave):
    answer = leave(requester="civil-affairs", service="marriage")
    assert answer.status_code == 403
    assert answer.headers["x-fengsui-failed"] == "yes"
    assert answer.headers["x-fengsui-reason"] == "register_absent"


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"requester": "a"},
        {"requester": "a\n", "service": "b"},
        {"requester": "", "service": "b"},
    ],
)
def test_a_question_without_its_form_is_refused(leave, site, said):
    assert problem(leave(**said)) == (422, "dashboard_api.request.invalid")
    token = site.gateways.add("kong", "data", ["*"])
    headers = {"authorization": f"Bearer {token}", "origin": None}
    answer = Browser(site.app).post(CHECK, json=said, headers=headers)
    assert problem(answer) == (422, "dashboard_api.request.invalid")


def test_another_method_is_told_which_there_are(site):
    answer = Browser(site.app).put(CHECK, headers={"origin": None})
    assert problem(answer) == (405, "dashboard_api.path.method")
    assert answer.headers["allow"] == "GET, POST"


def test_a_restart_goes_on_counting_where_the_day_stood(site, gateway, grant):
    assert gateway()["quota_left"] == 1
    site.quota.close()
    restarted = QuotaBook(site.database, site.clock)
    check = GrantCheck(site.registers.store.view, restarted, site.clock, mode="closed")
    assert check.check(Question(**ASKED)).quota_left == 0
    assert check.check(Question(**ASKED)).reason == "quota"
    restarted.close()


def test_who_may_only_read_asks_for_nothing(site):
    viewer = site.browser(Role.VIEWER)
    assert problem(viewer.post("/v1/grants", json=NEW))[0] == 403


@pytest.mark.parametrize(("mode", "allowed"), [("closed", False), ("open", True)])
def test_without_a_register_the_answer_is_the_modes_and_says_so(site, mode, allowed):
    told = GrantCheck(site.registers.store.view, site.quota, site.clock, mode=mode).check(
        Question(**ASKED)
    )
    assert (told.allowed, told.reason, told.failed, told.mode) == (
        allowed,
        "register_absent",
        True,
        mode,
    )


@pytest.mark.parametrize(("mode", "allowed"), [("closed", False), ("open", True)])
def test_an_unreadable_register_is_answered_as_the_site_set(site, mode, allowed):
    def unreadable():
        raise FengsuiError("collector.state.closed", "the state file is closed")

    told = GrantCheck(unreadable, site.quota, site.clock, mode=mode).check(Question(**ASKED))
    assert (told.allowed, told.reason, told.failed) == (allowed, "register_unreadable", True)


def previewed(person, **more):
    return person.post("/v1/grants:preview", json={**ASKED, **more})


def test_a_person_sees_what_a_gateway_would_be_answered_and_uses_no_quota(zhang, owner, grant):
    for person in (zhang, owner, zhang):
        told = previewed(person, fields=["name"], purpose="办理低保").json()
        assert (told["allowed"], told["reason"], told["quota_left"]) == (True, "granted", 2)
    assert previewed(owner, service="births").json()["reason"] == "no_grant"


def test_of_a_grant_of_other_units_a_person_is_told_nothing(site, grant):
    pay = site.officer(units=("pay",))
    assert problem(previewed(pay)) == (403, "dashboard_api.unit.foreign")


def test_the_list_says_what_holds_where_nothing_can_be_looked_up(site, zhang):
    assert zhang.get("/v1/grants").json()["on_failure"] == "closed"
    told = previewed(zhang).json()
    assert (told["reason"], told["failed"], told["mode"]) == ("register_absent", True, "closed")
    assert previewed(site.browser(Role.VIEWER)).status_code == 403
