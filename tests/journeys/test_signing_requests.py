"""Signed requests over HTTP as somebody on the way would change them; and what stays behind."""

import base64
import http.client
import json
import subprocess
import sys
import time
from urllib.parse import urlsplit

import psutil
import pytest
from conftest import started

from crypto import sm2
from dashboard_api.signing.authorization import DOMAIN, signed_text
from dashboard_api.signing.call import BODY_BYTES_MAX, ITEMS_MAX

pytestmark = pytest.mark.service

SIGN = "/v1/crypto/sign"
SECRET = b"a text that must stand nowhere 4711"
ITEM = {"key": "receipt", "message": base64.b64encode(SECRET).decode()}


class Application:
    """A business system with an SM2 credential, which may change its request after signing it."""

    def __init__(self, base, name):
        self.name = name
        self.key = sm2.PrivateKey.generate()
        self.credential = f"{name}.{self.key.public.key_id}"
        self.meet(base)
        self._made = 0

    def meet(self, base):
        self._address = urlsplit(base).netloc

    def header(self, body, *, method="POST", target=SIGN, at=None):
        self._made += 1
        timestamp = int(time.time()) if at is None else at
        nonce = f"{time.time_ns():020d}-{self._made}"
        text = signed_text(
            method, target, timestamp=timestamp, nonce=nonce, credential=self.credential, body=body
        )  # fmt: skip
        raw = sm2.signature_to_raw(self.key.sign(text, domain=DOMAIN))
        return (
            f"Fengsui-SM2 credential={self.credential},timestamp={timestamp},nonce={nonce},"
            f"signature={base64.b64encode(raw).decode()}"
        )

    def send(self, body, header, *, method="POST", target=SIGN):
        """Status, code (empty for none) and the whole answer."""
        connection = http.client.HTTPConnection(self._address, timeout=30)
        try:
            connection.request(
                method, target, body,
                {"Authorization": header, "Content-Type": "application/json",
                 "Accept-Language": "en"},
            )  # fmt: skip
            answer = connection.getresponse()
            told = json.loads(answer.read() or b"{}")
        finally:
            connection.close()
        return answer.status, told.get("code", "").rpartition("dashboard_api.")[2], told

    def ask(self, body, **more):
        return self.send(
            body, self.header(body, **more), **{k: v for k, v in more.items() if k != "at"}
        )


