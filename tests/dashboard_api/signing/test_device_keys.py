"""Keys inside the stand-in device sign as those of the key store do."""

import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from fakes import FakeClock

from collector.state.database import Database
from crypto.errors import CryptoError
from crypto.keystore.source import MasterReference
from crypto.sdf.library import Device
from crypto.sm2 import PrivateKey
from dashboard_api.custody import device_rows
from dashboard_api.custody.device_rows import DeviceKey
from dashboard_api.custody.room import KeyRoom
from dashboard_api.signing import changes
from dashboard_api.signing.certificates import StateCertificates
from dashboard_api.signing.device_keys import DeviceAccess, StateDeviceKeys
from dashboard_api.signing.directory import open_read_only
from dashboard_api.signing.keycache import KeyCache
from fengsui.clock import SystemEntropy

SOURCE = Path(__file__).resolve().parents[2] / "crypto" / "sdf" / "standin.c"
DOMAIN = "1234567812345678"
PASSWORD = b"12345678"


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    if shutil.which("cc") is None or not Path("/usr/include/openssl/evp.h").exists():
        pytest.skip("the stand-in device needs a C compiler and the headers of libssl-dev")
    made = tmp_path_factory.mktemp("device") / "libstandin.so"
    command = ["cc", "-O1", "-shared", "-fPIC", "-o", made, SOURCE, "-lcrypto"]
    subprocess.run(command, check=True, capture_output=True)
    return made


class World:
    """A key cache over a state file and a device."""

    def __init__(self, folder, session):
        clock = FakeClock()
        self.database = Database(folder / "state.db")
        self.state = open_read_only(folder / "state.db")
        self.room = KeyRoom(
            folder, MasterReference(), environment={}, clock=clock, entropy=SystemEntropy()
        )
        certificates = StateCertificates(self.state)
        self.password = PASSWORD
        access = DeviceAccess(session=lambda: session, password=lambda: self.password)
        device = StateDeviceKeys(self.state, access, certificates.chain_of)
        self.keys = KeyCache(self.room.store, certificates, clock=clock, device=device)

    def name(self, public, **more):
        key = DeviceKey(key="payments.seal", index=1, public=public.point, created_at=1, **more)

        def job(state):
            device_rows.insert(state, key)
            changes.raise_in(state)

        self.database.write(job)
        self.keys.refresh()

    def disable(self):
        def job(state):
            device_rows.set_disabled(state, "payments.seal", disabled=True)
            changes.raise_in(state)

        self.database.write(job)
        self.keys.refresh()

    def close(self):
        self.state.close()
        self.room.close()
        self.database.close()


@pytest.fixture
def session(library):
    with Device(library) as device, device.session() as opened:
        yield opened


@pytest.fixture
def world(tmp_path, session):
    with closing(World(tmp_path, session)) as opened:
        yield opened


def refusal(action, *words):
    with pytest.raises(CryptoError) as caught:
        action(*words)
    return caught.value.code


def test_a_key_of_the_device_signs_and_its_place_is_told(world, session):
    world.name(session.sign_public(1))
    held = world.keys.signer("payments.seal")
    assert (held.version, held.place, world.keys.use("payments.seal")) == (1, "device", "sign")
    held.key.public.verify(held.key.sign(b"m", domain=DOMAIN), b"m", domain=DOMAIN)
    (verifier,) = world.keys.verifiers("payments.seal")
    made = held.key.sign_many([b"1", b"2"], domain=DOMAIN)
    for signature, message in zip(made, (b"1", b"2"), strict=True):
        verifier.key.verify(signature, message, domain=DOMAIN)


def test_a_key_of_the_device_signs_no_digest_made_elsewhere(world, session):
    world.name(session.sign_public(1))
    assert refusal(world.keys.signer("payments.seal").key.sign_e, bytes(32)) == "crypto.key.policy"


def test_a_key_that_became_another_inside_the_device_signs_nothing(world):
    world.name(PrivateKey.generate().public)
    held = world.keys.signer("payments.seal")
    code = refusal(lambda: held.key.sign(b"m", domain=DOMAIN))
    assert code == "crypto.signature.invalid"


def test_a_disabled_key_is_refused_from_the_next_group_on(world, session):
    world.name(session.sign_public(1))
    world.disable()
    assert refusal(world.keys.signer, "payments.seal") == "crypto.key.disabled"


def test_a_wrong_password_opens_no_key(world, session):
    world.name(session.sign_public(1))
    world.password = b"87654321"
    held = world.keys.signer("payments.seal")
    assert refusal(lambda: held.key.sign(b"m", domain=DOMAIN)).startswith("crypto.sdf.")


def test_what_the_device_does_not_hold_is_asked_of_the_store(world):
    world.keys.refresh()
    assert refusal(world.keys.signer, "payments.seal") == "crypto.key.unknown"
