"""The Python client as its user has it: a wheel in an empty environment, no product beside it."""

import base64
import http.server
import importlib
import json
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile

import pytest
from client_ground import CACHE, CHECKED, CLIENTS, ROOT, build, missing, self_check

from crypto.sm2 import PublicKey, signature_from_raw

SOURCE = CLIENTS / "python"
VECTORS = json.loads((ROOT / "tests/vectors/signing/requests.json").read_text("utf-8"))


def wheel_of(folder, out):
    build(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out), folder=folder)
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    return wheel_of(SOURCE, tmp_path_factory.mktemp("client-wheel"))


@pytest.fixture(scope="session")
def unpacked(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("client-unpacked")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


@pytest.fixture(scope="session")
def api(unpacked):
    sys.path.insert(0, str(unpacked))
    yield importlib.import_module("fengsui_client")
    sys.path.remove(str(unpacked))


@pytest.fixture(scope="session")
def python(wheel):
    """An environment of its own, with what the wheel's metadata asks for and nothing else."""
    folder = CACHE / "python"
    program = folder / "bin" / "python"
    if not (folder / ".ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        build(sys.executable, "-m", "venv", str(folder), folder=ROOT)
        build(str(program), "-m", "pip", "install", "-q", str(wheel), folder=ROOT)
        (folder / ".ready").touch()
    build(
        str(program), "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--force-reinstall",
        str(wheel), folder=ROOT,
    )  # fmt: skip
    return str(program)


def test_the_round_in_an_environment_without_the_product_on_libcrypto(
    signing_service, python, tmp_path
):
    found = self_check(signing_service, python, "-m", "fengsui_client", folder=tmp_path)
    assert found == {
        "client": "python", "engine": "libcrypto", "bearer": CHECKED, "signed": CHECKED,
    }  # fmt: skip


def test_the_round_with_the_native_module(signing_service, python, tmp_path):
    built = sorted((ROOT / ".cache" / "wheels").glob("fengsui_native-*.whl"))
    if not built:
        missing("the native module was not built: make install with cargo")
    zipfile.ZipFile(built[-1]).extractall(tmp_path)
    found = self_check(
        signing_service, python, "-m", "fengsui_client", folder=tmp_path, PYTHONPATH=str(tmp_path)
    )
    assert found["engine"] == "native"
    assert found["signed"] == CHECKED


def test_a_wheel_from_the_source_distribution_is_the_same(wheel, tmp_path):
    build(
        sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path),
        folder=SOURCE,
    )  # fmt: skip
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(tmp_path, filter="data")
    again = wheel_of(next(one for one in tmp_path.iterdir() if one.is_dir()), tmp_path / "out")
    contents = [
        {name: zipped.read(name) for name in zipped.namelist()}
        for zipped in (zipfile.ZipFile(wheel), zipfile.ZipFile(again))
    ]
    assert contents[0] == contents[1]


def test_its_sources_hold_in_strict_typing(unpacked):
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "-p", "fengsui_client"],
        cwd=unpacked, check=False, capture_output=True, text=True,
        env={"MYPYPATH": f"{unpacked}:{ROOT / 'native/stubs'}", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("vector", VECTORS["requests"], ids=lambda one: one["comment"])
def test_a_request_is_signed_as_the_vectors_say(api, vector):
    key = api.PrivateKey.from_scalar(bytes.fromhex(VECTORS["private"]))
    signing = api.SigningKey(
        VECTORS["application"], key, clock=lambda: vector["timestamp"] + 0.9,
        nonce=lambda: vector["nonce"],
    )  # fmt: skip
    header = signing.authorization(vector["method"], vector["target"], vector["body"].encode())
    head, _, signature = header.rpartition("signature=")
    assert head == vector["authorization"].rpartition("signature=")[0]
    raw = base64.b64decode(signature)
    PublicKey.from_point(bytes.fromhex(VECTORS["public"])).verify(
        signature_from_raw(raw), vector["text"].encode(), domain=VECTORS["id"]
    )


@pytest.fixture
def client(api, signing_service):
    key = api.PrivateKey.from_pem(signing_service.key_file.read_bytes())
    with api.Client(signing_service.base, "payments", key=key) as client:
        yield client


def test_many_are_signed_in_one_call_each_and_a_refused_one_keeps_its_place(api, client):
    messages = [b"%d" % number for number in range(300)]
    made = client.sign_many("receipt", messages)
    assert len(made) == 300
    for one, message in zip(made, messages, strict=True):
        client.verify_locally(one, message)
    pairs = [(one.signature, message) for one, message in zip(made, messages, strict=True)]
    pairs[7] = (pairs[8][0], pairs[7][1])
    checked = client.verify_many("receipt", pairs)
    assert [isinstance(one, api.InvalidSignature) for one in checked].index(True) == 7
    assert checked[8].key == "payments.receipt"


def test_a_refusal_says_what_is_wrong(api, client):
    raw = client.sign("receipt", b"pay 100", form="raw")
    client.verify_locally(raw, b"pay 100")
    with pytest.raises(api.InvalidSignature) as refused:
        client.verify(raw.signature, b"pay 100", key="receipt")
    assert (refused.value.status, refused.value.hint) == (422, "form")
    with pytest.raises(api.ServiceError) as refused:
        client.sign("reports.receipt", b"pay 100")
    assert (refused.value.status, refused.value.code) == (403, "dashboard_api.scope.missing")
    with pytest.raises(api.CryptoError, match="signature"):
        client.verify_locally(raw, b"pay 1000")


def test_keys_are_made_turned_and_disabled_once(api, client):
    made = client.create_key("mac", "mac", idempotency_key="mac-1")
    assert client.create_key("mac", "mac", idempotency_key="mac-1") == made
    code = client.hmac("mac", b"pay 100")
    assert client.verify_hmac("mac", b"pay 100", code.mac).version == 1
    with pytest.raises(api.InvalidSignature):
        client.verify_hmac("mac", b"pay 1000", code.mac)
    assert [one.version for one in client.rotate_key("mac").versions] == [1, 2]
    assert client.disable_key("mac").state == "disabled"
    with pytest.raises(api.ServiceError) as refused:
        client.hmac("mac", b"x")
    assert refused.value.code == "crypto.key.disabled"
    assert client.destroy_key("mac").state == "waiting"
    known = client.keys()
    assert {one.key for one in known} >= {"payments.receipt", "payments.box"}
    assert client.ready().ready


class Flaky(http.server.BaseHTTPRequestHandler):
    """Answers what it is told, one after the other; remembers what it was sent."""

    protocol_version = "HTTP/1.1"
    script: list[object]
    seen: list[dict[str, str]]

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append(dict(self.headers))
        status = self.script.pop(0)
        if status == "cut":
            self.close_connection = True
            return
        body = b'{"code":"x.y.z","title":"t","detail":"d","params":{}}'
        if status == 200:
            body = b'{"key":"payments.k","use":"mac","state":"active","module":"software",'
            body += b'"created_at":"2026-01-01T00:00:00Z","versions":[]}'
        self.send_response(status)
        if status == 503:
            self.send_header("Retry-After", "3")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def flaky(api):
    handler = type("Handler", (Flaky,), {"script": [], "seen": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    waited = []
    key = api.PrivateKey.generate()
    client = api.Client(
        f"http://127.0.0.1:{server.server_port}/", "payments", key=key, sleep=waited.append
    )
    yield client, handler, waited
    client.close()
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_change_is_repeated_under_its_one_idempotency_key_and_a_new_nonce_each(flaky):
    client, handler, waited = flaky
    handler.script = ["cut", 503, 429, 200]
    assert client.create_key("k", "mac").key == "payments.k"
    assert len({one["Idempotency-Key"] for one in handler.seen}) == 1
    assert len({one["Authorization"] for one in handler.seen}) == 4
    # Its own pause, what the service asked for, then twice as long.
    assert waited == [0.2, 3.0, 6.0]


def test_what_a_caller_did_wrong_is_not_repeated_and_attempts_have_an_end(api, flaky):
    client, handler, _ = flaky
    handler.script = [422]
    with pytest.raises(api.ServiceError) as refused:
        client.create_key("k", "mac")
    assert (refused.value.code, len(handler.seen)) == ("x.y.z", 1)
    handler.script = [503] * 4
    with pytest.raises(api.ServiceError):
        client.create_key("k", "mac")
    assert handler.script == []


def test_a_connection_that_ended_while_idle_costs_no_attempt(flaky):
    client, handler, waited = flaky
    handler.script = [200, "cut", 200]
    client.create_key("k", "mac")
    client.create_key("k", "mac")
    assert waited == []


def test_nothing_there_is_unreachable(api):
    client = api.Client("http://127.0.0.1:9/", "payments", token="fsk1.x", sleep=lambda _: None)
    with pytest.raises(api.Unreachable, match=r"127\.0\.0\.1"):
        client.digest(b"x")
