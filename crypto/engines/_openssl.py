"""The seam to the engine: SM2 by the system's libcrypto 3 (EVP), nothing else of this package.

Another engine takes this one's place by offering the same ``Key`` and ``describe``. Every call into
the library releases the interpreter lock and makes its own context, so a ``Key`` may be used
by many threads; an ``EVP_PKEY`` that nobody changes is safe to share (OpenSSL ``openssl-threads``).
What leaves here is checked by ``sm2``; what enters has been checked by it.
"""

import ctypes
import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Self

from crypto.errors import CryptoError

__all__ = ["NAME", "Key", "describe"]

NAME: Final = "libcrypto"

_VERSION_MIN: Final = 0x30000000  # OpenSSL 3.0.0: the first with SM2 behind EVP_PKEY as used here.
_SIGNATURE_SIZE_MAX: Final = 72  # SEQUENCE of two 33-byte integers.
# PBKDF2 with HMAC-SHA256 as OWASP advises (2023). Not HMAC-SM3: OpenSSL 3.0 has no such PRF, and a
# key file that the system's own tool cannot open would be a trap.
_PBKDF2_ITERATIONS: Final = 600_000
_PBKDF2_SALT_SIZE: Final = 16

_P = ctypes.c_void_p
_I = ctypes.c_int
_L = ctypes.c_long
_S = ctypes.c_size_t
_B = ctypes.c_char_p
_OUT_SIZE = ctypes.POINTER(ctypes.c_size_t)
_OUT_PTR = ctypes.POINTER(ctypes.c_void_p)
_IN_DER = ctypes.POINTER(ctypes.c_char_p)

