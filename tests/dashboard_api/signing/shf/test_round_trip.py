"""Whatever is signed in one form verifies in it and in the others, whatever the bytes are."""

from base64 import b64decode
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages import foreign

from crypto.errors import CryptoError
from schema.errors import FengsuiError

SITE = foreign()
CERTIFICATE = SITE.site.keys.signer("payments.8").chain[0]
PLAIN = settings(max_examples=30, deadline=None)


def verified(text: bytes, signature: bytes) -> None:
    asked: Mapping[str, bytes | str | int] = {
        "type": 1,
        "cert": CERTIFICATE,
        "inData": text,
        "signature": signature,
    }
    for way in ("form", "flat", "wrapped"):
        assert int(SITE.svs("VerifySignedData", way, **asked)["respValue"]) == 0
    SITE.shf("Verify", Certificate=CERTIFICATE, PlainText=text, Signature=signature)
    SITE.shf("Verify", KeyId="8", PlainText=text, Signature=signature)


@given(text=st.binary(max_size=300))
@PLAIN
def test_a_signature_of_each_form_verifies_in_every_form(text: bytes) -> None:
    verified(text, SITE.shf("Sign", KeyId="8", PlainText=text)["Signature"])
    signed = SITE.svs("SignData", signMethod=131585, keyIndex=8, inData=text, inDataLen=len(text))
    verified(text, b64decode(signed["signature"]))


@given(text=st.binary(max_size=300), cut=st.integers(min_value=0, max_value=300))
@PLAIN
def test_a_signature_over_packets_verifies_over_the_whole(text: bytes, cut: int) -> None:
    point = SITE.site.keys.signer("payments.8").key.public.point
    first = SITE.svs("SignDataInit", signMethod=131585, signerPublicKey=point, inData=text[:cut])
    then = SITE.svs(
        "SignDataUpdate", signMethod=131585, hashValue=first["hashValue"], inData=text[cut:]
    )
    signed = SITE.svs("SignDataFinal", signMethod=131585, keyIndex=8, hashValue=then["hashValue"])
    verified(text, b64decode(signed["signature"]))


@given(text=st.binary(max_size=300), attached=st.booleans(), flip=st.integers(0, 10_000))
@PLAIN
def test_a_signed_message_verifies_and_a_changed_one_does_not(
    text: bytes, attached: bool, flip: int
) -> None:
    flags = {"originalText": "TRUE" if attached else "FALSE"}
    signed = SITE.svs("SignMessage", signMethod=131585, keyIndex=8, inData=text, **flags)
    message = b64decode(signed["signedMessage"])
    SITE.svs("VerifySignedMessage", signedMessage=message, inData=text, **flags)
    # The last byte is of the signature in either case: nothing unsigned is behind it.
    changed = bytearray(message)
    changed[-1 - flip % 30] ^= 1 + flip % 255
    with pytest.raises((CryptoError, FengsuiError)):
        SITE.svs("VerifySignedMessage", signedMessage=bytes(changed), inData=text, **flags)


@given(text=st.binary(min_size=1, max_size=300))
@PLAIN
def test_what_is_encrypted_is_decrypted(text: bytes) -> None:
    for key in ("vault", "letters"):
        sealed = SITE.shf("Encrypt", KeyId=key, PlainText=text)["CipherText"]
        assert SITE.shf("Decrypt", KeyId=key, CipherText=sealed) == {"PlainText": text}
