"""Signed messages, read and checked: SignedData with SM2 and SM3 (GB/T 35275-2017, 8; RFC 5652, 5).

Without signed attributes the signature covers the content itself, with them their DER, which names
the content by its SM3; both in SM2's message mode, Z under the signer's ID. Every signer must
verify, and whether a signer is trusted is asked in the same call. Raises
``crypto.message.malformed``, ``.content``, ``.signer`` and ``.signature``, and what ``chain``
raises.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from crypto import _asn1, _der, _oid, cms, sm3
from crypto.cms import ContentKind, Form, Holder
from crypto.errors import CryptoError
from crypto.sm2 import DEFAULT_ID
from crypto.x509.certificate import Certificate
from crypto.x509.chain import Trust
from crypto.x509.extension import KeyUsage
from crypto.x509.revocation import RevocationList

__all__ = ["SignedData", "SignerInfo", "Verified"]

# GB/T 35275-2017, 6.4 names "SM2-1" (gmsm writes it), GmSSL and Tongsuo the X.509 algorithm.
_SIGNATURES: Final = (_oid.SM2_SIGNATURE, _oid.SM2_WITH_SM3, _oid.SM2)
_SIGNERS_MAX: Final = 64
_CERTIFICATES_MAX: Final = 64
_ATTRIBUTES_MAX: Final = 64
_VERSION_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Verified:
    """One signature that held: by whom, and when the signer says it was made."""

    certificate: Certificate
    signed_at_us: int | None
    attributes: Mapping[str, bytes] = field(repr=False)
    """The single value of each signed attribute, in DER."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerInfo:
    """One signature as it was read."""

    holder: Holder
    signed_attributes: bytes | None = field(repr=False)
    """The SET OF that the signature covers."""
    attributes: Mapping[str, bytes] = field(repr=False)
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedData:
    """A signed message as it was read; ``verify`` decides."""

    form: Form
    content_type: str
    content: bytes | None = field(repr=False)
    """None when the message is detached."""
    certificates: tuple[Certificate, ...]
    revocation_lists: tuple[RevocationList, ...]
    signers: tuple[SignerInfo, ...]

    @classmethod
    def from_der(cls, der: bytes) -> Self:
        """Return the message of DER bytes."""
        with _asn1.malformed("message", "signed message"):
            form, content = cms.unwrap(der, ContentKind.SIGNED)
            return cls._parse(form, content)

    def verify(
        self,
        content: bytes | None = None,
        *,
        trust: Trust | None,
        certificates: Iterable[Certificate] = (),
        usage: KeyUsage = KeyUsage.SIGNING,
        purpose: str | None = None,
        domain: str = DEFAULT_ID,
    ) -> tuple[Verified, ...]:
        """Return who signed, each signature checked and each signer trusted.

        ``content`` stands beside a detached message. ``trust`` None checks no signer: the caller
        must then compare the returned certificates with those it knows.
        """
        known = (*self.certificates, *certificates)
        signed = self._content(content)
        if not self.signers:
            raise CryptoError("crypto.message.signer", "Nobody signed the message.")
        verified: list[Verified] = []
        for info in self.signers:
            signer = next((one for one in known if info.holder.is_of(one)), None)
            if signer is None:
                raise CryptoError(
                    "crypto.message.signer",
                    "The certificate of a signer is neither in the message nor at hand.",
                    {"serial": f"{info.holder.serial:x}"},
                )
            _check_signature(info, signer, signed, self.content_type, domain)
            if trust is not None:
                trust.check(signer, usage=usage, purpose=purpose, others=known)
            verified.append(Verified(signer, _signing_time(info), info.attributes))
        return tuple(verified)

    def _content(self, beside: bytes | None) -> bytes:
        content = self.content if beside is None else beside
        if content is None:
            raise CryptoError(
                "crypto.message.content", "The message is detached: give its content."
            )
        if self.content not in (None, content):
            raise CryptoError(
                "crypto.message.content", "The content given is not the one in the message."
            )
        return content

    @classmethod
    def _parse(cls, form: Form, der: bytes) -> Self:
        with _asn1.Reader(der) as whole, whole.inside() as body:
            if not 1 <= body.unsigned(1) <= _VERSION_MAX:
                raise ValueError("version is unknown")
            digests = body.span(_asn1.SET)
            _asn1.check(digests)
            each = _asn1.Reader(digests).inside(_asn1.SET)
            while each.more:
                _oid.read_bare_algorithm(each, _oid.SM3)
            content = None
            with body.inside() as inner:
                content_type = inner.oid()
                if wrapped := inner.optional(0xA0):
                    with wrapped:
                        content = wrapped.octets()
            certificates = _each(body, 0xA0, _CERTIFICATES_MAX)
            lists = _each(body, 0xA1, _CERTIFICATES_MAX)
            signers = [_read_signer(_asn1.Reader(one)) for one in _signers(body)]
        return cls(
            form=form,
            content_type=content_type,
            content=content,
            certificates=tuple(Certificate.from_der(one) for one in certificates),
            revocation_lists=tuple(RevocationList.from_der(one) for one in lists),
            signers=tuple(signers),
        )


