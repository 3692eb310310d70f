"""A reader of DER elements that accepts one encoding of each value only (ITU-T X.690, 8, 10).

One tag byte, the shortest length, the shortest integer, no indefinite form; what a caller does not
model itself is checked as a whole. What was read is therefore the only encoding of its value.
"""

from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Final, Self

from crypto._asn1.check import bounds, check, check_bits, check_integer, decode_oid
from crypto._asn1.tags import (
    BIT_STRING,
    BMP_STRING,
    BOOLEAN,
    GENERALIZED_TIME,
    INTEGER,
    NULL,
    OCTET_STRING,
    OID,
    SEQUENCE,
    UTC_TIME,
    UTF8_STRING,
)

__all__ = ["Reader"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Reader:
    """The elements of one content, in order; as a context it insists on being read to its end."""

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        """Read ``data`` between two offsets; nothing is copied before it is asked for."""
        self._data = data
        self._at = at
        self._end = len(data) if end is None else end

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Raise ValueError when something is left unread."""
        if kind is None and self._at != self._end:
            raise ValueError("bytes after the end")

    @property
    def more(self) -> bool:
        """Tell whether an element follows."""
        return self._at < self._end

    def peek(self) -> int:
        """Return the tag byte of the next element, or -1 at the end."""
        return self._data[self._at] if self._at < self._end else -1

    def read(self, tag: int) -> bytes:
        """Return the content of the next element, which must have ``tag``."""
        begin, end = self._step(tag)
        return self._data[begin:end]

    def inside(self, tag: int = SEQUENCE) -> "Reader":
        """Return a reader of the next element's content."""
        return Reader(self._data, *self._step(tag))

    def optional(self, tag: int) -> "Reader | None":
        """Return a reader of the next element's content when it has ``tag``."""
        return self.inside(tag) if self.peek() == tag else None

    def raw(self) -> bytes:
        """Return the next element whole, checked to be canonical in all its parts."""
        at = self._at
        self._step(self.peek())
        whole = self._data[at : self._at]
        check(whole)
        return whole

    def span(self, tag: int = SEQUENCE) -> bytes:
        """Return the next element whole, whose parts the caller reads and checks himself."""
        at = self._at
        self._step(tag)
        return self._data[at : self._at]

    def integer(self, tag: int = INTEGER) -> int:
        """Return a whole number of any sign."""
        content = self.read(tag)
        check_integer(content)
        return int.from_bytes(content, "big", signed=True)

    def unsigned(self, size_max: int = 32, tag: int = INTEGER) -> int:
        """Return a number from 0 of at most ``size_max`` bytes."""
        value = self.integer(tag)
        if value < 0 or value.bit_length() > 8 * size_max:
            raise ValueError("number out of range")
        return value

    def oid(self) -> str:
        """Return an object identifier in dotted form."""
        return decode_oid(self.read(OID))

    def octets(self, tag: int = OCTET_STRING) -> bytes:
        """Return an octet string."""
        return self.read(tag)

    def bits(self) -> bytes:
        """Return a bit string that is a whole number of bytes."""
        content = self.read(BIT_STRING)
        if content[:1] != b"\0":
            raise ValueError("bit string is not whole bytes")
        return content[1:]

    def flags(self) -> int:
        """Return a named bit list as a number whose bit n is the named bit n (X.690, 11.2.2)."""
        content = self.read(BIT_STRING)
        check_bits(content)
        unused, body = content[0], content[1:]
        if len(body) > 8 or (body and not body[-1] >> unused & 1):
            raise ValueError("named bit list has trailing zero bits")
        number = int.from_bytes(body, "big") >> unused
        size = 8 * len(body) - unused
        return sum(1 << n for n in range(size) if number >> (size - 1 - n) & 1)

    def boolean(self) -> bool:
        """Return a truth value, FF or 00."""
        content = self.read(BOOLEAN)
        if content not in (b"\xff", b"\0"):
            raise ValueError("boolean is neither 00 nor FF")
        return content == b"\xff"

    def null(self) -> None:
        """Read a NULL."""
        if self.read(NULL):
            raise ValueError("NULL has content")

    def time(self) -> int:
        """Return a certificate's time in µs since the epoch (RFC 5280, 4.1.2.5)."""
        if self.peek() == UTC_TIME:
            text = self.read(UTC_TIME)
            century = b"20" if text[:2] < b"50" else b"19"
            return _parse_time(century + text)
        text = self.read(GENERALIZED_TIME)
        if text[:4] <= b"2049":
            raise ValueError("time before 2050 is not a UTCTime")
        return _parse_time(text)

    def generalized(self) -> int:
        """Return a GeneralizedTime with up to six digits after the second, in µs."""
        text = self.read(GENERALIZED_TIME)
        whole, point, rest = text.partition(b".")
        if not point:
            return _parse_time(text)
        digits = rest[:-1]
        # X.690, 11.7.3: no trailing zero; digits past the microsecond have no place to go.
        if rest[-1:] != b"Z" or not digits.isdigit() or digits[-1:] == b"0" or len(digits) > 6:
            raise ValueError("fraction of a second is not canonical")
        return _parse_time(whole + b"Z") + int(digits.ljust(6, b"0"))

    def text(self, *tags: int) -> str:
        """Return a character string of one of the types."""
        tag = self.peek()
        if tag not in tags:
            raise ValueError("unexpected string type")
        coding = {UTF8_STRING: "utf-8", BMP_STRING: "utf-16-be"}.get(tag, "ascii")
        return self.read(tag).decode(coding)

    def _step(self, tag: int) -> tuple[int, int]:
        begin, end = bounds(self._data, self._at, self._end)
        if self._data[self._at] != tag:
            raise ValueError("unexpected element")
        self._at = end
        return begin, end


def _parse_time(text: bytes) -> int:
    if len(text) != 15 or text[-1:] != b"Z" or not text[:-1].isdigit():
        raise ValueError("time is not YYYYMMDDHHMMSSZ")
    month, day, hour, minute, second = (int(text[at : at + 2]) for at in range(4, 14, 2))
    moment = datetime(int(text[:4]), month, day, hour, minute, second, tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)
