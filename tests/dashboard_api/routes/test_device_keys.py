"""Keys inside the site's device by their names: given out by who is in charge of every unit."""

import pytest
from standin import StandIn, problem
from standin_device import Plugged, build

from crypto.errors import CryptoError
from crypto.keystore.model import Use
from crypto.x509.certificate import Certificate
from dashboard_api.access.roles import Role
from dashboard_api.applications.records import Hand
from dashboard_api.custody.expiry import Expiries
from dashboard_api.signing.device_keys import StateDeviceKeys
from dashboard_api.signing.directory import open_read_only
from schema.times import DAY

KEYS = "/v1/crypto/keys"
HAND = Hand("sysadmin", "p1")
DOMAIN = "1234567812345678"


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    return build(tmp_path_factory.mktemp("standin"))


@pytest.fixture
def plugged(library, tmp_path, monkeypatch):
    made = Plugged(library, tmp_path, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def site(tmp_path, plugged):
    """A site with a device whose encryption key 2 guards the key store."""
    opened = StandIn(tmp_path, device=plugged.device)
    for name in ("payments", "licences"):
        opened.applications.register(HAND, name, name=name, unit="finance")
    yield opened
    opened.close()


@pytest.fixture
def keeper(site):
    return site.browser(Role.INTEGRATOR, units=("*",))


def refusal(action, *words):
    with pytest.raises(CryptoError) as caught:
        action(*words)
    return caught.value.code


def name(browser, key="payments.receipt", **more):
    body = {"key": key, "use": "sign", "place": "device", "index": 1, **more}
    return browser.post(KEYS, json=body)


def test_a_key_of_the_device_gets_a_name_and_is_shown_as_such(site, keeper, plugged):
    made = name(keeper, days=30, sign_e=True)
    assert made.status_code == 201
    shown = made.json()
    assert (shown["place"], shown["index"], shown["state"]) == ("device", 1, "active")
    assert shown["module"] == "device Fengsui tests stand-in, serial 2026112500100001"
    assert keeper.get(f"{KEYS}/payments.receipt").json() == shown
    keeper.post(KEYS, json={"key": "licences.a", "use": "mac"})
    assert [(one["key"], one["place"]) for one in keeper.get(KEYS).json()["items"]] == [
        ("licences.a", "software"),
        ("payments.receipt", "device"),
    ]
    assert ("u0", "key.create.sign", "payments.receipt", "done") in site.acts()


def test_it_is_disabled_and_enabled_here_and_all_else_is_done_in_the_device(keeper):
    name(keeper)
    path = f"{KEYS}/payments.receipt"
    assert keeper.post(f"{path}:disable").json()["state"] == "disabled"
    assert problem(keeper.post(f"{path}:disable")) == (409, "crypto.key.state")
    assert keeper.post(f"{path}:enable").json()["state"] == "active"
    only_there = (409, "dashboard_api.key.device")
    assert problem(keeper.post(f"{path}:rotate")) == only_there
    assert problem(keeper.post(f"{path}:keep")) == only_there
    assert problem(keeper.post(f"{path}:destroy", json={"days": 30})) == only_there
    recipient = keeper.get(path).json()["versions"][0]["public_key"]
    assert problem(keeper.post(f"{path}:export", json={"recipient": recipient})) == only_there


def test_a_name_and_an_index_are_given_once(keeper):
    name(keeper)
    assert problem(name(keeper)) == (409, "crypto.key.exists")
    taken = (409, "dashboard_api.key.index")
    assert problem(name(keeper, "licences.other")) == taken
    made = keeper.post(KEYS, json={"key": "payments.receipt", "use": "mac"})
    assert problem(made) == (409, "crypto.key.exists")
    keeper.post(KEYS, json={"key": "payments.soft", "use": "sign"})
    assert problem(name(keeper, "payments.soft", use="encrypt")) == (409, "crypto.key.exists")
    assert problem(name(keeper, "payments.master", use="encrypt", index=2)) == taken
    assert name(keeper, "payments.open", use="encrypt").status_code == 201


@pytest.mark.parametrize(
    "more",
    [
        {"index": None},
        {"place": "software"},
        {"use": "seal"},
        {"use": "exchange"},
        {"export": True},
    ],
)
def test_what_a_key_of_the_device_cannot_be_is_told(keeper, more):
    assert problem(name(keeper, **more)) == (422, "dashboard_api.key.place")


def test_whoever_is_in_charge_of_some_units_takes_no_key_of_the_device(site, plugged):
    some = site.browser(Role.INTEGRATOR, units=("finance",))
    assert problem(name(some)) == (403, "dashboard_api.key.owner")


def test_a_key_the_device_does_not_have_and_a_device_that_is_away_are_told(keeper, plugged):
    assert problem(name(keeper, index=3)) == (503, "crypto.sdf.keynotexist")
    plugged.close()
    plugged.take_out()
    assert problem(name(keeper)) == (503, "crypto.sdf.opendevice")


def test_a_named_key_signs_from_the_next_group_of_calls_and_a_disabled_one_no_more(
    site, keeper, plugged
):
    state = open_read_only(site.database.path)
    keys = StateDeviceKeys(state, plugged.device, site.clock)
    keys.refresh()
    assert keys.use("payments.receipt") is None
    name(keeper, days=30)
    keys.refresh()
    held = keys.signer("payments.receipt")
    assert (held.version, held.place) == (1, "device")
    held.key.public.verify(held.key.sign(b"m", domain=DOMAIN), b"m", domain=DOMAIN)
    assert keeper.post(f"{KEYS}/payments.receipt:disable").status_code == 200
    keys.refresh()
    for use in (keys.signer, lambda name: keys.public(name, Use.SIGN)):
        assert refusal(use, "payments.receipt") == "crypto.key.disabled"
    keeper.post(f"{KEYS}/payments.receipt:enable")
    keys.refresh()
    site.clock.time += 31 * DAY
    assert refusal(keys.signer, "payments.receipt") == "crypto.key.expired"
    assert keys.public("payments.receipt", Use.SIGN).key == held.key.public
    assert refusal(keys.decrypter, "payments.receipt") == "crypto.key.use"
    state.close()


def test_it_gets_a_certificate_like_any_key(keeper):
    shown = name(keeper).json()
    made = keeper.post("/v1/crypto/certificates", json={"key": "payments.receipt"}).json()
    public = Certificate.from_pem(made["certificate"].encode()).public
    assert public.point.hex() == shown["versions"][0]["public_key"]


def test_a_site_without_a_device_says_so(tmp_path):
    without = StandIn(tmp_path / "without")
    without.applications.register(HAND, "payments", name="x", unit="finance")
    answer = name(without.browser(Role.INTEGRATOR))
    assert problem(answer) == (409, "dashboard_api.key.device")
    without.close()


def test_its_end_is_told_of_like_that_of_any_key(site, keeper):
    name(keeper, days=20)
    expiries = Expiries(site.room, site.database, site.clock)
    assert expiries.look() == ()
    site.clock.time += 14 * DAY
    assert [(one.what, one.name, one.days) for one in expiries.look()] == [
        ("key", "payments.receipt", 7)
    ]
    assert not site.room.exists
