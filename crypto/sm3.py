"""SM3 digests (GB/T 32905-2016), their HMAC (GM/T 0042-2015) and KDF (GB/T 32918.4-2016, 5.4.3).

The engine is the interpreter's own ``hashlib`` where its libcrypto has SM3, else the
``cryptography`` package. Sizes are fixed by the standard: 32 bytes out, blocks of 64.
"""

import hashlib
import hmac as _hmac
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol, Self

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = [
    "BLOCK_SIZE",
    "DIGEST_SIZE",
    "ENGINE",
    "Hash",
    "digest",
    "digest_many",
    "hmac",
    "kdf",
    "new",
]

DIGEST_SIZE: Final = 32
BLOCK_SIZE: Final = 64


class Hash(Protocol):
    """A running SM3, with the methods of a ``hashlib`` object."""

    @property
    def name(self) -> str:
        """Return ``"sm3"``."""

    @property
    def digest_size(self) -> int:
        """Return 32."""

    @property
    def block_size(self) -> int:
        """Return 64."""

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""

    def digest(self) -> bytes:
        """Return the digest of what was taken in; the object can go on."""

    def hexdigest(self) -> str:
        """Return the digest as 64 hexadecimal digits."""

    def copy(self) -> Self:
        """Return an independent object with the same state."""


class _FallbackHash:
    """SM3 of the ``cryptography`` package behind the methods of a ``hashlib`` object."""

    name: Final = "sm3"
    digest_size: Final = DIGEST_SIZE
    block_size: Final = BLOCK_SIZE

    __slots__ = ("_state",)

    def __init__(self, data: bytes = b"") -> None:
        # Imported here because it costs tens of milliseconds and is rarely needed.
        from cryptography.hazmat.primitives import hashes

        self._state = hashes.Hash(hashes.SM3())
        self.update(data)

    def update(self, data: "ReadableBuffer", /) -> None:
        self._state.update(memoryview(data))

    def digest(self) -> bytes:
        return self._state.copy().finalize()

    def hexdigest(self) -> str:
        return self.digest().hex()

    def copy(self) -> Self:
        twin = object.__new__(type(self))
        twin._state = self._state.copy()
        return twin


def _choose() -> tuple[str, Callable[[], Hash]]:
    """Return the engine's name and a maker of empty hash objects."""
    try:
        empty = hashlib.new("sm3")
    except ValueError:
        return "cryptography", _FallbackHash().copy
    # Copying a prepared object skips the look-up of the algorithm by name, which is a third of the
    # time for a short message. The shared object is never updated, so copying needs no lock.
    return "hashlib", empty.copy


ENGINE, _copy = _choose()


def digest(data: bytes) -> bytes:
    """Return SM3(``data``), 32 bytes."""
    state = _copy()
    state.update(data)
    return state.digest()


def digest_many(chunks: Sequence[bytes], prefix: bytes = b"") -> list[bytes]:
    """Return SM3(``prefix`` ‖ chunk) for every chunk, in order."""
    copy = new(prefix).copy
    digests: list[bytes] = []
    append = digests.append
    for chunk in chunks:
        state = copy()
        state.update(chunk)
        append(state.digest())
    return digests


def new(data: bytes = b"") -> Hash:
    """Return a running SM3 that has taken in ``data``."""
    state = _copy()
    if data:
        state.update(data)
    return state


def hmac(key: bytes, data: bytes) -> bytes:
    """Return HMAC-SM3(``key``, ``data``), 32 bytes; compare with ``hmac.compare_digest``."""
    if ENGINE == "hashlib":
        return _hmac.digest(key, data, "sm3")
    return _hmac.new(key, data, _FallbackHash).digest()


def kdf(secret: bytes, length: int) -> bytes:
    """Return ``length`` key bytes derived from ``secret`` (GB/T 32918.4-2016, 5.4.3)."""
    # The counter has 32 bits and starts at 1, so the standard allows 2**32 - 1 digests.
    if not 0 < length < DIGEST_SIZE * (2**32 - 1):
        raise ValueError("SM3 KDF length must be positive and within the 32-bit counter")
    base = new(secret)
    out = bytearray()
    counter = 1
    while len(out) < length:
        state = base.copy()
        state.update(counter.to_bytes(4, "big"))
        out += state.digest()
        counter += 1
    return bytes(out[:length])
