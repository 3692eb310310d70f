"""Messages for named recipients: EnvelopedData (GB/T 35275-2017, 9; RFC 5652, 6), SM4-CBC.

The format hides and proves nothing: whoever can send a message can change one. Take a signed
message inside, and never tell a sender why a message did not open. Raises
``crypto.message.malformed``, ``.recipient`` (made for others) and ``crypto.ciphertext.invalid``.
"""

import secrets
from collections.abc import Sequence
from typing import Final, Protocol, TypeVar

from crypto import _asn1, _oid, cms, sm4
from crypto.cms import ContentKind, Form, Holder
from crypto.errors import CryptoError
from crypto.sm2 import PrivateKey
from crypto.x509.certificate import Certificate
from crypto.x509.extension import KeyUsage

__all__ = ["DecryptionKey", "decrypt", "decrypt_any", "encrypt"]

_RECIPIENTS_MAX: Final = 1024
# Of one message without a certificate to name the recipient: each try is a decryption.
_TRIES_MAX: Final = 256
# GB/T 35275-2017, 6.8 names "SM2-3"; some writers name the bare algorithm.
_KEY_ENCRYPTIONS: Final = (_oid.SM2_ENCRYPTION, _oid.SM2)
# CFCA's tools name the bare cipher where they mean CBC (the IV beside it shows which).
_CIPHERS: Final = (_oid.SM4_CBC, _oid.SM4)


class DecryptionKey(Protocol):
    """A private key that decrypts, wherever it is: ``sm2.PrivateKey`` or a key of a device."""

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Return the plaintext of a DER ciphertext; raises ``crypto.ciphertext.invalid``."""


_Key = TypeVar("_Key", bound=DecryptionKey)


def encrypt(
    content: bytes, recipients: Sequence[Certificate], *, form: Form = Form.NATIONAL
) -> bytes:
    """Return the content for the holders of encryption certificates.

    Raises ``crypto.certificate.usage`` for a certificate that is not for encryption.
    """
    if not 0 < len(recipients) <= _RECIPIENTS_MAX:
        raise CryptoError(
            "crypto.message.recipient",
            f"A message has 1 to {_RECIPIENTS_MAX} recipients.",
            {"count": len(recipients)},
        )
    key, iv = secrets.token_bytes(sm4.KEY_SIZE), secrets.token_bytes(sm4.BLOCK_SIZE)
    # RFC 5652, 6.1 and 6.2.1 count versions from 0, the national standard from 1.
    version = _asn1.integer(1 if form is Form.NATIONAL else 0)
    infos: list[bytes] = []
    for recipient in recipients:
        recipient.check_usage(KeyUsage.ENCRYPTION)
        infos.append(
            _asn1.sequence(
                version,
                Holder.of(recipient).write(),
                _oid.algorithm(_oid.SM2_ENCRYPTION),
                _asn1.octets(recipient.public.encrypt(key)),
            )
        )
    sealed = sm4.cbc_encrypt(key, iv, content, padding=sm4.Padding.PKCS7)
    body = _asn1.sequence(
        version,
        _asn1.set_of(infos),
        _asn1.sequence(
            _asn1.oid(cms.identifier(form, ContentKind.DATA)),
            _oid.algorithm(_oid.SM4_CBC, _asn1.octets(iv)),
            _asn1.implicit(0, sealed),
        ),
    )
    return cms.wrap(form, ContentKind.ENVELOPED, body)


def decrypt(message: bytes, certificate: Certificate, key: PrivateKey) -> bytes:
    """Return the content for the holder of ``certificate`` and its key."""
    certificate.check_key(key.public)
    with _asn1.malformed("message", "enveloped message"):
        _, content = cms.unwrap(message, ContentKind.ENVELOPED)
        recipients, iv, sealed = _parse(content)
    for holder, sealed_key in recipients:
        if holder.is_of(certificate):
            return _open(key.decrypt(sealed_key), iv, sealed)
    raise CryptoError(
        "crypto.message.recipient",
        f"The message is not for certificate {certificate.serial:x}.",
        {"serial": f"{certificate.serial:x}"},
    )


def decrypt_any(message: bytes, keys: Sequence[_Key]) -> tuple[bytes, _Key]:
    """Return the content for the holder of one of ``keys``, and the key that opened it.

    For a holder without its certificate at hand: C3 inside SM2's ciphertext shows which recipient
    it is (GB/T 32918.4-2016, 7.1, B6).
    """
    with _asn1.malformed("message", "enveloped message"):
        _, content = cms.unwrap(message, ContentKind.ENVELOPED)
        recipients, iv, sealed = _parse(content)
    pairs = [(key, sealed_key) for key in keys for _, sealed_key in recipients]
    for key, sealed_key in pairs[:_TRIES_MAX]:
        try:
            session = key.decrypt(sealed_key)
        except CryptoError as error:
            if error.code != "crypto.ciphertext.invalid":
                raise
            continue
        return _open(session, iv, sealed), key
    raise CryptoError(
        "crypto.message.recipient", "The message is not for this key, or was changed."
    )


def _open(session: bytes, iv: bytes, sealed: bytes) -> bytes:
    if len(session) != sm4.KEY_SIZE:
        # The answer of a wrong padding, so that the two cannot be told apart.
        raise CryptoError(
            "crypto.ciphertext.invalid", "The ciphertext was changed, or key or IV are others."
        )
    return sm4.cbc_decrypt(session, iv, sealed, padding=sm4.Padding.PKCS7)


def _parse(der: bytes) -> tuple[list[tuple[Holder, bytes]], bytes, bytes]:
    """Return (recipient, its session key under SM2) pairs, the IV and the sealed content."""
    with _asn1.Reader(der) as whole, whole.inside() as body:
        if body.unsigned(1) > 2:
            raise ValueError("version is unknown")
        listed = body.span(_asn1.SET)
        _asn1.check(listed)
        recipients = _read_recipients(_asn1.Reader(listed).inside(_asn1.SET))
        with body.inside() as inner:
            inner.oid()  # the type of what is inside: the caller knows what it asked for
            cipher, parameters = _oid.read_algorithm(inner)
            if cipher not in _CIPHERS:
                raise ValueError(f"cipher {cipher} is not SM4-CBC")
            with parameters:
                iv = parameters.octets()
            sealed = inner.octets(0x80)
    if len(iv) != sm4.BLOCK_SIZE:
        raise ValueError("IV is not one block")
    return recipients, iv, sealed


def _read_recipients(listed: _asn1.Reader) -> list[tuple[Holder, bytes]]:
    recipients: list[tuple[Holder, bytes]] = []
    while listed.more:
        with listed.inside() as one:
            version = one.unsigned(1)
            holder = Holder.read(one)
            if version not in ((0, 1) if holder.issuer is not None else (2,)):
                raise ValueError("version of a recipient does not fit")
            _oid.read_bare_algorithm(one, *_KEY_ENCRYPTIONS)
            recipients.append((holder, one.octets()))
        if len(recipients) > _RECIPIENTS_MAX:
            raise ValueError(f"over {_RECIPIENTS_MAX} recipients")
    return recipients
