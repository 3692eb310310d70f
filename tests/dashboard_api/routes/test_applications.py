import base64

import pytest
from standin import problem

from crypto.sm2 import PrivateKey, signature_to_raw
from dashboard_api.access.roles import Role
from dashboard_api.applications.credentials import DOMAIN, proof_text
from dashboard_api.applications.model import DEFAULT

PATH = "/v1/crypto/applications"
QUOTA = {"per_second": 5, "per_day": 100, "opens_per_minute": 1}
NEW = {"id": "payments", "name": "支付平台", "unit": "finance"}


@pytest.fixture
def admin(site):
    return site.browser(Role.SYSTEM_ADMIN)


@pytest.fixture
def granter(site):
    return site.browser(Role.SECURITY_ADMIN)


@pytest.fixture
def payments(admin):
    answer = admin.post(PATH, json=NEW)
    assert answer.status_code == 201
    return answer.json()


def key_body(private, *, application="payments", raw=False):
    signature = private.sign(proof_text(application, private.public.key_id), domain=DOMAIN)
    proof = base64.b64encode(signature_to_raw(signature) if raw else signature).decode()
    return {"kind": "sm2", "public_key": private.public.to_pem().decode(), "proof": proof}


def test_it_takes_two_administrators_to_let_an_application_decrypt(admin, granter, payments):
    assert payments["credentials"] == []
    assert payments["grants"] == [
        {"key": "*", "operations": sorted(DEFAULT)},
        {"key": "-", "operations": sorted(DEFAULT)},
    ]
    grants = {"grants": [{"key": "*", "operations": ["decrypt"]}], "replace": "named"}
    assert problem(admin.put(f"{PATH}/payments/grants", json=grants))[0] == 403
    changed = granter.put(f"{PATH}/payments/grants", json=grants).json()
    assert changed["grants"][0] == {"key": "*", "operations": ["decrypt"]}
    assert changed["grants"][1]["key"] == "-"
    for refused in (
        granter.post(PATH, json={**NEW, "id": "other"}),
        granter.post(f"{PATH}/payments/credentials", json={"kind": "token"}),
        granter.post(f"{PATH}/payments:disable"),
        admin.put(f"{PATH}/payments/quota", json=QUOTA),
    ):
        assert problem(refused) == (403, "dashboard_api.permission.missing")


def test_a_token_is_shown_once(admin, payments):
    issued = admin.post(f"{PATH}/payments/credentials", json={"kind": "token"})
    assert issued.status_code == 201
    assert issued.headers["cache-control"] == "no-store"
    token = issued.json()["token"]
    assert token.startswith("fsk1.payments.")
    shown = admin.get(f"{PATH}/payments")
    assert shown.json()["credentials"] == [issued.json()["credential"]]
    assert token not in shown.text


def test_a_repeat_under_the_same_key_issues_no_second_token(admin, payments):
    headers = {"Idempotency-Key": "once"}
    path = f"{PATH}/payments/credentials"
    admin.post(path, json={"kind": "token"}, headers=headers)
    again = admin.post(path, json={"kind": "token"}, headers=headers)
    assert problem(again) == (409, "dashboard_api.idempotency.given")
    body = key_body(PrivateKey.generate())
    other = admin.post(path, json=body, headers=headers)
    assert problem(other) == (409, "dashboard_api.idempotency.conflict")
    assert len(admin.get(f"{PATH}/payments").json()["credentials"]) == 1
    for wrong in ("x" * 65, "a b", "a\x7f"):
        answer = admin.post(path, json=body, headers={"Idempotency-Key": wrong})
        assert problem(answer) == (422, "dashboard_api.request.invalid")


def test_an_enrolled_keys_answer_is_repeated(admin, payments):
    headers, body = {"Idempotency-Key": "k"}, key_body(PrivateKey.generate(), raw=True)
    first = admin.post(f"{PATH}/payments/credentials", json=body, headers=headers)
    assert first.json()["token"] is None
    again = admin.post(f"{PATH}/payments/credentials", json=body, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)


def test_a_key_without_proof_of_its_other_half_is_refused(site, admin, payments):
    private = PrivateKey.generate()
    good = key_body(private)
    for wrong, code in (
        ({**good, "proof": key_body(private, application="other")["proof"]}, "proof_invalid"),
        ({**good, "proof": ""}, "proof_invalid"),
        ({**good, "proof": "!"}, "key"),
        ({**good, "public_key": "04" + "00" * 64}, "key"),
        ({**good, "public_key": "-----BEGIN PUBLIC KEY-----\n"}, "key"),
        ({**good, "kind": "token"}, "key"),
    ):
        answer = admin.post(f"{PATH}/payments/credentials", json=wrong)
        assert problem(answer) == (422, f"dashboard_api.credential.{code}")
    assert site.acts()[-1] == ("u0", "credential.token", "payments", "refused")
    by_point = {**good, "public_key": private.public.point.hex()}
    assert admin.post(f"{PATH}/payments/credentials", json=by_point).status_code == 201


def test_a_credential_ends_or_is_revoked(site, admin, payments):
    ends = {"kind": "token", "expires_at": "2026-11-21T08:00:00Z"}
    issued = admin.post(f"{PATH}/payments/credentials", json=ends).json()["credential"]
    assert (issued["living"], issued["expires_at"]) == (True, "2026-11-21T08:00:00.000000Z")
    path = f"{PATH}/payments/credentials/{issued['id']}"
    (revoked,) = admin.delete(path).json()["credentials"]
    assert (revoked["living"], revoked["revoked_at"]) == (False, "2026-11-20T08:00:00.000000Z")
    assert problem(admin.delete(path)) == (409, "dashboard_api.credential.revoked_before")
    answer = admin.delete(f"{PATH}/payments/credentials/{'0' * 16}")
    assert problem(answer) == (404, "dashboard_api.credential.absent")
    late = {"kind": "token", "expires_at": "2036-11-21T08:00:00Z"}
    answer = admin.post(f"{PATH}/payments/credentials", json=late)
    assert problem(answer) == (422, "dashboard_api.credential.expiry")


