"""SM3 by ``hashlib`` where the interpreter's libcrypto has it, else SM3, and always SM4, by the
``cryptography`` package: what engines without code of their own for these share.

``cryptography`` is imported on first use: the import costs more than most commands of a sensor.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Self

from crypto.engines.port import Hash, Refused

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.modes import CBC, CTR, ECB, GCM

__all__ = ["SM3_SOURCE", "PackagedHashing"]

_BLOCK: Final = 16
_TAG: Final = 16


class FallbackHash:
    """SM3 of the ``cryptography`` package behind the methods of a ``hashlib`` object."""

    name: Final = "sm3"
    digest_size: Final = 32
    block_size: Final = 64

    __slots__ = ("_state",)

    def __init__(self, data: bytes = b"") -> None:
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
    """Return where SM3 comes from and a maker of empty hash objects."""
    try:
        empty = hashlib.new("sm3")
    except ValueError:
        return "cryptography", FallbackHash().copy
    # Copying a prepared object skips the look-up of the algorithm by name, which is a third of the
    # time for a short message. The shared object is never updated, so copying needs no lock.
    return "hashlib", empty.copy


SM3_SOURCE, _copy = _choose()


class PackagedHashing:
    """The SM3 and SM4 methods of an engine."""

    def sm3(self) -> Hash:
        return _copy()

    def sm3_digest(self, data: bytes) -> bytes:
        state = _copy()
        state.update(data)
        return state.digest()

    def sm3_digest_many(self, chunks: Sequence[bytes], prefix: bytes) -> list[bytes]:
        start = _copy()
        start.update(prefix)
        copy = start.copy
        digests: list[bytes] = []
        append = digests.append
        for chunk in chunks:
            state = copy()
            state.update(chunk)
            append(state.digest())
        return digests

    def sm3_leaves(self, salts: Sequence[bytes], payloads: Sequence[bytes]) -> list[bytes]:
        salted = [salt + payload for salt, payload in zip(salts, payloads, strict=True)]
        return self.sm3_digest_many(salted, b"\0")

    def sm3_merkle_root(self, leaves: Sequence[bytes]) -> bytes:
        level = list(leaves)
        while len(level) > 1:
            pairs = [left + right for left, right in zip(level[0::2], level[1::2], strict=False)]
            level = self.sm3_digest_many(pairs, b"\1") + level[len(pairs) * 2 :]
        return level[0]

    def sm3_hmac(self, key: bytes, data: bytes) -> bytes:
        if SM3_SOURCE == "hashlib":
            return hmac.digest(key, data, "sm3")
        return hmac.new(key, data, FallbackHash).digest()

    def sm4_ecb_encrypt(self, key: bytes, data: bytes) -> bytes:
        return _run(key, _ecb(), data)

    def sm4_ecb_decrypt(self, key: bytes, data: bytes) -> bytes:
        return _run(key, _ecb(), data, decrypt=True)

    def sm4_cbc_encrypt(self, key: bytes, iv: bytes, data: bytes) -> bytes:
        return _run(key, _cbc(iv), data)

    def sm4_cbc_decrypt(self, key: bytes, iv: bytes, data: bytes) -> bytes:
        return _run(key, _cbc(iv), data, decrypt=True)

    def sm4_ctr(self, key: bytes, counter: bytes, data: bytes) -> bytes:
        from cryptography.hazmat.primitives.ciphers.modes import CTR

        return _run(key, CTR(counter), data)

    def sm4_gcm_seal(self, key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        encryptor = _gcm(key, nonce, None).encryptor()
        encryptor.authenticate_additional_data(aad)
        return encryptor.update(plaintext) + encryptor.finalize() + encryptor.tag

    def sm4_gcm_open(self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        body, tag = sealed[:-_TAG], sealed[-_TAG:]
        if len(tag) != _TAG:
            raise Refused
        from cryptography.exceptions import InvalidTag

        decryptor = _gcm(key, nonce, tag).decryptor()
        decryptor.authenticate_additional_data(aad)
        plaintext = decryptor.update(body)
        try:
            return plaintext + decryptor.finalize()
        except InvalidTag:
            raise Refused from None

    def sm4_ccm_seal(
        self, key: bytes, nonce: bytes, plaintext: bytes, aad: bytes, tag_size: int
    ) -> bytes:
        # The package has no SM4-CCM; RFC 3610 is CBC-MAC and counter mode, which it has.
        mac = self._ccm_mac(key, nonce, plaintext, aad, tag_size)
        start = bytes((14 - len(nonce),)) + nonce + bytes(15 - len(nonce))
        stream = self.sm4_ctr(key, start, mac.ljust(_BLOCK, b"\0") + plaintext)
        return stream[_BLOCK:] + stream[:tag_size]

    def sm4_ccm_open(
        self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes, tag_size: int
    ) -> bytes:
        if len(sealed) < tag_size:
            raise Refused
        body, tag = sealed[:-tag_size], sealed[-tag_size:]
        start = bytes((14 - len(nonce),)) + nonce + bytes(15 - len(nonce))
        stream = self.sm4_ctr(key, start, tag.ljust(_BLOCK, b"\0") + body)
        plaintext = stream[_BLOCK:]
        expected = self._ccm_mac(key, nonce, plaintext, aad, tag_size)
        if not hmac.compare_digest(stream[:tag_size], expected):
            raise Refused
        return plaintext

    def _ccm_mac(
        self, key: bytes, nonce: bytes, plaintext: bytes, aad: bytes, tag_size: int
    ) -> bytes:
        """Return the tag before encryption: CBC-MAC of B_0, data and text (RFC 3610, 2.2)."""
        width = 15 - len(nonce)
        flags = (0x40 if aad else 0) | (tag_size - 2) // 2 << 3 | width - 1
        blocks = bytearray(bytes((flags,)) + nonce + len(plaintext).to_bytes(width, "big"))
        if aad:
            size = len(aad)
            blocks += (
                size.to_bytes(2, "big") if size < 0xFF00 else b"\xff\xfe" + size.to_bytes(4, "big")
            )
            blocks += aad
            blocks += bytes(-len(blocks) % _BLOCK)
        blocks += plaintext
        blocks += bytes(-len(blocks) % _BLOCK)
        return self.sm4_cbc_encrypt(key, bytes(_BLOCK), bytes(blocks))[-_BLOCK:][:tag_size]


def _run(key: bytes, mode: "CBC | CTR | ECB", data: bytes, *, decrypt: bool = False) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import SM4

    cipher = Cipher(SM4(key), mode)
    context = cipher.decryptor() if decrypt else cipher.encryptor()
    return context.update(data) + context.finalize()


def _ecb() -> "ECB":
    from cryptography.hazmat.primitives.ciphers.modes import ECB

    return ECB()  # noqa: S305 - key wrap is built on single blocks


def _cbc(iv: bytes) -> "CBC":
    from cryptography.hazmat.primitives.ciphers.modes import CBC

    return CBC(iv)


def _gcm(key: bytes, nonce: bytes, tag: bytes | None) -> "Cipher[GCM]":
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import SM4
    from cryptography.hazmat.primitives.ciphers.modes import GCM

    return Cipher(SM4(key), GCM(nonce, tag))
