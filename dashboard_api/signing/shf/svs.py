"""Calls of signature servers after GM/T 0029 and GB/T 38629, one function each."""

from __future__ import annotations

from typing import Final

from crypto.sm2 import DEFAULT_ID
from crypto.x509.certificate import Certificate
from dashboard_api.applications.model import Operation
from dashboard_api.signing.shf import facts
from dashboard_api.signing.shf.certificates import certificate_text, public_key
from dashboard_api.signing.shf.given import Answer, Base64, Given, Param, binary, coded
from dashboard_api.signing.shf.running import Running
from dashboard_api.signing.shf.step import SVS, Answered, Ask, Entry, Told, Tools
from dashboard_api.signing.shf.wrong import wrong
from schema.errors import FengsuiError

PREFIX: Final = "/svs/"
SGD_SM3_SM2: Final = 0x00020201
"""SM2 over SM3 (GM/T 0006)."""
BY_CERTIFICATE: Final = 1
LEVEL_MAX: Final = 2

_SIGNED = {"signature": "SEQUENCE { r, s } in DER, Base64"}
_HASHED = {"hashValue": "The intermediate hash value, Base64: send it with the next packet"}
_METHOD: Final = Param(name="signMethod", words="131585, SGD_SM3_SM2")
_METHOD_IF: Final = Param(name="signMethod", words=_METHOD.words, required=False)
_KEY: Final = (
    Param(name="keyIndex", words="A key named by this number, or a key's name"),
    Param(
        name="keyValue",
        words="Taken and not looked at: the application's credentials decide",
        required=False,
    ),
)
_DATA: Final = (
    Param(name="inData", words="The data, Base64"),
    Param(name="inDataLen", words="Its bytes before Base64", required=False),
)
_ID: Final = (
    Param(name="signerID", words=f"The signer's ID, Base64; else {DEFAULT_ID}", required=False),
    Param(name="signerIDLen", words="Its bytes before Base64", required=False),
)
_HASH: Final = (
    Param(name="hashValue", words="As the last packet's answer gave it, Base64"),
    Param(name="hashValueLen", words="Its bytes before Base64", required=False),
)
_CERTIFICATE: Final = (
    Param(name="type", words="1: by the certificate in cert; 2 is not offered"),
    Param(name="cert", words="DER in Base64", required=False),
    Param(name="certSN", words="Not offered: leave it empty", required=False),
    Param(
        name="verifyLevel",
        words="0: validity time; 1: and chain; 2: and revocation lists at hand",
        required=False,
    ),
)
_FLAGS: Final = (
    Param(name="hashFlag", words="TRUE or not sent", required=False),
    Param(name="originalText", words="TRUE: attached; else detached", required=False),
    Param(name="certificateChain", words="The chain is always in the message", required=False),
    Param(name="crl", words="FALSE or not sent", required=False),
    Param(name="authenticationAttributes", words="Either: not looked at", required=False),
)


def _check_method(given: Given) -> None:
    if given.number("signMethod", SGD_SM3_SM2) != SGD_SM3_SM2:
        raise wrong("svs_method", "signMethod")


def _key(given: Given) -> str:
    try:
        return str(given.number("keyIndex"))
    except FengsuiError:
        return given.text("keyIndex")


def _signer_id(given: Given) -> str:
    sent = given.counted("signerID", "signerIDLen")
    try:
        return sent.decode() or DEFAULT_ID
    except UnicodeDecodeError:
        raise wrong("shf_type", "signerID", expected="UTF-8") from None


def _certificate(given: Given, tools: Tools) -> dict[str, str | bool]:
    """The certificate to verify by, and how far it is checked."""
    if given.number("type") != BY_CERTIFICATE:
        raise wrong("svs_certificate_number", "type")
    if not given.has("cert"):
        raise wrong("shf_missing", "cert")
    level = given.number("verifyLevel", LEVEL_MAX)
    if level > LEVEL_MAX:
        raise wrong("shf_range", "verifyLevel", expected=f"0–{LEVEL_MAX}")
    der = given.data("cert")
    if level == 0:
        # Level 0 asks for the validity time alone; without a chain nobody else looks at it.
        Certificate.from_der(der).check_time(tools.clock.now())
    return {"certificate": certificate_text(der), "trust": "site" if level else "none"}


