"""SM2 in Python integers: the floor, for machines without a libcrypto that has SM2.

Integers of Python take a time that depends on their value, so whoever can time this engine learns
something of the key; nothing in Python can mend that, and a copy of a secret stays in memory until
the interpreter reuses it. It is never chosen by itself: it must be pinned, and says so when it is.
"""

import hmac
import os
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, Self

from crypto.engines._packages import SM3_SOURCE, PackagedHashing
from crypto.engines.curve import G, N, P, fits_scalar, folded, split
from crypto.engines.port import Refused, Sm2PublicKey

__all__ = ["PythonEngine"]

_Random = Callable[[int], bytes]

_WINDOW: Final = 8
_MASK: Final = (1 << _WINDOW) - 1
# A point in Jacobian coordinates: (X, Y, Z) stands for (X/Z², Y/Z³); Z = 0 is infinity.
_Point = tuple[int, int, int]
_INFINITY: Final = (1, 1, 0)


def _double(point: _Point) -> _Point:
    """Return 2·point, with a = -3 (Explicit-Formulas Database, dbl-2001-b)."""
    x, y, z = point
    delta, gamma = z * z % P, y * y % P
    beta = x * gamma % P
    alpha = 3 * (x - delta) * (x + delta) % P
    x3 = (alpha * alpha - 8 * beta) % P
    z3 = ((y + z) ** 2 - gamma - delta) % P
    return x3, (alpha * (4 * beta - x3) - 8 * gamma * gamma) % P, z3


def _add(one: _Point, other: _Point) -> _Point:
    """Return one + other (add-1998-cmo), equal and opposite points included."""
    x1, y1, z1 = one
    x2, y2, z2 = other
    if not z1:
        return other
    if not z2:
        return one
    zz1, zz2 = z1 * z1 % P, z2 * z2 % P
    u1, u2 = x1 * zz2 % P, x2 * zz1 % P
    s1, s2 = y1 * zz2 * z2 % P, y2 * zz1 * z1 % P
    h, r = (u2 - u1) % P, (s2 - s1) % P
    if not h:
        return _INFINITY if r else _double(one)
    hh = h * h % P
    hhh, v = h * hh % P, u1 * hh % P
    x3 = (r * r - hhh - 2 * v) % P
    return x3, (r * (v - x3) - s1 * hhh) % P, z1 * z2 * h % P


def _affine(point: _Point) -> tuple[int, int]:
    x, y, z = point
    if not z:
        raise Refused
    inverse = pow(z, -1, P)
    square = inverse * inverse % P
    return x * square % P, y * square * inverse % P


def _multiple(number: int, point: _Point) -> _Point:
    """Return number · point by windows of 4 bits."""
    table = [_INFINITY, point]
    while len(table) < 16:
        table.append(_add(table[-1], point))
    total = _INFINITY
    for shift in range(252, -1, -4):
        for _ in range(4):
            total = _double(total)
        total = _add(total, table[number >> shift & 15])
    return total