# name: (result, arguments), from the OpenSSL 3.0 manual pages.
_PROTOTYPES: Final[dict[str, tuple[object, tuple[object, ...]]]] = {
    "OpenSSL_version_num": (ctypes.c_ulong, ()),
    "OpenSSL_version": (_B, (_I,)),
    "ERR_clear_error": (None, ()),
    "BN_bin2bn": (_P, (_B, _I, _P)),
    "BN_bn2binpad": (_I, (_P, _P, _I)),
    "BN_cmp": (_I, (_P, _P)),
    "BN_is_zero": (_I, (_P,)),
    "BN_clear_free": (None, (_P,)),
    "EVP_PKEY_free": (None, (_P,)),
    "EVP_PKEY_is_a": (_I, (_P, _B)),
    "EVP_PKEY_get_bn_param": (_I, (_P, _B, _OUT_PTR)),
    "EVP_PKEY_CTX_new_from_name": (_P, (_P, _B, _B)),
    "EVP_PKEY_CTX_new_from_pkey": (_P, (_P, _P, _B)),
    "EVP_PKEY_CTX_free": (None, (_P,)),
    "EVP_PKEY_keygen_init": (_I, (_P,)),
    "EVP_PKEY_generate": (_I, (_P, _OUT_PTR)),
    "EVP_PKEY_pairwise_check": (_I, (_P,)),
    "EVP_PKEY_sign_init": (_I, (_P,)),
    "EVP_PKEY_sign": (_I, (_P, _P, _OUT_SIZE, _B, _S)),
    "EVP_PKEY_verify_init": (_I, (_P,)),
    "EVP_PKEY_verify": (_I, (_P, _B, _S, _B, _S)),
    "EVP_PKEY_encrypt_init": (_I, (_P,)),
    "EVP_PKEY_encrypt": (_I, (_P, _P, _OUT_SIZE, _B, _S)),
    "EVP_PKEY_decrypt_init": (_I, (_P,)),
    "EVP_PKEY_decrypt": (_I, (_P, _P, _OUT_SIZE, _B, _S)),
    "d2i_PUBKEY": (_P, (_P, _IN_DER, _L)),
    "d2i_AutoPrivateKey": (_P, (_P, _IN_DER, _L)),
    "d2i_X509_SIG": (_P, (_P, _IN_DER, _L)),
    "i2d_X509_SIG": (_I, (_P, _OUT_PTR)),
    "X509_SIG_free": (None, (_P,)),
    "EVP_PKEY2PKCS8": (_P, (_P,)),
    "EVP_PKCS82PKEY": (_P, (_P,)),
    "i2d_PKCS8_PRIV_KEY_INFO": (_I, (_P, _OUT_PTR)),
    "PKCS8_PRIV_KEY_INFO_free": (None, (_P,)),
    "PKCS8_encrypt": (_P, (_I, _P, _B, _I, _B, _I, _I, _P)),
    "PKCS8_decrypt": (_P, (_P, _B, _I)),
    "EVP_sm4_cbc": (_P, ()),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Library:
    handle: ctypes.CDLL
    version: str


def describe() -> str:
    """Return the version line of the library in use; raises ``crypto.library.unsuitable``."""
    return _library().version


def _unsuitable(name: str, reason: str) -> CryptoError:
    return CryptoError(
        "crypto.library.unsuitable",
        f"{name}: {reason}. SM2 needs OpenSSL 3.0 or later built with SM2: install the system's "
        "libssl3 package, or set LD_LIBRARY_PATH to a build that has it.",
        {"library": name, "reason": reason},
    )


@cache
def _library() -> _Library:
    # The soname first: it is what the interpreter's own ssl module has mapped as a rule, while
    # find_library starts a process to look for it.
    failure = _unsuitable("libcrypto", "not found")
    for find in (lambda: "libcrypto.so.3", _find):
        name = find()
        if name is not None:
            try:
                return _open(name)
            except CryptoError as error:
                failure = error
    raise failure


def _find() -> str | None:
    from ctypes.util import find_library

    return find_library("crypto")


def _open(name: str) -> _Library:
    """Load one library, give every function its prototype, and check version and SM2."""
    try:
        handle = ctypes.CDLL(name)
    except OSError:
        raise _unsuitable(name, "cannot be loaded") from None
    try:
        for symbol, (result, arguments) in _PROTOTYPES.items():
            # ctypes cannot know the type of what it finds by name.
            function: Any = getattr(handle, symbol)
            function.restype, function.argtypes = result, arguments
            if symbol == "OpenSSL_version_num" and function() < _VERSION_MIN:
                raise _unsuitable(name, "older than OpenSSL 3.0")
    except AttributeError as error:
        raise _unsuitable(name, f"not an OpenSSL 3 ({error})") from None
    version = bytes(handle.OpenSSL_version(0)).decode("ascii", "replace")
    # Some distributions build OpenSSL without SM2.
    context = handle.EVP_PKEY_CTX_new_from_name(None, b"SM2", None)
    if not context:
        handle.ERR_clear_error()
        raise _unsuitable(name, f"{version} has no SM2")
    handle.EVP_PKEY_CTX_free(context)
    return _Library(handle=handle, version=version)


class Refused(Exception):  # noqa: N818 - a verdict of the library for the caller to name
    """The library did not accept the input; carries no detail, since detail may be secret."""


def _refuse(handle: ctypes.CDLL) -> Refused:
    # The error queue is shared with the ssl module in this thread: leave nothing behind.
    handle.ERR_clear_error()
    return Refused()


@contextmanager
def _owned(pointer: int | None, free: Callable[[int], None], handle: ctypes.CDLL) -> Iterator[int]:
    """Give a native object to a block and free it after; refuse when there is none."""
    if not pointer:
        raise _refuse(handle)
    try:
        yield pointer
    finally:
        free(pointer)


class Key:
    """One native SM2 key, private or public, freed with this object; raises ``Refused``."""

    __slots__ = ("__weakref__", "_handle", "_pointer")

    def __init__(self, handle: ctypes.CDLL, pointer: int | None) -> None:
        """Take ownership of an ``EVP_PKEY``."""
        if not pointer:
            raise _refuse(handle)
        self._handle = handle
        self._pointer = pointer
        # Not at exit: a daemon thread may still be using the key then.
        weakref.finalize(self, handle.EVP_PKEY_free, pointer).atexit = False
        if handle.EVP_PKEY_is_a(pointer, b"SM2") != 1:
            raise _refuse(handle)

    @classmethod
    def generate(cls) -> Self:
        """Return a new private key from the library's random generator."""
        handle = _library().handle
        context = handle.EVP_PKEY_CTX_new_from_name(None, b"SM2", None)
        with _owned(context, handle.EVP_PKEY_CTX_free, handle) as context:
            pointer = ctypes.c_void_p()
            if (
                handle.EVP_PKEY_keygen_init(context) != 1
                or handle.EVP_PKEY_generate(context, ctypes.byref(pointer)) != 1
            ):
                raise _refuse(handle)
        return cls(handle, pointer.value)

    @classmethod
    def from_spki(cls, der: bytes) -> Self:
        """Return a public key from its SubjectPublicKeyInfo."""
        handle = _library().handle
        return cls(handle, handle.d2i_PUBKEY(None, ctypes.byref(_B(der)), len(der)))

    @classmethod
    def from_private_der(cls, der: bytes) -> Self:
        """Return a private key from plain PKCS#8 or SEC 1 DER, both halves checked to fit."""
        handle = _library().handle
        key = cls(handle, handle.d2i_AutoPrivateKey(None, ctypes.byref(_B(der)), len(der)))
        return key._checked()

    @classmethod
    def from_encrypted_der(cls, der: bytes, password: bytes) -> Self:
        """Return a private key from an encrypted PKCS#8, both halves checked to fit."""
        handle = _library().handle
        sealed = handle.d2i_X509_SIG(None, ctypes.byref(_B(der)), len(der))
        with _owned(sealed, handle.X509_SIG_free, handle) as sealed:
            info = handle.PKCS8_decrypt(sealed, password, len(password))
        with _owned(info, handle.PKCS8_PRIV_KEY_INFO_free, handle) as info:
            key = cls(handle, handle.EVP_PKCS82PKEY(info))
        return key._checked()

    def private_der(self) -> bytes:
        """Return plain PKCS#8."""
        handle = self._handle
        info = handle.EVP_PKEY2PKCS8(self._pointer)
        with _owned(info, handle.PKCS8_PRIV_KEY_INFO_free, handle) as info:
            return self._encode(handle.i2d_PKCS8_PRIV_KEY_INFO, info)

    def encrypted_der(self, password: bytes) -> bytes:
        """Return PKCS#8 encrypted by PBES2: PBKDF2 and SM4-CBC."""
        handle = self._handle
        salt = os.urandom(_PBKDF2_SALT_SIZE)
        info = handle.EVP_PKEY2PKCS8(self._pointer)
        with _owned(info, handle.PKCS8_PRIV_KEY_INFO_free, handle) as info:
            # -1: PBES2 with the default PRF, HMAC-SHA256.
            sealed = handle.PKCS8_encrypt(
                -1, handle.EVP_sm4_cbc(), password, len(password), salt, len(salt),
                _PBKDF2_ITERATIONS, info,
            )  # fmt: skip
        with _owned(sealed, handle.X509_SIG_free, handle) as sealed:
            return self._encode(handle.i2d_X509_SIG, sealed)

    def coordinates(self) -> tuple[int, int]:
        """Return the public point."""
        return self._coordinate(b"qx"), self._coordinate(b"qy")

    def scalar_is_between_1_and(self, last: int) -> bool:
        """Tell whether the private scalar is in [1, ``last``], without bringing it into Python."""
        handle = self._handle
        bound = (last + 1).to_bytes(32, "big")
        with (
            self._number(b"priv") as scalar,
            _owned(handle.BN_bin2bn(bound, 32, None), handle.BN_clear_free, handle) as limit,
        ):
            return not handle.BN_is_zero(scalar) and handle.BN_cmp(scalar, limit) < 0

    def sign(self, digest: bytes) -> bytes:
        """Return a DER signature of the 32-byte e = SM3(Z ‖ M)."""
        return self._run("sign", digest, _SIGNATURE_SIZE_MAX)

    def verify(self, digest: bytes, signature: bytes) -> None:
        """Refuse unless the signature of e is good."""
        handle = self._handle
        with self._context() as context:
            if (
                handle.EVP_PKEY_verify_init(context) != 1
                or handle.EVP_PKEY_verify(context, signature, len(signature), digest, len(digest))
                != 1
            ):
                raise _refuse(handle)

    def encrypt(self, plaintext: bytes) -> bytes:
        """Return the DER ciphertext C1C3C2."""
        # Two integers of 33 bytes, a 32-byte tag and the heads of six elements.
        return self._run("encrypt", plaintext, len(plaintext) + 128)

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Return the plaintext of a DER ciphertext C1C3C2."""
        return self._run("decrypt", ciphertext, len(ciphertext))

    def _run(self, operation: str, data: bytes, size_max: int) -> bytes:
        handle = self._handle
        out = ctypes.create_string_buffer(size_max)
        size = ctypes.c_size_t(size_max)
        with self._context() as context:
            if (
                getattr(handle, f"EVP_PKEY_{operation}_init")(context) != 1
                or getattr(handle, f"EVP_PKEY_{operation}")(
                    context, out, ctypes.byref(size), data, len(data)
                )
                != 1
            ):
                raise _refuse(handle)
        return out.raw[: size.value]

    @contextmanager
    def _context(self) -> Iterator[int]:
        handle = self._handle
        context = handle.EVP_PKEY_CTX_new_from_pkey(None, self._pointer, None)
        with _owned(context, handle.EVP_PKEY_CTX_free, handle) as context:
            yield context

    @contextmanager
    def _number(self, name: bytes) -> Iterator[int]:
        handle = self._handle
        number = ctypes.c_void_p()
        handle.EVP_PKEY_get_bn_param(self._pointer, name, ctypes.byref(number))
        with _owned(number.value, handle.BN_clear_free, handle) as pointer:
            yield pointer

    def _coordinate(self, name: bytes) -> int:
        out = ctypes.create_string_buffer(32)
        with self._number(name) as number:
            if self._handle.BN_bn2binpad(number, out, 32) != 32:
                raise _refuse(self._handle)
        return int.from_bytes(out.raw, "big")

    def _checked(self) -> Self:
        with self._context() as context:
            if self._handle.EVP_PKEY_pairwise_check(context) != 1:
                raise _refuse(self._handle)
        return self

    def _encode(self, write: Callable[[int, object], int], pointer: int) -> bytes:
        size = write(pointer, None)
        if size <= 0:
            raise _refuse(self._handle)
        out = ctypes.create_string_buffer(size)
        # The library moves this pointer past what it wrote; the buffer itself stays ours.
        end = ctypes.c_void_p(ctypes.addressof(out))
        write(pointer, ctypes.byref(end))
        der = out.raw
        ctypes.memset(out, 0, size)
        return der
