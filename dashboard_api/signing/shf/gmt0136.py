"""Calls after the described parts of GM/T 0136-2024, one function each."""

from __future__ import annotations

from typing import Final

from crypto.x509.certificate import Certificate
from dashboard_api.applications.model import Operation
from dashboard_api.signing.shf import facts
from dashboard_api.signing.shf.certificates import certificate_text, public_text
from dashboard_api.signing.shf.given import Base64, Given, Param, binary
from dashboard_api.signing.shf.step import SHF, Ask, Entry, Told, Tools
from dashboard_api.signing.shf.wrong import wrong

PREFIX: Final = "/shf/v1/"
RANDOM_BYTES_MAX: Final = 1024
"""Of one call: keys, IVs and challenges have tens."""

_KEY: Final = Param(name="KeyId", words="A key: its name, or its whole id for another's")
_PLAIN: Final = Param(name="PlainText", words="The data")
_PUBLIC: Final = Param(name="PublicKey", words="04‖x‖y, x‖y, or a public key in DER or PEM")
_SIGNERS: Final = ("KeyId", "PublicKey", "Certificate")


def _sign(given: Given, _: Tools) -> Ask:
    return Ask(
        operation=Operation.SIGN,
        fields={"key": given.text("KeyId"), "message": given.encoded("PlainText")},
        answer=lambda found: {"Signature": Base64(found.signature)},
        names={"key": "KeyId", "message": "PlainText"},
    )


def _verify(given: Given, _: Tools) -> Ask:
    sent = [name for name in _SIGNERS if given.has(name)]
    if len(sent) != 1:
        raise wrong("shf_one_of", ", ".join(_SIGNERS))
    fields: dict[str, str | bool] = {
        "message": given.encoded("PlainText"),
        "signature": given.encoded("Signature"),
    }
    if sent == ["KeyId"]:
        fields["key"] = given.text("KeyId")
    elif sent == ["PublicKey"]:
        fields["public_key"] = public_text(given.data("PublicKey"), "PublicKey")
    else:
        fields["certificate"] = certificate_text(given.data("Certificate"))
    return Ask(
        operation=Operation.VERIFY,
        fields=fields,
        answer=lambda _: {"Result": "true"},
        names={"key": "KeyId", "message": "PlainText", "signature": "Signature"},
    )


def _encrypt(given: Given, _: Tools) -> Ask:
    if given.has("IV"):
        raise wrong("shf_iv", "IV")
    return Ask(
        operation=Operation.ENCRYPT,
        fields={"key": given.text("KeyId"), "plaintext": given.encoded("PlainText")},
        answer=lambda found: {"CipherText": Base64(found.ciphertext)},
        names={"key": "KeyId", "plaintext": "PlainText"},
    )


def _encrypt_outside(given: Given, _: Tools) -> Ask:
    return Ask(
        operation=Operation.ENCRYPT,
        fields={
            "public_key": public_text(given.data("PublicKey"), "PublicKey"),
            "plaintext": given.encoded("PlainText"),
        },
        answer=lambda found: {"CipherText": Base64(found.ciphertext)},
        names={"public_key": "PublicKey", "plaintext": "PlainText"},
    )


def _decrypt(given: Given, _: Tools) -> Ask:
    if given.has("IV"):
        raise wrong("shf_iv", "IV")
    return Ask(
        operation=Operation.DECRYPT,
        fields={"key": given.text("KeyId"), "ciphertext": given.encoded("CipherText")},
        answer=lambda found: {"PlainText": Base64(found.plaintext)},
        names={"key": "KeyId", "ciphertext": "CipherText"},
    )


def _digest(given: Given, _: Tools) -> Ask:
    return Ask(
        operation=Operation.DIGEST,
        fields={"message": given.encoded("PlainText")},
        answer=lambda found: {"Digest": Base64(found.digest)},
        names={"message": "PlainText"},
    )


def _hmac(given: Given, _: Tools) -> Ask:
    return Ask(
        operation=Operation.HMAC,
        fields={"key": given.text("KeyId"), "message": given.encoded("PlainText")},
        answer=lambda found: {"HMAC": Base64(found.mac)},
        names={"key": "KeyId", "message": "PlainText"},
    )


