"""Canonical DER elements written (ITU-T X.690, 8, 10 and 11)."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from crypto._asn1.tags import (
    BIT_STRING,
    BOOLEAN,
    CONSTRUCTED,
    CONTEXT,
    GENERALIZED_TIME,
    INTEGER,
    NULL,
    OCTET_STRING,
    OID,
    SEQUENCE,
    SET,
    UTC_TIME,
)

__all__ = [
    "bits",
    "boolean",
    "element",
    "explicit",
    "flags",
    "generalized",
    "implicit",
    "integer",
    "null",
    "octets",
    "oid",
    "sequence",
    "set_of",
    "time",
]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# RFC 5280, 4.1.2.5: UTCTime covers 1950 to 2049, GeneralizedTime all after.
_UTC_TIME_FIRST: Final = 1950
_UTC_TIME_LAST: Final = 2049


def element(tag: int, *parts: bytes) -> bytes:
    """Return one element whose content is ``parts`` in a row."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octet_count = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | octet_count)) + size.to_bytes(octet_count, "big") + content


def sequence(*parts: bytes) -> bytes:
    """Return a SEQUENCE."""
    return element(SEQUENCE, *parts)


def set_of(parts: Iterable[bytes], tag: int = SET) -> bytes:
    """Return a SET OF, its members sorted (X.690, 11.6)."""
    return element(tag, *sorted(parts))


def explicit(number: int, *parts: bytes) -> bytes:
    """Return the parts inside a constructed context tag."""
    return element(CONTEXT | CONSTRUCTED | number, *parts)


def implicit(number: int, content: bytes) -> bytes:
    """Return the content under a primitive context tag."""
    return element(CONTEXT | number, content)


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Return an INTEGER."""
    # One more bit than the value has, so that the sign bit is the sign.
    size = ((value if value >= 0 else ~value).bit_length()) // 8 + 1
    return element(tag, value.to_bytes(size, "big", signed=True))


def octets(value: bytes) -> bytes:
    """Return an OCTET STRING."""
    return element(OCTET_STRING, value)


def bits(value: bytes) -> bytes:
    """Return a BIT STRING of whole bytes."""
    return element(BIT_STRING, b"\0", value)


def flags(value: int) -> bytes:
    """Return a named bit list, trailing zero bits dropped; bit n of ``value`` is named bit n."""
    size = value.bit_length()
    count = (size + 7) // 8
    number = sum(1 << (8 * count - 1 - n) for n in range(size) if value >> n & 1)
    return element(BIT_STRING, bytes((8 * count - size,)), number.to_bytes(count, "big"))


def boolean(value: bool) -> bytes:
    """Return a BOOLEAN."""
    return element(BOOLEAN, b"\xff" if value else b"\0")


def null() -> bytes:
    """Return a NULL."""
    return element(NULL)


def oid(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    content = bytearray()
    for arc in (40 * first + second, *rest):
        octet_count = max(1, (arc.bit_length() + 6) // 7)
        content += bytes(
            (arc >> 7 * n & 0x7F) | (0x80 if n else 0) for n in reversed(range(octet_count))
        )
    return element(OID, bytes(content))


def time(time_us: int) -> bytes:
    """Return a certificate's time: UTCTime to 2049, GeneralizedTime after; whole seconds."""
    moment = _moment(time_us)
    if _UTC_TIME_FIRST <= moment.year <= _UTC_TIME_LAST:
        return element(UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())
    return element(GENERALIZED_TIME, _second(moment) + b"Z")


def generalized(time_us: int) -> bytes:
    """Return a GeneralizedTime with as many digits as the time has."""
    fraction = f"{time_us % 1_000_000:06d}".rstrip("0").encode()
    moment = _moment(time_us)
    return element(GENERALIZED_TIME, _second(moment), b"." + fraction if fraction else b"", b"Z")


def _moment(time_us: int) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=time_us)
    except OverflowError:
        raise ValueError("a time is outside the years 1 to 9999") from None


def _second(moment: datetime) -> bytes:
    return f"{moment.year:04d}{moment:%m%d%H%M%S}".encode()
