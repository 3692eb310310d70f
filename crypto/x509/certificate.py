"""X.509 certificates of SM2 keys, read strictly (GB/T 20518-2018; GM/T 0015-2023; RFC 5280).

Both identifiers of the key are read, id-ecPublicKey with the SM2 curve and SM2's own; the signature
is SM2-with-SM3 only. A parsed certificate proves nothing yet: ``chain`` decides whom to trust.
Raises ``crypto.certificate.malformed``, ``.signature``, ``.key``, ``.usage``, ``.expired`` and
``.not_yet_valid``.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Self

from crypto import _asn1, _der, _oid, sm3
from crypto.errors import CryptoError
from crypto.sm2 import DEFAULT_ID, PublicKey
from crypto.x509.extension import Extensions, KeyUsage
from crypto.x509.name import Name

__all__ = ["SIZE_MAX", "Certificate", "find", "load_all", "read_public"]

# A certificate has under 2 KiB; one with a thousand host names some tens.
SIZE_MAX: Final = 64 * 1024
# A bundle of trusted roots holds some hundred certificates.
_BUNDLE_SIZE_MAX: Final = 4 * 1024 * 1024
_LABEL: Final = "CERTIFICATE"
# RFC 5280, 4.1.2.2: at most 20 octets; some old roots have the number 0.
_SERIAL_SIZE_MAX: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate as it was read; equal when its bytes are."""

    der: bytes = field(repr=False)
    signed: bytes = field(repr=False, compare=False)
    """The TBSCertificate that the signature covers."""
    signature: bytes = field(repr=False, compare=False)
    serial: int = field(compare=False)
    issuer: Name = field(compare=False)
    subject: Name = field(compare=False)
    not_before_us: int = field(compare=False)
    not_after_us: int = field(compare=False)
    public: PublicKey = field(compare=False)
    extensions: Extensions = field(compare=False)

    @classmethod
    def from_der(cls, der: bytes) -> Self:
        """Return the certificate of DER bytes."""
        with _asn1.malformed("certificate", "certificate"):
            return cls._parse(der)

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Return the certificate of the single ``CERTIFICATE`` block of a text."""
        with _asn1.malformed("certificate", "certificate"):
            _, der = _der.decode_pem(pem, (_LABEL,), size_max=2 * SIZE_MAX)
            return cls._parse(der)

    def to_pem(self) -> bytes:
        """Return the ``CERTIFICATE`` block."""
        return _der.encode_pem(_LABEL, self.der)

    @property
    def fingerprint(self) -> str:
        """SM3 of the DER bytes, in hexadecimal."""
        return sm3.digest(self.der).hex()

    @property
    def is_self_issued(self) -> bool:
        """Tell whether issuer and subject have the same name."""
        return self.issuer == self.subject

    def verify(self, issuer: PublicKey, *, domain: str = DEFAULT_ID) -> None:
        """Raise ``crypto.certificate.signature`` unless ``issuer`` signed this certificate."""
        try:
            issuer.verify(self.signature, self.signed, domain=domain)
        except CryptoError as error:
            raise self.refused("signature", "its signature is not the issuer's") from error

    def check_time(self, at_us: int) -> None:
        """Raise ``.not_yet_valid`` or ``.expired`` outside the certificate's period."""
        if at_us < self.not_before_us:
            raise self.refused("not_yet_valid", "its period has not begun")
        if at_us > self.not_after_us:
            raise self.refused("expired", "its period is over")

    def check_key(self, public: PublicKey) -> None:
        """Raise ``.key`` unless the certificate is for this key: an import must fit its request."""
        if self.public != public:
            raise self.refused("key", "it was issued for another key")

    def check_usage(self, usage: KeyUsage, *, stated: bool = True) -> None:
        """Raise ``.usage`` unless the key may be used for one of the purposes in ``usage``.

        Silence about usage allows nothing to a holder, whose certificates come in pairs for
        different uses; with ``stated`` false it allows all, as RFC 5280, 6.1.4 (n) has it for
        issuers.
        """
        allowed = self.extensions.usage
        if allowed is None and not stated:
            return
        if not (allowed or KeyUsage(0)) & usage:
            raise self.refused("usage", f"its key is not for {usage.name or usage}")

    def refused(self, reason: str, words: str) -> CryptoError:
        """Return the error that names this certificate."""
        return CryptoError(
            f"crypto.certificate.{reason}",
            f"Certificate {self.subject} ({self.serial:x}) is refused: {words}.",
            {"subject": str(self.subject), "serial": f"{self.serial:x}"},
        )

    @classmethod
    def _parse(cls, der: bytes) -> Self:
        if len(der) > SIZE_MAX:
            raise ValueError(f"over the limit of {SIZE_MAX} bytes")
        with _asn1.Reader(der) as whole, whole.inside() as body:
            signed = body.span()
            outer = body.span()
            signature = body.bits()
        _der.decode_signature_raw(signature)
        with _asn1.Reader(outer) as reader:
            _oid.read_bare_algorithm(reader, _oid.SM2_WITH_SM3)
        with _asn1.Reader(signed) as whole, whole.inside() as body:
            version = _read_version(body)
            serial = body.unsigned(_SERIAL_SIZE_MAX)
            # RFC 5280, 4.1.1.2: the algorithm inside the signature must be the one outside.
            if body.span() != outer:
                raise ValueError("the algorithm inside is not the one outside")
            issuer = Name.read(body)
            with body.inside() as validity:
                not_before_us, not_after_us = validity.time(), validity.time()
            subject = Name.read(body)
            public = read_public(body.span())
            extensions = Extensions()
            if wrapped := body.optional(0xA3):
                with wrapped:
                    extensions = Extensions.read(wrapped.inside())
                if version != 2:
                    raise ValueError("extensions need version 3")
        if issuer.is_empty or not_after_us < not_before_us:
            raise ValueError("issuer is empty or the period ends before it begins")
        return cls(
            der=der,
            signed=signed,
            signature=signature,
            serial=serial,
            issuer=issuer,
            subject=subject,
            not_before_us=not_before_us,
            not_after_us=not_after_us,
            public=public,
            extensions=extensions,
        )


def load_all(pem: bytes) -> list[Certificate]:
    """Return every certificate of a bundle, in order; at least one."""
    with _asn1.malformed("certificate", "bundle of certificates"):
        ders = _der.decode_pem_all(pem, _LABEL, size_max=_BUNDLE_SIZE_MAX)
        if not ders:
            raise ValueError("no CERTIFICATE block")
    return [Certificate.from_der(der) for der in ders]


def read_public(spki: bytes) -> PublicKey:
    """Return the key of a SubjectPublicKeyInfo; raises ValueError."""
    try:
        return PublicKey.from_point(_der.decode_spki(spki))
    except CryptoError as error:
        raise ValueError(str(error)) from None


def find(certificates: Iterable[Certificate], *, issuer: Name, serial: int) -> Certificate | None:
    """Return the certificate that issuer and serial number name."""
    for one in certificates:
        if one.serial == serial and one.issuer == issuer:
            return one
    return None


def _read_version(body: _asn1.Reader) -> int:
    wrapped = body.optional(0xA0)
    if wrapped is None:
        return 0
    with wrapped:
        version = wrapped.unsigned(1)
    # Version 1 is the default and DER leaves it out; version 2 has unique identifiers nobody uses.
    if version != 2:
        raise ValueError("version is neither 1 nor 3")
    return version
