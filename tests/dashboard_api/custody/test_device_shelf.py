"""Keys of the device get a name, are disabled and enabled, and are given up elsewhere."""

import pytest
from standin import StandIn, problem

from crypto.sm2 import PrivateKey
from crypto.x509.certificate import Certificate
from dashboard_api.access.roles import Role
from dashboard_api.applications.records import Hand
from dashboard_api.signing.device_keys import DeviceAccess

KEYS = "/v1/crypto/keys"


class Session:
    """A device with two signing keys; those that sign are tested with the stand-in."""

    def __init__(self):
        self.keys = {1: PrivateKey.generate(), 2: PrivateKey.generate()}

    def sign_public(self, index):
        return self.keys[index].public


@pytest.fixture
def device():
    return Session()


@pytest.fixture
def site(tmp_path, device):
    access = DeviceAccess(session=lambda: device, password=lambda: b"")
    opened = StandIn(tmp_path, device=access)
    opened.applications.register(Hand("sysadmin", "p1"), "payments", name="x", unit="finance")
    yield opened
    opened.close()


def name(browser, key="payments.seal", index=1, **more):
    body = {"key": key, "use": "sign", "place": "device", "index": index, **more}
    return browser.post(KEYS, json=body)


def test_a_key_of_the_device_is_shown_with_its_place_and_module(site, device):
    keeper = site.browser(Role.INTEGRATOR)
    shown = name(keeper).json()
    assert (shown["place"], shown["state"], shown["use"]) == ("device", "active", "sign")
    assert shown["module"] == "cryptographic device (GM/T 0018)"
    assert shown["versions"][0]["public_key"] == device.keys[1].public.point.hex()
    assert keeper.get(f"{KEYS}/payments.seal").json() == shown
    assert keeper.get(KEYS).json()["items"] == [shown]
    assert not site.room.exists


def test_a_name_and_an_index_are_given_once(site, device):
    keeper = site.browser(Role.INTEGRATOR)
    keeper.post(KEYS, json={"key": "payments.receipt", "use": "sign"}).raise_for_status()
    assert problem(name(keeper, "payments.receipt")) == (409, "crypto.key.exists")
    name(keeper).raise_for_status()
    assert problem(name(keeper, index=2)) == (409, "crypto.key.exists")
    assert problem(name(keeper, "payments.other")) == (409, "dashboard_api.key.index")
    again = keeper.post(KEYS, json={"key": "payments.seal", "use": "sign"})
    assert problem(again) == (409, "crypto.key.exists")


def test_it_is_disabled_and_enabled_and_nothing_else(site, device):
    keeper = site.browser(Role.INTEGRATOR)
    name(keeper)
    assert keeper.post(f"{KEYS}/payments.seal:disable").json()["state"] == "disabled"
    again = keeper.post(f"{KEYS}/payments.seal:disable")
    assert problem(again) == (409, "crypto.key.state")
    assert keeper.post(f"{KEYS}/payments.seal:enable").json()["state"] == "active"
    bodies = {"rotate": None, "keep": None, "destroy": {}, "export": {
        "recipient": device.keys[2].public.point.hex()}}  # fmt: skip
    for verb, body in bodies.items():
        answer = keeper.post(f"{KEYS}/payments.seal:{verb}", json=body)
        assert problem(answer) == (409, "dashboard_api.key.device"), verb


def test_it_gets_a_certificate_like_any_key(site, device):
    keeper = site.browser(Role.INTEGRATOR)
    name(keeper)
    made = keeper.post("/v1/crypto/certificates", json={"key": "payments.seal"}).json()
    assert Certificate.from_pem(made["certificate"].encode()).public == device.keys[1].public


@pytest.mark.parametrize(
    "more", [{"index": 0}, {"use": "encrypt"}, {"sign_e": True}, {"export": True}, {"days": 3}]
)
def test_what_a_device_key_cannot_be_is_refused(site, device, more):
    answer = name(site.browser(Role.INTEGRATOR), **more)
    assert problem(answer) == (422, "dashboard_api.key.place")


def test_only_who_is_in_charge_of_every_unit_names_keys_of_the_device(site, device):
    answer = name(site.browser(Role.INTEGRATOR, units=("finance",)))
    assert problem(answer) == (403, "dashboard_api.key.owner")


def test_a_site_without_a_device_says_so(tmp_path):
    without = StandIn(tmp_path)
    without.applications.register(Hand("sysadmin", "p1"), "payments", name="x", unit="finance")
    answer = name(without.browser(Role.INTEGRATOR))
    assert problem(answer) == (409, "dashboard_api.key.device")
    without.close()
