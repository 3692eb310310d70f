"""A secret split among officers: any n of m shares give it back, fewer say nothing about it.

Shamir's scheme (Comm. ACM 22, 1979), byte by byte over GF(256): the secret is the value at 0 of a
random polynomial of degree n - 1, a share its value at the share's number. A share is one line of
text, short enough to type from paper; it carries the holder's name and its own checksum, so a
mistyped share is named. The secret carries an SM3 check: wrong shares never give a wrong secret.

Multiplication has no tables and no branches on secrets, as far as Python integers allow; Python
promises no constant time, and the secret passes through this process's memory once at each end.

CryptoError: ``crypto.share.malformed`` (which, and why) · ``.foreign`` (of another secret) ·
``.repeated`` · ``.few`` · ``.wrong`` (the secret does not pass its check) · ``.size``
"""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from crypto import sm3
from crypto.errors import CryptoError
from crypto.ports import Entropy

__all__ = ["SECRET_SIZE_MAX", "SHARES_MAX", "Share", "combine", "split"]

# The field has 255 places besides 0. Nobody calls 16 officers together at night.
SHARES_MAX: Final = 16
# One share stays under 200 characters: it is typed from paper.
SECRET_SIZE_MAX: Final = 64
_CHECK_SIZE: Final = 8
_SUM_SIZE: Final = 4
_LINE_SIZE_MAX: Final = 1024
_NAME_SIZE_MAX: Final = 64
_TAG: Final = "fengsui-share/1"
# x⁸ + x⁴ + x³ + x + 1, the field of AES (FIPS 197, 4.2).
_FIELD: Final = 0x11B


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One officer's part; ``str()`` is the line to hand over, ``repr`` does not show the part."""

    name: str
    """Who holds it: one word."""
    secret_id: str
    """Which secret it is of: 8 hexadecimal digits, drawn at random."""
    needed: int
    number: int
    part: bytes = field(repr=False)

    def __str__(self) -> str:
        """Return the line: tag, holder, secret, needed, number, part in groups, checksum."""
        digits = self.part.hex()
        groups = "-".join(digits[at : at + 4] for at in range(0, len(digits), 4))
        return f"{self._head()} {groups} {self._sum()}"

    def _head(self) -> str:
        return f"{_TAG} {self.name} {self.secret_id} {self.needed} {self.number}"

    def _sum(self) -> str:
        return sm3.digest(f"{self._head()} {self.part.hex()}".encode())[:_SUM_SIZE].hex()

    @classmethod
    def from_text(cls, line: str) -> Self:
        """Return the share of a line; case, spacing and dashes may differ.

        Raises ``crypto.share.malformed`` with the holder's name as far as it can be read.
        """
        words = line[:_LINE_SIZE_MAX].split()
        if len(words) < 7 or words[0] != _TAG:
            raise _malformed("?", f"a share begins with {_TAG} and has seven parts")
        name, secret_id = words[1], words[2].lower()
        digits = "".join(words[5:-1]).replace("-", "").lower()
        if not re.fullmatch("[0-9]{1,3} [0-9]{1,3}", " ".join(words[3:5])):
            raise _malformed(name, "the two numbers after the secret's name are not numbers")
        if not re.fullmatch("(?:[0-9a-f]{2})+", digits):
            raise _malformed(name, "its digits are not pairs of 0-9 and a-f")
        share = cls(
            name=name,
            secret_id=secret_id,
            needed=int(words[3]),
            number=int(words[4]),
            part=bytes.fromhex(digits),
        )
        if share._sum() != words[-1].lower():
            raise _malformed(name, "its checksum does not fit: compare it with the paper")
        if not 1 <= share.needed <= SHARES_MAX or not 1 <= share.number <= SHARES_MAX:
            raise _malformed(name, f"its numbers are outside 1 to {SHARES_MAX}")
        return share


