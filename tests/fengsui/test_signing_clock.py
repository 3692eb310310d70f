"""A signing process over a real data folder whose clock jumps: no request is believed twice."""

import base64
import json
from contextlib import contextmanager

import pytest

from crypto import sm2
from crypto.keystore.model import Use
from dashboard_api.applications.credentials import NewKey, proof_text
from dashboard_api.applications.model import Operation
from dashboard_api.applications.records import Hand
from dashboard_api.audit import AuditChain
from dashboard_api.signing.authorization import DOMAIN, signed_text
from dashboard_api.signing.call import Call
from fengsui.clock import SystemClock, SystemEntropy
from fengsui.folder import DataFolder
from fengsui.keyring import journal_key
from fengsui.settings import Settings
from fengsui.signing import key_room, open_signing
from fengsui.signing_parameters import Parameters
from fengsui.signing_process import opened
from fengsui.wiring import open_site

SECOND = 1_000_000
HOUR = 3600
DAY = 24 * HOUR
TARGET = "/v1/crypto/sign"
BODY = json.dumps({"key": "receipt", "message": base64.b64encode(b"pay 100").decode()}).encode()
KEY = sm2.PrivateKey.generate()
CREDENTIAL = f"payments.{KEY.public.key_id}"


class Machine:
    """A machine's two clocks, and the signing process that reads them."""

    def __init__(self, folder, crypto):
        self.folder = folder
        self.crypto = crypto
        self.wall = SystemClock().now()
        self.up = 0
        self._nonces = 0

    def now(self):
        return self.wall

    def pass_time(self, seconds):
        self.wall += seconds * SECOND
        self.up += seconds * SECOND

    def jump(self, seconds):
        """Somebody sets the clock."""
        self.wall += seconds * SECOND

    @contextmanager
    def process(self):
        """A process from its start to its end; the monotonic clock goes on with the machine."""
        parameters = Parameters(
            root=str(self.folder.root), slot=0, crypto=self.crypto, newest=None, floor=0, shf=False
        )
        with opened(parameters, clock=self, monotonic=lambda: self.up) as (worker, _):
            yield lambda call: worker.answer([call])[0]

    def request(self, *, at=None):
        """A newly signed request of a client whose clock is right."""
        self._nonces += 1
        timestamp = (self.wall if at is None else at) // SECOND
        nonce = f"nonce-of-16-{self._nonces:06d}"
        text = signed_text(
            "POST", TARGET, timestamp=timestamp, nonce=nonce, credential=CREDENTIAL, body=BODY
        )  # fmt: skip
        raw = sm2.signature_to_raw(KEY.sign(text, domain=DOMAIN))
        value = (
            f"Fengsui-SM2 credential={CREDENTIAL},timestamp={timestamp},nonce={nonce},"
            f"signature={base64.b64encode(raw).decode()}"
        )
        return Call(self._nonces, Operation.SIGN, "POST", TARGET, value, "en", BODY)


@pytest.fixture
def machine(tmp_path):
    site = open_site(DataFolder(tmp_path), Settings(), watch_host=False)
    clock, entropy = SystemClock(), SystemEntropy()
    room = key_room(site.folder, site.settings.crypto, clock, entropy)
    audit = AuditChain(site.database, site.keyring.audit, clock)
    signing = open_signing(site.database, audit, room, clock=clock, entropy=entropy)
    hand = Hand("operator")
    signing.registry.register(hand, "payments", name="payments", unit="local")
    proof = KEY.sign(proof_text("payments", KEY.public.key_id), domain="fengsui/credential/1")
    signing.registry.enrol_key(hand, "payments", NewKey(public=KEY.public, proof=proof))
    room.store.create("payments.receipt", Use.SIGN)
    journal_key(site.folder, entropy)
    yield Machine(site.folder, site.settings.crypto)
    signing.close()
    site.close()


def code(reply):
    return "" if reply.status == 200 else json.loads(reply.body)["code"].rpartition("api.")[2]


def test_a_day_ahead_and_back_believes_nothing_twice_and_everybody_again(machine):
    with machine.process() as answer:
        first = machine.request()
        assert code(answer(first)) == ""
        machine.jump(DAY)
        assert code(answer(first)) == "timestamp.skewed"
        # Clients whose clocks are right are refused for as long as ours is wrong…
        assert code(answer(machine.request(at=machine.wall - DAY * SECOND))) == "timestamp.skewed"
        machine.pass_time(5)
        machine.jump(-DAY)
        # …and served again at once when it is right, but for what was believed before.
        assert code(answer(first)) == "nonce.replayed"
        assert code(answer(machine.request())) == ""


@pytest.mark.parametrize("stays", [5, HOUR])
def test_a_restart_while_the_clock_is_a_day_ahead_forgets_no_request(machine, stays):
    with machine.process() as answer:
        first = machine.request()
        assert code(answer(first)) == ""
    machine.jump(DAY)
    with machine.process() as answer:
        assert code(answer(machine.request())) == ""
        machine.pass_time(stays)
        assert code(answer(machine.request())) == ""
    machine.jump(-DAY - stays)
    with machine.process() as answer:
        assert code(answer(first)) in ("nonce.replayed", "timestamp.forgotten")


def test_a_clock_set_back_a_day_lets_no_request_of_that_day_in_again(machine):
    with machine.process() as answer:
        old = machine.request()
        assert code(answer(old)) == ""
        for _ in range(24):
            machine.pass_time(HOUR)
            assert code(answer(machine.request())) == ""
        machine.jump(-DAY)
        assert code(answer(old)) in ("nonce.replayed", "timestamp.forgotten")
        # Newly signed ones wait until the clock is where it was, and say so; then all is well.
        assert code(answer(machine.request())) == "timestamp.forgotten"
        machine.pass_time(DAY + HOUR)
        assert code(answer(machine.request())) == ""
