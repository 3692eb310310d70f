"""Keys at hand in a signing process, over a real key store that another process changes."""

import pytest
from fakes import NOW, SECOND, FakeClock

from crypto.errors import CryptoError
from crypto.keystore.model import Policy, Use
from crypto.keystore.source import MasterReference
from crypto.sm2 import PrivateKey
from dashboard_api.custody.room import KeyRoom
from dashboard_api.signing import keycache
from dashboard_api.signing.keycache import KeyCache
from dashboard_api.signing.ports import HeldDecrypter, HeldPublic, HeldSigner
from fengsui.clock import SystemEntropy

DOMAIN = "1234567812345678"


class Certificates:
    """Those of one key; what is changed shows at the next refresh."""

    def __init__(self):
        self.chains = {}
        self.changed = False

    def refresh(self):
        changed, self.changed = self.changed, False
        return changed

    def chain_of(self, key_id, version):
        return self.chains.get((key_id, version), ())

    def anchors(self):
        return [b"root"]

    def revocation_lists(self):
        return [b"list"]


class Device:
    """One signing and one encryption key of a device, of which only the bookkeeping matters."""

    def __init__(self):
        self.inside = {"p.ds": Use.SIGN, "p.de": Use.ENCRYPT}
        self.pair = PrivateKey.generate()
        self.refreshed = 0

    def refresh(self):
        self.refreshed += 1

    def use(self, key_id):
        return self.inside.get(key_id)

    def signer(self, key_id):
        return HeldSigner(id=key_id, version=1, place="device", key=self.pair)

    def decrypter(self, key_id):
        return HeldDecrypter(id=key_id, version=1, place="device", key=self.pair)

    def public(self, key_id, use):
        del use
        return HeldPublic(id=key_id, version=1, place="device", key=self.pair.public)


class Desk:
    """Two rooms on one folder: the API process changes keys, the signing process uses them."""

    def __init__(self, folder):
        self.clock = FakeClock()
        self.rooms = [self._room(folder), self._room(folder)]
        self.store = self.rooms[0].store
        self.certificates = Certificates()
        self.device = Device()
        self.keys = KeyCache(
            self.rooms[1].store, self.certificates, clock=self.clock, device=self.device
        )

    def _room(self, folder):
        reference = MasterReference()
        return KeyRoom(
            folder, reference, environment={}, clock=self.clock, entropy=SystemEntropy()
        )  # fmt: skip

    def close(self):
        for room in self.rooms:
            room.close()


@pytest.fixture
def desk(tmp_path):
    opened = Desk(tmp_path)
    opened.store.create("payments.receipt", Use.SIGN)
    opened.keys.refresh()
    yield opened
    opened.close()


def refusal(action, *words):
    with pytest.raises(CryptoError) as caught:
        action(*words)
    return caught.value.code


def test_a_key_signs_and_its_version_and_place_are_told(desk):
    held = desk.keys.signer("payments.receipt")
    assert (held.id, held.version, held.place) == ("payments.receipt", 1, "software")
    held.key.public.verify(held.key.sign(b"m", domain=DOMAIN), b"m", domain=DOMAIN)


def test_the_same_key_is_opened_once(desk):
    assert desk.keys.signer("payments.receipt") is desk.keys.signer("payments.receipt")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda store: store.disable("payments.receipt"), "crypto.key.disabled"),
        (
            lambda store: store.schedule_deletion("payments.receipt", 8 * 86_400 * SECOND),
            "crypto.key.scheduled",
        ),
    ],
)
def test_a_key_taken_back_elsewhere_is_refused_from_the_next_group_on(desk, change, code):
    desk.keys.signer("payments.receipt")
    change(desk.store)
    desk.keys.refresh()
    assert refusal(desk.keys.signer, "payments.receipt") == code
    assert refusal(desk.keys.verifiers, "payments.receipt") == code


def test_a_destroyed_key_is_refused_by_that_name(desk):
    desk.store.schedule_deletion("payments.receipt", 8 * 86_400 * SECOND)
    desk.clock.at += 9 * 86_400 * SECOND
    desk.store.destroy_due()
    desk.keys.refresh()
    assert refusal(desk.keys.signer, "payments.receipt") == "crypto.key.destroyed"


