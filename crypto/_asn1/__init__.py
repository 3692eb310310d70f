"""Canonical DER for the formats of this package: read strictly, written in one way only.

Depth and sizes have limits, so a hostile element costs its own length and no more. All functions
raise ValueError; ``malformed`` turns it into the CryptoError of a format.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from crypto._asn1.check import check
from crypto._asn1.reader import Reader
from crypto._asn1.tags import (
    BIT_STRING,
    BMP_STRING,
    BOOLEAN,
    ENUMERATED,
    GENERALIZED_TIME,
    IA5_STRING,
    INTEGER,
    NULL,
    OCTET_STRING,
    OID,
    PRINTABLE_STRING,
    SEQUENCE,
    SET,
    UTC_TIME,
    UTF8_STRING,
)
from crypto._asn1.writer import (
    bits,
    boolean,
    element,
    explicit,
    flags,
    generalized,
    implicit,
    integer,
    null,
    octets,
    oid,
    sequence,
    set_of,
    time,
)
from crypto.errors import CryptoError

__all__ = [
    "BIT_STRING",
    "BMP_STRING",
    "BOOLEAN",
    "ENUMERATED",
    "GENERALIZED_TIME",
    "IA5_STRING",
    "INTEGER",
    "NULL",
    "OCTET_STRING",
    "OID",
    "PRINTABLE_STRING",
    "SEQUENCE",
    "SET",
    "UTC_TIME",
    "UTF8_STRING",
    "Reader",
    "bits",
    "boolean",
    "check",
    "element",
    "explicit",
    "flags",
    "generalized",
    "implicit",
    "integer",
    "malformed",
    "null",
    "octets",
    "oid",
    "sequence",
    "set_of",
    "time",
]


@contextmanager
def malformed(noun: str, what: str) -> Iterator[None]:
    """Turn every ValueError of a block into ``crypto.<noun>.malformed``."""
    try:
        yield
    except ValueError as error:
        reason = "text is not in its character set" if isinstance(error, UnicodeError) else error
        raise CryptoError(
            f"crypto.{noun}.malformed", f"Not a usable {what}: {reason}.", {"reason": str(reason)}
        ) from None
