"""Our own certification authority: roots, intermediates and the two certificates of a holder.

In the double-certificate system (GM/T 0034-2014) a holder has one pair for signing, made by the
holder, and one for encryption, made by the key centre; their certificates carry disjoint uses.
Times and the entropy of serial numbers are passed in. Raises ``crypto.certificate.order``.
"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Self

from crypto import _asn1, _der, _oid, sm3
from crypto.errors import CryptoError
from crypto.sm2 import DEFAULT_ID, PrivateKey, PublicKey
from crypto.x509.certificate import Certificate
from crypto.x509.extension import AlternativeName, Extensions, KeyUsage
from crypto.x509.name import Name

__all__ = ["SERVER", "TIME_STAMPING", "Authority", "Order", "Profile", "key_identifier"]

TIME_STAMPING: Final = "1.3.6.1.5.5.7.3.8"
"""The extended key usage of a time-stamp authority (RFC 3161, 2.3)."""
SERVER: Final = "1.3.6.1.5.5.7.3.1"
"""The extended key usage of a server on the web (RFC 5280, 4.2.1.12)."""

# RFC 5280, 4.1.2.2 allows 20 octets; 16 are past guessing and of one length.
_SERIAL_SIZE: Final = 16
# RFC 5280, 4.2.1.2 leaves the derivation open; 20 bytes is what every reader expects.
_KEY_ID_SIZE: Final = 20


class Profile(Enum):
    """What a certificate is for."""

    INTERMEDIATE = "intermediate"
    SIGNING = "signing"
    ENCRYPTION = "encryption"
    TIME_STAMPING = "time-stamping"
    SERVER = "server"


_EXTENSIONS: Final = {
    Profile.INTERMEDIATE: Extensions(authority=True, path_length=0, usage=KeyUsage.AUTHORITY),
    Profile.SIGNING: Extensions(authority=False, usage=KeyUsage.SIGNING),
    Profile.ENCRYPTION: Extensions(authority=False, usage=KeyUsage.ENCRYPTION),
    # RFC 3161, 2.3: this one purpose alone, and critical.
    Profile.TIME_STAMPING: Extensions(
        authority=False,
        usage=KeyUsage.SIGNING,
        extended=(TIME_STAMPING,),
        extended_critical=True,
    ),
    Profile.SERVER: Extensions(authority=False, usage=KeyUsage.SIGNING, extended=(SERVER,)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Whom to certify and for how long; ``entropy`` is 16 fresh random bytes or more."""

    subject: Name
    public: PublicKey
    not_before_us: int
    not_after_us: int
    entropy: bytes
    alternative_names: tuple[AlternativeName, ...] = ()


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate that may issue, and its key."""

    certificate: Certificate
    key: PrivateKey
    domain: str = DEFAULT_ID
    """The ID under which this authority signs."""

    def __post_init__(self) -> None:
        """Raise ``crypto.certificate.key`` or ``.usage`` unless the halves fit."""
        self.certificate.check_key(self.key.public)
        self.certificate.check_usage(KeyUsage.KEY_CERT_SIGN)

    @classmethod
    def root(cls, order: Order, key: PrivateKey, *, domain: str = DEFAULT_ID) -> Self:
        """Return a new root, signed by itself; ``order.public`` is the key's own."""
        key_id = key_identifier(order.public)
        extensions = Extensions(
            authority=True, usage=KeyUsage.AUTHORITY, subject_key_id=key_id, authority_key_id=key_id
        )
        certificate = _sign(order, extensions, order.subject, key, domain)
        return cls(certificate, key, domain)

    def issue(self, profile: Profile, order: Order, *, path_length: int | None = 0) -> Certificate:
        """Return a certificate of ``profile``; ``path_length`` counts for intermediates only.

        Raises ``crypto.certificate.order`` when the period is not inside the authority's own.
        """
        if not (
            self.certificate.not_before_us <= order.not_before_us
            and order.not_after_us <= self.certificate.not_after_us
        ):
            raise _refused("its period is not inside the authority's own")
        extensions = replace(
            _EXTENSIONS[profile],
            subject_key_id=key_identifier(order.public),
            authority_key_id=self.certificate.extensions.subject_key_id,
            alternative_names=order.alternative_names,
        )
        if profile is Profile.INTERMEDIATE:
            extensions = replace(extensions, path_length=path_length)
        return _sign(order, extensions, self.certificate.subject, self.key, self.domain)


def key_identifier(public: PublicKey) -> bytes:
    """Return the identifier that certificates of this authority give a key."""
    return sm3.digest(public.point)[:_KEY_ID_SIZE]


def _sign(
    order: Order, extensions: Extensions, issuer: Name, key: PrivateKey, domain: str
) -> Certificate:
    if len(order.entropy) < _SERIAL_SIZE:
        raise _refused(f"a serial number takes {_SERIAL_SIZE} random bytes or more")
    if order.not_before_us > order.not_after_us:
        raise _refused("its period ends before it begins")
    # The bits at the top make it positive and never shorter.
    serial = bytes((order.entropy[0] & 0x3F | 0x40,)) + order.entropy[1:_SERIAL_SIZE]
    algorithm = _oid.algorithm(_oid.SM2_WITH_SM3)
    with _asn1.malformed("certificate", "order"):
        signed = _asn1.sequence(
            _asn1.explicit(0, _asn1.integer(2)),
            _asn1.integer(int.from_bytes(serial, "big")),
            algorithm,
            issuer.der,
            _asn1.sequence(_asn1.time(order.not_before_us), _asn1.time(order.not_after_us)),
            order.subject.der,
            _der.encode_spki(order.public.point),
            _asn1.explicit(3, extensions.write()),
        )
    signature = key.sign(signed, domain=domain)
    return Certificate.from_der(_asn1.sequence(signed, algorithm, _asn1.bits(signature)))


def _refused(words: str) -> CryptoError:
    return CryptoError("crypto.certificate.order", f"No certificate is issued: {words}.")
