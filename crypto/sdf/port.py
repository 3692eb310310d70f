"""What a session with a cryptographic device offers; keys stay inside and are named by index.

Raises what ``crypto.sdf.codes`` names. Signatures and ciphertexts are DER, as everywhere here.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from crypto.sm2 import PublicKey

__all__ = ["Algorithm", "DecryptionKeys", "DeviceInfo", "Session", "SessionKey", "SigningKeys"]


class Algorithm(IntEnum):
    """The identifiers of GM/T 0006-2012 that this package uses."""

    SM3 = 0x0000_0001
    SM4_ECB = 0x0000_0401
    SM4_CBC = 0x0000_0402
    SM2_SIGN = 0x0002_0200
    SM2_ENCRYPT = 0x0002_0800


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInfo:
    """What the device says of itself."""

    issuer: str
    name: str
    serial: str
    version: int
    standard_version: int
    asymmetric: tuple[int, int]
    """Algorithms as bits, then key sizes as bits."""
    symmetric: int
    digests: int
    buffer_bytes: int


class SessionKey(Protocol):
    """A symmetric key inside the device; gone when its session ends."""

    def encrypt(self, algorithm: Algorithm, iv: bytes, data: bytes) -> bytes:
        """Return whole blocks of 16 bytes encrypted; ``iv`` is empty for ECB."""

    def decrypt(self, algorithm: Algorithm, iv: bytes, data: bytes) -> bytes:
        """Return whole blocks of 16 bytes decrypted."""

    def destroy(self) -> None:
        """Let the device forget the key."""


class SigningKeys(Protocol):
    """Signatures with keys of the device."""

    def access(self, index: int, password: bytes) -> AbstractContextManager[None]:
        """Hold the right to use a private key, for a block."""

    def sign_public(self, index: int) -> PublicKey:
        """Return the public half of a signing key."""

    def sign(self, index: int, message: bytes, *, domain: str) -> bytes:
        """Return the signature of a message, checked before it is returned."""

    def sign_e(self, index: int, e: bytes, *, public: PublicKey) -> bytes:
        """Return the signature of a digest, checked under ``public`` before it is returned."""

    def verify(self, public: PublicKey, signature: bytes, message: bytes, *, domain: str) -> None:
        """Raise ``crypto.signature.invalid`` unless the device finds the signature good."""


class DecryptionKeys(Protocol):
    """Encryption to keys of the device, and symmetric keys wrapped for it."""

    def access(self, index: int, password: bytes) -> AbstractContextManager[None]:
        """Hold the right to use a private key, for a block."""

    def encryption_public(self, index: int) -> PublicKey:
        """Return the public half of an encryption key."""

    def encrypt(self, public: PublicKey, plaintext: bytes) -> bytes:
        """Return a short text encrypted by the device to any public key."""

    def decrypt(self, index: int, ciphertext: bytes) -> bytes:
        """Return the text of a ciphertext to a key of the device."""

    def import_key(self, index: int, ciphertext: bytes) -> SessionKey:
        """Take in a symmetric key encrypted to a key of the device."""


class Session(SigningKeys, DecryptionKeys, Protocol):
    """Everything one session offers."""

    def info(self) -> DeviceInfo:
        """Return what the device says of itself."""

    def random(self, size: int) -> bytes:
        """Return random bytes of the device."""

    def digest(
        self, chunks: Iterable[bytes], *, public: PublicKey | None = None, domain: str = ""
    ) -> bytes:
        """Return SM3 of the chunks; with a public key and domain, e = SM3(Z ‖ chunks)."""

    def generate_key(self, public: PublicKey) -> tuple[bytes, SessionKey]:
        """Make an SM4 key in the device; return it encrypted to ``public``, and at work."""

    def generate_wrapped_key(self, kek_index: int) -> tuple[bytes, SessionKey]:
        """Make an SM4 key; return it wrapped under a key-encryption key, and at work."""

    def import_wrapped_key(self, kek_index: int, wrapped: bytes) -> SessionKey:
        """Take in an SM4 key wrapped under a key-encryption key."""

    def close(self) -> None:
        """End the session."""