def _check_flags(given: Given) -> None:
    if not given.flag("hashFlag", default=True):
        raise wrong("svs_flag", "hashFlag", expected="TRUE")
    if given.flag("crl"):
        raise wrong("svs_flag", "crl", expected="FALSE")
    given.flag("certificateChain")
    given.flag("authenticationAttributes")


def _signature(found: Answered) -> Answer:
    return {"signature": Base64(found.signature)}


def _nothing(_: Answered) -> Answer:
    return {}


_NAMES: Final = {
    "key": "keyIndex",
    "message": "inData",
    "e": "hashValue",
    "id": "signerID",
    "signature": "signature",
    "envelope": "signedMessage",
    "certificate": "cert",
}


def _sign_data(given: Given, _: Tools) -> Ask:
    _check_method(given)
    message = coded(given.counted("inData", "inDataLen"))
    return Ask(
        operation=Operation.SIGN,
        fields={"key": _key(given), "message": message, "id": _signer_id(given)},
        answer=_signature,
        names=_NAMES,
    )


def _verify_data(given: Given, tools: Tools) -> Ask:
    _check_method(given)
    message = coded(given.counted("inData", "inDataLen"))
    return Ask(
        operation=Operation.VERIFY,
        fields={
            **_certificate(given, tools),
            "message": message,
            "id": _signer_id(given),
            "signature": given.encoded("signature"),
        },
        answer=_nothing,
        names=_NAMES,
    )


def _begin(given: Given, _: Tools) -> Told:
    _check_method(given)
    public = public_key(given.data("signerPublicKey"), "signerPublicKey")
    packet = given.counted("inData", "inDataLen")
    running = Running().take(public.identity(domain=_signer_id(given)), "signerID")
    return _hashed(running.take(packet, "inData"), packet)


def _update(given: Given, _: Tools) -> Told:
    _check_method(given)
    packet = given.counted("inData", "inDataLen")
    return _hashed(_running(given).take(packet, "inData"), packet)


def _running(given: Given) -> Running:
    return Running.read(given.counted("hashValue", "hashValueLen"), "hashValue")


def _hashed(running: Running, packet: bytes) -> Told:
    return Told(
        answer={"hashValue": binary(running.write())},
        algorithm="SM3",
        mode="packet",
        payloads=(packet,),
    )


def _sign_final(given: Given, _: Tools) -> Ask:
    _check_method(given)
    return Ask(
        operation=Operation.SIGN,
        fields={"key": _key(given), "e": coded(_running(given).digest())},
        answer=_signature,
        names=_NAMES,
    )


def _verify_final(given: Given, tools: Tools) -> Ask:
    _check_method(given)
    return Ask(
        operation=Operation.VERIFY,
        fields={
            **_certificate(given, tools),
            "e": coded(_running(given).digest()),
            "signature": given.encoded("signature"),
        },
        answer=_nothing,
        names=_NAMES,
    )


def _sign_message(given: Given, _: Tools) -> Ask:
    _check_method(given)
    _check_flags(given)
    return Ask(
        operation=Operation.ENVELOPE_SIGN,
        fields={
            "key": _key(given),
            "message": coded(given.counted("inData", "inDataLen")),
            "detached": not given.flag("originalText"),
            "oids": "gm",
        },
        answer=lambda found: {"signedMessage": Base64(found.envelope)},
        names=_NAMES,
    )


def _verify_message(given: Given, _: Tools) -> Ask:
    _check_flags(given)
    attached = given.flag("originalText")
    beside = given.counted("inData", "inDataLen")
    fields: dict[str, str | bool] = {"envelope": given.encoded("signedMessage"), "trust": "site"}
    if not attached:
        fields["message"] = coded(beside)

    def answer(found: Answered) -> Answer:
        # The caller who sends the text beside an attached message asks whether it is that text.
        if attached and beside and found.message != coded(beside):
            raise wrong("shf_content", "inData")
        return {}

    return Ask(operation=Operation.ENVELOPE_VERIFY, fields=fields, answer=answer, names=_NAMES)


def _parse(given: Given, _: Tools) -> Told:
    found = Certificate.from_der(given.data("cert"))
    info = facts.by_number(found, given.number("infoType"), "infoType")
    return Told(answer={"info": info}, mode="certificate")


