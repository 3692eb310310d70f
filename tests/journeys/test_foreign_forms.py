"""Messages after GM/T 0136 and of signature servers, over HTTP, at a service that answers them."""

import json
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode
from urllib.request import Request, urlopen

import pytest
from conftest import started

TEXT = b64encode(b"order 17").decode()

pytestmark = pytest.mark.service


class Service:
    """A running service and the token of an application with keys ``7`` and ``vault``."""

    def __init__(self, base: str, token: str) -> None:
        self._base = base.rstrip("/")
        self._token = token

    def post(self, path: str, body: bytes, *, token: str = "") -> tuple[int, str, bytes]:
        """Status, media type and body of an answer."""
        credential = {"Authorization": f"Bearer {token or self._token}"}
        request = Request(
            self._base + path, body, {**credential, "Content-Type": "application/json"}
        )
        try:
            with urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers.get_content_type(), answer.read()
        except HTTPError as refused:
            return refused.code, refused.headers.get_content_type(), refused.read()

    def shf(self, name: str, **values: str) -> tuple[int, dict[str, str]]:
        """Status and values of an answer after GM/T 0136; every value but KeyId is Base64."""
        entries = [
            {"Name": key, "Type": "Raw" if key == "KeyId" else "Base64", "Value": value}
            for key, value in values.items()
        ]
        status, _, body = self.post(f"/shf/v1/{name}", json.dumps({"Data": entries}).encode())
        return status, {one["Name"]: one["Value"] for one in json.loads(body)["Data"]}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("foreign")
    data = folder / "data"
    data.mkdir()
    (folder / "log").touch()
    (data / "settings.toml").write_text(
        "[sensor]\ninventory = false\n"
        f'watch = [{{ name = "idle", path = "{folder / "log"}", format = "nginx_access" }}]\n'
        "[signing]\nshf = true\n"
    )

    def say(*words: str) -> str:
        command = [sys.executable, "-m", "fengsui", "application", *words, "--data", str(data)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    with started("up", data=data) as running:
        say("add", "orders", "--name", "orders", "--unit", "local")
        more = ("keys_manage", "certificates_manage", "decrypt")
        say("grant", "orders", "--key", "*", *(w for one in more for w in ("--operation", one)))
        service = Service(running.base, say("token", "orders").split()[0])
        for key, use in (("7", "sign"), ("vault", "seal")):
            made = service.post("/v1/crypto/keys", json.dumps({"key": key, "use": use}).encode())
            assert made[0] == HTTPStatus.CREATED, made
        certified = service.post("/v1/crypto/certificates", b'{"key": "7"}')
        assert certified[0] == HTTPStatus.CREATED, certified
        yield service


def test_a_signature_after_gmt0136_verifies(service: Service) -> None:
    status, signed = service.shf("Sign", KeyId="7", PlainText=TEXT)
    assert status == HTTPStatus.OK
    assert service.shf("Verify", KeyId="7", PlainText=TEXT, Signature=signed["Signature"]) == (
        HTTPStatus.OK,
        {"Result": "true"},
    )


def test_a_text_is_sealed_and_opened(service: Service) -> None:
    _, sealed = service.shf("Encrypt", KeyId="vault", PlainText=TEXT)
    assert service.shf("Decrypt", KeyId="vault", CipherText=sealed["CipherText"])[1] == {
        "PlainText": TEXT
    }


def test_a_refusal_after_gmt0136_is_of_that_form(service: Service) -> None:
    status, told = service.shf("Sign", KeyId="7")
    assert status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert told["ErrorNumber"] == "0x0400000D"


def test_a_signature_server_answers_a_form_with_a_form_and_json_with_json(service: Service) -> None:
    fields = {"signMethod": 131585, "keyIndex": 7, "inData": TEXT}
    status, kind, body = service.post("/svs/SignData", urlencode(fields).encode())
    assert (status, kind) == (HTTPStatus.OK, "application/x-www-form-urlencoded")
    assert parse_qs(body.decode())["respValue"] == ["0"]
    status, kind, body = service.post("/svs/SignData", json.dumps(fields).encode())
    assert (status, kind) == (HTTPStatus.OK, "application/json")
    assert b64decode(json.loads(body)["signature"])[0] == 0x30


def test_a_signature_server_answers_a_bad_request_with_200_and_a_number(service: Service) -> None:
    status, _, body = service.post("/svs/SignData", b'{"signMethod":1,"keyIndex":7,"inData":""}')
    assert (status, json.loads(body)["respValue"]) == (HTTPStatus.OK, 0x04000004)


def test_nobody_signs_without_a_credential(service: Service) -> None:
    status, _, _ = service.post("/svs/SignData", b"{}", token="fsk1.nobody." + "A" * 43)
    assert status == HTTPStatus.UNAUTHORIZED
