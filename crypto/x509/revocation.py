"""Certificate revocation lists, version 2 (GB/T 20518-2018, 5.3; RFC 5280, 5).

A list counts only while it is fresh and signed by the issuer of the certificate in question: a
stale list is refused, never taken for "nothing revoked". Lists that cover a part only (an issuing
distribution point, a delta) are refused. Raises ``crypto.crl.malformed``, ``.signature``,
``.issuer``, ``.stale``, ``.not_yet_valid``, ``.extension``, and ``crypto.certificate.revoked``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple, Self

from crypto import _asn1, _der, _oid
from crypto.errors import CryptoError
from crypto.sm2 import DEFAULT_ID, PrivateKey
from crypto.x509.certificate import Certificate
from crypto.x509.extension import KeyUsage, read_authority_key_id
from crypto.x509.name import Name

__all__ = ["SIZE_MAX", "Reason", "Revocation", "RevocationList"]

# About 170,000 entries, a second or two of reading.
SIZE_MAX: Final = 8 * 1024 * 1024

_LABEL: Final = "X509 CRL"
_NUMBER: Final = "2.5.29.20"
_REASON: Final = "2.5.29.21"
_AUTHORITY_KEY: Final = "2.5.29.35"
_SERIAL_SIZE_MAX: Final = 20


class Reason(IntEnum):
    """Why a certificate was revoked (RFC 5280, 5.3.1)."""

    UNSPECIFIED = 0
    KEY_COMPROMISE = 1
    CA_COMPROMISE = 2
    AFFILIATION_CHANGED = 3
    SUPERSEDED = 4
    CESSATION_OF_OPERATION = 5
    CERTIFICATE_HOLD = 6
    REMOVE_FROM_CRL = 8
    PRIVILEGE_WITHDRAWN = 9
    AA_COMPROMISE = 10


class Revocation(NamedTuple):
    """One entry."""

    serial: int
    at_us: int
    reason: Reason = Reason.UNSPECIFIED


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationList:
    """A list as it was read; ``check`` asks it about a certificate."""

    der: bytes = field(repr=False)
    signed: bytes = field(repr=False, compare=False)
    signature: bytes = field(repr=False, compare=False)
    issuer: Name = field(compare=False)
    this_update_us: int = field(compare=False)
    next_update_us: int = field(compare=False)
    number: int | None = field(compare=False)
    authority_key_id: bytes | None = field(compare=False)
    entries: Mapping[int, Revocation] = field(repr=False, compare=False)
    """The entries by serial number."""
    not_understood: tuple[str, ...] = field(compare=False)

    @classmethod
    def build(
        cls,
        issuer: Certificate,
        key: PrivateKey,
        *,
        number: int,
        this_update_us: int,
        next_update_us: int,
        entries: Sequence[Revocation] = (),
        domain: str = DEFAULT_ID,
    ) -> Self:
        """Return a list of ``issuer``, signed by its key."""
        issuer.check_key(key.public)
        issuer.check_usage(KeyUsage.CRL_SIGN)
        extensions = [_extension(_NUMBER, _asn1.integer(number))]
        if key_id := issuer.extensions.subject_key_id:
            content = _asn1.sequence(_asn1.implicit(0, key_id))
            extensions.insert(0, _extension(_AUTHORITY_KEY, content))
        algorithm = _oid.algorithm(_oid.SM2_WITH_SM3)
        signed = _asn1.sequence(
            _asn1.integer(1),
            algorithm,
            issuer.subject.der,
            _asn1.time(this_update_us),
            _asn1.time(next_update_us),
            # RFC 5280, 5.1.2.6: an empty list is left out.
            _asn1.sequence(*map(_write_entry, entries)) if entries else b"",
            _asn1.explicit(0, _asn1.sequence(*extensions)),
        )
        signature = key.sign(signed, domain=domain)
        return cls.from_der(_asn1.sequence(signed, algorithm, _asn1.bits(signature)))

    @classmethod
    def from_der(cls, der: bytes) -> Self:
        """Return the list of DER bytes."""
        with _asn1.malformed("crl", "revocation list"):
            return cls._parse(der)

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Return the list of the single ``X509 CRL`` block of a text."""
        with _asn1.malformed("crl", "revocation list"):
            _, der = _der.decode_pem(pem, (_LABEL,), size_max=2 * SIZE_MAX)
            return cls._parse(der)

    def to_pem(self) -> bytes:
        """Return the ``X509 CRL`` block."""
        return _der.encode_pem(_LABEL, self.der)

    def is_of(self, issuer: Certificate) -> bool:
        """Tell whether the list claims to be of ``issuer`` and, when both say so, of its key."""
        own = issuer.extensions.subject_key_id
        return self.issuer == issuer.subject and (
            own is None or self.authority_key_id in (None, own)
        )

    def verify(self, issuer: Certificate, *, at_us: int, domain: str = DEFAULT_ID) -> None:
        """Raise unless the list is of ``issuer``, whole, understood and fresh at ``at_us``."""
        if not self.is_of(issuer):
            raise self._refused("issuer", f"it is not of {issuer.subject}")
        issuer.check_usage(KeyUsage.CRL_SIGN, stated=False)
        try:
            issuer.public.verify(self.signature, self.signed, domain=domain)
        except CryptoError as error:
            raise self._refused("signature", "its signature is not the issuer's") from error
        if self.not_understood:
            names = ", ".join(self.not_understood)
            raise self._refused("extension", f"critical extensions {names} are not understood")
        if at_us < self.this_update_us:
            raise self._refused("not_yet_valid", "it is from the future")
        if at_us > self.next_update_us:
            raise self._refused("stale", "a newer one is due: fetch it")

    def check(self, certificate: Certificate, *, at_us: int) -> None:
        """Raise ``crypto.certificate.revoked`` when the verified list names the certificate.

        A revocation counts from its own time on; who checks an old signature passes the time of
        the signature, and must not do so after a compromise of the key.
        """
        entry = self.entries.get(certificate.serial)
        if certificate.issuer == self.issuer and entry is not None and entry.at_us <= at_us:
            raise certificate.refused("revoked", f"it was revoked ({entry.reason.name})")

    def _refused(self, reason: str, words: str) -> CryptoError:
        return CryptoError(
            f"crypto.crl.{reason}",
            f"The revocation list of {self.issuer} is refused: {words}.",
            {"issuer": str(self.issuer)},
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
            if body.unsigned(1) != 1 or body.span() != outer:
                raise ValueError("version is not 2, or the algorithm inside is not the one outside")
            issuer = Name.read(body)
            # RFC 5280, 5.1.2.5: the next update must stand, or no list would ever be stale.
            this_update_us, next_update_us = body.time(), body.time()
            entries: dict[int, Revocation] = {}
            critical: set[str] = set()
            if listed := body.optional(_asn1.SEQUENCE):
                entries = _read_entries(listed, critical)
            number, key_id = None, None
            if wrapped := body.optional(0xA0):
                with wrapped:
                    number, key_id = _read_extensions(wrapped.inside(), critical)
        return cls(
            der=der,
            signed=signed,
            signature=signature,
            issuer=issuer,
            this_update_us=this_update_us,
            next_update_us=next_update_us,
            number=number,
            authority_key_id=key_id,
            entries=MappingProxyType(entries),
            not_understood=tuple(sorted(critical)),
        )


def _read_entries(listed: _asn1.Reader, critical: set[str]) -> dict[int, Revocation]:
    entries: dict[int, Revocation] = {}
    while listed.more:
        with listed.inside() as one:
            serial, at_us, reason = one.unsigned(_SERIAL_SIZE_MAX), one.time(), Reason.UNSPECIFIED
            if one.more:
                reason, unknown = _entry_extensions(one.span())
                critical |= unknown
        if serial in entries:
            raise ValueError("a serial number stands twice")
        entries[serial] = Revocation(serial, at_us, reason)
    return entries


# A list has a hundred thousand entries and ten different ends of an entry.
@lru_cache(maxsize=256)
def _entry_extensions(der: bytes) -> tuple[Reason, frozenset[str]]:
    """Return the reason of an entry, and its critical extensions that are not understood."""
    reason = Reason.UNSPECIFIED
    unknown: set[str] = set()
    with _asn1.Reader(der) as whole:
        for identifier, is_critical, content in _each_extension(whole.inside()):
            if identifier == _REASON:
                with _asn1.Reader(content) as reader:
                    reason = Reason(reader.unsigned(1, _asn1.ENUMERATED))
            elif is_critical:
                unknown.add(identifier)
    return reason, frozenset(unknown)


def _read_extensions(body: _asn1.Reader, critical: set[str]) -> tuple[int | None, bytes | None]:
    """Return the list's number and its issuer's key identifier."""
    number, key_id = None, None
    for identifier, is_critical, content in _each_extension(body):
        if identifier == _NUMBER:
            with _asn1.Reader(content) as reader:
                number = reader.unsigned(_SERIAL_SIZE_MAX)
        elif identifier == _AUTHORITY_KEY:
            with _asn1.Reader(content) as reader:
                key_id = read_authority_key_id(reader)
        elif is_critical:
            critical.add(identifier)
    return number, key_id


def _each_extension(body: _asn1.Reader) -> list[tuple[str, bool, bytes]]:
    found: list[tuple[str, bool, bytes]] = []
    while body.more:
        with body.inside() as one:
            identifier = one.oid()
            is_critical = one.peek() == _asn1.BOOLEAN
            if is_critical and not one.boolean():
                raise ValueError("a default is written out")
            found.append((identifier, is_critical, one.octets()))
    if len({identifier for identifier, _, _ in found}) != len(found) or not found:
        raise ValueError("extensions are none, or one stands twice")
    return found


def _write_entry(entry: Revocation) -> bytes:
    extensions = b""
    # RFC 5280, 5.3.1: "unspecified" is left out.
    if entry.reason is not Reason.UNSPECIFIED:
        content = _asn1.integer(entry.reason, _asn1.ENUMERATED)
        extensions = _asn1.sequence(_extension(_REASON, content))
    return _asn1.sequence(_asn1.integer(entry.serial), _asn1.time(entry.at_us), extensions)


def _extension(identifier: str, content: bytes) -> bytes:
    return _asn1.sequence(_asn1.oid(identifier), _asn1.octets(content))