def test_quota_and_switch_are_set(admin, granter, payments):
    assert granter.put(f"{PATH}/payments/quota", json=QUOTA).json()["quota"] == QUOTA
    wrong = granter.put(f"{PATH}/payments/quota", json={**QUOTA, "per_second": 0})
    assert problem(wrong) == (422, "dashboard_api.request.invalid")
    assert admin.post(f"{PATH}/payments:disable").json()["disabled_at"]
    again = admin.post(f"{PATH}/payments:disable")
    assert problem(again) == (409, "dashboard_api.application.state")
    assert admin.post(f"{PATH}/payments:enable").json()["disabled_at"] is None


def test_people_see_and_change_applications_of_their_units_only(site, admin, granter, payments):
    admin.post(PATH, json={"id": "portal", "name": "门户", "unit": "tax"})
    for role in (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.INTEGRATOR, Role.OFFICER):
        theirs = site.browser(role, units=("tax",))
        assert [one["id"] for one in theirs.get(PATH).json()["items"]] == ["portal"]
        assert problem(theirs.get(f"{PATH}/payments")) == (404, "dashboard_api.application.unknown")
    theirs = site.browser(Role.SYSTEM_ADMIN, units=("tax",))
    answer = theirs.post(PATH, json={**NEW, "id": "x"})
    assert problem(answer) == (403, "dashboard_api.unit.foreign")
    for answer in (
        theirs.post(f"{PATH}/payments:disable"),
        theirs.post(f"{PATH}/payments:enable"),
        theirs.post(f"{PATH}/payments/credentials", json={"kind": "token"}),
        theirs.delete(f"{PATH}/payments/credentials/{'0' * 16}"),
    ):
        assert problem(answer) == (404, "dashboard_api.application.unknown")
    theirs = site.browser(Role.SECURITY_ADMIN, units=("tax",))
    for answer in (
        theirs.put(f"{PATH}/payments/quota", json=QUOTA),
        theirs.put(f"{PATH}/payments/grants", json={"grants": []}),
    ):
        assert problem(answer) == (404, "dashboard_api.application.unknown")
    assert site.acts()[-1][1:] == ("application.grant", "payments", "refused")


def test_keys_of_others_are_granted_by_whoever_is_in_charge_of_both(site, admin, granter, payments):
    admin.post(PATH, json={"id": "portal", "name": "门户", "unit": "tax"})
    theirs = site.browser(Role.SECURITY_ADMIN, units=("tax",))

    def grant(key):
        return {"grants": [{"key": key, "operations": ["verify"]}], "replace": "named"}

    path = f"{PATH}/portal/grants"
    answer = theirs.put(path, json=grant("payments.seal"))
    assert problem(answer) == (404, "dashboard_api.application.unknown")
    answer = theirs.put(path, json=grant("site.timestamp"))
    assert problem(answer) == (403, "dashboard_api.unit.foreign")
    assert problem(theirs.put(path, json=grant("seal"))) == (422, "dashboard_api.grant.key")
    assert theirs.put(path, json=grant("portal.seal")).status_code == 200
    for key in ("payments.seal", "site.timestamp"):
        assert granter.put(path, json=grant(key)).status_code == 200
    assert len(granter.get(f"{PATH}/portal").json()["grants"]) == 5


def test_a_long_list_comes_in_pages(admin):
    for number in range(5):
        admin.post(PATH, json={**NEW, "id": f"a{number}"})
    ids, cursor = [], ""
    while cursor is not None:
        page = admin.get(PATH, params={"limit": 2, "cursor": cursor}).json()
        ids += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert ids == ["a0", "a1", "a2", "a3", "a4"]


def test_a_site_that_signs_for_nobody_says_so(site, admin):
    object.__setattr__(site.services, "applications", None)
    object.__setattr__(site.services, "approvals", None)
    assert problem(admin.get(PATH)) == (404, "dashboard_api.signing.absent")
    reader = site.browser(Role.INTEGRATOR)
    answer = reader.get("/v1/crypto/approvals")
    assert problem(answer) == (404, "dashboard_api.signing.absent")
    assert answer.json()["title"] == "Not found"


def test_who_is_in_charge_of_no_unit_sees_and_changes_nothing(site, admin, payments):
    for role in (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN):
        nobody = site.browser(role, units=())
        assert nobody.get(PATH).json() == {"items": [], "next_cursor": None}
        assert nobody.get(f"{PATH}/payments").status_code == 404
    assert nobody.get("/v1/crypto/approvals").json() == {"items": [], "next_cursor": None}
    nobody = site.browser(Role.SYSTEM_ADMIN, units=())
    assert problem(nobody.post(PATH, json=NEW)) == (403, "dashboard_api.unit.foreign")


def test_a_refusal_is_told_in_the_readers_language(admin, payments):
    answer = admin.post(PATH, json=NEW, headers={"Accept-Language": "zh-CN"})
    assert answer.json()["detail"] == "应用标识 payments 已被使用，请换一个"
    answer = admin.post(PATH, json=NEW, headers={"Accept-Language": "en"})
    assert answer.json()["detail"].startswith("there is an application payments already")
