"""SM4 (GB/T 32907-2016) in the modes that messages and keys need.

``seal`` and ``open`` (GCM, RFC 8998) are the way to keep something secret and whole; CCM is there
for those who speak it. CTR and CBC hide without proving anything: take them only where a format
asks for them and something else covers the bytes. The caller owns the nonce: the same nonce twice
under one key gives both texts and the authentication key away, so take a counter, or a new key
for each message. Long streams: ``sm4_stream``.
"""

import hmac
from enum import Enum
from typing import Final

from crypto import engines
from crypto.engines.port import Refused
from crypto.errors import CryptoError

__all__ = [
    "BLOCK_SIZE",
    "KEY_SIZE",
    "NONCE_SIZE",
    "PLAINTEXT_SIZE_MAX",
    "TAG_SIZE",
    "Padding",
    "cbc_decrypt",
    "cbc_encrypt",
    "ccm_open",
    "ccm_seal",
    "ctr",
    "open",
    "seal",
    "unwrap",
    "wrap",
]

KEY_SIZE: Final = 16
BLOCK_SIZE: Final = 16
NONCE_SIZE: Final = 12
TAG_SIZE: Final = 16
# The mode itself ends at 2**36 - 32 bytes (NIST SP 800-38D, 5.2.1.1). Far less is allowed because
# nothing is released before the tag is checked, so all of it stands in memory.
PLAINTEXT_SIZE_MAX: Final = 1 << 30

# RFC 3610, 2: nonce and length field share 15 bytes; tags are even.
_CCM_NONCE_SIZES: Final = range(7, 14)
_CCM_TAG_SIZES: Final = range(4, 17, 2)
_WRAP_IV: Final = bytes.fromhex("a6a6a6a6a6a6a6a6")  # RFC 3394, 2.2.3.1
# A wrapped key is a key: 4 KiB holds an RSA private key too, and the passes are quadratic in time.
_WRAPPED_SIZE_MAX: Final = 4096


class Padding(Enum):
    """What fills the last block of CBC."""

    PKCS7 = "pkcs7"
    """1 to 16 bytes, each telling how many (RFC 5652, 6.3)."""
    NONE = "none"
    """Nothing: the text must be whole blocks."""


