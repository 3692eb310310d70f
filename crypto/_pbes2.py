"""Password-based encryption of a private key: PBES2 with PBKDF2 (RFC 8018, 6.2 and A.2).

Two dialects are in use for SM2 keys and neither side reads the other's: OpenSSL derives by
HMAC-SHA256, GmSSL by HMAC-SM3. Both are read and written here; AES-CBC, the default of
``openssl pkcs8 -topk8``, is read only.
"""

import hashlib
import secrets
from enum import Enum
from typing import Final

from crypto import _asn1, _oid, sm4
from crypto.errors import CryptoError

__all__ = [
    "ITERATIONS",
    "ITERATIONS_MAX",
    "ITERATIONS_MIN",
    "ITERATIONS_WRITTEN_MIN",
    "Style",
    "open_sealed",
    "seal",
    "wrong_password",
]

# What is written: OWASP's figure for PBKDF2 with HMAC-SHA256, about a quarter of a second.
ITERATIONS: Final = 600_000
# Fewer are not written: GmSSL 3.2 opens nothing below.
ITERATIONS_WRITTEN_MIN: Final = 10_000
# What is read: RFC 8018, 4.2 asks for 1000 at least. A count over the upper limit (some seconds of
# one core) is taken for an attack on the reader, not for a careful writer.
ITERATIONS_MIN: Final = 1000
ITERATIONS_MAX: Final = 4_000_000

_SALT_SIZE: Final = 16
_SALT_SIZES: Final = range(8, 65)
_PBES2: Final = "1.2.840.113549.1.5.13"
_PBKDF2: Final = "1.2.840.113549.1.5.12"
_HMAC_SHA1: Final = "1.2.840.113549.2.7"
# hmacWithSM3 is a leaf of SM3's own identifier, as GmSSL and gmsm write it.
_DIGESTS: Final = {
    _HMAC_SHA1: "sha1",
    "1.2.840.113549.2.8": "sha224",
    "1.2.840.113549.2.9": "sha256",
    "1.2.840.113549.2.10": "sha384",
    "1.2.840.113549.2.11": "sha512",
    "1.2.156.10197.1.401.2": "sm3",
}
_KEY_SIZES: Final = {
    _oid.SM4_CBC: 16,
    "2.16.840.1.101.3.4.1.2": 16,
    "2.16.840.1.101.3.4.1.22": 24,
    "2.16.840.1.101.3.4.1.42": 32,
}


class Style(Enum):
    """Whose tools shall open the key; the value is the identifier of the HMAC."""

    OPENSSL = "1.2.840.113549.2.9"
    GMSSL = "1.2.156.10197.1.401.2"


def seal(plaintext: bytes, password: bytes, *, style: Style, iterations: int) -> bytes:
    """Return EncryptedPrivateKeyInfo (RFC 5958, 3) by SM4-CBC."""
    _check_iterations(iterations, ITERATIONS_WRITTEN_MIN, ITERATIONS_MAX)
    salt, iv = secrets.token_bytes(_SALT_SIZE), secrets.token_bytes(sm4.BLOCK_SIZE)
    key = _derive(_DIGESTS[style.value], password, salt, iterations, sm4.KEY_SIZE)
    # GmSSL 3.2 takes no NULL beside the HMAC; OpenSSL writes one (RFC 8018, B.1.2 asks for it).
    if style is Style.GMSSL:
        tail = _asn1.integer(sm4.KEY_SIZE) + _oid.algorithm(style.value)
    else:
        tail = _oid.algorithm(style.value, _asn1.null())
    derivation = _oid.algorithm(
        _PBKDF2, _asn1.sequence(_asn1.octets(salt), _asn1.integer(iterations), tail)
    )
    cipher = _oid.algorithm(_oid.SM4_CBC, _asn1.octets(iv))
    return _asn1.sequence(
        _oid.algorithm(_PBES2, _asn1.sequence(derivation, cipher)),
        _asn1.octets(sm4.cbc_encrypt(key, iv, plaintext, padding=sm4.Padding.PKCS7)),
    )


