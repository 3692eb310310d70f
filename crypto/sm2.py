"""SM2 keys, signatures and encryption (GB/T 32918-2016, recommended curve of part 5).

A signature always names its domain: the domain is the signer's ID inside Z, so a signature made for
one use never verifies in another. Signing takes the message and hashes it here; there is no way to
sign a foreign digest. Verification raises and never returns a verdict that could be ignored.
Keys may be shared between threads. A private key shows its key id only: not in ``repr``, not in
an error, and it cannot be pickled or copied.
"""

from collections.abc import Callable
from typing import Final, NoReturn, Self, TypeVar

from crypto import _der, _libcrypto, sm3
from crypto.errors import CryptoError

__all__ = ["PLAINTEXT_SIZE_MAX", "PrivateKey", "PublicKey"]

# GB/T 32918.5-2017: the recommended 256-bit curve y² = x³ + ax + b over F_p, order n, base point G.
_P: Final = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_00000000_FFFFFFFF_FFFFFFFF
_A: Final = _P - 3
_B: Final = 0x28E9FA9E_9D9F5E34_4D5A9E4B_CF6509A7_F39789F5_15AB8F92_DDBCBD41_4D940E93
_N: Final = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_7203DF6B_21C6052B_53BBF409_39D54123
_G: Final = (
    0x32C4AE2C_1F198119_5F990446_6A39C994_8FE30BBF_F2660BE1_715A4589_334C74C7,
    0xBC3736A2_F4F6779C_59BDCEE3_6B692153_D0A9877C_C62A4740_02DF32E5_2139F0A0,
)
_CURVE_BYTES: Final = b"".join(value.to_bytes(32, "big") for value in (_A, _B, *_G))

# ENTL counts the bits of the ID in two bytes (GB/T 32918.2-2016, 5.5).
_DOMAIN_SIZE_MAX: Final = 0xFFFF // 8
# One key has one use, so a handful of domains at most; the bound only stops a caller's mistake.
_DOMAINS_CACHED_MAX: Final = 16
# SM2 encrypts keys and short secrets; longer data takes a fresh SM4 key sealed by SM2.
PLAINTEXT_SIZE_MAX: Final = 64 * 1024

_PRIVATE_LABELS: Final = ("PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY")


class _MessageDigest:
    """What a signature of one point covers; keeps the part that each message of a domain shares."""

    __slots__ = ("_point", "_states")

    def __init__(self, point: bytes) -> None:
        self._point = point
        self._states: dict[str, sm3.Hash] = {}

    def __call__(self, message: bytes, domain: str) -> bytes:
        """Return e = SM3(Z ‖ M) (GB/T 32918.2-2016, 5.5 and 6.1)."""
        state = self._states.get(domain)
        if state is None:
            state = sm3.new(self._identity(domain))
            if len(self._states) < _DOMAINS_CACHED_MAX:
                self._states[domain] = state
        # The kept state has taken in Z and is never updated: each message gets a copy.
        state = state.copy()
        state.update(message)
        return state.digest()

    def _identity(self, domain: str) -> bytes:
        """Return Z = SM3(ENTL ‖ ID ‖ a ‖ b ‖ G ‖ point)."""
        try:
            identity = domain.encode()
        except UnicodeEncodeError:
            identity = b""  # A lone surrogate has no UTF-8 form: refused below like no domain.
        if not 0 < len(identity) <= _DOMAIN_SIZE_MAX:
            raise CryptoError(
                "crypto.domain.malformed",
                f"A domain has 1 to {_DOMAIN_SIZE_MAX} bytes of UTF-8, such as fengsui/batch/1.",
                {"size": len(identity)},
            )
        bits = (8 * len(identity)).to_bytes(2, "big")
        return sm3.digest(bits + identity + _CURVE_BYTES + self._point[1:])