def split(
    secret: bytes | bytearray, names: Sequence[str], *, needed: int, entropy: Entropy
) -> list[Share]:
    """Return one share for each name; any ``needed`` of them give the secret back.

    Raises ``crypto.share.size`` for numbers, names or a secret outside the limits.
    """
    if not 0 < len(secret) <= SECRET_SIZE_MAX:
        raise _size(f"a secret has 1 to {SECRET_SIZE_MAX} bytes")
    if not 2 <= needed <= len(names) <= SHARES_MAX:
        raise _size(f"2 to {SHARES_MAX} officers, and at least 2 of them, no more than there are")
    for name in names:
        if not 0 < len(name) <= _NAME_SIZE_MAX or len(name.split()) != 1 or not name.isprintable():
            raise _size(f"the name {name!r:.80} is not one word of at most {_NAME_SIZE_MAX}")
    if len(set(names)) != len(names):
        raise _size("two officers have the same name")
    checked = bytes(secret) + _check(secret)
    # coefficients[k][i] belongs to the power k + 1 at byte i.
    coefficients = [entropy.take(len(checked)) for _ in range(needed - 1)]
    secret_id = entropy.take(4).hex()
    return [
        Share(
            name=name,
            secret_id=secret_id,
            needed=needed,
            number=number,
            part=bytes(
                _value_at(number, [byte, *(row[at] for row in coefficients)])
                for at, byte in enumerate(checked)
            ),
        )
        for number, name in enumerate(names, 1)
    ]


def combine(shares: Sequence[Share]) -> bytearray:
    """Return the secret of enough shares; the caller overwrites it when done.

    More shares than needed are all used, so one wrong share among them is noticed.
    """
    if not shares:
        raise CryptoError("crypto.share.few", "No share was given.", {"given": 0})
    first = shares[0]
    for share in shares[1:]:
        if _kind(share) != _kind(first):
            raise CryptoError(
                "crypto.share.foreign",
                f"The share of {share.name} is of another secret than the share of {first.name}.",
                {"name": share.name},
            )
    numbers = [share.number for share in shares]
    for at, share in enumerate(shares):
        if share.number in numbers[:at]:
            raise CryptoError(
                "crypto.share.repeated",
                f"The share of {share.name} was given twice.",
                {"name": share.name},
            )
    if len(shares) < first.needed:
        raise CryptoError(
            "crypto.share.few",
            f"{len(shares)} shares were given, {first.needed} are needed.",
            {"given": len(shares), "needed": first.needed},
        )
    weights = [_weight(number, numbers) for number in numbers]
    whole = bytearray(len(first.part))
    for share, weight in zip(shares, weights, strict=True):
        for at, byte in enumerate(share.part):
            whole[at] ^= _multiply(byte, weight)
    secret, check = whole[:-_CHECK_SIZE], whole[-_CHECK_SIZE:]
    if not secret or not hmac.compare_digest(check, _check(secret)):
        raise CryptoError(
            "crypto.share.wrong",
            "The shares fit together but do not give the secret: one of "
            f"{', '.join(share.name for share in shares)} is not what was handed out.",
        )
    return secret


def _kind(share: Share) -> tuple[str, int, int]:
    return share.secret_id, share.needed, len(share.part)


def _check(secret: bytes | bytearray) -> bytes:
    return sm3.hmac(bytes(secret), b"fengsui/share/1")[:_CHECK_SIZE]


def _value_at(x: int, coefficients: Sequence[int]) -> int:
    """Return the polynomial's value, the constant term first (Horner)."""
    value = 0
    for coefficient in reversed(coefficients):
        value = _multiply(value, x) ^ coefficient
    return value


def _weight(x: int, all_x: Sequence[int]) -> int:
    """Return Lagrange's weight at 0 of the share at ``x``; the numbers are public."""
    weight = 1
    for other in all_x:
        if other != x:
            weight = _multiply(weight, _multiply(other, _inverse(other ^ x)))
    return weight


def _multiply(a: int, b: int) -> int:
    """Return a·b in the field: eight steps whatever the values, no table, no branch."""
    product = 0
    for _ in range(8):
        product ^= -(b & 1) & a
        a = (a << 1) ^ (-(a >> 7) & _FIELD)
        b >>= 1
    return product


def _inverse(a: int) -> int:
    """Return a⁻¹ = a²⁵⁴ in the field."""
    result = 1
    for bit in (1, 1, 1, 1, 1, 1, 1, 0):
        result = _multiply(result, result)
        result = _multiply(result, a) if bit else result
    return result


def _malformed(name: str, reason: str) -> CryptoError:
    return CryptoError(
        "crypto.share.malformed",
        f"The share of {name[:_NAME_SIZE_MAX]} cannot be read: {reason}.",
        {"name": name[:_NAME_SIZE_MAX]},
    )


def _size(reason: str) -> CryptoError:
    return CryptoError("crypto.share.size", f"The secret is not split: {reason}.")
