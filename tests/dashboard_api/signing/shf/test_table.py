"""The table of paths: each is answered, is in the document, and is told of in the docs."""

import json
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from subprocess import run

import pytest
from fakes import call
from messages import Foreign, b64, foreign, ntv
from msgspec.structs import replace
from openapi_check import check

from crypto.cms.signed_data import SignedData
from crypto.sm2 import DEFAULT_ID
from dashboard_api.applications.model import MANAGING
from dashboard_api.signing.shf import PATHS, paths, refusal, schemas
from dashboard_api.signing.shf.table import ENTRIES
from schema.errors import FengsuiError

DOCS = Path(__file__).parents[4] / "docs/integrator/shf.md"
TEXT = b"order 17"


def requests(site: Foreign) -> Mapping[str, bytes]:
    """A good request to every path."""
    keys = site.site.keys
    certificate, point = keys.signer("payments.8").chain[0], keys.signer("payments.8").key.public
    sealed = site.shf("Encrypt", KeyId="vault", PlainText=TEXT)["CipherText"]
    signature = keys.signer("payments.8").key.sign(TEXT, domain=DEFAULT_ID)
    key = {"signMethod": 131585, "keyIndex": 8, "inData": b64(TEXT)}
    by = {"type": 1, "cert": b64(certificate), "signature": b64(signature)}
    first = {"signMethod": 131585, "signerPublicKey": b64(point.point), "inData": b64(TEXT)}
    running = json.loads(site.done("/svs/SignDataInit", json.dumps(first).encode()).body)
    after = {"signMethod": 131585, "hashValue": running["hashValue"]}
    message = json.loads(site.done("/svs/SignMessage", json.dumps(key).encode()).body)
    svs = {
        "SignData": key,
        "VerifySignedData": {**by, "inData": b64(TEXT)},
        "SignDataInit": first,
        "SignDataUpdate": {**after, "inData": b64(b"more")},
        "SignDataFinal": {**after, "keyIndex": 8},
        "VerifySignedDataInit": first,
        "VerifySignedDataUpdate": {**after, "inData": b64(b"more")},
        "VerifySignedDataFinal": {**after, **by},
        "SignMessage": key,
        "VerifySignedMessage": {
            "signedMessage": message["signedMessage"],
            "inData": b64(TEXT),
        },
        "ParseCert": {"infoType": 7, "cert": b64(certificate)},
    }
    return {
        "/shf/v1/Sign": ntv(KeyId="8", PlainText=TEXT),
        "/shf/v1/Verify": ntv(KeyId="8", PlainText=TEXT, Signature=signature),
        "/shf/v1/Encrypt": ntv(KeyId="vault", PlainText=TEXT),
        "/shf/v1/EncryptByExternalPublicKey": ntv(PublicKey=point.point, PlainText=TEXT),
        "/shf/v1/Decrypt": ntv(KeyId="vault", CipherText=sealed),
        "/shf/v1/Digest": ntv(PlainText=TEXT),
        "/shf/v1/HMAC": ntv(KeyId="tag", PlainText=TEXT),
        "/shf/v1/GenerateRandom": ntv(Length=16),
        "/shf/v1/ParseCertificate": ntv(Certificate=certificate, Tags="SGD_CERT_SUBJECT"),
        **{f"/svs/{name}": json.dumps(body).encode() for name, body in svs.items()},
    }


def test_every_path_is_answered_with_the_fields_it_is_said_to_give() -> None:
    site = foreign()
    sent = requests(site)
    assert set(sent) == set(PATHS)
    for path, body in sent.items():
        answer = json.loads(site.done(path, body).body)
        entry = ENTRIES[path]
        given = {one["Name"] for one in answer["Data"]} if entry.form == "shf" else set(answer)
        said = set(entry.gives) if entry.form == "shf" else {"respValue", *entry.gives}
        assert given == ({"SGD_CERT_SUBJECT"} if path.endswith("ParseCertificate") else said)


def test_a_path_is_found_below_the_sites_root_and_before_a_query() -> None:
    site = foreign()
    body = requests(site)["/shf/v1/Digest"]
    operation, form = PATHS["/shf/v1/Digest"]
    asked = replace(call(operation, body), target="/demo/shf/v1/Digest?x=1", form=form)
    assert site.desk.perform(site.site.application, asked).algorithm == "SM3"


def test_no_foreign_form_reaches_a_managing_operation() -> None:
    assert not {operation for operation, _ in PATHS.values()} & MANAGING


def test_the_document_names_every_path_and_only_schemas_it_has() -> None:
    document = paths()
    assert set(document) == set(PATHS)
    names = {f"#/components/schemas/{name}" for name in (*schemas(), "Problem")}
    text = json.dumps(document)
    assert {part.split('"')[0] for part in text.split('"$ref": "')[1:]} <= names
    identifiers = [one["post"]["operationId"] for one in document.values()]
    assert len(set(identifiers)) == len(identifiers)


def test_every_request_answer_and_refusal_is_as_the_document_says() -> None:
    site = foreign()
    document = {"components": {"schemas": schemas()}}
    for path, body in requests(site).items():
        operation, form = paths()[path]["post"], PATHS[path][1]
        asked = operation["requestBody"]["content"]["application/json"]["schema"]
        answered = operation["responses"]["200"]["content"]["application/json"]["schema"]
        check(json.loads(body), asked, document)
        check(json.loads(site.done(path, body).body), answered, document)
        error = FengsuiError("dashboard_api.quota.exceeded", "later", retry_seconds=1)
        check(json.loads(refusal(form, error, "en", request=body)), answered, document)


def test_the_docs_tell_of_every_call_and_parameter() -> None:
    docs = DOCS.read_text()
    for path, entry in ENTRIES.items():
        assert f"`{path}`" in docs
        for param in entry.takes:
            assert f"`{param.name}`" in docs, (path, param.name)
    assert "no claim of conformity" in docs


@pytest.mark.parametrize("attached", ["TRUE", "FALSE"])
def test_openssl_verifies_the_signature_inside_a_signed_message(
    tmp_path: Path, attached: str
) -> None:
    site = foreign()
    signed = site.svs(
        "SignMessage", signMethod=131585, keyIndex=7, inData=TEXT, originalText=attached
    )
    message = SignedData.from_der(b64decode(signed["signedMessage"]))
    (tmp_path / "key.pem").write_bytes(message.certificates[0].public.to_pem())
    (tmp_path / "signature").write_bytes(message.signers[0].signature)
    (tmp_path / "text").write_bytes(TEXT)
    told = _openssl(
        tmp_path,
        "dgst -sm3 -verify key.pem -sigopt distid:1234567812345678 -signature signature text",
    )
    assert told == b"Verified OK\n"


def test_a_signature_of_openssl_verifies(tmp_path: Path) -> None:
    site = foreign()
    (tmp_path / "text").write_bytes(TEXT)
    _openssl(tmp_path, "ecparam -genkey -name SM2 -noout -out key.pem")
    _openssl(tmp_path, "pkey -in key.pem -pubout -out public.pem")
    _openssl(
        tmp_path,
        "dgst -sm3 -sign key.pem -sigopt distid:1234567812345678 -out signature text",
    )
    answer = site.shf(
        "Verify",
        PublicKey=(tmp_path / "public.pem").read_text(),
        PlainText=TEXT,
        Signature=(tmp_path / "signature").read_bytes(),
    )
    assert answer == {"Result": "true"}


def _openssl(folder: Path, arguments: str) -> bytes:
    command = ["openssl", *arguments.split()]
    return run(command, cwd=folder, check=True, capture_output=True, timeout=30).stdout