def _check_signature(
    info: SignerInfo, signer: Certificate, content: bytes, content_type: str, domain: str
) -> None:
    covered = content
    if info.signed_attributes is not None:
        covered = info.signed_attributes
        stated = info.attributes.get(_oid.MESSAGE_DIGEST, b"")
        if not hmac.compare_digest(stated, _asn1.octets(sm3.digest(content))):
            raise CryptoError(
                "crypto.message.content", "The content is not the one that was signed."
            )
        if info.attributes.get(_oid.CONTENT_TYPE) != _asn1.oid(content_type):
            raise CryptoError(
                "crypto.message.content", "The type of the content is not the one that was signed."
            )
    elif content.startswith(b"\x31") and _looks_like_attributes(content):
        # Without this, signed attributes could be passed off as the content (RFC 5652, 11).
        raise CryptoError(
            "crypto.message.content", "A content that reads as signed attributes is refused."
        )
    try:
        signer.public.verify(info.signature, covered, domain=domain)
    except CryptoError as error:
        raise CryptoError(
            "crypto.message.signature",
            f"The signature is not {signer.subject}'s over this content.",
            {"subject": str(signer.subject)},
        ) from error


def _looks_like_attributes(content: bytes) -> bool:
    try:
        attributes = _read_attributes(content)
    except ValueError:
        return False
    return _oid.MESSAGE_DIGEST in attributes


def _signing_time(info: SignerInfo) -> int | None:
    value = info.attributes.get(_oid.SIGNING_TIME)
    if value is None:
        return None
    with _asn1.malformed("message", "signing time"), _asn1.Reader(value) as reader:
        return reader.time()


def _each(body: _asn1.Reader, tag: int, count_max: int) -> list[bytes]:
    """Return the elements under an optional tag; their order is the writer's."""
    found: list[bytes] = []
    listed = body.optional(tag)
    while listed is not None and listed.more:
        if len(found) == count_max:
            raise ValueError(f"over {count_max} elements of one kind")
        found.append(listed.span())
    return found


def _signers(body: _asn1.Reader) -> list[bytes]:
    if body.peek() != _asn1.SET:
        raise ValueError("signers are missing")
    found = _each(body, _asn1.SET, _SIGNERS_MAX)
    if found != sorted(found):
        raise ValueError("members of a set are not sorted")
    return found


def _read_signer(reader: _asn1.Reader) -> SignerInfo:
    with reader, reader.inside() as body:
        version = body.unsigned(1)
        holder = Holder.read(body)
        if version != (1 if holder.issuer is not None else 3):
            raise ValueError("version of a signer does not fit")
        _oid.read_bare_algorithm(body, _oid.SM3)
        signed_attributes, attributes = None, {}
        if body.peek() == 0xA0:
            # Sent under the tag [0], signed as a SET OF.
            signed_attributes = b"\x31" + body.span(0xA0)[1:]
            attributes = _read_attributes(signed_attributes)
        _oid.read_bare_algorithm(body, *_SIGNATURES)
        signature = body.octets()
        if body.peek() == 0xA1:
            body.raw()  # unsigned attributes: they cannot be trusted, so they say nothing here
    _der.decode_signature_raw(signature)
    return SignerInfo(
        holder=holder,
        signed_attributes=signed_attributes,
        attributes=attributes,
        signature=signature,
    )


def _read_attributes(der: bytes) -> dict[str, bytes]:
    """Return the single value of each attribute of a SET OF, in DER."""
    _asn1.check(der)
    found: dict[str, bytes] = {}
    each = _asn1.Reader(der).inside(_asn1.SET)
    while each.more:
        with each.inside() as one:
            kind = one.oid()
            with one.inside(_asn1.SET) as values:
                value = values.raw()
        if kind in found or len(found) == _ATTRIBUTES_MAX:
            raise ValueError("an attribute stands twice, or there are too many")
        found[kind] = value
    return found
