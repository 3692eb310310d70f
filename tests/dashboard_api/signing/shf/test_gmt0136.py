"""Calls after GM/T 0136: each is answered, and says what is wrong with it by its own names."""

import json
from base64 import b64encode

import pytest
from messages import Foreign, foreign, ntv

from crypto import sm3
from crypto.errors import CryptoError
from crypto.sm2 import DEFAULT_ID, PrivateKey
from crypto.x509.certificate import Certificate
from dashboard_api.applications.model import NO_KEY, OWN_KEYS, Operation
from schema.errors import FengsuiError


@pytest.fixture
def site() -> Foreign:
    return foreign()


def refused(site: Foreign, name: str, **values: bytes | str | int | list[str]) -> FengsuiError:
    with pytest.raises(FengsuiError) as caught:
        site.shf(name, **values)
    return caught.value


def test_a_signature_verifies_by_key_by_public_key_and_by_certificate(site: Foreign) -> None:
    signature = site.shf("Sign", KeyId="receipt", PlainText=b"order 17")["Signature"]
    held = site.site.keys.signer("payments.receipt")
    held.key.public.verify(signature, b"order 17", domain=DEFAULT_ID)
    by_key = site.shf("Verify", KeyId="receipt", PlainText=b"order 17", Signature=signature)
    assert by_key == {"Result": "true"}
    for name, value in (
        ("PublicKey", held.key.public.point),
        ("PublicKey", held.key.public.point[1:]),
        ("PublicKey", held.key.public.to_pem().decode()),
        ("Certificate", held.chain[0]),
        ("Certificate", Certificate.from_der(held.chain[0]).to_pem().decode()),
    ):
        answer = site.shf("Verify", **{name: value}, PlainText=b"order 17", Signature=signature)
        assert answer == {"Result": "true"}


def test_a_wrong_signature_is_an_error_and_never_a_false(site: Foreign) -> None:
    signature = site.shf("Sign", KeyId="receipt", PlainText=b"order 17")["Signature"]
    error = refused(site, "Verify", KeyId="receipt", PlainText=b"order 18", Signature=signature)
    assert error.code == "crypto.signature.invalid"


def test_a_verification_names_exactly_one_signer(site: Foreign) -> None:
    for signer in ({}, {"KeyId": "receipt", "PublicKey": b"x"}):
        error = refused(site, "Verify", **signer, PlainText=b"x", Signature=b"y")
        assert error.params["where"] == "KeyId, PublicKey, Certificate"


@pytest.mark.parametrize("key", ["vault", "letters"])
def test_what_is_encrypted_under_a_key_is_decrypted_by_it(site: Foreign, key: str) -> None:
    sealed = site.shf("Encrypt", KeyId=key, PlainText=b"salary")["CipherText"]
    assert b"salary" not in sealed
    opened = site.shf("Decrypt", KeyId=key, CipherText=sealed, IV="")
    assert opened == {"PlainText": b"salary"}


def test_an_iv_from_outside_is_refused(site: Foreign) -> None:
    error = refused(site, "Encrypt", KeyId="vault", PlainText=b"x", IV=bytes(16))
    assert error.params["where"] == "IV"


def test_a_text_encrypted_under_a_foreign_key_is_its_holders(site: Foreign) -> None:
    holder = PrivateKey.generate()
    answer = site.shf(
        "EncryptByExternalPublicKey", PublicKey=holder.public.point, PlainText=b"hello"
    )
    assert holder.decrypt(answer["CipherText"]) == b"hello"


def test_a_digest_is_sm3_and_an_hmac_is_stable(site: Foreign) -> None:
    assert site.shf("Digest", PlainText=b"abc") == {"Digest": sm3.digest(b"abc")}
    one = site.shf("HMAC", KeyId="tag", PlainText=b"abc")
    assert one == site.shf("HMAC", KeyId="tag", PlainText=b"abc")
    assert len(one["HMAC"]) == 32


def test_random_bytes_have_the_length_asked_for(site: Foreign) -> None:
    assert len(site.shf("GenerateRandom", Length=24)["Random"]) == 24
    assert len(site.shf("GenerateRandom", Length="1024")["Random"]) == 1024
    for length in (0, 1025, "-1", "many"):
        assert refused(site, "GenerateRandom", Length=length).params["where"] == "Length"


