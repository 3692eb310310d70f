"""SM3 digests (GB/T 32905-2016), HMAC (GM/T 0042-2015), and keys derived by them.

Sizes are fixed by the standard: 32 bytes out, blocks of 64.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from crypto import engines
from crypto.engines.port import Hash

__all__ = [
    "BLOCK_SIZE",
    "DIGEST_SIZE",
    "Hash",
    "digest",
    "digest_many",
    "digest_stream",
    "hkdf",
    "hmac",
    "kdf",
    "leaves",
    "merkle_root",
    "new",
]

DIGEST_SIZE: Final = 32
BLOCK_SIZE: Final = 64


def digest(data: bytes) -> bytes:
    """Return SM3(``data``), 32 bytes."""
    return engines.current().sm3_digest(data)


def digest_many(chunks: Sequence[bytes], prefix: bytes = b"") -> list[bytes]:
    """Return SM3(``prefix`` ‖ chunk) for every chunk, in order."""
    return engines.current().sm3_digest_many(chunks, prefix)


def digest_stream(chunks: Iterable[bytes]) -> bytes:
    """Return SM3 of the chunks end to end."""
    state = new()
    for chunk in chunks:
        state.update(chunk)
    return state.digest()


def leaves(salts: Sequence[bytes], payloads: Sequence[bytes]) -> list[bytes]:
    """Return SM3(0x00 ‖ salt ‖ payload) for every pair: the leaves of a Merkle tree."""
    return engines.current().sm3_leaves(salts, payloads)


def merkle_root(leaf_hashes: Sequence[bytes]) -> bytes:
    """Return the root of the Merkle tree over at least one leaf; an odd node is promoted."""
    return engines.current().sm3_merkle_root(leaf_hashes)


def new(data: bytes = b"") -> Hash:
    """Return a running SM3 that has taken in ``data``."""
    state = engines.current().sm3()
    if data:
        state.update(data)
    return state


def hmac(key: bytes, data: bytes) -> bytes:
    """Return HMAC-SM3(``key``, ``data``), 32 bytes; compare with ``hmac.compare_digest``."""
    return engines.current().sm3_hmac(key, data)


def kdf(secret: bytes, length: int) -> bytes:
    """Return ``length`` key bytes derived from ``secret`` (GB/T 32918.4-2016, 5.4.3)."""
    # The counter has 32 bits and starts at 1, so the standard allows 2**32 - 1 digests.
    if not 0 < length < DIGEST_SIZE * (2**32 - 1):
        raise ValueError("SM3 KDF length must be positive and within the 32-bit counter")
    blocks = (length + DIGEST_SIZE - 1) // DIGEST_SIZE
    counters = [number.to_bytes(4, "big") for number in range(1, blocks + 1)]
    return b"".join(digest_many(counters, secret))[:length]


def hkdf(secret: bytes, length: int, *, salt: bytes = b"", info: bytes = b"") -> bytes:
    """Return ``length`` key bytes for one use, named by ``info`` (RFC 5869 with HMAC-SM3)."""
    if not 0 < length <= 255 * DIGEST_SIZE:
        raise ValueError("HKDF gives 1 to 255 digests")
    key = hmac(salt or bytes(DIGEST_SIZE), secret)
    out, block = b"", b""
    for number in range(1, (length + DIGEST_SIZE - 1) // DIGEST_SIZE + 1):
        block = hmac(key, block + info + bytes((number,)))
        out += block
    return out[:length]
