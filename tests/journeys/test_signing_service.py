"""Applications call a running platform: everything between the request and the audit entry."""

import base64
import http.client
import json
import resource
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import psutil
import pytest
from conftest import started

from crypto import sm2
from crypto.sm2 import PublicKey

pytestmark = pytest.mark.service

SIGN = "/v1/crypto/sign"
MADE: list["Caller"] = []


class Caller:
    """A program with a credential and one connection."""

    def __init__(self, base, authorization):
        MADE.append(self)
        self._address = urlsplit(base).netloc
        self._authorization = authorization
        self._connection = http.client.HTTPConnection(self._address, timeout=30)

    def close(self):
        self._connection.close()

    def call(self, method, path, body=None, headers=None):
        sent = {"Authorization": self._authorization, "Accept-Language": "en",
                "Content-Type": "application/json", **(headers or {})}  # fmt: skip
        data = json.dumps(body) if body is not None else None
        self._connection.request(method, path, data, sent)
        answer = self._connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None

    def post(self, path, body, **headers):
        return self.call("POST", path, body, headers)

    def sign(self, message, key="receipt"):
        return self.post(SIGN, {"key": key, "message": base64.b64encode(message).decode()})


class Service:
    """A platform, what its operator does by command, and its processes."""

    def __init__(self, running):
        self.running = running
        self.process = psutil.Process(running.process.pid)

    def say(self, *words):
        return subprocess.run(
            [sys.executable, "-m", "fengsui", *words, "--data", str(self.running.data)],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip

    def caller(self, name):
        """A new application that may make keys, and has one."""
        self.say("application", "add", name, "--name", name, "--unit", "local")
        self.say("application", "grant", name, "--key", "*", "--operation", "keys_manage")
        self.say("application", "quota", name, "--per-second", "100000")
        token = self.say("application", "token", name).split()[-1]
        caller = Caller(self.running.base, f"Bearer {token}")
        made = caller.post("/v1/crypto/keys", {"key": "receipt", "use": "sign"},
                           **{"Idempotency-Key": "first"})  # fmt: skip
        assert made[0] in (200, 201), made
        return caller, token

    def workers(self):
        return [one for one in self.process.children() if "signing_process" in str(one.cmdline())]

    def entries(self):
        return self.say("signing", "entries").splitlines()


@pytest.fixture
def service(tmp_path):
    (tmp_path / "log").touch()
    data = tmp_path / "data"
    data.mkdir()
    (data / "settings.toml").write_text(
        "[sensor]\ninventory = false\n"
        f'watch = [{{ name = "idle", path = "{tmp_path / "log"}", format = "nginx_access" }}]\n'
    )
    with started("up", data=data) as running:
        yield Service(running)
        while MADE:
            MADE.pop().close()


def test_from_a_new_application_to_a_verified_signature_and_its_entry(service):
    assert service.workers() == []
    caller, _ = service.caller("payments")
    status, made = caller.sign(b"pay 100")
    assert (status, made["key"], made["algorithm"]) == (200, "payments.receipt", "SM2-SM3")
    status, key = caller.call("GET", "/v1/crypto/keys/receipt")
    assert status == 200, key
    public = PublicKey.from_point(bytes.fromhex(key["versions"][-1]["public_key"]))
    public.verify(base64.b64decode(made["signature"]), b"pay 100", domain=sm2.DEFAULT_ID)
    assert caller.post("/v1/crypto/verify", {
        "key": "receipt", "message": base64.b64encode(b"pay 100").decode(),
        "signature": made["signature"],
    })[0] == 200  # fmt: skip
    (worker,) = service.workers()
    other, _ = service.caller("reports")
    assert other.sign(b"pay 100", key="payments.receipt")[0] == 403
    assert Caller(service.running.base, "Bearer x").sign(b"x")[0] == 401
    time.sleep(1.5)
    entries = service.entries()
    for word in ("payments.receipt", "dashboard_api.scope.missing", "credential.malformed"):
        assert any(word in entry for entry in entries), (word, entries)
    assert service.say("signing", "verify")
    service.process.kill()
    worker.wait(10)


def test_a_process_killed_under_load_loses_no_answer_and_no_entry(service):
    _, token = service.caller("payments")
    given, lost, stop = [], [], threading.Event()

    def load(number):
        caller = Caller(service.running.base, f"Bearer {token}")
        turn = 0
        while not stop.is_set():
            turn += 1
            message = b"%d-%d" % (number, turn)
            status, answer = caller.sign(message)
            if status == 200:
                given.append(message)
            else:
                lost.append((status, answer["code"]))

    threads = [threading.Thread(target=load, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        before = len(given)
        while len(given) < before + 50:
            time.sleep(0.01)
        for worker in service.workers():
            worker.kill()
    before = len(given)
    while len(given) < before + 50:
        time.sleep(0.01)
    stop.set()
    for thread in threads:
        thread.join(20)
    assert set(lost) <= {(503, "dashboard_api.signing.restarted")}
    time.sleep(1.5)
    service.say("signing", "verify")
    signed = sum("payments.receipt" in entry and "sign" in entry for entry in service.entries())
    assert signed >= len(given)
    message = service.running.data / "message"
    message.write_bytes(given[0])
    assert "payments" in service.say("signing", "find", "--message", str(message))


def test_a_full_disk_stops_signing_and_room_lets_it_go_on(service):
    caller, _ = service.caller("payments")
    assert caller.sign(b"before")[0] == 200
    (worker,) = service.workers()
    # To the process it is the same: not one byte more can be written.
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (1, 1))
    assert caller.sign(b"full")[1]["code"] == "dashboard_api.signing.stopped"
    assert caller.sign(b"full")[0] == 503
    status, ready = caller.call("GET", "/readyz")
    assert (status, ready["failures"]) == (503, ["dashboard_api.signing.stopped"])
    until = time.monotonic() + 30
    while caller.sign(b"after")[0] != 200:
        assert time.monotonic() < until
        time.sleep(0.2)
    assert caller.call("GET", "/readyz")[0] == 200
    assert service.workers() != [worker]
    service.say("signing", "verify")


def test_a_process_told_to_end_is_followed_by_another(service):
    caller, _ = service.caller("payments")
    assert caller.sign(b"x")[0] == 200
    (worker,) = service.workers()
    worker.terminate()
    worker.wait(10)
    until = time.monotonic() + 20
    while caller.sign(b"y")[0] != 200:
        assert time.monotonic() < until
    assert service.workers() != [worker]
    service.say("signing", "verify")


def test_ctrl_c_leaves_no_process_behind(service):
    caller, _ = service.caller("payments")
    assert caller.sign(b"x")[0] == 200
    (worker,) = service.workers()
    service.process.send_signal(2)
    service.running.process.wait(20)
    assert not worker.is_running()
