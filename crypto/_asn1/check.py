"""Whether bytes are one canonical element in all their parts, whatever it means.

Used for what a format carries and a caller does not model: an unknown extension, a name's value.
"""

from typing import Final

from crypto._asn1.tags import (
    BIT_STRING,
    BOOLEAN,
    CONSTRUCTED,
    ENUMERATED,
    INTEGER,
    NULL,
    OID,
    SEQUENCE,
    SET,
    UTF8_STRING,
)

__all__ = ["SIZE_MAX", "bounds", "check", "check_bits", "check_integer", "decode_oid"]

_UNIVERSAL_MAX: Final = 0x3F
# EXTERNAL and EMBEDDED PDV, the other constructed types, have no use here.
_CONSTRUCTED_TYPES: Final = (SEQUENCE, SET)
# A signed message nests about twelve deep; the bound only keeps recursion off the stack's end.
_DEPTH_MAX: Final = 24
# Four octets of length are 4 GiB; each format sets its own limit far below.
_LENGTH_OCTETS_MAX: Final = 4
_OID_SIZE_MAX: Final = 64
# What is checked as a whole is structure, never a content, and costs about a microsecond a byte.
SIZE_MAX: Final = 1024 * 1024


def check(der: bytes, *, size_max: int = SIZE_MAX) -> None:
    """Raise ValueError unless ``der`` is one element, canonical in all its parts."""
    if len(der) > size_max:
        raise ValueError(f"over the limit of {size_max} bytes")
    begin, end = bounds(der, 0, len(der))
    if end != len(der):
        raise ValueError("bytes after the end")
    _check_content(der, der[0], (begin, end), _DEPTH_MAX)


def decode_oid(content: bytes) -> str:
    if not content or len(content) > _OID_SIZE_MAX or content[-1] & 0x80:
        raise ValueError("object identifier out of bounds")
    arcs: list[int] = []
    arc = 0
    fresh = True
    for octet in content:
        if fresh and octet == 0x80:
            raise ValueError("object identifier has a padded arc")
        arc = arc << 7 | octet & 0x7F
        fresh = not octet & 0x80
        if fresh:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def bounds(data: bytes, at: int, limit: int) -> tuple[int, int]:
    """Return where the content of the element at ``at`` begins and ends."""
    if at + 2 > limit:
        raise ValueError("content is cut short")
    if data[at] & 0x1F == 0x1F:
        raise ValueError("tags over 30 are not used")
    size, at = data[at + 1], at + 2
    if size & 0x80:
        octet_count = size & 0x7F
        if not 0 < octet_count <= _LENGTH_OCTETS_MAX or at + octet_count > limit:
            raise ValueError("length out of bounds")
        size, first, at = (
            int.from_bytes(data[at : at + octet_count], "big"),
            data[at],
            at + octet_count,
        )
        if not first or size < 0x80:
            raise ValueError("length is not in its shortest form")
    if at + size > limit:
        raise ValueError("content is cut short")
    return at, at + size


def _check_content(data: bytes, tag: int, span: tuple[int, int], depth: int) -> None:
    begin, end = span
    if tag <= _UNIVERSAL_MAX:
        if bool(tag & CONSTRUCTED) != (tag | CONSTRUCTED in _CONSTRUCTED_TYPES):
            raise ValueError("element is of a type or form that DER does not allow here")
        _check_primitive(tag, data[begin:end])
    if not tag & CONSTRUCTED:
        return
    if not depth:
        raise ValueError(f"nested deeper than {_DEPTH_MAX}")
    at, before = begin, b""
    while at < end:
        content_begin, next_at = bounds(data, at, end)
        _check_content(data, data[at], (content_begin, next_at), depth - 1)
        if tag == SET:
            member = data[at:next_at]
            if member < before:
                raise ValueError("members of a set are not sorted")
            before = member
        at = next_at


def _check_primitive(tag: int, content: bytes) -> None:
    if tag in (INTEGER, ENUMERATED):
        check_integer(content)
    elif tag == BOOLEAN and content not in (b"\xff", b"\0"):
        raise ValueError("boolean is neither 00 nor FF")
    elif tag == BIT_STRING:
        check_bits(content)
    elif tag == OID:
        decode_oid(content)
    elif tag == UTF8_STRING:
        content.decode()
    elif tag == NULL and content:
        raise ValueError("NULL has content")


def check_integer(content: bytes) -> None:
    if not content or (
        len(content) > 1 and content[0] in (0, 0xFF) and content[0] >> 7 == content[1] >> 7
    ):
        raise ValueError("integer is not in its shortest form")


def check_bits(content: bytes) -> None:
    if not content or content[0] > 7 or (content[0] and len(content) == 1):
        raise ValueError("bit string out of bounds")
    if content[0] and content[-1] & ((1 << content[0]) - 1):
        raise ValueError("unused bits of a bit string are not zero")