def test_random_bytes_need_a_grant_like_everything_else(site: Foreign) -> None:
    application = site.site.application
    bare = type(application)(
        id="bare",
        name="bare",
        unit="u1",
        credentials=(),
        grants={OWN_KEYS: frozenset(Operation), NO_KEY: frozenset()},
    )
    with pytest.raises(FengsuiError) as caught:
        site.done("/shf/v1/GenerateRandom", ntv(Length=8), bare)
    assert caught.value.code == "dashboard_api.scope.missing"


def test_a_certificate_is_told_item_by_item(site: Foreign) -> None:
    der = site.site.keys.signer("payments.receipt").chain[0]
    tags = ["SGD_CERT_SUBJECT_CN", "SGD_CERT_ISSUER_CN", "SGD_CERT_NOTAFTER_TIME"]
    told = site.shf("ParseCertificate", Certificate=der, Tags=tags)
    assert told == {
        "SGD_CERT_SUBJECT_CN": "payments.receipt",
        "SGD_CERT_ISSUER_CN": "root",
        "SGD_CERT_NOTAFTER_TIME": "20271118110640Z",
    }
    error = refused(site, "ParseCertificate", Certificate=der, Tags="SGD_CERT_SHOE_SIZE")
    assert error.params["where"] == "Tags"
    with pytest.raises(CryptoError, match="certificate"):
        site.shf("ParseCertificate", Certificate=der[:-1], Tags=tags)


def test_an_error_says_which_name_is_missing_unknown_twice_or_of_the_wrong_type(
    site: Foreign,
) -> None:
    def where(body: object) -> tuple[str, str]:
        with pytest.raises(FengsuiError) as caught:
            site.done("/shf/v1/Sign", json.dumps(body).encode())
        assert caught.value.code == "dashboard_api.call.malformed"
        return str(caught.value.params["reason"]), str(caught.value.params["where"])

    key = {"Name": "KeyId", "Type": "Raw", "Value": "receipt"}
    text = {"Name": "PlainText", "Type": "Base64", "Value": "AA=="}
    assert where({"Data": [key]}) == ("shf_missing", "PlainText")
    assert where({"Data": [key, text, {**text, "Name": "Salt"}]}) == ("shf_unknown", "Salt")
    assert where({"Data": [key, text, text]}) == ("shf_twice", "PlainText")
    assert where({"Data": [key, {**text, "Type": "Blob"}]}) == ("shf_type", "PlainText")
    assert where({"Data": [key, {**text, "Type": "DateTime"}]}) == ("shf_type", "PlainText")
    assert where({"Data": [key, {**text, "Value": 1.5}]}) == ("shf_type", "PlainText")
    assert where({"Data": [key, {**text, "Value": "A==="}]}) == ("shf_base64", "PlainText")
    assert where({"Data": [key, {**text, "Type": "Hex", "Value": "0x1"}]}) == (
        "shf_hex",
        "PlainText",
    )
    assert where({"Data": [{**key, "Type": "Base64"}, text]}) == ("shf_type", "KeyId")
    assert where({"Data": [{**key, "Value": "No Such"}, text]}) == ("name", "KeyId")
    assert where({"Data": [key] * 33}) == ("shf_fields", "Data")
    assert where([]) == ("shf_json", "body")


def test_hex_raw_and_base64_of_the_same_bytes_are_the_same_message(site: Foreign) -> None:
    digests = set()
    for kind, value in (("Raw", "烽燧"), ("Hex", "烽燧".encode().hex()), ("Base64", None)):
        entry = {
            "Name": "PlainText",
            "Type": kind,
            "Value": value or b64encode("烽燧".encode()).decode(),
        }
        digests.add(site.done("/shf/v1/Digest", json.dumps({"Data": [entry]}).encode()).body)
    assert len(digests) == 1


def test_the_audit_facts_are_those_of_the_operation_inside(site: Foreign) -> None:
    done = site.done("/shf/v1/Sign", ntv(KeyId="receipt", PlainText=b"order 17"))
    assert (done.key, done.version, done.place) == ("payments.receipt", 3, "software")
    assert (done.algorithm, done.mode) == ("SM2-SM3", "message")
    assert done.payloads == (b"order 17",)


def test_another_applications_key_is_refused_as_everywhere(site: Foreign) -> None:
    error = refused(site, "Sign", KeyId="tax.receipt", PlainText=b"x")
    assert error.code == "dashboard_api.scope.missing"
