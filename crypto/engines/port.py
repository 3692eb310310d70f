"""The port every engine stands behind.

Engines compute and nothing else: what enters has been checked by ``sm2``, ``sm3`` and ``sm4``
(sizes, ranges, encodings), what leaves is encoded there. Points are 65 bytes 04 ‖ x ‖ y, scalars
and digests 32 bytes big-endian, signatures r ‖ s in 64 bytes. Deterministic operations give the
same bytes in every engine; randomised ones accept each other's output. A random source that
fails its tests ends an operation with RuntimeError.
"""

from collections.abc import Sequence
from typing import Protocol, Self

__all__ = ["Engine", "Hash", "Refused", "Sm2PrivateKey", "Sm2PublicKey"]


class Refused(Exception):  # noqa: N818 - a verdict for the caller to name
    """The engine did not accept the input; carries no detail, since detail may be secret."""


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


class Sm2PublicKey(Protocol):
    """A point of the curve, ready for use; safe to share between threads."""

    def verify(self, e: bytes, signature: bytes) -> bool:
        """Tell whether r ‖ s is this key's signature of e (GB/T 32918.2-2016, 7.1)."""

    def encrypt(self, plaintext: bytes) -> tuple[bytes, bytes, bytes]:
        """Return C1 (65 bytes), C3 (32 bytes) and C2 (GB/T 32918.4-2016, 6.1)."""


class Sm2PrivateKey(Protocol):
    """A scalar in [1, n-2], held where the engine holds secrets; safe to share between threads."""

    def point(self) -> bytes:
        """Return the public point."""

    def scalar(self) -> bytearray:
        """Return the scalar for export; the caller overwrites it when done."""

    def sign(self, e: bytes) -> bytes:
        """Return r ‖ s over e = SM3(Z ‖ M) (GB/T 32918.2-2016, 6.1)."""

    def sign_many(self, es: Sequence[bytes]) -> list[bytes]:
        """Return a signature for each e, in order."""

    def decrypt(self, c1: bytes, c3: bytes, c2: bytes) -> bytes:
        """Return the plaintext; raises ``Refused`` when C1 is off the curve or C3 differs."""

    def shared_point(self, peer: bytes) -> bytes:
        """Return x ‖ y of d·peer (64 bytes); raises ``Refused`` off the curve or at infinity."""

    def exchange(self, ephemeral: Self, peer: bytes, peer_ephemeral: bytes) -> bytes:
        """Return x ‖ y of U (GB/T 32918.3-2016, 6.1, A1-A7): t·(P + x̄·R) with t = d + x̄·r.

        Raises ``Refused`` when a point is off the curve or U is infinity.
        """


class Engine(Protocol):
    """One way to compute; stateless apart from its random source.

    SM4 methods take a key of 16 bytes; ``data`` of the block modes is a whole number of blocks.
    Opening raises ``Refused`` before anything of the plaintext is given out.
    """

    @property
    def name(self) -> str:
        """Return ``native``, ``libcrypto`` or ``python``."""

    def describe(self) -> str:
        """Return what computes what, with versions, for status pages."""

    def sm2_generate(self) -> Sm2PrivateKey:
        """Return a new key from fresh random numbers."""

    def sm2_private(self, scalar: bytes | bytearray) -> Sm2PrivateKey:
        """Return the key of a scalar in [1, n-2]; raises ``Refused`` outside."""

    def sm2_public(self, point: bytes) -> Sm2PublicKey:
        """Return the key of a point; raises ``Refused`` off the curve."""

    def sm2_verify_many(
        self, keys: Sequence[Sm2PublicKey], es: Sequence[bytes], signatures: Sequence[bytes]
    ) -> list[bool]:
        """Return the verdict on each triple, in order."""

    def sm3(self) -> Hash:
        """Return a running SM3 that has taken in nothing."""

    def sm3_digest(self, data: bytes) -> bytes:
        """Return SM3(data)."""

    def sm3_digest_many(self, chunks: Sequence[bytes], prefix: bytes) -> list[bytes]:
        """Return SM3(prefix ‖ chunk) for every chunk, in order."""

    def sm3_leaves(self, salts: Sequence[bytes], payloads: Sequence[bytes]) -> list[bytes]:
        """Return SM3(0x00 ‖ salt ‖ payload) for every pair, in order."""

    def sm3_merkle_root(self, leaves: Sequence[bytes]) -> bytes:
        """Return the root over at least one leaf: node = SM3(0x01 ‖ left ‖ right), an odd one
        promoted."""

    def sm3_hmac(self, key: bytes, data: bytes) -> bytes:
        """Return HMAC-SM3(key, data)."""

    def sm4_ecb_encrypt(self, key: bytes, data: bytes) -> bytes:
        """Return each block encrypted by itself: for key wrap, never for messages."""

    def sm4_ecb_decrypt(self, key: bytes, data: bytes) -> bytes:
        """Return each block decrypted by itself."""

    def sm4_cbc_encrypt(self, key: bytes, iv: bytes, data: bytes) -> bytes:
        """Return CBC of whole blocks, without padding."""

    def sm4_cbc_decrypt(self, key: bytes, iv: bytes, data: bytes) -> bytes:
        """Return the blocks of CBC, padding left on."""

    def sm4_ctr(self, key: bytes, counter: bytes, data: bytes) -> bytes:
        """Return data under the keystream from a 16-byte counter block, counted mod 2**128."""

    def sm4_gcm_seal(self, key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Return ciphertext ‖ 16-byte tag for a 12-byte nonce (RFC 8998, 2.1)."""

    def sm4_gcm_open(self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        """Return the plaintext of ``sm4_gcm_seal``; raises ``Refused``."""

    def sm4_ccm_seal(
        self, key: bytes, nonce: bytes, plaintext: bytes, aad: bytes, tag_size: int
    ) -> bytes:
        """Return ciphertext ‖ tag (RFC 3610; RFC 8998, 2.2) for a nonce of 7 to 13 bytes."""

    def sm4_ccm_open(
        self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes, tag_size: int
    ) -> bytes:
        """Return the plaintext of ``sm4_ccm_seal``; raises ``Refused``."""
