"""Refusals in the foreign forms: a number, our code, and words in the reader's language."""

import json
from urllib.parse import parse_qs

import pytest
from fakes import FakeClock, call
from messages import foreign, ntv, read_ntv
from msgspec.structs import replace

from crypto.errors import CryptoError
from dashboard_api.applications.model import Operation
from dashboard_api.signing.shf import PATHS, Refusing, http_status, media_type, refusal
from dashboard_api.signing.shf.refusing import Number, number_of
from dashboard_api.signing.shf.wrong import HINTS, SENTENCES, wrong
from schema.errors import FengsuiError

EXPIRED = CryptoError("crypto.certificate.expired", "The certificate has expired.")


def caught(path: str, body: bytes) -> FengsuiError | CryptoError:
    try:
        foreign().done(path, body)
    except (FengsuiError, CryptoError) as error:
        return error
    raise AssertionError(f"{path} was answered")


def test_a_refusal_of_gmt0136_is_a_message_of_that_form() -> None:
    error = caught("/shf/v1/Sign", ntv(KeyId="receipt"))
    assert read_ntv(refusal("shf", error, "en")) == {
        "ErrorNumber": "0x0400000D",
        "ErrorCode": "dashboard_api.call.malformed",
        "ErrorMessage": "PlainText is missing",
    }
    assert read_ntv(refusal("shf", error, "zh-CN"))["ErrorMessage"] == "缺少 PlainText"


def test_a_refusal_of_a_signature_server_goes_the_way_the_request_came() -> None:
    expected = {"respValue": 0x04000009, "code": "crypto.certificate.expired"}
    flat = json.loads(refusal("svs", EXPIRED, "en", request=b'{"inData":"AA=="}'))
    assert flat.items() >= expected.items()
    form = parse_qs(refusal("svs", EXPIRED, "en", request=b"inData=AA%3D%3D").decode())
    assert form["respValue"] == [str(0x04000009)]
    wrapped = b'{"version":"v1","reqType":"SignData","request":{"inData":null}}'
    answer = json.loads(refusal("svs", EXPIRED, "en", request=wrapped, at=1_795_000_000_000_000))
    assert answer["respond"].items() >= expected.items()
    assert (answer["version"], answer["respType"]) == ("v1", "SignData")
    assert answer["respTime"] == "20261118110640Z"


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (wrong("svs_method", "signMethod"), Number.METHOD),
        (wrong("shf_missing", "inData"), Number.DATA),
        (wrong("shf_missing", "keyIndex"), Number.KEY_INDEX),
        (wrong("svs_certificate_number", "type"), Number.CERTIFICATE_NAME),
        (wrong("shf_tag", "infoType", expected="1"), Number.CERTIFICATE_ITEM),
        (CryptoError("crypto.key.unknown", "x"), Number.KEY_INDEX),
        (CryptoError("crypto.key.policy", "x"), Number.KEY_RIGHT),
        (CryptoError("crypto.certificate.malformed", "x"), Number.CERTIFICATE_FORM),
        (CryptoError("crypto.certificate.untrusted", "x"), Number.CERTIFICATE),
        (CryptoError("crypto.certificate.revoked", "x"), Number.REVOKED),
        (CryptoError("crypto.certificate.not_yet_valid", "x"), Number.NOT_YET_VALID),
        (FengsuiError("crypto.signature.invalid", "x", hint="none"), Number.SIGNATURE),
        (CryptoError("crypto.message.signature", "x"), Number.SIGNATURE),
        (CryptoError("crypto.ciphertext.invalid", "x"), Number.DATA),
        (FengsuiError("dashboard_api.scope.missing", "x"), Number.KEY_RIGHT),
        (FengsuiError("dashboard_api.nonce.replayed", "x"), Number.KEY_RIGHT),
        (FengsuiError("dashboard_api.quota.exceeded", "x"), Number.FAILED),
        (CryptoError("crypto.keystore.busy", "x"), Number.FAILED),
    ],
)
def test_an_error_has_the_number_of_its_kind(
    error: FengsuiError | CryptoError, number: Number
) -> None:
    assert number_of(error) is number


def test_a_signature_server_keeps_the_statuses_that_concern_the_connection() -> None:
    assert [http_status("svs", one) for one in (401, 413, 429, 500, 503)] == [
        401,
        413,
        429,
        500,
        503,
    ]
    assert [http_status("svs", one) for one in (400, 403, 404, 409, 422)] == [200] * 5
    assert http_status("shf", 422) == 422


def test_an_answer_has_the_media_type_of_its_request() -> None:
    assert media_type("svs", b"a=1") == "application/x-www-form-urlencoded"
    assert media_type("svs", b' {"a":1}') == "application/json"
    assert media_type("svs", b"") == "application/json"
    assert media_type("shf", b"a=1") == "application/json"


def test_every_sentence_is_told_in_both_languages_with_the_same_facts() -> None:
    facts = {"where": "W", "expected": "E", "limit": 1, "size": 2, "stated": 3}
    for both in (*SENTENCES.values(), *HINTS.values()):
        assert both.zh.format_map(facts)
        assert both.en.format_map(facts)
        for fact in facts:
            assert (f"{{{fact}}}" in both.zh) == (f"{{{fact}}}" in both.en)


def test_a_hint_speaks_of_this_interface_and_not_of_fields_it_has_not() -> None:
    error = FengsuiError("crypto.signature.invalid", "x", hint="form", found="raw")
    assert "form=raw" not in refusal("svs", error, "en").decode()


def test_no_path_is_told_apart_by_an_error_of_the_inside() -> None:
    for path in PATHS:
        error = caught(path, b"\xff\xfe{")
        assert error.code == "dashboard_api.call.malformed"
        assert b"Traceback" not in refusal(PATHS[path][1], error, "en", request=b"\xff\xfe{")


def test_a_refused_call_is_answered_whole_in_its_own_form() -> None:
    refuse = Refusing(FakeClock())
    limited = FengsuiError("dashboard_api.quota.exceeded", "later", retry_seconds=3)
    asked = call(Operation.SIGN, b'{"signMethod":1}')
    plain = refuse(asked, EXPIRED)
    assert (plain.id, plain.status) == (asked.id, 422)
    assert json.loads(plain.body)["type"] == "urn:fengsui:problem:crypto.certificate.expired"
    svs, shf = replace(asked, form="svs"), replace(asked, form="shf")
    assert refuse(svs, EXPIRED).status == 200
    assert json.loads(refuse(svs, EXPIRED).body)["respValue"] == Number.EXPIRED
    assert refuse(shf, EXPIRED).status == 422
    assert (refuse(svs, limited).status, refuse(svs, limited).retry_seconds) == (429, 3)
