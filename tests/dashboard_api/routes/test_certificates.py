import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import Processes
from standin import Browser, problem

from crypto import sm2
from crypto.keystore.model import State, Use
from crypto.x509.authority import Authority, Order, Profile
from crypto.x509.certificate import Certificate
from crypto.x509.extension import KeyUsage
from crypto.x509.name import Name
from crypto.x509.request import CertificateRequest
from crypto.x509.revocation import Revocation, RevocationList
from dashboard_api.access.roles import Role
from dashboard_api.applications.model import NO_KEY, Application, Operation
from dashboard_api.applications.records import Hand
from schema.times import DAY, SECOND

PATH = "/v1/crypto/certificates"
KEYS = "/v1/crypto/keys"
HAND = Hand("sysadmin", "p1")
LIST = "/v1/crypto/revocation-list"
SUBJECT = Name.of((("C", "CN"), ("CN", "gate.example")))


def application(name):
    granted = frozenset(Operation)
    return Application(
        id=name, name=name, unit="finance", credentials=(), grants={"*": granted, NO_KEY: granted}
    )


@pytest.fixture
def keeper(site):
    """An integrator in charge of every unit; two applications, each with a key."""
    for name in ("payments", "portal"):
        site.applications.register(HAND, name, name=name, unit="finance")
        site.room.store.create(f"{name}.receipt", Use.SIGN)
    return site.browser(Role.INTEGRATOR)


def issue(browser, **body):
    answer = browser.post(PATH, json={"key": "payments.receipt", **body})
    assert answer.status_code == 201, answer.text
    return answer.json()


def check(browser, pem, **more):
    return browser.post(f"{PATH}:check", json={"certificate": pem, **more})


def foreign(clock, *, days=30):
    """A licensed authority elsewhere: its root, and what signs."""
    key = sm2.PrivateKey.generate()
    now = clock.now() // SECOND * SECOND
    order = Order(
        subject=Name.of((("C", "CN"), ("CN", "licensed"))),
        public=key.public,
        not_before_us=now,
        not_after_us=now + days * DAY,
        entropy=bytes(range(16)),
    )
    return Authority.root(order, key)


def issued_by(authority, public):
    root = authority.certificate
    order = Order(
        subject=SUBJECT,
        public=public,
        not_before_us=root.not_before_us,
        not_after_us=root.not_after_us,
        entropy=bytes(range(16, 32)),
    )
    return authority.issue(Profile.SIGNING, order)


def test_a_key_gets_a_certificate_that_leads_to_the_sites_root(site, keeper):
    made = issue(keeper)
    assert (made["key"], made["version"], made["profile"]) == ("payments.receipt", 1, "sign")
    assert made["subject"] == "CN=payments.receipt,OU=payments,C=CN"
    found = Certificate.from_pem(made["certificate"].encode())
    assert found.public == site.room.store.verifier("payments.receipt")
    assert found.serial.bit_length() == 127
    answer = check(keeper, made["certificate"], usage="sign").json()
    assert (answer["valid"], len(answer["path"]), answer["revocation"]) == (True, 2, "checked")
    assert keeper.get(f"{PATH}/{made['serial']}").json() == made
    profiles = [one["profile"] for one in keeper.get(PATH).json()["items"]]
    assert profiles == ["sign", "root"]
    assert ("u0", "certificate.issue.sign", "payments.receipt", "done") in site.acts()


def test_a_certificate_that_is_not_for_the_use_is_refused_by_its_code(site, keeper):
    made = issue(keeper)
    answer = check(keeper, made["certificate"], usage="encrypt")
    assert problem(answer) == (422, "crypto.certificate.usage")
    site.clock.time += 366 * DAY
    again = site.browser(Role.INTEGRATOR)
    assert problem(check(again, made["certificate"])) == (422, "crypto.certificate.expired")


def test_a_revoked_certificate_is_on_the_list_at_once_and_for_good(site, keeper):
    made = issue(keeper)
    before = RevocationList.from_der(keeper.get(LIST, params={"form": "der"}).content)
    assert not before.entries
    revoked = keeper.post(f"{PATH}/{made['serial']}:revoke", json={"reason": "key_compromise"})
    assert revoked.json()["reason"] == "key_compromise"
    after = RevocationList.from_pem(keeper.get(LIST).content)
    assert list(after.entries) == [int(made["serial"], 16)]
    assert after.number == before.number + 1
    assert problem(check(keeper, made["certificate"])) == (422, "crypto.certificate.revoked")
    again = keeper.post(f"{PATH}/{made['serial']}:revoke", json={})
    assert problem(again) == (409, "dashboard_api.certificate.revoked_before")
    renewed = keeper.post(f"{PATH}/{made['serial']}:renew", json={})
    assert problem(renewed) == (422, "crypto.certificate.revoked")


