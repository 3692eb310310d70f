"""Calls of signature servers: data, messages and packets signed and verified, in all three ways."""

import json
from base64 import b64decode

import pytest
from fakes import DAY
from messages import Foreign, b64, foreign

from crypto.cms.signed_data import SignedData
from crypto.errors import CryptoError
from crypto.sm2 import DEFAULT_ID
from crypto.x509.authority import Profile
from dashboard_api.signing.shf.running import PACKET_BYTES_MAX
from schema.errors import FengsuiError

SM3_SM2 = 131585
WAYS = ("form", "flat", "wrapped")


@pytest.fixture
def site() -> Foreign:
    return foreign()


def certificate(site: Foreign, key: str = "payments.7") -> bytes:
    return site.site.keys.signer(key).chain[0]


@pytest.mark.parametrize("way", WAYS)
def test_signed_data_verifies(site: Foreign, way: str) -> None:
    signed = site.svs(
        "SignData",
        way,
        signMethod=SM3_SM2,
        keyIndex=7,
        keyValue=b"12345678",
        inDataLen=8,
        inData=b"order 17",
    )
    assert int(signed["respValue"]) == 0
    verified = site.svs(
        "VerifySignedData",
        way,
        type=1,
        cert=certificate(site),
        inDataLen=8,
        inData=b"order 17",
        signature=signed["signature"],
        verifyLevel=1,
    )
    assert verified == {"respValue": "0" if way == "form" else 0}


def test_a_signature_under_another_id_verifies_under_that_id_alone(site: Foreign) -> None:
    signed = site.svs(
        "SignData",
        signMethod=SM3_SM2,
        keyIndex=7,
        inData=b"x",
        signerID="烽燧".encode(),
        signerIDLen=6,
    )
    asked = {
        "type": 1,
        "cert": certificate(site),
        "inData": b"x",
        "signature": signed["signature"],
    }
    assert site.svs("VerifySignedData", **asked, signerID="烽燧".encode())["respValue"] == 0
    with pytest.raises(FengsuiError) as caught:
        site.svs("VerifySignedData", **asked)
    assert caught.value.code == "crypto.signature.invalid"


