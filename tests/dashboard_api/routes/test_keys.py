import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processes import Processes
from standin import Browser, problem

from crypto import sm2
from crypto.cms import enveloped_key
from crypto.keystore.model import Use
from dashboard_api.access.roles import Role
from dashboard_api.applications.approvals import Approvals
from dashboard_api.applications.model import NO_KEY, Application, Operation
from dashboard_api.applications.records import Hand
from schema.times import DAY

KEYS = "/v1/crypto/keys"
HAND = Hand("sysadmin", "p1")


def application(name):
    granted = frozenset({Operation.KEYS_READ, Operation.KEYS_MANAGE})
    return Application(
        id=name,
        name=name,
        unit="finance",
        credentials=(),
        grants={"*": granted, NO_KEY: granted},
    )


@pytest.fixture
def keeper(site):
    """An integrator in charge of the unit of two applications; both may manage their own keys."""
    for name in ("payments", "licences"):
        site.applications.register(HAND, name, name=name, unit="finance")
    approvals = Approvals(
        site.database, site.audit, desk=site.keys, clock=site.clock, entropy=site.entropy
    )
    services = site.services
    object.__setattr__(services, "approvals", approvals)
    object.__setattr__(
        services, "signing", Processes(application("payments"), application("licences"))
    )
    return site.browser(Role.INTEGRATOR)


def as_application(site, name):
    browser = Browser(site.app)
    return lambda method, path, **more: browser.request(
        method, path, headers={"authorization": f"Bearer {name}"}, **more
    )


def make(browser, name="payments.receipt", **more):
    return browser.post(KEYS, json={"key": name, "use": "sign", **more})


def test_a_key_is_made_shown_and_listed_without_its_secret(site, keeper):
    made = make(keeper, days=30, sign_e=True)
    assert made.status_code == 201
    shown = made.json()
    assert (shown["key"], shown["use"], shown["state"]) == ("payments.receipt", "sign", "active")
    assert (shown["sign_e"], shown["export"], shown["place"]) == (True, False, "software")
    assert keeper.get(f"{KEYS}/payments.receipt").json() == shown
    assert keeper.get(KEYS).json() == {"items": [shown]}
    secret = site.room.store.signer("payments.receipt").scalar()
    assert bytes(secret).hex() not in made.text
    assert site.acts()[-2:] == [
        ("u0", "key.create.sign", "payments.receipt", "begun"),
        ("u0", "key.create.sign", "payments.receipt", "done"),
    ]


def test_a_key_goes_through_its_life(keeper):
    make(keeper)
    assert len(keeper.post(f"{KEYS}/payments.receipt:rotate").json()["versions"]) == 2
    assert keeper.post(f"{KEYS}/payments.receipt:disable").json()["state"] == "disabled"
    answer = keeper.post(f"{KEYS}/payments.receipt:rotate")
    assert problem(answer) == (409, "crypto.key.disabled")
    assert keeper.post(f"{KEYS}/payments.receipt:enable").json()["state"] == "active"
    assert problem(keeper.post(f"{KEYS}/payments.receipt:keep")) == (409, "crypto.key.state")


def test_a_name_is_given_once_and_a_bad_one_is_told(site, keeper):
    make(keeper)
    assert problem(make(keeper)) == (409, "crypto.key.exists")
    assert site.acts()[-1] == ("u0", "key.create.sign", "payments.receipt", "refused")
    assert problem(make(keeper, "receipt")) == (422, "dashboard_api.key.name")
    assert problem(make(keeper, "Payments.receipt"))[0] == 422
    assert problem(keeper.get(f"{KEYS}/payments.other")) == (404, "crypto.key.unknown")


def test_a_repeat_under_the_same_idempotency_key_makes_one_key(site, keeper):
    header = {"idempotency-key": "abc"}
    body = {"key": "payments.receipt", "use": "sign"}
    first = keeper.request("POST", KEYS, headers=header, json=body)
    again = keeper.request("POST", KEYS, headers=header, json=body)
    assert (again.status_code, again.json()) == (201, first.json())
    other = keeper.request("POST", KEYS, headers=header, json={**body, "use": "mac"})
    assert problem(other) == (409, "dashboard_api.idempotency.conflict")


