"""Signing messages: SignedData with SM2 and SM3 written (GB/T 35275-2017, 8; RFC 5652, 5).

``signed_data`` reads what is written here. Raises ``crypto.message.signer``, and
``crypto.certificate.key`` or ``.usage`` when the halves of a signer do not fit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from crypto import _asn1, _oid, cms, sm3
from crypto.cms import ContentKind, Form, Holder
from crypto.errors import CryptoError
from crypto.sm2 import DEFAULT_ID, PublicKey
from crypto.x509.certificate import Certificate
from crypto.x509.extension import KeyUsage

__all__ = ["Signer", "SigningKey", "build", "sign"]


class SigningKey(Protocol):
    """A private key that signs, wherever it is: ``sm2.PrivateKey`` or a key of a device."""

    @property
    def public(self) -> PublicKey:
        """Its public half."""

    def sign(self, message: bytes, *, domain: str) -> bytes:
        """Return the canonical DER signature of ``message`` for ``domain``."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs: a certificate and its key."""

    certificate: Certificate
    key: SigningKey


def sign(
    content: bytes,
    signers: Sequence[Signer],
    *,
    detached: bool = False,
    signed_at_us: int | None = None,
    form: Form = Form.NATIONAL,
    domain: str = DEFAULT_ID,
    authorities: Iterable[Certificate] = (),
) -> bytes:
    """Return the signed message with the signers' certificates in it.

    ``authorities`` go along, so that a reader who has only the root can follow the chain.
    With ``signed_at_us`` there are signed attributes that state this time; without it there are
    none. Raises ``crypto.certificate.key`` or ``.usage`` when a signer's halves do not fit.
    """
    attributes = None
    if signed_at_us is not None:
        attributes = {_oid.SIGNING_TIME: _asn1.time(signed_at_us)}
    content_type = cms.identifier(form, ContentKind.DATA)
    return build(
        content_type, content, signers,
        detached=detached, attributes=attributes, form=form, domain=domain,
        authorities=authorities,
    )  # fmt: skip


def build(
    content_type: str,
    content: bytes,
    signers: Sequence[Signer],
    *,
    detached: bool = False,
    attributes: Mapping[str, bytes] | None = None,
    form: Form = Form.NATIONAL,
    domain: str = DEFAULT_ID,
    authorities: Iterable[Certificate] = (),
) -> bytes:
    """Return a signed message of any content type; ``attributes`` are values in DER by type."""
    if not signers:
        raise CryptoError("crypto.message.signer", "A signed message needs a signer.")
    covered, tagged = content, b""
    if attributes is not None:
        every = {
            _oid.CONTENT_TYPE: _asn1.oid(content_type),
            _oid.MESSAGE_DIGEST: _asn1.octets(sm3.digest(content)),
            **attributes,
        }
        encoded = [
            _asn1.sequence(_asn1.oid(kind), _asn1.set_of([value])) for kind, value in every.items()
        ]
        # RFC 5652, 5.4: signed as a SET OF, sent under the tag [0].
        covered, tagged = _asn1.set_of(encoded), _asn1.set_of(encoded, 0xA0)
    digest = _oid.algorithm(_oid.SM3)
    national = form is Form.NATIONAL
    algorithm = _oid.algorithm(_oid.SM2_SIGNATURE if national else _oid.SM2_WITH_SM3)
    infos: list[bytes] = []
    for signer in signers:
        signer.certificate.check_key(signer.key.public)
        signer.certificate.check_usage(KeyUsage.SIGNING)
        signature = signer.key.sign(covered, domain=domain)
        holder = Holder.of(signer.certificate).write()
        infos.append(
            _asn1.sequence(
                _asn1.integer(1), holder, digest, tagged, algorithm, _asn1.octets(signature)
            )
        )
    # RFC 5652, 5.1: version 3 when the content is anything but data.
    is_data = content_type == cms.identifier(form, ContentKind.DATA)
    embedded = b"" if detached else _asn1.explicit(0, _asn1.octets(content))
    certificates = {signer.certificate.der for signer in signers}
    certificates.update(one.der for one in authorities)
    body = _asn1.sequence(
        _asn1.integer(1 if is_data else 3),
        _asn1.set_of([digest]),
        _asn1.sequence(_asn1.oid(content_type), embedded),
        _asn1.set_of(certificates, 0xA0),
        _asn1.set_of(infos),
    )
    return cms.wrap(form, ContentKind.SIGNED, body)