def open_sealed(der: bytes, password: bytes, *, iterations_max: int = ITERATIONS_MAX) -> bytes:
    """Return the plaintext of EncryptedPrivateKeyInfo.

    Raises ValueError for another form, ``crypto.key.iterations`` for a count outside the limits
    and ``crypto.key.password`` when the padding is none.
    """
    with _asn1.Reader(der) as whole, whole.inside() as body:
        scheme, parameters = _oid.read_algorithm(body)
        if scheme != _PBES2:
            raise ValueError(f"encryption {scheme} is not PBES2")
        with parameters, parameters.inside() as both:
            digest, salt, iterations, stated_size = _read_derivation(both)
            cipher, rest = _oid.read_algorithm(both)
            with rest:
                iv = rest.octets()
        sealed = body.octets()
    size = _KEY_SIZES.get(cipher)
    if size is None:
        raise ValueError(f"cipher {cipher} is neither SM4-CBC nor AES-CBC")
    if stated_size not in (None, size):
        raise ValueError("key size is not the cipher's")
    _check_iterations(iterations, ITERATIONS_MIN, iterations_max)
    key = _derive(digest, password, salt, iterations, size)
    if len(iv) != sm4.BLOCK_SIZE:
        raise ValueError("IV is not one block")
    try:
        if cipher == _oid.SM4_CBC:
            return sm4.cbc_decrypt(key, iv, sealed, padding=sm4.Padding.PKCS7)
        return _open_aes(key, iv, sealed)
    except (CryptoError, ValueError):
        raise wrong_password() from None


def wrong_password() -> CryptoError:
    """Return the one answer for a password that does not open the key."""
    return CryptoError("crypto.key.password", "The password does not open the key.")


def _read_derivation(both: _asn1.Reader) -> tuple[str, bytes, int, int | None]:
    """Return digest, salt, count and stated key size of PBKDF2."""
    scheme, parameters = _oid.read_algorithm(both)
    if scheme != _PBKDF2:
        raise ValueError(f"key derivation {scheme} is not PBKDF2")
    with parameters, parameters.inside() as body:
        salt = body.octets()
        iterations = body.unsigned(8)
        stated_size = body.unsigned(2) if body.peek() == _asn1.INTEGER else None
        # RFC 8018, A.2: HMAC-SHA1 is the default, and DER leaves a default out.
        identifier = _HMAC_SHA1
        if body.more:
            identifier = _oid.read_bare_algorithm(body, *_DIGESTS)
            if identifier == _HMAC_SHA1:
                raise ValueError("a default is written out")
    if len(salt) not in _SALT_SIZES:
        raise ValueError(f"salt of {len(salt)} bytes")
    return _DIGESTS[identifier], salt, iterations, stated_size


def _open_aes(key: bytes, iv: bytes, sealed: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import CBC
    from cryptography.hazmat.primitives.padding import PKCS7

    decryptor = Cipher(AES(key), CBC(iv)).decryptor()
    unpadder = PKCS7(AES.block_size).unpadder()
    padded = decryptor.update(sealed) + decryptor.finalize()
    return unpadder.update(padded) + unpadder.finalize()


def _check_iterations(iterations: int, iterations_min: int, iterations_max: int) -> None:
    if not iterations_min <= iterations <= iterations_max:
        raise CryptoError(
            "crypto.key.iterations",
            f"PBKDF2 with {iterations} rounds is outside {iterations_min} to {iterations_max}: "
            "too few to hold, or too many to wait for.",
            {
                "iterations": min(iterations, 2**63 - 1),
                "iterations_min": iterations_min,
                "iterations_max": iterations_max,
            },
        )


def _derive(digest: str, password: bytes, salt: bytes, iterations: int, size: int) -> bytes:
    if digest in hashlib.algorithms_available:
        return hashlib.pbkdf2_hmac(digest, password, salt, iterations, size)
    # An interpreter whose libcrypto was built without SM3.
    return _derive_by_package(password, salt, iterations, size)


def _derive_by_package(password: bytes, salt: bytes, iterations: int, size: int) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    return PBKDF2HMAC(hashes.SM3(), size, salt, iterations).derive(password)
