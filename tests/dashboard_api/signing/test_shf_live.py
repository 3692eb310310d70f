"""The foreign forms over HTTP, against a service that runs with ``signing.shf``.

``FENGSUI_LIVE_URL`` is its address with the root path, ``FENGSUI_LIVE_TOKEN`` a bearer token of an
application that has signing keys ``7``, certified, and ``vault`` of use seal, with decrypt granted.
"""

import json
import os
from base64 import b64decode, b64encode
from http import HTTPStatus
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode
from urllib.request import Request, urlopen

import pytest

URL = os.environ.get("FENGSUI_LIVE_URL", "").rstrip("/")
TOKEN = os.environ.get("FENGSUI_LIVE_TOKEN", "")
TEXT = b64encode(b"order 17").decode()

pytestmark = pytest.mark.skipif(not URL, reason="FENGSUI_LIVE_URL names no running service")


def post(path: str, body: bytes, *, token: str = TOKEN) -> tuple[int, str, bytes]:
    """Status, media type and body of an answer."""
    request = Request(  # the address is the tester's own
        URL + path, body, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    )
    try:
        with urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers.get_content_type(), answer.read()
    except HTTPError as refused:
        return refused.code, refused.headers.get_content_type(), refused.read()


def shf(name: str, **values: str) -> tuple[int, dict[str, str]]:
    """Status and values of an answer after GM/T 0136; every value but KeyId is Base64."""
    entries = [
        {"Name": key, "Type": "Raw" if key == "KeyId" else "Base64", "Value": value}
        for key, value in values.items()
    ]
    status, _, body = post(f"/shf/v1/{name}", json.dumps({"Data": entries}).encode())
    return status, {one["Name"]: one["Value"] for one in json.loads(body)["Data"]}


def test_a_signature_after_gmt0136_verifies() -> None:
    status, signed = shf("Sign", KeyId="7", PlainText=TEXT)
    assert status == HTTPStatus.OK
    assert shf("Verify", KeyId="7", PlainText=TEXT, Signature=signed["Signature"]) == (
        HTTPStatus.OK,
        {"Result": "true"},
    )


def test_a_text_is_sealed_and_opened() -> None:
    _, sealed = shf("Encrypt", KeyId="vault", PlainText=TEXT)
    assert shf("Decrypt", KeyId="vault", CipherText=sealed["CipherText"])[1] == {"PlainText": TEXT}


def test_a_refusal_after_gmt0136_is_of_that_form() -> None:
    status, told = shf("Sign", KeyId="7")
    assert status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert told["ErrorNumber"] == "0x0400000D"


def test_a_signature_server_answers_a_form_with_a_form_and_json_with_json() -> None:
    fields = {"signMethod": 131585, "keyIndex": 7, "inData": TEXT}
    status, kind, body = post("/svs/SignData", urlencode(fields).encode())
    assert (status, kind) == (HTTPStatus.OK, "application/x-www-form-urlencoded")
    assert parse_qs(body.decode())["respValue"] == ["0"]
    status, kind, body = post("/svs/SignData", json.dumps(fields).encode())
    assert (status, kind) == (HTTPStatus.OK, "application/json")
    assert b64decode(json.loads(body)["signature"])[0] == 0x30


def test_a_signature_server_answers_a_bad_request_with_200_and_a_number() -> None:
    status, _, body = post("/svs/SignData", b'{"signMethod":1,"keyIndex":7,"inData":""}')
    assert (status, json.loads(body)["respValue"]) == (HTTPStatus.OK, 0x04000004)


def test_nobody_signs_without_a_credential() -> None:
    status, _, _ = post("/svs/SignData", b"{}", token="fsk1.nobody." + "A" * 43)
    assert status == HTTPStatus.UNAUTHORIZED