@cache
def _base_table() -> list[list[_Point]]:
    """Return i · 2^(8j) · G for each window j and digit i."""
    rows: list[list[_Point]] = []
    start: _Point = (*G, 1)
    for _ in range(256 // _WINDOW):
        row = [_INFINITY, start]
        while len(row) <= _MASK:
            row.append(_add(row[-1], start))
        rows.append(row)
        start = _add(row[-1], start)
    return rows


def _base_multiple(number: int) -> _Point:
    total = _INFINITY
    for row in _base_table():
        total = _add(total, row[number & _MASK])
        number >>= _WINDOW
    return total


def _encoded(x: int, y: int) -> bytes:
    return b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


def _decoded(point: bytes) -> _Point:
    pair = split(point)
    if pair is None:
        raise Refused
    return (*pair, 1)


class _PublicKey:
    __slots__ = ("_engine", "_point")

    def __init__(self, engine: "PythonEngine", point: bytes) -> None:
        self._engine = engine
        self._point = _decoded(point)

    def verify(self, e: bytes, signature: bytes) -> bool:
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        if not (0 < r < N and 0 < s < N):
            return False
        t = (r + s) % N
        if not t:
            return False
        total = _add(_base_multiple(s), _multiple(t, self._point))
        return bool(total[2]) and (int.from_bytes(e, "big") + _affine(total)[0]) % N == r

    def encrypt(self, plaintext: bytes) -> tuple[bytes, bytes, bytes]:
        engine = self._engine
        while True:
            nonce = engine.number()
            c1 = _encoded(*_affine(_base_multiple(nonce)))
            x2, y2 = _halves(_affine(_multiple(nonce, self._point)))
            mask = engine.kdf(x2 + y2, len(plaintext))
            if any(mask):
                c3 = engine.sm3_digest(x2 + plaintext + y2)
                return c1, c3, _masked(plaintext, mask)


class _PrivateKey:
    __slots__ = ("_d", "_engine", "_point")

    def __init__(self, engine: "PythonEngine", d: int) -> None:
        self._engine = engine
        self._d = d
        self._point = _encoded(*_affine(_base_multiple(d)))

    def point(self) -> bytes:
        return self._point

    def scalar(self) -> bytearray:
        return bytearray(self._d.to_bytes(32, "big"))

    def sign(self, e: bytes) -> bytes:
        while True:
            k = self._engine.number()
            r = (int.from_bytes(e, "big") + _affine(_base_multiple(k))[0]) % N
            s = pow(1 + self._d, -1, N) * (k - r * self._d) % N
            if r and s and r + k != N:
                return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def sign_many(self, es: Sequence[bytes]) -> list[bytes]:
        return [self.sign(e) for e in es]

    def decrypt(self, c1: bytes, c3: bytes, c2: bytes) -> bytes:
        engine = self._engine
        x2, y2 = _halves(_affine(_multiple(self._d, _decoded(c1))))
        mask = engine.kdf(x2 + y2, len(c2))
        plaintext = _masked(c2, mask)
        if not any(mask) or not hmac.compare_digest(engine.sm3_digest(x2 + plaintext + y2), c3):
            raise Refused
        return plaintext

    def shared_point(self, peer: bytes) -> bytes:
        return b"".join(_halves(_affine(_multiple(self._d, _decoded(peer)))))

    def exchange(self, ephemeral: Self, peer: bytes, peer_ephemeral: bytes) -> bytes:
        t = (self._d + folded(ephemeral._point) * ephemeral._d) % N
        scaled = _multiple(folded(peer_ephemeral), _decoded(peer_ephemeral))
        return b"".join(_halves(_affine(_multiple(t, _add(_decoded(peer), scaled)))))


def _halves(pair: tuple[int, int]) -> tuple[bytes, bytes]:
    return pair[0].to_bytes(32, "big"), pair[1].to_bytes(32, "big")


def _masked(text: bytes, mask: bytes) -> bytes:
    size = len(text)
    both = int.from_bytes(text, "big") ^ int.from_bytes(mask, "big")
    return both.to_bytes(size, "big")


class PythonEngine(PackagedHashing):
    """The floor; ``random`` gives that many fresh bytes, the system's unless a test fixes them."""

    name: Final = "python"

    def __init__(self, random: _Random = os.urandom) -> None:
        self._random = random

    def describe(self) -> str:
        return f"SM2 Python integers, NOT constant time; SM3 {SM3_SOURCE}; SM4 cryptography"

    def number(self) -> int:
        """Return a uniform number in [1, n-1]; numbers past it are drawn again."""
        while True:
            number = int.from_bytes(self._random(32), "big")
            if 0 < number < N:
                return number

    def kdf(self, secret: bytes, length: int) -> bytes:
        """Return ``length`` key bytes (GB/T 32918.4-2016, 5.4.3)."""
        counters = [number.to_bytes(4, "big") for number in range(1, (length + 31) // 32 + 1)]
        return b"".join(self.sm3_digest_many(counters, secret))[:length]

    def sm2_generate(self) -> _PrivateKey:
        while True:
            number = self.number()
            if number < N - 1:
                return _PrivateKey(self, number)

    def sm2_private(self, scalar: bytes | bytearray) -> _PrivateKey:
        if not fits_scalar(scalar):
            raise Refused
        return _PrivateKey(self, int.from_bytes(scalar, "big"))

    def sm2_public(self, point: bytes) -> _PublicKey:
        return _PublicKey(self, point)

    def sm2_verify_many(
        self, keys: Sequence[Sm2PublicKey], es: Sequence[bytes], signatures: Sequence[bytes]
    ) -> list[bool]:
        triples = zip(keys, es, signatures, strict=True)
        return [key.verify(e, signature) for key, e, signature in triples]