def _random(given: Given, tools: Tools) -> Told:
    size = given.number("Length")
    if not 0 < size <= RANDOM_BYTES_MAX:
        raise wrong("shf_range", "Length", expected=f"1–{RANDOM_BYTES_MAX}")
    return Told(answer={"Random": binary(tools.entropy.take(size))}, mode="random")


def _parse(given: Given, _: Tools) -> Told:
    text = given.data("Certificate")
    pem = text.lstrip().startswith(b"-----BEGIN")
    found = Certificate.from_pem(text) if pem else Certificate.from_der(text)
    tags = given.texts("Tags")
    return Told(answer={tag: facts.by_name(found, tag, "Tags") for tag in tags}, mode="certificate")


_IV: Final = Param(
    name="IV", words="Empty: an SM4 ciphertext of this service holds its own", required=False
)

ENTRIES: Final = (
    Entry(
        path=PREFIX + "Sign",
        form=SHF,
        operation=Operation.SIGN,
        summary="Sign with a key of the service",
        takes=(_KEY, _PLAIN),
        gives={"Signature": "SEQUENCE { r, s } in DER"},
        step=_sign,
    ),
    Entry(
        path=PREFIX + "Verify",
        form=SHF,
        operation=Operation.VERIFY,
        summary="Verify a signature under one of KeyId, PublicKey and Certificate",
        takes=(
            _PLAIN,
            Param(name="Signature", words="SEQUENCE { r, s } in DER"),
            Param(name="KeyId", words=_KEY.words, required=False),
            Param(name="PublicKey", words=_PUBLIC.words, required=False),
            Param(
                name="Certificate",
                words="DER or PEM; its chain must lead to a root of the site",
                required=False,
            ),
        ),
        gives={"Result": "true; a signature that is not valid is an error"},
        step=_verify,
    ),
    Entry(
        path=PREFIX + "Encrypt",
        form=SHF,
        operation=Operation.ENCRYPT,
        summary="Encrypt with a key of the service: SM4, or SM2 by its public half",
        takes=(_KEY, _PLAIN, _IV),
        gives={"CipherText": "Of this service for SM4, DER for SM2"},
        step=_encrypt,
    ),
    Entry(
        path=PREFIX + "EncryptByExternalPublicKey",
        form=SHF,
        operation=Operation.ENCRYPT,
        summary="Encrypt under a public key from outside",
        takes=(_PUBLIC, _PLAIN),
        gives={"CipherText": "SM2Cipher in DER"},
        step=_encrypt_outside,
    ),
    Entry(
        path=PREFIX + "Decrypt",
        form=SHF,
        operation=Operation.DECRYPT,
        summary="Decrypt with a key of the service",
        takes=(_KEY, Param(name="CipherText", words="As Encrypt gave it"), _IV),
        gives={"PlainText": "The data"},
        step=_decrypt,
    ),
    Entry(
        path=PREFIX + "Digest",
        form=SHF,
        operation=Operation.DIGEST,
        summary="SM3",
        takes=(_PLAIN,),
        gives={"Digest": "32 bytes"},
        step=_digest,
    ),
    Entry(
        path=PREFIX + "HMAC",
        form=SHF,
        operation=Operation.HMAC,
        summary="HMAC-SM3 with a key of the service",
        takes=(_KEY, _PLAIN),
        gives={"HMAC": "32 bytes"},
        step=_hmac,
    ),
    Entry(
        path=PREFIX + "GenerateRandom",
        form=SHF,
        operation=Operation.DIGEST,
        summary="Random bytes of the machine's generator",
        takes=(Param(name="Length", words=f"1 to {RANDOM_BYTES_MAX}"),),
        gives={"Random": "The bytes"},
        step=_random,
        keyless=True,
    ),
    Entry(
        path=PREFIX + "ParseCertificate",
        form=SHF,
        operation=Operation.VERIFY,
        summary="What a certificate says; nothing is checked but its form",
        takes=(
            Param(name="Certificate", words="DER or PEM"),
            Param(name="Tags", words="One or several of SGD_CERT_… (GM/T 0006)"),
        ),
        gives={"SGD_CERT_…": "One field a tag, by its name"},
        step=_parse,
        keyless=True,
    ),
)
"""The calls in the order of the document."""
