"""Running: an SM3 that stops after each packet and travels with the caller in between.

Signature servers hand the intermediate hash value (杂凑中间值) out after each packet and take it
back with the next one, so that they keep nothing between two calls. No engine here can be stopped
so, and the compression (GB/T 32905-2016, 5.3) stands here in Python: some 15 ms for a packet of
``PACKET_BYTES_MAX``, which is why packets are small. The value is no secret and no proof: whoever
may finish a signature from one can have any digest signed, which is the scope ``sign_e``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Self

from crypto.sm3 import BLOCK_SIZE
from dashboard_api.signing.shf.wrong import wrong

PACKET_BYTES_MAX: Final = 8 * 1024
"""Of one call: other callers of the same signing process wait for it."""
TOTAL_BYTES_MAX: Final = 2**40
"""Of one text: nobody sends a tebibyte by packets of 8 KiB."""

_FORMAT: Final = b"\x01"
_HEAD: Final = struct.Struct(">c8IQ")
_WORDS: Final = struct.Struct(">16I")
_MASK: Final = 0xFFFFFFFF
_START: Final = (
    0x7380166F,
    0x4914B2B9,
    0x172442D7,
    0xDA8A0600,
    0xA96F30BC,
    0x163138AA,
    0xE38DEE4D,
    0xB0FB0E4E,
)


def _turned(word: int, by: int) -> int:
    return ((word << by) | (word >> (32 - by))) & _MASK


_T: Final = tuple(
    _turned(0x79CC4519 if round_ < 16 else 0x7A879D8A, round_ % 32) for round_ in range(64)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What has been taken in so far."""

    words: tuple[int, ...] = _START
    size: int = 0
    tail: bytes = b""
    """What does not fill a block yet."""

    @classmethod
    def read(cls, text: bytes, where: str) -> Self:
        """The value that came back; raises ``dashboard_api.call.malformed``."""
        if len(text) < _HEAD.size:
            raise wrong("svs_running", where)
        form, *words, size = _HEAD.unpack_from(text)
        tail = text[_HEAD.size :]
        if form != _FORMAT or size > TOTAL_BYTES_MAX or len(tail) != size % BLOCK_SIZE:
            raise wrong("svs_running", where)
        return cls(words=tuple(words), size=size, tail=tail)

    def write(self) -> bytes:
        """The value to hand out, 41 to 104 bytes."""
        return _HEAD.pack(_FORMAT, *self.words, self.size) + self.tail

    def take(self, packet: bytes, where: str) -> Running:
        """Take a packet in; raises ``dashboard_api.call.malformed`` for one too large."""
        if len(packet) > PACKET_BYTES_MAX:
            raise wrong("svs_packet", where, limit=PACKET_BYTES_MAX)
        return self._take(packet)

    def digest(self) -> bytes:
        """SM3 of everything taken in."""
        # GB/T 32905-2016, 5.2: a one bit, zeros, and the length in bits in 8 bytes.
        zeros = (55 - self.size) % BLOCK_SIZE
        padding = b"\x80" + bytes(zeros) + (8 * self.size).to_bytes(8, "big")
        return struct.pack(">8I", *self._take(padding).words)

    def _take(self, packet: bytes) -> Running:
        text = self.tail + packet
        whole = len(text) - len(text) % BLOCK_SIZE
        words = self.words
        for at in range(0, whole, BLOCK_SIZE):
            words = _compressed(words, text[at : at + BLOCK_SIZE])
        return Running(words=words, size=self.size + len(packet), tail=text[whole:])


def _compressed(state: tuple[int, ...], block: bytes) -> tuple[int, ...]:
    """One block (GB/T 32905-2016, 5.3.2 and 5.3.3), with the names the standard gives.

    The turns are written out: a call for each would double the time.
    """
    w = list(_WORDS.unpack(block))
    for j in range(16, 68):
        x, y = w[j - 3], w[j - 13]
        x = w[j - 16] ^ w[j - 9] ^ (x << 15 & _MASK | x >> 17)
        x ^= (x << 15 & _MASK | x >> 17) ^ (x << 23 & _MASK | x >> 9)
        w.append(x ^ (y << 7 & _MASK | y >> 25) ^ w[j - 6])
    a, b, c, d, e, f, g, h = state
    for j in range(64):
        a12 = a << 12 & _MASK | a >> 20
        x = (a12 + e + _T[j]) & _MASK
        ss1 = x << 7 & _MASK | x >> 25
        if j < 16:
            ff, gg = a ^ b ^ c, e ^ f ^ g
        else:
            ff, gg = a & b | (a | b) & c, e & f | ~e & g
        tt2 = (gg + h + ss1 + w[j]) & _MASK
        tt1 = (ff + d + (ss1 ^ a12) + (w[j] ^ w[j + 4])) & _MASK
        a, b, c, d = tt1, a, b << 9 & _MASK | b >> 23, c
        h, g, f = g, f << 19 & _MASK | f >> 13, e
        e = tt2 ^ (tt2 << 9 & _MASK | tt2 >> 23) ^ (tt2 << 17 & _MASK | tt2 >> 15)
    return tuple(x ^ y for x, y in zip(state, (a, b, c, d, e, f, g, h), strict=True))
