"""Calls of applications for keys of the device, through the desk, beside keys of the store."""

import json
from base64 import b64encode

import pytest
from fakes import FakeClock, FakeEntropy, application, call
from standin_device import Plugged, build

from collector.state.database import Database
from crypto.errors import CryptoError
from crypto.keystore.model import Policy, Use
from crypto.keystore.source import MasterReference
from dashboard_api.applications.model import Operation
from dashboard_api.custody.device import PAUSE_US
from dashboard_api.custody.device_desk import DeviceDesk
from dashboard_api.custody.room import KeyRoom
from dashboard_api.signing.certificates import StateCertificates
from dashboard_api.signing.desk import ServiceDesk
from dashboard_api.signing.device_keys import StateDeviceKeys
from dashboard_api.signing.directory import open_read_only
from dashboard_api.signing.keycache import KeyCache
from fengsui.clock import SystemEntropy

MESSAGE = b64encode(b"receipt 000001").decode()
CALLER = application()


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    return build(tmp_path_factory.mktemp("standin"))


@pytest.fixture
def plugged(library, tmp_path, monkeypatch):
    made = Plugged(library, tmp_path, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def ask(tmp_path, plugged):
    """Asks a desk that has keys ``seal`` and ``open`` of the device and ``soft`` of the store."""
    clock = FakeClock()
    database = Database(tmp_path / "state.db")
    naming = DeviceDesk(database, plugged.device, clock=clock)
    naming.name("payments.seal", Use.SIGN, 1, Policy(sign_e=True))
    naming.name("payments.open", Use.ENCRYPT, 1, Policy())
    room = KeyRoom(
        tmp_path, MasterReference(), environment={}, clock=clock, entropy=SystemEntropy()
    )
    room.store.create("payments.soft", Use.SIGN)
    state = open_read_only(database.path)
    keys = KeyCache(
        room.store,
        StateCertificates(state),
        clock=clock,
        device=StateDeviceKeys(state, plugged.device, clock),
    )
    desk = ServiceDesk(keys, clock=clock, entropy=FakeEntropy())

    def perform(operation, **body):
        keys.refresh()
        return desk.perform(CALLER, call(operation, json.dumps(body).encode()))

    yield perform
    state.close()
    room.close()
    database.close()


def answer(done):
    return json.loads(done.body)


def test_a_signature_of_the_device_says_its_place_and_verifies(ask):
    done = ask(Operation.SIGN, key="seal", message=MESSAGE)
    assert (done.place, done.version, done.algorithm) == ("device", 1, "SM2-SM3")
    signature = answer(done)["signature"]
    verified = ask(Operation.VERIFY, key="seal", message=MESSAGE, signature=signature)
    assert answer(verified)["valid"] is True
    many = ask(Operation.SIGN, items=[{"key": "seal", "message": MESSAGE}] * 3)
    assert len({one["signature"] for one in answer(many)["items"]}) == 3


@pytest.mark.parametrize("form", ["der", "c1c3c2", "c1c2c3"])
def test_what_is_encrypted_to_the_device_opens_in_it(ask, form):
    made = answer(ask(Operation.ENCRYPT, key="open", plaintext=MESSAGE, form=form))
    done = ask(Operation.DECRYPT, key="open", ciphertext=made["ciphertext"], form=form)
    assert (answer(done)["plaintext"], done.place) == (MESSAGE, "device")


def test_while_the_device_is_away_all_else_goes_on_and_it_comes_back(ask, plugged):
    signature = answer(ask(Operation.SIGN, key="seal", message=MESSAGE))["signature"]
    plugged.take_out()
    with pytest.raises(CryptoError) as caught:
        ask(Operation.SIGN, key="seal", message=MESSAGE)
    assert caught.value.code == "crypto.sdf.opendevice"
    assert ask(Operation.SIGN, key="soft", message=MESSAGE).place == "software"
    assert ask(Operation.VERIFY, key="seal", message=MESSAGE, signature=signature)
    assert ask(Operation.ENCRYPT, key="open", plaintext=MESSAGE)
    plugged.put_back()
    plugged.now += PAUSE_US
    assert ask(Operation.SIGN, key="seal", message=MESSAGE).place == "device"