class PublicKey:
    """A point of the curve, checked when made; equal when the points are."""

    __slots__ = ("__weakref__", "_digest", "_key", "_point")

    def __init__(self, point: bytes) -> None:
        """``point``: 04 ‖ x ‖ y, 65 bytes; raises ``crypto.key.malformed`` when off the curve."""
        _check_point(point)
        self._point = point
        self._digest = _MessageDigest(point)
        self._key = _native(lambda: _libcrypto.Key.from_spki(_der.encode_spki(point)))

    @classmethod
    def from_point(cls, point: bytes) -> Self:
        """Return the key of an uncompressed point of 65 bytes."""
        return cls(point)

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Return the key of a ``PUBLIC KEY`` block: id-ecPublicKey, SM2 curve, uncompressed."""
        try:
            _, der = _der.decode_pem(pem, ("PUBLIC KEY",))
            point = _der.decode_spki(der)
        except ValueError as error:
            raise _malformed(str(error)) from None
        return cls(point)

    def to_pem(self) -> bytes:
        """Return the ``PUBLIC KEY`` block that OpenSSL writes too."""
        return _der.encode_pem("PUBLIC KEY", _der.encode_spki(self._point))

    @property
    def point(self) -> bytes:
        """The point as 04 ‖ x ‖ y, 65 bytes."""
        return self._point

    @property
    def key_id(self) -> str:
        """The first 8 bytes of SM3(point), as 16 hexadecimal digits: a name, not a proof."""
        return sm3.digest(self._point)[:8].hex()

    def verify(self, signature: bytes, message: bytes, *, domain: str) -> None:
        """Raise ``crypto.signature.invalid`` unless this key signed ``message`` for ``domain``."""
        digest = self._digest(message, domain)
        try:
            r, s = _der.decode_signature(signature)
        except ValueError as error:
            raise _invalid_signature(self.key_id, domain) from error
        if not (0 < r < _N and 0 < s < _N):
            raise _invalid_signature(self.key_id, domain)
        try:
            self._key.verify(digest, signature)
        except _libcrypto.Refused:
            raise _invalid_signature(self.key_id, domain) from None

    def encrypt(self, plaintext: bytes) -> bytes:
        """Return the DER ciphertext of 1 to ``PLAINTEXT_SIZE_MAX`` bytes (GB/T 35276-2017, 7.2)."""
        if not 0 < len(plaintext) <= PLAINTEXT_SIZE_MAX:
            raise CryptoError(
                "crypto.plaintext.size",
                f"SM2 encrypts 1 to {PLAINTEXT_SIZE_MAX} bytes; seal longer data with SM4 and "
                "encrypt the SM4 key.",
                {"size": len(plaintext), "size_max": PLAINTEXT_SIZE_MAX},
            )
        return _native(lambda: self._key.encrypt(plaintext))

    def __eq__(self, other: object) -> bool:
        """Compare points."""
        return isinstance(other, PublicKey) and self._point == other._point

    def __hash__(self) -> int:
        """Hash the point."""
        return hash(self._point)

    def __repr__(self) -> str:
        """Show the key id."""
        return f"<PublicKey {self.key_id}>"

    def __reduce__(self) -> tuple[type[Self], tuple[bytes]]:
        """Pickle the point; the native key is made anew on the other side."""
        return type(self), (self._point,)


class PrivateKey:
    """A signing or decrypting key; one key has one use. Made by ``generate`` or ``from_pem``."""

    __slots__ = ("__weakref__", "_digest", "_key", "_public")

    def __init__(self, key: _libcrypto.Key) -> None:
        """Internal: take a native key and check its scalar and point."""
        # Signing divides by 1 + d, so d = n - 1 is no key (GB/T 32918.1-2016, 6.1).
        if not _native(lambda: key.scalar_is_between_1_and(_N - 2)):
            raise _malformed("the private scalar is outside [1, n-2]")
        x, y = _native(key.coordinates)
        self._key = key
        point = b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")
        self._public = PublicKey(point)
        self._digest = _MessageDigest(point)

    @classmethod
    def generate(cls) -> Self:
        """Return a new key from the system's random numbers."""
        return cls(_native(_libcrypto.Key.generate))

    @classmethod
    def from_pem(cls, pem: bytes, password: bytes | None = None) -> Self:
        """Return the key of a PKCS#8 (plain or encrypted) or SEC 1 block.

        Raises ``crypto.key.malformed``, ``crypto.key.encrypted`` (a password is needed) or
        ``crypto.key.password`` (it does not open the key).
        """
        try:
            label, der = _der.decode_pem(pem, _PRIVATE_LABELS)
        except ValueError as error:
            raise _malformed(str(error)) from None
        if label == "ENCRYPTED PRIVATE KEY":
            return cls(_open_encrypted(der, password))
        try:
            return cls(_libcrypto.Key.from_private_der(der))
        except _libcrypto.Refused:
            raise _malformed("not a private key on the SM2 curve, or its halves differ") from None

    def to_pem(self, password: bytes | None = None) -> bytes:
        """Return PKCS#8; with a password, encrypted by PBES2 with SM4-CBC."""
        if password is None:
            return _der.encode_pem("PRIVATE KEY", _native(self._key.private_der))
        if not password:
            raise CryptoError("crypto.key.password", "The password of a key must not be empty.")
        der = _native(lambda: self._key.encrypted_der(password))
        return _der.encode_pem("ENCRYPTED PRIVATE KEY", der)

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return self._public

    def sign(self, message: bytes, *, domain: str) -> bytes:
        """Return the canonical DER signature of ``message`` for ``domain``, at most 72 bytes."""
        digest = self._digest(message, domain)
        return _native(lambda: self._key.sign(digest))

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Return the plaintext; raises ``crypto.ciphertext.invalid`` for whatever reason."""
        try:
            _check_ciphertext(ciphertext)
            return self._key.decrypt(ciphertext)
        except (ValueError, _libcrypto.Refused):
            # One answer for every cause: a second one would be an oracle.
            raise CryptoError(
                "crypto.ciphertext.invalid",
                "The ciphertext was not made for this key, or was changed.",
                {"key_id": self._public.key_id},
            ) from None

    def __repr__(self) -> str:
        """Show the key id."""
        return f"<PrivateKey {self._public.key_id}>"

    def __reduce__(self) -> NoReturn:
        """Refuse: a private key leaves the process by ``to_pem`` only."""
        raise TypeError("a private key cannot be pickled or copied")


_T = TypeVar("_T")


def _native(call: Callable[[], _T]) -> _T:
    """Run a step that only a broken library refuses, since its input has been checked."""
    try:
        return call()
    except _libcrypto.Refused:
        raise CryptoError(
            "crypto.library.failed",
            f"{_libcrypto.describe()} failed on valid input; run the self-test.",
            {"library": _libcrypto.describe()},
        ) from None


def _open_encrypted(der: bytes, password: bytes | None) -> _libcrypto.Key:
    if password is None:
        raise CryptoError("crypto.key.encrypted", "The key is encrypted: give its password.")
    try:
        return _libcrypto.Key.from_encrypted_der(der, password)
    except _libcrypto.Refused:
        raise CryptoError(
            "crypto.key.password",
            "The password does not open the key, or the key is not SM2 in PBES2.",
        ) from None


def _check_point(point: bytes) -> None:
    if len(point) != 65 or point[0] != 4:
        raise _malformed("a public key is 04 ‖ x ‖ y, 65 bytes")
    if not _on_curve(int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")):
        raise _malformed("the point is not on the SM2 curve")


def _check_ciphertext(ciphertext: bytes) -> None:
    """Raise ValueError unless C1 is on the curve and C2 within the limit."""
    x, y, _, masked = _der.decode_ciphertext(ciphertext)
    if not 0 < len(masked) <= PLAINTEXT_SIZE_MAX:
        raise ValueError("C2 is outside the limits")
    if not _on_curve(x, y):
        raise ValueError("C1 is not on the curve")


def _on_curve(x: int, y: int) -> bool:
    # The cofactor is 1: every point on the curve is in the group.
    return x < _P and y < _P and (y * y - x * x * x - _A * x - _B) % _P == 0


def _malformed(reason: str) -> CryptoError:
    return CryptoError(
        "crypto.key.malformed", f"Not a usable SM2 key: {reason}.", {"reason": reason}
    )


def _invalid_signature(key_id: str, domain: str) -> CryptoError:
    return CryptoError(
        "crypto.signature.invalid",
        f"The signature is not one of key {key_id} over this message for {domain}.",
        {"key_id": key_id, "domain": domain},
    )