def seal(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Return the ciphertext and its 16-byte tag; ``aad`` is authenticated and not enclosed."""
    _check_key(key)
    _check_nonce(nonce, (NONCE_SIZE,))
    _check_size(plaintext)
    return engines.current().sm4_gcm_seal(key, nonce, plaintext, aad)


def open(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:  # noqa: A001 - sm4.open
    """Return the plaintext of ``seal``; raises ``crypto.ciphertext.invalid`` when it is not whole.

    Nothing is returned before the tag was compared, in constant time, by the engine.
    """
    _check_key(key)
    _check_nonce(nonce, (NONCE_SIZE,))
    if not TAG_SIZE <= len(sealed) <= PLAINTEXT_SIZE_MAX + TAG_SIZE:
        raise _invalid()
    try:
        return engines.current().sm4_gcm_open(key, nonce, sealed, aad)
    except Refused:
        raise _invalid() from None


def ccm_seal(
    key: bytes, nonce: bytes, plaintext: bytes, aad: bytes, *, tag_size: int = TAG_SIZE
) -> bytes:
    """Return the CCM ciphertext and tag (RFC 8998, 2.2) for a nonce of 7 to 13 bytes."""
    _check_ccm(key, nonce, tag_size)
    _check_size(plaintext, _ccm_size_max(nonce))
    return engines.current().sm4_ccm_seal(key, nonce, plaintext, aad, tag_size)


def ccm_open(
    key: bytes, nonce: bytes, sealed: bytes, aad: bytes, *, tag_size: int = TAG_SIZE
) -> bytes:
    """Return the plaintext of ``ccm_seal``; raises ``crypto.ciphertext.invalid``."""
    _check_ccm(key, nonce, tag_size)
    if not tag_size <= len(sealed) <= _ccm_size_max(nonce) + tag_size:
        raise _invalid()
    try:
        return engines.current().sm4_ccm_open(key, nonce, sealed, aad, tag_size)
    except Refused:
        raise _invalid() from None


def ctr(key: bytes, counter: bytes, data: bytes) -> bytes:
    """Return ``data`` under the keystream that begins at a 16-byte counter block."""
    _check_key(key)
    _check_nonce(counter, (BLOCK_SIZE,))
    _check_size(data)
    return engines.current().sm4_ctr(key, counter, data)


def cbc_encrypt(key: bytes, iv: bytes, plaintext: bytes, *, padding: Padding) -> bytes:
    """Return the CBC ciphertext; ``iv`` is 16 bytes nobody could foresee."""
    _check_key(key)
    _check_nonce(iv, (BLOCK_SIZE,))
    _check_size(plaintext)
    if padding is Padding.PKCS7:
        size = BLOCK_SIZE - len(plaintext) % BLOCK_SIZE
        plaintext += bytes((size,)) * size
    elif len(plaintext) % BLOCK_SIZE:
        raise CryptoError(
            "crypto.plaintext.size",
            f"CBC without padding takes whole blocks of {BLOCK_SIZE} bytes.",
            {"size": len(plaintext)},
        )
    return engines.current().sm4_cbc_encrypt(key, iv, plaintext)


def cbc_decrypt(key: bytes, iv: bytes, ciphertext: bytes, *, padding: Padding) -> bytes:
    """Return the text of ``cbc_encrypt``; raises ``crypto.ciphertext.invalid``.

    CBC proves nothing: never let whoever sent the ciphertext learn which check failed, nor answer
    many tries (Vaudenay, EUROCRYPT 2002).
    """
    _check_key(key)
    _check_nonce(iv, (BLOCK_SIZE,))
    if len(ciphertext) % BLOCK_SIZE or len(ciphertext) > PLAINTEXT_SIZE_MAX + BLOCK_SIZE:
        raise _invalid()
    plaintext = engines.current().sm4_cbc_decrypt(key, iv, ciphertext)
    if padding is Padding.NONE:
        return plaintext
    size = plaintext[-1] if plaintext else 0
    tail = bytes((size,)) * size
    if not 0 < size <= BLOCK_SIZE or not hmac.compare_digest(plaintext[-size:], tail):
        raise _invalid()
    return plaintext[:-size]


def wrap(key: bytes, secret: bytes) -> bytes:
    """Return a key wrapped for keeping, 8 bytes longer (RFC 3394, 2.2.1, with SM4)."""
    _check_key(key)
    if len(secret) % 8 or not 16 <= len(secret) <= _WRAPPED_SIZE_MAX:
        raise CryptoError(
            "crypto.plaintext.size",
            f"Key wrap takes 16 to {_WRAPPED_SIZE_MAX} bytes, a multiple of 8.",
            {"size": len(secret)},
        )
    encrypt = engines.current().sm4_ecb_encrypt
    parts = [secret[at : at + 8] for at in range(0, len(secret), 8)]
    a, t = _WRAP_IV, 0
    for _ in range(6):
        for index, part in enumerate(parts):
            t += 1
            block = encrypt(key, a + part)
            a = _counted(block[:8], t)
            parts[index] = block[8:]
    return a + b"".join(parts)


def unwrap(key: bytes, wrapped: bytes) -> bytes:
    """Return the key of ``wrap``; raises ``crypto.ciphertext.invalid`` (RFC 3394, 2.2.2)."""
    _check_key(key)
    if len(wrapped) % 8 or not 24 <= len(wrapped) <= _WRAPPED_SIZE_MAX + 8:
        raise _invalid()
    decrypt = engines.current().sm4_ecb_decrypt
    a, parts = wrapped[:8], [wrapped[at : at + 8] for at in range(8, len(wrapped), 8)]
    t = 6 * len(parts)
    for _ in range(6):
        for index in range(len(parts) - 1, -1, -1):
            block = decrypt(key, _counted(a, t) + parts[index])
            a, parts[index] = block[:8], block[8:]
            t -= 1
    if not hmac.compare_digest(a, _WRAP_IV):
        raise _invalid()
    return b"".join(parts)


def _counted(half: bytes, t: int) -> bytes:
    return (int.from_bytes(half, "big") ^ t).to_bytes(8, "big")


def _check_key(key: bytes) -> None:
    if len(key) != KEY_SIZE:
        raise CryptoError(
            "crypto.key.malformed", f"An SM4 key has {KEY_SIZE} bytes.", {"size": len(key)}
        )


def _check_nonce(nonce: bytes, sizes: range | tuple[int, ...]) -> None:
    if len(nonce) not in sizes:
        allowed = f"{sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else f"{sizes[0]}"
        raise CryptoError(
            "crypto.nonce.malformed",
            f"A nonce or counter has {allowed} bytes here.",
            {"size": len(nonce)},
        )


def _check_ccm(key: bytes, nonce: bytes, tag_size: int) -> None:
    _check_key(key)
    _check_nonce(nonce, _CCM_NONCE_SIZES)
    if tag_size not in _CCM_TAG_SIZES:
        raise CryptoError(
            "crypto.nonce.malformed", "A CCM tag has 4 to 16 bytes, even.", {"size": tag_size}
        )


def _ccm_size_max(nonce: bytes) -> int:
    return min(PLAINTEXT_SIZE_MAX, (1 << 8 * (15 - len(nonce))) - 1)


def _check_size(plaintext: bytes, size_max: int | None = None) -> None:
    size_max = PLAINTEXT_SIZE_MAX if size_max is None else size_max
    if len(plaintext) > size_max:
        raise CryptoError(
            "crypto.plaintext.size",
            f"SM4 takes at most {size_max} bytes at once here: take sm4_stream, or parts.",
            {"size": len(plaintext), "size_max": size_max},
        )


def _invalid() -> CryptoError:
    return CryptoError(
        "crypto.ciphertext.invalid",
        "The sealed text was changed, or key, nonce or associated data are others.",
    )