class Service:
    def __init__(self, running):
        self.running = running

    def say(self, *words):
        return subprocess.run(
            [sys.executable, "-m", "fengsui", *words, "--data", str(self.running.data)],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip

    def application(self, name, *operations):
        made = Application(self.running.base, name)
        self.say("application", "add", name, "--name", name, "--unit", "local")
        words = [word for one in ("keys_manage", *operations) for word in ("--operation", one)]
        self.say("application", "grant", name, "--key", "*", *words)
        folder = self.running.data.parent
        (folder / "public.pem").write_bytes(made.key.public.to_pem())
        text = f"FENGSUI-CREDENTIAL/1\n{name}\n{made.key.public.key_id}".encode()
        (folder / "proof").write_bytes(made.key.sign(text, domain="fengsui/credential/1"))
        self.say(
            "application", "key", name, "--public", str(folder / "public.pem"),
            "--proof", str(folder / "proof"),
        )  # fmt: skip
        body = json.dumps({"key": "receipt", "use": "sign"}).encode()
        assert made.ask(body, target="/v1/crypto/keys")[0] == 201
        return made


@pytest.fixture(params=[1, 3], ids=["one process", "three processes"])
def service(request, tmp_path):
    (tmp_path / "log").touch()
    data = tmp_path / "data"
    data.mkdir()
    (data / "settings.toml").write_text(
        "[sensor]\ninventory = false\n"
        f'watch = [{{ name = "idle", path = "{tmp_path / "log"}", format = "nginx_access" }}]\n'
        f"[signing]\nworkers = {request.param}\n"
    )
    with started("up", data=data) as running:
        yield Service(running)


def body_of(*items):
    return json.dumps({"items": list(items)} if len(items) > 1 else items[0]).encode()


def test_a_request_changed_on_its_way_is_refused_for_what_was_changed(service):
    payments = service.application("payments")
    body = body_of(ITEM)
    header = payments.header(body)
    assert payments.send(body, header)[0] == 200
    # Sent again, by whoever saw it.
    assert payments.send(body, header)[:2] == (401, "nonce.replayed")
    # With another text, another target, another method, parts in another order.
    changed = body_of({**ITEM, "message": "AAAA"})
    assert payments.send(changed, payments.header(body))[:2] == _NOT_SIGNED
    for signed, sent in (("?a=1&b=2", "?b=2&a=1"), ("", "?a=1"), ("?a=%41", "?a=A")):
        header = payments.header(body, target=SIGN + signed)
        assert payments.send(body, header, target=SIGN + sent)[:2] == _NOT_SIGNED, sent
    header = payments.header(body, method="PUT")
    assert payments.send(body, header)[:2] == _NOT_SIGNED
    two = body_of(ITEM, {**ITEM, "message": "AAAA"})
    swapped = body_of({**ITEM, "message": "AAAA"}, ITEM)
    assert payments.send(swapped, payments.header(two))[:2] == _NOT_SIGNED
    # Cut short: the body, the header.
    assert payments.send(body[:-1], payments.header(body))[:2] == _NOT_SIGNED
    assert payments.send(body, payments.header(body)[:-9])[:2] == (401, "credential.malformed")
    # By a clock that is wrong.
    for off in (-301, 302):
        late = payments.header(body, at=int(time.time()) + off)
        assert payments.send(body, late)[:2] == (401, "timestamp.skewed"), off
    # In the name of another application, by its own key.
    licences = service.application("licences")
    stolen = payments.header(body).replace(payments.credential, licences.credential)
    assert licences.send(body, stolen)[:2] == _NOT_SIGNED
    # None of it has used anything up: the next request is served.
    assert payments.ask(body)[0] == 200
    service.say("signing", "verify")


_NOT_SIGNED = (401, "credential.signature_invalid")


def test_what_was_believed_before_a_kill_is_believed_by_no_successor(service):
    payments = service.application("payments")
    body = body_of(ITEM)
    before = [payments.header(body) for _ in range(20)]
    assert all(payments.send(body, header)[0] == 200 for header in before)
    for process in psutil.Process(service.running.process.pid).children():
        process.kill()
    again = [payments.send(body, header)[:2] for header in before]
    # The first may meet the process that is gone; it was not served by that.
    assert set(again[1:]) == {(401, "nonce.replayed")}
    assert again[0] in {(401, "nonce.replayed"), (503, "signing.restarted")}
    # And the whole platform, in the midst of it.
    service.running.process.kill()
    service.running.process.wait()
    with started("up", data=service.running.data) as next_one:
        payments.meet(next_one.base)
        assert {payments.send(body, header)[:2] for header in before} == {(401, "nonce.replayed")}
        assert payments.ask(body)[0] == 200
    assert "✓" in service.say("signing", "verify")


def test_too_much_at_once_is_refused_and_the_connection_of_others_lives(service):
    payments = service.application("payments")
    many = body_of(*[ITEM] * (ITEMS_MAX + 1))
    assert payments.ask(many)[:2] == (413, "call.too_many")
    assert payments.ask(body_of(*[ITEM] * ITEMS_MAX))[0] == 200
    long = body_of({**ITEM, "message": "A" * BODY_BYTES_MAX})
    assert payments.ask(long)[:2] == (413, "body.too_large")
    deep = b'{"key":' * 50_000 + b"1" + b"}" * 50_000
    assert payments.ask(deep)[0] == 422
    assert payments.ask(b"\xff\xfe")[:2] == (422, "call.malformed")
    assert payments.ask(body_of(ITEM))[0] == 200


def test_what_people_change_holds_from_the_next_call_on(service):
    payments = service.application("payments")
    body = body_of(ITEM)
    assert payments.ask(body)[0] == 200
    assert payments.ask(b"", target="/v1/crypto/keys/receipt:disable")[0] == 200
    assert payments.ask(body)[2]["code"] == "crypto.key.disabled"
    assert payments.ask(b"", target="/v1/crypto/keys/receipt:enable")[0] == 200
    assert payments.ask(body)[0] == 200
    service.say("application", "quota", "payments", "--per-second", "2")
    refused = [payments.ask(body) for _ in range(8)]
    assert {one[:2] for one in refused} == {(200, ""), (429, "quota.exceeded")}
    service.say("application", "quota", "payments", "--per-second", "1000")
    service.say("application", "disable", "payments")
    assert payments.ask(body)[:2] == (403, "application.disabled")
    service.say("application", "enable", "payments")
    assert payments.ask(body)[0] == 200
    service.say("application", "revoke", "payments", payments.key.public.key_id)
    assert payments.ask(body)[:2] == (401, "credential.unknown")


def test_neither_texts_nor_secrets_stay_in_any_file(service):
    payments = service.application("payments", "decrypt")
    made = payments.ask(
        json.dumps({"key": "box", "use": "encrypt"}).encode(), target="/v1/crypto/keys"
    )
    assert made[0] == 201
    assert payments.ask(body_of(ITEM))[0] == 200
    sealed = payments.ask(
        json.dumps({"key": "box", "plaintext": ITEM["message"]}).encode(),
        target="/v1/crypto/encrypt",
    )[2]
    opened = payments.ask(
        json.dumps({"key": "box", "ciphertext": sealed["ciphertext"]}).encode(),
        target="/v1/crypto/decrypt",
    )
    assert base64.b64decode(opened[2]["plaintext"]) == SECRET
    token = service.say("application", "token", "payments").split()[0]
    time.sleep(1.2)
    secrets = [SECRET, ITEM["message"].encode(), token.encode(), bytes(payments.key.scalar())]
    files = [one for one in service.running.data.rglob("*") if one.is_file()]
    assert any("journal" in str(one) for one in files)
    for path in files:
        content = path.read_bytes()
        for secret in secrets:
            assert secret not in content, path
            assert secret.hex().encode() not in content, path