def test_a_renewed_certificate_is_of_the_keys_latest_version(site, keeper):
    old = issue(keeper, days=90)
    site.room.store.rotate("payments.receipt")
    new = keeper.post(f"{PATH}/{old['serial']}:renew", json={}).json()
    assert (new["version"], new["subject"]) == (2, old["subject"])
    assert keeper.get(f"{PATH}/{old['serial']}").json()["renewed_by"] == new["fingerprint"]
    found = Certificate.from_pem(new["certificate"].encode())
    assert found.not_after_us - found.not_before_us == 90 * DAY
    check(keeper, old["certificate"]).raise_for_status()


def test_a_request_of_a_sensor_is_answered_and_a_changed_one_is_not(keeper):
    key = sm2.PrivateKey.generate()
    request = CertificateRequest.build(SUBJECT, key)
    body = {"key": "", "request": request.to_pem().decode(), "profile": "server"}
    made = issue(keeper, **body)
    found = Certificate.from_pem(made["certificate"].encode())
    assert (found.public, found.subject) == (key.public, SUBJECT)
    assert found.extensions.extended == ("1.3.6.1.5.5.7.3.1",)
    other = CertificateRequest.build(Name.of((("CN", "gate.exampla"),)), key)
    forged = request.der.replace(b"gate.example", b"gate.exampla")
    assert other.der != forged
    pem = CertificateRequest.from_der(forged).to_pem().decode()
    answer = keeper.post(PATH, json={"request": pem})
    assert problem(answer) == (422, "crypto.request.signature")


def test_an_encryption_certificate_takes_an_encryption_key(keeper):
    answer = keeper.post(PATH, json={"key": "payments.receipt", "profile": "encrypt"})
    assert problem(answer) == (409, "dashboard_api.certificate.key")


def test_the_chain_of_a_licensed_authority_is_taken_for_its_own_key_only(site, keeper):
    authority = foreign(site.clock)
    leaf = issued_by(authority, site.room.store.verifier("payments.receipt"))
    chain = (leaf.to_pem() + authority.certificate.to_pem()).decode()
    taken = keeper.post(f"{PATH}:import", json={"key": "payments.receipt", "chain": chain})
    assert taken.status_code == 201, taken.text
    answer = keeper.post(f"{PATH}:import", json={"key": "portal.receipt", "chain": chain})
    assert problem(answer) == (422, "crypto.certificate.key")
    assert problem(check(keeper, leaf.to_pem().decode())) == (
        422, "crypto.certificate.untrusted",
    )  # fmt: skip
    root = authority.certificate.to_pem().decode()
    keeper.post(f"{PATH}:import", json={"anchor": root}).raise_for_status()
    assert check(keeper, leaf.to_pem().decode()).json()["revocation"] == "no_list"
    now = authority.certificate.not_before_us
    revoking = RevocationList.build(
        authority.certificate, authority.key, number=1, this_update_us=now,
        next_update_us=now + DAY, entries=[Revocation(leaf.serial, now)],
    )  # fmt: skip
    body = {"revocation_list": revoking.to_pem().decode()}
    keeper.post(f"{PATH}:import", json=body).raise_for_status()
    assert problem(check(keeper, leaf.to_pem().decode()))[1] == "crypto.certificate.revoked"
    answer = keeper.post(f"{PATH}/{leaf.serial:x}:revoke", json={})
    assert problem(answer) == (409, "dashboard_api.certificate.issuer")


def test_a_leaf_is_no_root_to_trust(site, keeper):
    made = issue(keeper)
    answer = keeper.post(f"{PATH}:import", json={"anchor": made["certificate"]})
    assert problem(answer) == (422, "dashboard_api.certificate.anchor")


def test_only_who_is_in_charge_of_every_unit_says_whom_the_site_trusts(site, keeper):
    root = foreign(site.clock).certificate.to_pem().decode()
    local = site.browser(Role.INTEGRATOR, units=("finance",))
    answer = local.post(f"{PATH}:import", json={"anchor": root})
    assert problem(answer) == (403, "dashboard_api.key.owner")
    assert issue(local)["owner"] == "payments"
    assert {one["owner"] for one in local.get(PATH).json()["items"]} == {"payments"}