def test_a_rotated_key_signs_with_its_new_version_and_verifies_with_both_newest_first(desk):
    old = desk.keys.signer("payments.receipt").key.public
    desk.store.rotate("payments.receipt")
    desk.keys.refresh()
    held = desk.keys.signer("payments.receipt")
    assert held.version == 2
    assert held.key.public != old
    found = desk.keys.verifiers("payments.receipt")
    assert [(one.version, one.key) for one in found] == [(2, held.key.public), (1, old)]


def test_an_expired_key_makes_nothing_new_though_it_is_open_already(desk):
    for key_id, use in (("p.s", Use.SIGN), ("p.e", Use.ENCRYPT), ("p.x", Use.SEAL)):
        desk.store.create(key_id, use, Policy(expires_at_us=NOW + 10 * SECOND))
    desk.keys.refresh()
    sealer = desk.keys.sealer("p.x").key
    sealed = sealer.seal(b"text", b"")
    desk.keys.signer("p.s")
    cipher = desk.keys.encrypter("p.e").key.encrypt(b"text")
    desk.clock.at += 10 * SECOND
    assert refusal(desk.keys.signer, "p.s") == "crypto.key.expired"
    assert refusal(desk.keys.encrypter, "p.e") == "crypto.key.expired"
    assert refusal(sealer.seal, b"text", b"") == "crypto.key.expired"
    assert sealer.open(sealed, b"") == b"text"
    assert desk.keys.decrypters("p.e")[0].key.decrypt(cipher) == b"text"
    assert len(desk.keys.verifiers("p.s")) == 1


def test_a_key_of_one_use_opens_for_no_other(desk):
    desk.store.create("p.m", Use.MAC)
    desk.keys.refresh()
    assert desk.keys.use("p.m") == "mac"
    assert refusal(desk.keys.signer, "p.m") == "crypto.key.use"
    assert refusal(desk.keys.verifiers, "p.m") == "crypto.key.use"
    assert refusal(desk.keys.decrypters, "payments.receipt") == "crypto.key.use"
    assert refusal(desk.keys.sealer, "p.m") == "crypto.key.use"


def test_a_mac_key_makes_the_codes_the_store_itself_makes(desk):
    desk.store.create("p.m", Use.MAC)
    desk.keys.refresh()
    assert desk.keys.mac("p.m").key.mac(b"data") == desk.store.mac("p.m").mac(b"data")


def test_a_chain_is_given_with_its_key_and_a_new_one_shows_at_the_next_refresh(desk):
    assert desk.keys.signer("payments.receipt").chain == ()
    desk.certificates.chains["payments.receipt", 1] = (b"own", b"above")
    desk.certificates.changed = True
    desk.keys.refresh()
    assert desk.keys.signer("payments.receipt").chain == (b"own", b"above")


def test_more_keys_than_are_kept_are_all_still_there(desk, monkeypatch):
    monkeypatch.setattr(keycache, "OPENED_MAX", 2)
    for n in range(5):
        desk.store.create(f"p.k{n}", Use.SIGN)
    desk.keys.refresh()
    for _ in range(2):
        assert [desk.keys.signer(f"p.k{n}").id for n in range(5)] == [f"p.k{n}" for n in range(5)]


def test_a_key_nobody_made_is_unknown(desk):
    assert refusal(desk.keys.signer, "payments.other") == "crypto.key.unknown"
    assert refusal(desk.keys.use, "payments.other") == "crypto.key.unknown"


def test_keys_of_the_device_stand_beside_those_of_the_store_with_their_certificates(desk):
    desk.certificates.chains["p.ds", 1] = (b"own",)
    held = desk.keys.signer("p.ds")
    assert (held.place, held.chain, desk.keys.use("p.ds")) == ("device", (b"own",), "sign")
    assert [one.place for one in desk.keys.verifiers("p.ds")] == ["device"]
    assert desk.keys.encrypter("p.de").place == "device"
    assert [one.place for one in desk.keys.decrypters("p.de")] == ["device"]
    assert desk.keys.signer("payments.receipt").place == "software"
    assert refusal(desk.keys.sealer, "p.ds") == "crypto.key.use"
    assert refusal(desk.keys.mac, "p.de") == "crypto.key.use"
    assert desk.device.refreshed == 1
