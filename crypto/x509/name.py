"""Distinguished names of certificates (GB/T 20518-2018, 5.2.3; RFC 5280, 4.1.2.4).

Two names are equal when their DER is: no folding of case or spaces, so no two readers can differ
about who was meant. Raises ``crypto.name.malformed``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from crypto import _asn1

__all__ = ["Name"]

# (identifier, string type, most characters) after X.520's upper bounds (RFC 5280, A.1).
_KINDS: Final = {
    "C": ("2.5.4.6", _asn1.PRINTABLE_STRING, 2),
    "ST": ("2.5.4.8", _asn1.UTF8_STRING, 128),
    "L": ("2.5.4.7", _asn1.UTF8_STRING, 128),
    "O": ("2.5.4.10", _asn1.UTF8_STRING, 64),
    "OU": ("2.5.4.11", _asn1.UTF8_STRING, 64),
    "CN": ("2.5.4.3", _asn1.UTF8_STRING, 64),
    "SN": ("2.5.4.4", _asn1.UTF8_STRING, 64),
    "SERIALNUMBER": ("2.5.4.5", _asn1.PRINTABLE_STRING, 64),
    "T": ("2.5.4.12", _asn1.UTF8_STRING, 64),
    "E": ("1.2.840.113549.1.9.1", _asn1.IA5_STRING, 128),
    "UID": ("0.9.2342.19200300.100.1.1", _asn1.UTF8_STRING, 256),
    "DC": ("0.9.2342.19200300.100.1.25", _asn1.IA5_STRING, 63),
}
_SHORT: Final = {identifier: short for short, (identifier, _, _) in _KINDS.items()}
_TEXT_TYPES: Final = (
    _asn1.UTF8_STRING,
    _asn1.PRINTABLE_STRING,
    _asn1.IA5_STRING,
    _asn1.BMP_STRING,
)
_PRINTABLE: Final = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?"
)
# A deep administrative tree has about ten levels.
_ATTRIBUTES_MAX: Final = 64
_SIZE_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class Name:
    """A distinguished name: its DER, and (kind, value) pairs from the root of the tree down."""

    der: bytes = field(repr=False)
    attributes: tuple[tuple[str, str], ...] = field(compare=False)
    """Kinds are short names such as ``CN``, or dotted identifiers; values of string types that
    are not read here are # and their DER in hexadecimal (RFC 4514, 2.4)."""

    @classmethod
    def of(cls, attributes: Sequence[tuple[str, str]]) -> Self:
        """Return the name of (short kind, value) pairs, from the country down to the common name.

        Raises ``crypto.name.malformed`` for an unknown kind or a value out of its bounds.
        """
        with _asn1.malformed("name", "distinguished name"):
            der = _asn1.sequence(*(_attribute(kind, value) for kind, value in attributes))
            return cls.read(_asn1.Reader(der))

    @classmethod
    def from_der(cls, der: bytes) -> Self:
        """Return the name of a Name element."""
        with _asn1.malformed("name", "distinguished name"), _asn1.Reader(der) as whole:
            return cls.read(whole)

    @classmethod
    def read(cls, reader: _asn1.Reader) -> Self:
        """Return the name that comes next; raises ValueError."""
        der = reader.raw()
        if len(der) > _SIZE_MAX:
            raise ValueError(f"name is over {_SIZE_MAX} bytes")
        attributes: list[tuple[str, str]] = []
        body = _asn1.Reader(der).inside()
        while body.more:
            relative = body.inside(_asn1.SET)
            if not relative.more:
                raise ValueError("part of a name is empty")
            while relative.more:
                with relative.inside() as pair:
                    identifier = pair.oid()
                    attributes.append((_SHORT.get(identifier, identifier), _value(pair)))
        if len(attributes) > _ATTRIBUTES_MAX:
            raise ValueError(f"name has over {_ATTRIBUTES_MAX} parts")
        return cls(der, tuple(attributes))

    def get(self, kind: str) -> str | None:
        """Return the last value of a kind, the one nearest to the subject."""
        return dict(self.attributes).get(kind)

    @property
    def is_empty(self) -> bool:
        """Tell whether the name says nothing, as a subject may when other names stand beside."""
        return not self.attributes

    def __str__(self) -> str:
        """Return the name as RFC 4514 writes it, the common name first."""
        return ",".join(f"{kind}={_escaped(value)}" for kind, value in reversed(self.attributes))


def _attribute(kind: str, value: str) -> bytes:
    if kind not in _KINDS:
        raise ValueError(f"kind {kind[:20]!r} is not one of {', '.join(_KINDS)}")
    identifier, tag, size_max = _KINDS[kind]
    if not 0 < len(value) <= size_max:
        raise ValueError(f"{kind} has 1 to {size_max} characters")
    if tag == _asn1.PRINTABLE_STRING and not _PRINTABLE.issuperset(value):
        raise ValueError(f"{kind} takes letters, digits and a few signs of ASCII only")
    content = value.encode("utf-8" if tag == _asn1.UTF8_STRING else "ascii")
    pair = _asn1.sequence(_asn1.oid(identifier), _asn1.element(tag, content))
    return _asn1.set_of([pair])


def _value(pair: _asn1.Reader) -> str:
    if pair.peek() in _TEXT_TYPES:
        return pair.text(*_TEXT_TYPES)
    return "#" + pair.raw().hex()


def _escaped(value: str) -> str:
    text = "".join(f"\\{one}" if one in '",+;<>\\=' else one for one in value)
    text = "".join(one if one.isprintable() else f"\\{ord(one):02X}" for one in text)
    return f"\\{text}" if text[:1] in (" ", "#") else text