def test_a_repeat_under_the_same_idempotency_key_issues_no_second_one(keeper):
    headers = {"Idempotency-Key": "once"}
    body = {"key": "payments.receipt"}
    first, second = (keeper.post(PATH, json=body, headers=headers).json() for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "body",
    [
        {"key": "receipt", "dns": ["pay.example"]},
        {"key": "receipt", "subject": [["CN", "the minister"]]},
        {"key": "receipt", "profile": "server"},
        {"request": "REQUEST"},
        {"anchor": "ROOT"},
    ],
)
def test_an_application_gets_no_name_but_its_keys_own(site, keeper, body):
    processes(site)
    pem = {
        "REQUEST": CertificateRequest.build(SUBJECT, sm2.PrivateKey.generate()).to_pem().decode(),
        "ROOT": foreign(site.clock).certificate.to_pem().decode(),
    }
    body = {name: pem.get(value, value) if isinstance(value, str) else value
            for name, value in body.items()}  # fmt: skip
    path = f"{PATH}:import" if "anchor" in body else PATH
    answer = called(site, "payments", path, body)
    assert problem(answer) == (403, "dashboard_api.certificate.person")


def processes(site):
    signing = Processes(application("payments"), application("portal"))
    object.__setattr__(site.services, "signing", signing)


def called(site, name, path, body=None):
    headers = {"Authorization": f"Bearer {name}"}
    browser = Browser(site.app)
    if body is None:
        return browser.get(path, headers=headers)
    return browser.post(path, json=body, headers=headers)


OPERATIONS = (
    lambda mine: (PATH, {"key": mine}),
    lambda mine: (f"{PATH}:import", {"key": mine, "chain": "CHAIN"}),
    lambda mine: (f"{PATH}/SERIAL", None),
    lambda mine: (f"{PATH}/SERIAL:renew", {}),
    lambda mine: (f"{PATH}/SERIAL:revoke", {"reason": "superseded"}),
    lambda mine: (f"{PATH}/FINGERPRINT:revoke", {}),
    lambda mine: (f"{KEYS}/{mine}", None),
    lambda mine: (f"{KEYS}/{mine}:rotate", {}),
    lambda mine: (f"{KEYS}/{mine}:disable", {}),
    lambda mine: (f"{KEYS}/{mine}:destroy", {}),
    lambda mine: (f"{KEYS}/{mine}:export", {"recipient": "04" + "ab" * 64}),
)
"""Every managing operation on something that is there: path and body, of a key's whole id."""


def test_no_application_touches_keys_or_certificates_of_another(site, keeper):
    """Whoever asks, in any order: what the other has stays as it was, and is not even told of."""
    processes(site)
    made = {name: issue(keeper, key=f"{name}.receipt") for name in ("payments", "portal")}

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(sorted(made)), st.sampled_from(OPERATIONS)),
                    min_size=1, max_size=4))  # fmt: skip
    def holds(calls):
        for name, operation in calls:
            other = "portal" if name == "payments" else "payments"
            path, body = operation(f"{other}.receipt")
            path = path.replace("SERIAL", made[other]["serial"])
            path = path.replace("FINGERPRINT", made[other]["fingerprint"])
            if body and body.get("chain"):
                body = {**body, "chain": made[other]["certificate"]}
            answer = called(site, name, path, body)
            assert problem(answer)[0] in (403, 404), (name, path)
        for owner, certificate in made.items():
            assert site.room.store.key(f"{owner}.receipt").latest.number == 1
            assert site.room.store.key(f"{owner}.receipt").state is State.ACTIVE
            assert keeper.get(f"{PATH}/{certificate['serial']}").json() == certificate

    holds()
    seen = called(site, "payments", PATH).json()["items"]
    assert [one["serial"] for one in seen] == [made["payments"]["serial"]]


def test_the_site_makes_its_time_stamping_certificate_once(site, keeper):
    site.authority.need_stamping()
    site.authority.need_stamping()
    stamping = [one for one in keeper.get(PATH).json()["items"] if one["profile"] == "timestamp"]
    assert len(stamping) == 1
    found = Certificate.from_pem(stamping[0]["certificate"].encode())
    assert (found.extensions.extended, found.extensions.extended_critical) == (
        ("1.3.6.1.5.5.7.3.8",), True,
    )  # fmt: skip
    found.check_usage(KeyUsage.SIGNING)


def test_lists_are_signed_anew_before_they_are_stale(site, keeper):
    made = issue(keeper)
    site.clock.time += 6 * DAY
    site.authority.keep_lists()
    site.clock.time += 6 * DAY
    check(site.browser(Role.INTEGRATOR), made["certificate"]).raise_for_status()


def test_the_authoritys_key_is_not_rotated(site, keeper):
    issue(keeper)
    answer = keeper.post(f"{KEYS}/site.ca:rotate")
    assert problem(answer) == (409, "dashboard_api.key.authority")
    assert site.room.store.key("site.ca").latest.number == 1