_INIT: Final = (
    _METHOD,
    Param(name="signerPublicKey", words="The signer's: 04‖x‖y, x‖y or DER, Base64"),
    *_ID,
    *_DATA,
)
_NEXT: Final = (_METHOD, *_HASH, *_DATA)
_SIGNATURE: Final = Param(name="signature", words="SEQUENCE { r, s } in DER, Base64")

ENTRIES: Final = (
    Entry(
        path=PREFIX + "SignData",
        form=SVS,
        operation=Operation.SIGN,
        summary="Sign data (单包数字签名)",
        takes=(_METHOD, *_KEY, *_ID, *_DATA),
        gives=_SIGNED,
        step=_sign_data,
    ),
    Entry(
        path=PREFIX + "VerifySignedData",
        form=SVS,
        operation=Operation.VERIFY,
        summary="Verify signed data (单包验证数字签名)",
        takes=(_METHOD_IF, *_CERTIFICATE, *_ID, *_DATA, _SIGNATURE),
        gives={},
        step=_verify_data,
    ),
    Entry(
        path=PREFIX + "SignDataInit",
        form=SVS,
        operation=Operation.DIGEST,
        summary="Sign data, first packet (多包数字签名初始化)",
        takes=_INIT,
        gives=_HASHED,
        step=_begin,
        keyless=True,
    ),
    Entry(
        path=PREFIX + "SignDataUpdate",
        form=SVS,
        operation=Operation.DIGEST,
        summary="Sign data, next packet (多包数字签名更新)",
        takes=_NEXT,
        gives=_HASHED,
        step=_update,
        keyless=True,
    ),
    Entry(
        path=PREFIX + "SignDataFinal",
        form=SVS,
        operation=Operation.SIGN,
        summary="Sign data, end (多包数字签名结束): needs scope sign_e and a key that allows it",
        takes=(_METHOD, *_KEY, *_HASH),
        gives=_SIGNED,
        step=_sign_final,
    ),
    Entry(
        path=PREFIX + "VerifySignedDataInit",
        form=SVS,
        operation=Operation.DIGEST,
        summary="Verify signed data, first packet (多包验证数字签名初始化)",
        takes=_INIT,
        gives=_HASHED,
        step=_begin,
        keyless=True,
    ),
    Entry(
        path=PREFIX + "VerifySignedDataUpdate",
        form=SVS,
        operation=Operation.DIGEST,
        summary="Verify signed data, next packet (多包验证数字签名更新)",
        takes=_NEXT,
        gives=_HASHED,
        step=_update,
        keyless=True,
    ),
    Entry(
        path=PREFIX + "VerifySignedDataFinal",
        form=SVS,
        operation=Operation.VERIFY,
        summary="Verify signed data, end (多包验证数字签名结束)",
        takes=(_METHOD, *_CERTIFICATE, *_HASH, _SIGNATURE),
        gives={},
        step=_verify_final,
    ),
    Entry(
        path=PREFIX + "SignMessage",
        form=SVS,
        operation=Operation.ENVELOPE_SIGN,
        summary="Sign a message into SignedData of GB/T 35275 (单包消息签名)",
        takes=(_METHOD, *_KEY, *_DATA, *_FLAGS),
        gives={"signedMessage": "SignedData in DER, Base64"},
        step=_sign_message,
    ),
    Entry(
        path=PREFIX + "VerifySignedMessage",
        form=SVS,
        operation=Operation.ENVELOPE_VERIFY,
        summary="Verify SignedData (单包验证消息签名)",
        takes=(
            *_DATA,
            Param(name="signedMessage", words="SignedData in DER, Base64"),
            *_FLAGS,
        ),
        gives={},
        step=_verify_message,
    ),
    Entry(
        path=PREFIX + "ParseCert",
        form=SVS,
        operation=Operation.VERIFY,
        summary="One item of a certificate (解析证书)",
        takes=(
            Param(name="infoType", words="Number of the item (GM/T 0006)"),
            Param(name="cert", words="DER in Base64"),
        ),
        gives={"info": "The item as text"},
        step=_parse,
        keyless=True,
    ),
)
"""The calls in the order of the document."""
