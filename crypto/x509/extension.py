"""Extensions of certificates that this package understands (GB/T 20518-2018, 5.2.4; RFC 5280, 4.2).

An unknown extension that its issuer marked critical is remembered, so that a chain check can
refuse the certificate; one that is not marked is passed over. Reading raises ValueError.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntFlag
from ipaddress import ip_address
from typing import Any, Final, Self

from crypto import _asn1
from crypto.x509.name import Name

__all__ = ["AlternativeName", "Extensions", "KeyUsage", "NameKind", "read_authority_key_id"]

_BASIC: Final = "2.5.29.19"
_USAGE: Final = "2.5.29.15"
_EXTENDED: Final = "2.5.29.37"
_ALTERNATIVE: Final = "2.5.29.17"
_SUBJECT_KEY: Final = "2.5.29.14"
_AUTHORITY_KEY: Final = "2.5.29.35"
# Limits of an issuer on names below it: not evaluated here, so never passed over either.
_NAME_CONSTRAINTS: Final = "2.5.29.30"

_EXTENSIONS_MAX: Final = 64
_NAMES_MAX: Final = 1000
_PATH_LENGTH_SIZE_MAX: Final = 1


class KeyUsage(IntFlag):
    """What a key may do; the bits of RFC 5280, 4.2.1.3."""

    DIGITAL_SIGNATURE = 1 << 0
    NON_REPUDIATION = 1 << 1
    KEY_ENCIPHERMENT = 1 << 2
    DATA_ENCIPHERMENT = 1 << 3
    KEY_AGREEMENT = 1 << 4
    KEY_CERT_SIGN = 1 << 5
    CRL_SIGN = 1 << 6
    ENCIPHER_ONLY = 1 << 7
    DECIPHER_ONLY = 1 << 8
    # The double-certificate system (GM/T 0034-2014): one pair signs, another one, which the key
    # centre keeps a copy of, encrypts; no certificate does both.
    SIGNING = DIGITAL_SIGNATURE | NON_REPUDIATION
    ENCRYPTION = KEY_ENCIPHERMENT | DATA_ENCIPHERMENT | KEY_AGREEMENT
    AUTHORITY = KEY_CERT_SIGN | CRL_SIGN


class NameKind(Enum):
    """The kinds of alternative names (RFC 5280, 4.2.1.6); the value is the context tag."""

    OTHER = 0xA0
    EMAIL = 0x81
    DNS = 0x82
    X400 = 0xA3
    DIRECTORY = 0xA4
    EDI_PARTY = 0xA5
    URI = 0x86
    IP = 0x87
    REGISTERED = 0x88


@dataclass(frozen=True, slots=True)
class AlternativeName:
    """One name beside the distinguished one; kinds that are not read have hexadecimal values."""

    kind: NameKind
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Extensions:
    """What the extensions of one certificate say; None is said nothing."""

    authority: bool | None = None
    """Basic constraints: whether the subject may issue certificates."""
    path_length: int | None = None
    usage: KeyUsage | None = None
    extended: tuple[str, ...] | None = None
    extended_critical: bool = False
    alternative_names: tuple[AlternativeName, ...] = ()
    subject_key_id: bytes | None = None
    authority_key_id: bytes | None = None
    not_understood: tuple[str, ...] = ()
    """Identifiers of unknown critical extensions, and of name constraints."""

    @classmethod
    def read(cls, body: _asn1.Reader) -> Self:
        """Return what a sequence of extensions says."""
        seen: set[str] = set()
        fields: dict[str, Any] = {}
        not_understood: list[str] = []
        while body.more:
            with body.inside() as one:
                identifier = one.oid()
                critical = one.peek() == _asn1.BOOLEAN
                # A default written out, or a repetition, would be a second form of one meaning.
                if critical and not one.boolean():
                    raise ValueError("a default is written out")
                content = one.octets()
            if identifier in seen:
                raise ValueError(f"extension {identifier} stands twice")
            seen.add(identifier)
            if len(seen) > _EXTENSIONS_MAX:
                raise ValueError(f"over {_EXTENSIONS_MAX} extensions")
            if identifier in _READERS:
                with _asn1.Reader(content) as reader:
                    fields |= _READERS[identifier](reader)
                if identifier == _EXTENDED:
                    fields["extended_critical"] = critical
            elif critical or identifier == _NAME_CONSTRAINTS:
                not_understood.append(identifier)
        return cls(**fields, not_understood=tuple(not_understood))

    def write(self) -> bytes:
        """Return the sequence of extensions; criticality is what RFC 5280 asks of issuers."""
        parts: list[bytes] = []
        if self.authority is not None:
            length = b"" if self.path_length is None else _asn1.integer(self.path_length)
            flag = _asn1.boolean(True) if self.authority else b""
            parts.append(_one(_BASIC, True, _asn1.sequence(flag, length)))
        if self.usage is not None:
            parts.append(_one(_USAGE, True, _asn1.flags(self.usage)))
        if self.extended is not None:
            purposes = _asn1.sequence(*map(_asn1.oid, self.extended))
            parts.append(_one(_EXTENDED, self.extended_critical, purposes))
        if self.subject_key_id is not None:
            parts.append(_one(_SUBJECT_KEY, False, _asn1.octets(self.subject_key_id)))
        if self.authority_key_id is not None:
            key_id = _asn1.sequence(_asn1.implicit(0, self.authority_key_id))
            parts.append(_one(_AUTHORITY_KEY, False, key_id))
        if self.alternative_names:
            names = _asn1.sequence(*map(_write_name, self.alternative_names))
            parts.append(_one(_ALTERNATIVE, False, names))
        return _asn1.sequence(*parts)


def _one(identifier: str, critical: bool, content: bytes) -> bytes:
    flag = _asn1.boolean(True) if critical else b""
    return _asn1.sequence(_asn1.oid(identifier), flag, _asn1.octets(content))


def _read_basic(reader: _asn1.Reader) -> dict[str, Any]:
    with reader.inside() as body:
        authority = body.peek() == _asn1.BOOLEAN
        if authority and not body.boolean():
            raise ValueError("a default is written out")
        length = body.unsigned(_PATH_LENGTH_SIZE_MAX) if body.more else None
    if length is not None and not authority:
        raise ValueError("a path length stands without an authority")
    return {"authority": authority, "path_length": length}


def _read_usage(reader: _asn1.Reader) -> dict[str, Any]:
    number = reader.flags()
    if not number or number >> 9:
        raise ValueError("key usage names nothing, or what is unknown")
    return {"usage": KeyUsage(number)}


def _read_extended(reader: _asn1.Reader) -> dict[str, Any]:
    body = reader.inside()
    purposes: list[str] = []
    while body.more and len(purposes) < _NAMES_MAX:
        purposes.append(body.oid())
    if body.more or not purposes:
        raise ValueError("extended key usage is empty or endless")
    return {"extended": tuple(purposes)}


def _read_subject_key(reader: _asn1.Reader) -> dict[str, Any]:
    return {"subject_key_id": _key_id(reader.octets())}


def _read_authority_key(reader: _asn1.Reader) -> dict[str, Any]:
    return {"authority_key_id": read_authority_key_id(reader)}


def read_authority_key_id(reader: _asn1.Reader) -> bytes | None:
    """Return the key identifier of an AuthorityKeyIdentifier, if it has one."""
    body = reader.inside()
    key_id = _key_id(body.octets(0x80)) if body.peek() == 0x80 else None
    # Issuer and serial number of the issuer's certificate: the key and the name link well enough.
    while body.more:
        body.raw()
    return key_id


def _key_id(value: bytes) -> bytes:
    if not 0 < len(value) <= 64:
        raise ValueError("key identifier of 1 to 64 bytes")
    return value


def _read_alternative(reader: _asn1.Reader) -> dict[str, Any]:
    body = reader.inside()
    names: list[AlternativeName] = []
    while body.more and len(names) < _NAMES_MAX:
        names.append(_read_name(body))
    if body.more or not names:
        raise ValueError("alternative names are none or endless")
    return {"alternative_names": tuple(names)}


def _read_name(body: _asn1.Reader) -> AlternativeName:
    kind = NameKind(body.peek())
    if kind in (NameKind.EMAIL, NameKind.DNS, NameKind.URI):
        return AlternativeName(kind, body.octets(kind.value).decode("ascii"))
    if kind is NameKind.IP:
        return AlternativeName(kind, str(ip_address(body.octets(kind.value))))
    if kind is NameKind.DIRECTORY:
        with body.inside(kind.value) as inner:
            return AlternativeName(kind, str(Name.read(inner)))
    return AlternativeName(kind, body.raw().hex())


def _write_name(name: AlternativeName) -> bytes:
    if name.kind is NameKind.IP:
        return _asn1.element(name.kind.value, ip_address(name.value).packed)
    if name.kind in (NameKind.EMAIL, NameKind.DNS, NameKind.URI):
        return _asn1.element(name.kind.value, name.value.encode("ascii"))
    raise ValueError(f"an alternative name of kind {name.kind.name} is not written")


_READERS: Final[dict[str, Callable[[_asn1.Reader], dict[str, Any]]]] = {
    _BASIC: _read_basic,
    _USAGE: _read_usage,
    _EXTENDED: _read_extended,
    _ALTERNATIVE: _read_alternative,
    _SUBJECT_KEY: _read_subject_key,
    _AUTHORITY_KEY: _read_authority_key,
}