@pytest.mark.parametrize("attached", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_a_signed_message_verifies_attached_and_detached(
    site: Foreign, way: str, attached: bool
) -> None:
    flags = {"originalText": "TRUE" if attached else "FALSE"}
    signed = site.svs(
        "SignMessage", way, signMethod=SM3_SM2, keyIndex="7", inData=b"order 17", **flags
    )
    message = SignedData.from_der(_der(signed["signedMessage"]))
    assert message.content == (b"order 17" if attached else None)
    asked = {"signedMessage": signed["signedMessage"], **flags}
    assert int(site.svs("VerifySignedMessage", way, inData=b"order 17", **asked)["respValue"]) == 0
    with pytest.raises((FengsuiError, CryptoError)):
        site.svs("VerifySignedMessage", way, inData=b"order 18", **asked)


def test_packets_sign_what_one_message_would(site: Foreign) -> None:
    public = site.site.keys.signer("payments.8").key.public
    whole = bytes(range(256)) * 60
    packets = [whole[:100], whole[100:5000], whole[5000:5064], b"", whole[5064:]]
    for kind in ("Sign", "Verify"):
        prefix = "SignData" if kind == "Sign" else "VerifySignedData"
        running = site.svs(
            f"{prefix}Init",
            signMethod=SM3_SM2,
            signerPublicKey=public.point,
            signerID=DEFAULT_ID.encode(),
            inData=packets[0],
        )
        for packet in packets[1:]:
            running = site.svs(
                f"{prefix}Update",
                signMethod=SM3_SM2,
                hashValue=running["hashValue"],
                inData=packet[:PACKET_BYTES_MAX],
            )
            if rest := packet[PACKET_BYTES_MAX:]:
                running = site.svs(
                    f"{prefix}Update",
                    signMethod=SM3_SM2,
                    hashValue=running["hashValue"],
                    inData=rest,
                )
        if kind == "Sign":
            signed = site.svs(
                "SignDataFinal", signMethod=SM3_SM2, keyIndex=8, hashValue=running["hashValue"]
            )
            public.verify(_der(signed["signature"]), whole, domain=DEFAULT_ID)
        else:
            verified = site.svs(
                "VerifySignedDataFinal",
                signMethod=SM3_SM2,
                type=1,
                cert=certificate(site, "payments.8"),
                hashValue=running["hashValue"],
                signature=signed["signature"],
            )
            assert verified == {"respValue": 0}


def test_a_key_that_signs_no_digests_finishes_no_packets(site: Foreign) -> None:
    public = site.site.keys.signer("payments.7").key.public
    running = site.svs(
        "SignDataInit", signMethod=SM3_SM2, signerPublicKey=public.point, inData=b"x"
    )
    with pytest.raises(CryptoError) as caught:
        site.svs("SignDataFinal", signMethod=SM3_SM2, keyIndex=7, hashValue=running["hashValue"])
    assert caught.value.code == "crypto.key.policy"


def test_level_0_looks_at_the_time_and_level_1_at_the_chain_too(site: Foreign) -> None:
    stranger = foreign()
    signed = stranger.svs("SignData", signMethod=SM3_SM2, keyIndex=7, inData=b"x")
    asked = {
        "type": 1,
        "cert": certificate(stranger),
        "inData": b"x",
        "signature": signed["signature"],
    }
    assert site.svs("VerifySignedData", **asked, verifyLevel=0)["respValue"] == 0
    for level in ({"verifyLevel": 1}, {"verifyLevel": 2}, {}):
        with pytest.raises(CryptoError) as caught:
            site.svs("VerifySignedData", **asked, **level)
        assert caught.value.code == "crypto.certificate.untrusted"
    site.site.clock.at += 400 * DAY
    with pytest.raises(CryptoError) as caught:
        site.svs("VerifySignedData", **asked, verifyLevel=0)
    assert caught.value.code == "crypto.certificate.expired"


@pytest.mark.parametrize(
    ("number", "told"),
    [(0x31, "payments.7"), (0x21, "root"), (0x01, "3"), (0x06, "20261117110640Z,20271118110640Z")],
)
def test_an_item_of_a_certificate_is_told(site: Foreign, number: int, told: str) -> None:
    answer = site.svs("ParseCert", infoType=number, cert=certificate(site))
    assert answer == {"respValue": 0, "info": told}


@pytest.mark.parametrize(
    ("changes", "reason", "where"),
    [
        ({"signMethod": 65537}, "svs_method", "signMethod"),
        ({"signMethod": "0x00010001"}, "svs_method", "signMethod"),
        ({"inDataLen": 3}, "shf_length", "inDataLen"),
        ({"inData": "not base64"}, "shf_base64", "inData"),
        ({"keyIndex": "No Such"}, "name", "keyIndex"),
        ({"keyIndex": True}, "shf_type", "keyIndex"),
        ({"signerID": b"\xff"}, "shf_type", "signerID"),
        ({"hashFlag": "TRUE"}, "shf_unknown", "hashFlag"),
    ],
)
def test_what_is_wrong_with_a_request_is_said_by_its_own_names(
    site: Foreign, changes: dict[str, int | str | bytes], reason: str, where: str
) -> None:
    good: dict[str, int | str | bytes] = {"signMethod": SM3_SM2, "keyIndex": 7, "inData": b"x"}
    with pytest.raises(FengsuiError) as caught:
        site.svs("SignData", **{**good, **changes})
    assert (caught.value.params["reason"], caught.value.params["where"]) == (reason, where)


@pytest.mark.parametrize(
    ("flags", "where"),
    [({"hashFlag": "FALSE"}, "hashFlag"), ({"crl": "TRUE"}, "crl")],
)
def test_an_option_that_is_not_there_is_refused_and_not_passed_over(
    site: Foreign, flags: dict[str, str], where: str
) -> None:
    with pytest.raises(FengsuiError) as caught:
        site.svs("SignMessage", signMethod=SM3_SM2, keyIndex=7, inData=b"x", **flags)
    assert caught.value.params["where"] == where


@pytest.mark.parametrize("value", [b"", b"\x02" + bytes(40), bytes(41), b"\x01" + bytes(41)])
def test_an_intermediate_value_nobody_gave_out_is_refused(site: Foreign, value: bytes) -> None:
    with pytest.raises(FengsuiError) as caught:
        site.svs("SignDataUpdate", signMethod=SM3_SM2, hashValue=value, inData=b"x")
    assert caught.value.params["where"] == "hashValue"


def test_a_packet_too_large_is_refused(site: Foreign) -> None:
    point = site.site.keys.signer("payments.7").key.public.point
    with pytest.raises(FengsuiError) as caught:
        site.svs(
            "SignDataInit",
            signMethod=SM3_SM2,
            signerPublicKey=point,
            inData=bytes(PACKET_BYTES_MAX + 1),
        )
    assert caught.value.params["limit"] == PACKET_BYTES_MAX


def test_a_number_of_a_certificate_is_refused_in_its_place(site: Foreign) -> None:
    with pytest.raises(FengsuiError) as caught:
        site.svs("VerifySignedData", type=2, certSN=b"\x01", inData=b"x", signature=b"y")
    assert caught.value.params["where"] == "type"


def test_null_fields_of_java_clients_are_fields_not_sent(site: Foreign) -> None:
    body = {"signMethod": SM3_SM2, "keyIndex": 7, "keyValue": None, "inData": b64(b"x")}
    done = site.done("/svs/SignData", json.dumps(body).encode())
    assert json.loads(done.body)["respValue"] == 0


def test_the_signing_certificate_must_be_one_that_may_sign(site: Foreign) -> None:
    key = site.site.keys.add_pair("payments.9", "sign")
    sealing = site.site.certificate("payments.9", Profile.ENCRYPTION, key)
    signed = site.svs("SignData", signMethod=SM3_SM2, keyIndex=9, inData=b"x")
    with pytest.raises(CryptoError) as caught:
        site.svs(
            "VerifySignedData", type=1, cert=sealing, inData=b"x", signature=signed["signature"]
        )
    assert caught.value.code == "crypto.certificate.usage"


def _der(text: str) -> bytes:
    return b64decode(text, validate=True)
