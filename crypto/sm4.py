"""SM4 (GB/T 32907-2016) in Galois/Counter mode (RFC 8998, 2.1), the only mode offered.

The caller owns the nonce: the same nonce twice under one key gives both texts and the
authentication key away, so take a counter, or a new key for each message.
The engine is the ``cryptography`` package, since libcrypto before 3.1 has no SM4-GCM; it is
imported on first use, because the import alone costs more than most commands of a sensor.
"""

from typing import TYPE_CHECKING, Final

from crypto.errors import CryptoError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.modes import GCM

__all__ = ["KEY_SIZE", "NONCE_SIZE", "PLAINTEXT_SIZE_MAX", "TAG_SIZE", "open", "seal"]

KEY_SIZE: Final = 16
NONCE_SIZE: Final = 12
TAG_SIZE: Final = 16
# The mode itself ends at 2**36 - 32 bytes (NIST SP 800-38D, 5.2.1.1). Far less is allowed because
# nothing is released before the tag is checked, so all of it stands in memory.
PLAINTEXT_SIZE_MAX: Final = 1 << 30


def seal(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Return the ciphertext and its 16-byte tag; ``aad`` is authenticated and not enclosed."""
    if len(plaintext) > PLAINTEXT_SIZE_MAX:
        raise CryptoError(
            "crypto.plaintext.size",
            f"SM4-GCM seals at most {PLAINTEXT_SIZE_MAX} bytes at once: seal in parts.",
            {"size": len(plaintext), "size_max": PLAINTEXT_SIZE_MAX},
        )
    encryptor = _cipher(key, nonce, None).encryptor()
    encryptor.authenticate_additional_data(aad)
    return encryptor.update(plaintext) + encryptor.finalize() + encryptor.tag


def open(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:  # noqa: A001 - sm4.open
    """Return the plaintext of ``seal``; raises ``crypto.ciphertext.invalid`` when it is not whole.

    Nothing is returned before the tag was compared, in constant time, by the engine.
    """
    body, tag = sealed[:-TAG_SIZE], sealed[-TAG_SIZE:]
    if len(tag) != TAG_SIZE or len(body) > PLAINTEXT_SIZE_MAX:
        raise _invalid()
    decryptor = _cipher(key, nonce, tag).decryptor()
    from cryptography.exceptions import InvalidTag

    decryptor.authenticate_additional_data(aad)
    plaintext = decryptor.update(body)
    try:
        return plaintext + decryptor.finalize()
    except InvalidTag:
        raise _invalid() from None


def _cipher(key: bytes, nonce: bytes, tag: bytes | None) -> "Cipher[GCM]":
    if len(key) != KEY_SIZE:
        raise CryptoError(
            "crypto.key.malformed", f"An SM4 key has {KEY_SIZE} bytes.", {"size": len(key)}
        )
    if len(nonce) != NONCE_SIZE:
        raise CryptoError(
            "crypto.nonce.malformed", f"A nonce has {NONCE_SIZE} bytes.", {"size": len(nonce)}
        )
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import SM4
    from cryptography.hazmat.primitives.ciphers.modes import GCM

    return Cipher(SM4(key), GCM(nonce, tag))


def _invalid() -> CryptoError:
    return CryptoError(
        "crypto.ciphertext.invalid",
        "The sealed text was changed, or key, nonce or associated data are others.",
    )