def test_two_persons_end_a_key_and_time_may_still_save_it(site, keeper):
    make(keeper)
    asked = keeper.post(f"{KEYS}/payments.receipt:destroy", json={"days": 10})
    assert asked.status_code == 202
    assert keeper.get(f"{KEYS}/payments.receipt").json()["state"] == "active"
    approval = asked.json()["id"]
    second = site.browser(Role.SECURITY_ADMIN)
    done = second.post(f"/v1/crypto/approvals/{approval}:approve").json()
    assert done["state"] == "done"
    shown = keeper.get(f"{KEYS}/payments.receipt").json()
    assert shown["state"] == "scheduled"
    assert keeper.post(f"{KEYS}/payments.receipt:keep").json()["state"] == "disabled"
    keeper.post(f"{KEYS}/payments.receipt:destroy", json={"days": 10})


def test_a_key_whose_wait_is_over_is_wiped_and_its_name_is_kept(site, keeper):
    make(keeper)
    approval = keeper.post(f"{KEYS}/payments.receipt:destroy", json={}).json()["id"]
    site.browser(Role.SECURITY_ADMIN).post(f"/v1/crypto/approvals/{approval}:approve")
    site.clock.forward(29 * DAY // 1_000_000)
    assert site.keys.destroy_due() == []
    site.clock.forward(2 * DAY // 1_000_000)
    assert site.keys.destroy_due() == ["payments.receipt"]
    assert site.room.store.key("payments.receipt").state.value == "destroyed"
    assert site.acts()[-1] == ("fengsui", "key.destroyed", "payments.receipt", "done")


def test_an_export_goes_to_who_asked_encrypted_and_once(site, keeper):
    make(keeper, export=True)
    recipient = sm2.PrivateKey.generate()
    asked = keeper.post(
        f"{KEYS}/payments.receipt:export", json={"recipient": recipient.public.point.hex()}
    ).json()
    second = site.browser(Role.SECURITY_ADMIN)
    second.post(f"/v1/crypto/approvals/{asked['id']}:approve")
    taken = keeper.post(f"/v1/crypto/approvals/{asked['id']}:take").json()
    opened = enveloped_key.open_key(base64.b64decode(taken["material"]), recipient)
    assert opened.public == site.room.store.verifier("payments.receipt")


def test_a_symmetric_key_is_exported_as_a_ciphertext(site, keeper):
    make(keeper, "payments.box", use="seal", export=True)
    recipient = sm2.PrivateKey.generate()
    asked = keeper.post(
        f"{KEYS}/payments.box:export", json={"recipient": recipient.public.point.hex()}
    ).json()
    site.browser(Role.SECURITY_ADMIN).post(f"/v1/crypto/approvals/{asked['id']}:approve")
    taken = keeper.post(f"/v1/crypto/approvals/{asked['id']}:take").json()
    secret = recipient.decrypt(base64.b64decode(taken["material"]))
    assert secret == bytes(site.room.store.export("payments.box"))


def test_what_could_never_be_exported_is_refused_before_anybody_is_asked(site, keeper):
    make(keeper)
    point = sm2.PrivateKey.generate().public.point.hex()
    answer = keeper.post(f"{KEYS}/payments.receipt:export", json={"recipient": point})
    assert problem(answer) == (403, "dashboard_api.key.export")
    make(keeper, "payments.free", export=True)
    answer = keeper.post(f"{KEYS}/payments.free:export", json={"recipient": "04" + "11" * 64})
    assert problem(answer) == (422, "dashboard_api.key.recipient")
    assert site.browser(Role.SECURITY_ADMIN).get("/v1/crypto/approvals").json()["items"] == []


def test_a_key_made_elsewhere_comes_in_as_pem_or_in_an_envelope(site, keeper):
    key = sm2.PrivateKey.generate()
    pem = key.to_pem(b"secret").decode()
    body = {"key": "payments.old", "use": "sign", "pem": pem, "password": "secret"}
    shown = keeper.post(f"{KEYS}:import", json=body).json()
    assert shown["versions"][0]["public_key"] == key.public.point.hex()
    wrong = keeper.post(f"{KEYS}:import", json={**body, "key": "payments.o", "password": "other"})
    assert problem(wrong) == (422, "crypto.key.password")
    to = keeper.get(f"{KEYS}:import").json()["public_key"]
    sealed = enveloped_key.seal_key(key, sm2.PublicKey.from_point(bytes.fromhex(to)))
    body = {
        "key": "payments.pair",
        "use": "encrypt",
        "envelope": base64.b64encode(sealed).decode(),
    }
    shown = keeper.post(f"{KEYS}:import", json=body).json()
    assert shown["versions"][0]["public_key"] == key.public.point.hex()
    assert site.room.store.key("payments.pair").use is Use.ENCRYPT


@pytest.mark.parametrize(
    "body", [{}, {"pem": "a", "envelope": "b"}, {"envelope": "*"}], ids=["none", "both", "form"]
)
def test_an_import_of_nothing_or_of_two_things_is_refused(keeper, body):
    answer = keeper.post(f"{KEYS}:import", json={"key": "payments.k", "use": "sign", **body})
    assert problem(answer) == (422, "dashboard_api.key.import")


@given(text=st.text(max_size=400))
def test_any_text_as_a_key_is_refused_by_name(text):
    for form in (text, f"-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----"):
        with pytest.raises(Exception) as caught:
            sm2.PrivateKey.from_pem(form.encode())
        assert getattr(caught.value, "code", "").startswith("crypto.key.")


def test_people_manage_keys_of_applications_of_their_units_only(site, keeper):
    make(keeper)
    stranger = site.browser(Role.INTEGRATOR, units=("health",))
    assert stranger.get(KEYS).json() == {"items": []}
    for method, path, body in MANAGING:
        answer = stranger.request(method, path.format(key="payments.receipt"), json=body)
        assert problem(answer) == (403, "dashboard_api.key.owner"), path
    assert problem(make(stranger, "site.mine")) == (403, "dashboard_api.key.owner")
    assert problem(make(stranger, "nobody.k")) == (403, "dashboard_api.key.owner")


POINT = sm2.PrivateKey.generate().public.point.hex()
MANAGING = [
    ("GET", f"{KEYS}/{{key}}", None),
    *(("POST", f"{KEYS}/{{key}}:{verb}", None) for verb in ("rotate", "enable", "disable", "keep")),
    ("POST", f"{KEYS}/{{key}}:destroy", {"days": 30}),
    ("POST", f"{KEYS}/{{key}}:export", {"recipient": POINT}),
]


def test_no_application_touches_another_s_keys_by_any_managing_operation(site, keeper):
    payments, licences = as_application(site, "payments"), as_application(site, "licences")
    made = payments("POST", KEYS, json={"key": "receipt", "use": "sign", "export": True})
    assert made.json()["key"] == "payments.receipt"
    before = site.room.store.key("payments.receipt")
    for method, path, body in MANAGING:
        for name in ("payments.receipt", "payments.absent", "site.ca"):
            answer = licences(method, path.format(key=name), json=body)
            # The same whether there is such a key or not.
            assert problem(answer) == (403, "dashboard_api.scope.missing"), (path, name)
    answer = licences("POST", KEYS, json={"key": "payments.more", "use": "sign"})
    assert problem(answer) == (403, "dashboard_api.scope.missing")
    assert licences("GET", KEYS).json() == {"items": []}
    assert site.room.store.key("payments.receipt") == before
    assert [one.id for one in site.room.store.all_keys()] == ["payments.receipt"]


def test_an_application_manages_its_own_keys_by_their_short_names(site, keeper):
    payments = as_application(site, "payments")
    payments("POST", KEYS, json={"key": "receipt", "use": "sign"})
    assert len(payments("POST", f"{KEYS}/receipt:rotate").json()["versions"]) == 2
    asked = payments("POST", f"{KEYS}/receipt:destroy", json={}).json()
    assert asked["asked_by"] == "application:payments"
    assert ("application:payments", "key.rotate", "payments.receipt", "done") in site.acts()


def test_a_name_in_the_query_stands_behind_the_one_in_the_body(site, keeper):
    licences = as_application(site, "licences")
    answer = licences(
        "POST", f"{KEYS}?key=licences.mine", json={"key": "payments.theirs", "use": "sign"}
    )
    assert problem(answer) == (403, "dashboard_api.scope.missing")
    made = licences("POST", f"{KEYS}?key=other", json={"key": "mine", "use": "sign"})
    assert made.json()["key"] == "licences.mine"


def test_the_query_belongs_to_what_is_repeated(keeper):
    header = {"idempotency-key": "q"}
    body = {"key": "payments.receipt", "use": "sign"}
    keeper.request("POST", KEYS, headers=header, json=body)
    again = keeper.request("POST", f"{KEYS}?a=1", headers=header, json=body)
    assert problem(again) == (409, "dashboard_api.idempotency.conflict")
