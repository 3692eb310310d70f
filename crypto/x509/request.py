"""Certificate requests, PKCS#10 (RFC 2986): what we send to a licensed CA, and what we accept.

The request is signed by the key it asks for, which proves that the asker holds it. Raises
``crypto.request.malformed`` and ``crypto.request.signature``.
"""

from dataclasses import dataclass, field
from typing import Final, Self

from crypto import _asn1, _der, _oid
from crypto.errors import CryptoError
from crypto.sm2 import DEFAULT_ID, PrivateKey, PublicKey
from crypto.x509.certificate import read_public
from crypto.x509.extension import AlternativeName, Extensions
from crypto.x509.name import Name

__all__ = ["SIZE_MAX", "CertificateRequest"]

SIZE_MAX: Final = 64 * 1024

# OpenSSL's older name of the block is read as well.
_LABELS: Final = ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
_EXTENSION_REQUEST: Final = "1.2.840.113549.1.9.14"
_ATTRIBUTES_MAX: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRequest:
    """A request as it was read; its signature is checked by ``verify``."""

    der: bytes = field(repr=False)
    signed: bytes = field(repr=False, compare=False)
    signature: bytes = field(repr=False, compare=False)
    subject: Name = field(compare=False)
    public: PublicKey = field(compare=False)
    extensions: Extensions = field(compare=False)
    """What the asker wishes; the authority decides."""

    @classmethod
    def build(
        cls,
        subject: Name,
        key: PrivateKey,
        *,
        alternative_names: tuple[AlternativeName, ...] = (),
        domain: str = DEFAULT_ID,
    ) -> Self:
        """Return a request for ``key``, signed by it."""
        attributes: list[bytes] = []
        with _asn1.malformed("request", "certificate request"):
            if alternative_names:
                wish = Extensions(alternative_names=alternative_names).write()
                attributes.append(
                    _asn1.sequence(_asn1.oid(_EXTENSION_REQUEST), _asn1.set_of([wish]))
                )
        signed = _asn1.sequence(
            _asn1.integer(0),
            subject.der,
            _der.encode_spki(key.public.point),
            _asn1.set_of(attributes, 0xA0),
        )
        signature = key.sign(signed, domain=domain)
        algorithm = _oid.algorithm(_oid.SM2_WITH_SM3)
        return cls.from_der(_asn1.sequence(signed, algorithm, _asn1.bits(signature)))

    @classmethod
    def from_der(cls, der: bytes) -> Self:
        """Return the request of DER bytes."""
        with _asn1.malformed("request", "certificate request"):
            return cls._parse(der)

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Return the request of the single request block of a text."""
        with _asn1.malformed("request", "certificate request"):
            _, der = _der.decode_pem(pem, _LABELS, size_max=2 * SIZE_MAX)
            return cls._parse(der)

    def to_pem(self) -> bytes:
        """Return the ``CERTIFICATE REQUEST`` block."""
        return _der.encode_pem(_LABELS[0], self.der)

    def verify(self, *, domain: str = DEFAULT_ID) -> None:
        """Raise ``crypto.request.signature`` unless the key asked for signed the request."""
        try:
            self.public.verify(self.signature, self.signed, domain=domain)
        except CryptoError as error:
            raise CryptoError(
                "crypto.request.signature",
                f"The request of {self.subject} is not signed by the key it is for.",
                {"subject": str(self.subject)},
            ) from error

    @classmethod
    def _parse(cls, der: bytes) -> Self:
        if len(der) > SIZE_MAX:
            raise ValueError(f"over the limit of {SIZE_MAX} bytes")
        with _asn1.Reader(der) as whole, whole.inside() as body:
            signed = body.span()
            _oid.read_bare_algorithm(body, _oid.SM2_WITH_SM3)
            signature = body.bits()
        _der.decode_signature_raw(signature)
        with _asn1.Reader(signed) as whole, whole.inside() as body:
            if body.unsigned(1) != 0:
                raise ValueError("version is not 0")
            subject = Name.read(body)
            public = read_public(body.span())
            extensions = _read_attributes(body.inside(0xA0))
        return cls(
            der=der,
            signed=signed,
            signature=signature,
            subject=subject,
            public=public,
            extensions=extensions,
        )


def _read_attributes(body: _asn1.Reader) -> Extensions:
    """Return the extensions asked for; other attributes (a challenge password) are passed over."""
    extensions: Extensions | None = None
    count = 0
    while body.more:
        count += 1
        if count > _ATTRIBUTES_MAX:
            raise ValueError(f"over {_ATTRIBUTES_MAX} attributes")
        with _asn1.Reader(body.raw()) as one, one.inside() as attribute:
            identifier = attribute.oid()
            values = attribute.inside(_asn1.SET)
            if identifier != _EXTENSION_REQUEST:
                continue
            if extensions is not None:
                raise ValueError("extensions are asked for twice")
            with values:
                extensions = Extensions.read(values.inside())
    return extensions or Extensions()
