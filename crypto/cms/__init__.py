"""What signed and enveloped messages share (GB/T 35275-2017; RFC 5652).

The national standard is PKCS#7 with identifiers of its own; Tongsuo and OpenSSL write the same
shapes under the international ones. Both are read, and a caller chooses what is written. DER only:
the indefinite lengths that BER allows are refused. GB/T 35275-2026, which replaces the edition of
2017 since autumn 2026 and adds authenticated envelopes, was not at hand: none of it is in here.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from crypto import _asn1
from crypto.x509.certificate import Certificate
from crypto.x509.name import Name

__all__ = ["SIZE_MAX", "ContentKind", "Form", "Holder"]

# All of a message stands in memory, more than once while it is read.
SIZE_MAX: Final = 64 * 1024 * 1024

_SERIAL_SIZE_MAX: Final = 20
_KEY_ID_SIZE_MAX: Final = 64


class Form(Enum):
    """Whose identifiers name the content types; the value is the arc above them."""

    NATIONAL = "1.2.156.10197.6.1.4.2"
    """GB/T 35275-2017, 5 (GM/T 0010-2012)."""
    INTERNATIONAL = "1.2.840.113549.1.7"
    """RFC 5652, 4 to 6 (PKCS#7)."""


class ContentKind(Enum):
    """The content types that are written and read; both arcs number them alike."""

    DATA = 1
    SIGNED = 2
    ENVELOPED = 3


def identifier(form: Form, kind: ContentKind) -> str:
    """Return the identifier of a content type."""
    return f"{form.value}.{kind.value}"


def wrap(form: Form, kind: ContentKind, content: bytes) -> bytes:
    """Return ContentInfo."""
    return _asn1.sequence(_asn1.oid(identifier(form, kind)), _asn1.explicit(0, content))


def unwrap(der: bytes, kind: ContentKind) -> tuple[Form, bytes]:
    """Return whose identifiers a message has, and its content; raises ValueError."""
    if len(der) > SIZE_MAX:
        raise ValueError(f"over the limit of {SIZE_MAX} bytes")
    with _asn1.Reader(der) as whole, whole.inside() as body:
        stated = body.oid()
        content = body.octets(0xA0)
    for form in Form:
        if stated == identifier(form, kind):
            return form, content
    raise ValueError(f"content {stated} is not {kind.name.lower()} data")


@dataclass(frozen=True, slots=True)
class Holder:
    """How a message names a certificate: issuer and serial number, or the key's identifier."""

    issuer: Name | None
    serial: int
    key_id: bytes | None = None

    @classmethod
    def of(cls, certificate: Certificate) -> "Holder":
        """Return the issuer and serial number of a certificate."""
        return cls(certificate.issuer, certificate.serial)

    @classmethod
    def read(cls, body: _asn1.Reader) -> "Holder":
        """Return the name that comes next; raises ValueError."""
        if body.peek() == 0x80:
            key_id = body.octets(0x80)
            if not 0 < len(key_id) <= _KEY_ID_SIZE_MAX:
                raise ValueError("key identifier out of bounds")
            return cls(None, 0, key_id)
        with body.inside() as both:
            return cls(Name.read(both), both.unsigned(_SERIAL_SIZE_MAX))

    def write(self) -> bytes:
        """Return the name as an element."""
        if self.issuer is None:
            return _asn1.implicit(0, self.key_id or b"")
        return _asn1.sequence(self.issuer.der, _asn1.integer(self.serial))

    def is_of(self, certificate: Certificate) -> bool:
        """Tell whether the name is this certificate's."""
        if self.issuer is None:
            return self.key_id == certificate.extensions.subject_key_id
        return self.serial == certificate.serial and self.issuer == certificate.issuer
