"""SM2 by the system's libcrypto 3 (EVP, EC), SM3 and SM4 by packages that wrap a libcrypto too.

Every call makes its own context, so keys may be used by many threads; an ``EVP_PKEY`` that nobody
changes is safe to share (OpenSSL ``openssl-threads``).
"""

import ctypes
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Self

from crypto import _der
from crypto.engines._openssl import library, owned, refuse
from crypto.engines._packages import SM3_SOURCE, PackagedHashing
from crypto.engines.curve import fits_scalar, folded
from crypto.engines.port import Refused, Sm2PublicKey

__all__ = ["LibcryptoEngine"]

_B = ctypes.c_char_p
_NID_SM2: Final = 1172
_UNCOMPRESSED: Final = 4
_CONSTANT_TIME: Final = 4  # BN_FLG_CONSTTIME
_SIGNATURE_SIZE_MAX: Final = 72  # SEQUENCE of two 33-byte integers.
# SEQUENCE { 1, OCTET STRING, [0] SM2 curve } (RFC 5915); the library works out the point.
_SEC1_HEAD: Final = bytes.fromhex("30310201010420")
_SEC1_TAIL: Final = bytes.fromhex("a00a06082a811ccf5501822d")


class _Key:
    """One ``EVP_PKEY``, freed with this object; raises ``Refused``."""

    __slots__ = ("__weakref__", "_handle", "_pointer")

    def __init__(self, handle: ctypes.CDLL, pointer: int | None) -> None:
        """Take ownership."""
        if not pointer:
            raise refuse(handle)
        self._handle = handle
        self._pointer = pointer
        # Not at exit: a daemon thread may still be using the key then.
        weakref.finalize(self, handle.EVP_PKEY_free, pointer).atexit = False
        if handle.EVP_PKEY_is_a(pointer, b"SM2") != 1:
            raise refuse(handle)

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
                raise refuse(handle)
        return out.raw[: size.value]

    @contextmanager
    def _context(self) -> Iterator[int]:
        handle = self._handle
        context = handle.EVP_PKEY_CTX_new_from_pkey(None, self._pointer, None)
        with owned(context, handle.EVP_PKEY_CTX_free, handle) as context:
            yield context

    @contextmanager
    def _number(self, name: bytes) -> Iterator[int]:
        handle = self._handle
        number = ctypes.c_void_p()
        handle.EVP_PKEY_get_bn_param(self._pointer, name, ctypes.byref(number))
        with owned(number.value, handle.BN_clear_free, handle) as pointer:
            yield pointer

    def _bytes(self, name: bytes) -> bytearray:
        out = ctypes.create_string_buffer(32)
        with self._number(name) as number:
            if self._handle.BN_bn2binpad(number, out, 32) != 32:
                raise refuse(self._handle)
        value = bytearray(out.raw)
        ctypes.memset(out, 0, 32)
        return value


class _PublicKey(_Key):
    __slots__ = ()

    @classmethod
    def of(cls, point: bytes) -> Self:
        # The library reads compressed and hybrid points too: one form has one meaning here.
        if len(point) != 65 or point[0] != _UNCOMPRESSED:
            raise Refused
        handle = library().handle
        der = _der.encode_spki(point)
        return cls(handle, handle.d2i_PUBKEY(None, ctypes.byref(_B(der)), len(der)))

    def verify(self, e: bytes, signature: bytes) -> bool:
        handle = self._handle
        der = _der.encode_signature_raw(signature)
        with self._context() as context:
            good: bool = (
                handle.EVP_PKEY_verify_init(context) == 1
                and handle.EVP_PKEY_verify(context, der, len(der), e, len(e)) == 1
            )
        if not good:
            refuse(handle)
        return good

    def encrypt(self, plaintext: bytes) -> tuple[bytes, bytes, bytes]:
        # Two integers of 33 bytes, a 32-byte tag and the heads of six elements.
        der = self._run("encrypt", plaintext, len(plaintext) + 128)
        x, y, c3, c2 = _der.decode_ciphertext(der)
        return b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big"), c3, c2


class _PrivateKey(_Key):
    __slots__ = ()

    @classmethod
    def generate(cls) -> Self:
        handle = library().handle
        context = handle.EVP_PKEY_CTX_new_from_name(None, b"SM2", None)
        with owned(context, handle.EVP_PKEY_CTX_free, handle) as context:
            pointer = ctypes.c_void_p()
            if (
                handle.EVP_PKEY_keygen_init(context) != 1
                or handle.EVP_PKEY_generate(context, ctypes.byref(pointer)) != 1
            ):
                raise refuse(handle)
        return cls(handle, pointer.value)

    @classmethod
    def of(cls, scalar: bytes | bytearray) -> Self:
        if not fits_scalar(scalar):
            raise Refused
        handle = library().handle
        der = bytearray(_SEC1_HEAD + scalar + _SEC1_TAIL)
        view = (ctypes.c_char * len(der)).from_buffer(der)
        try:
            start = _B(ctypes.addressof(view))
            return cls(handle, handle.d2i_AutoPrivateKey(None, ctypes.byref(start), len(der)))
        finally:
            der[:] = bytes(len(der))

    def point(self) -> bytes:
        return bytes(b"\x04" + self._bytes(b"qx") + self._bytes(b"qy"))

    def scalar(self) -> bytearray:
        return self._bytes(b"priv")

    def sign(self, e: bytes) -> bytes:
        return _der.decode_signature_raw(self._run("sign", e, _SIGNATURE_SIZE_MAX))

    def sign_many(self, es: Sequence[bytes]) -> list[bytes]:
        return [self.sign(e) for e in es]

    def decrypt(self, c1: bytes, c3: bytes, c2: bytes) -> bytes:
        x, y = int.from_bytes(c1[1:33], "big"), int.from_bytes(c1[33:], "big")
        der = _der.encode_ciphertext(x, y, c3, c2)
        return self._run("decrypt", der, len(der))

    def shared_point(self, peer: bytes) -> bytes:
        with self._number(b"priv") as scalar, _Points(self._handle) as points:
            self._handle.BN_set_flags(scalar, _CONSTANT_TIME)
            return points.times(points.read(peer), scalar)

    def exchange(self, ephemeral: Self, peer: bytes, peer_ephemeral: bytes) -> bytes:
        handle = self._handle
        own, others = (
            folded(point).to_bytes(16, "big") for point in (ephemeral.point(), peer_ephemeral)
        )
        with (
            self._number(b"priv") as long_term,
            ephemeral._number(b"priv") as short_term,
            owned(handle.BN_secure_new(), handle.BN_clear_free, handle) as t,
            owned(handle.BN_bin2bn(own, len(own), None), handle.BN_clear_free, handle) as own_x,
            owned(handle.BN_bin2bn(others, len(others), None), handle.BN_clear_free, handle) as x,
            owned(handle.BN_CTX_secure_new(), handle.BN_CTX_free, handle) as scratch,
            _Points(handle) as points,
        ):
            order = handle.EC_GROUP_get0_order(points.group)
            for secret in (long_term, short_term, t):
                handle.BN_set_flags(secret, _CONSTANT_TIME)
            if (
                handle.BN_mod_mul(t, own_x, short_term, order, scratch) != 1
                or handle.BN_mod_add(t, t, long_term, order, scratch) != 1
            ):
                raise refuse(handle)
            scaled = points.multiple(points.read(peer_ephemeral), x)
            return points.times(points.sum(points.read(peer), scaled), t)


class _Points:
    """Points of one calculation, all freed at its end."""

    __slots__ = ("_handle", "_points", "group")

    def __init__(self, handle: ctypes.CDLL) -> None:
        self._handle = handle
        self._points: list[int] = []

    def __enter__(self) -> Self:
        self.group: int = self._handle.EC_GROUP_new_by_curve_name(_NID_SM2)
        return self

    def __exit__(self, *_: object) -> None:
        for point in self._points:
            self._handle.EC_POINT_clear_free(point)
        self._handle.EC_GROUP_free(self.group)

    def _new(self) -> int:
        point: int | None = self._handle.EC_POINT_new(self.group)
        if not point:
            raise refuse(self._handle)
        self._points.append(point)
        return point

    def read(self, encoded: bytes) -> int:
        """Return the point, checked to be on the curve."""
        point = self._new()
        size = len(encoded)
        if (
            size != 65
            or encoded[0] != _UNCOMPRESSED
            or self._handle.EC_POINT_oct2point(self.group, point, encoded, size, None) != 1
        ):
            raise refuse(self._handle)
        return point

    def multiple(self, point: int, number: int) -> int:
        product = self._new()
        if self._handle.EC_POINT_mul(self.group, product, None, point, number, None) != 1:
            raise refuse(self._handle)
        return product

    def sum(self, one: int, other: int) -> int:
        total = self._new()
        if self._handle.EC_POINT_add(self.group, total, one, other, None) != 1:
            raise refuse(self._handle)
        return total

    def times(self, point: int, number: int) -> bytes:
        """Return x ‖ y of number · point; infinity, encoded in one byte, is refused."""
        out = ctypes.create_string_buffer(65)
        product = self.multiple(point, number)
        size = self._handle.EC_POINT_point2oct(
            self.group, product, _UNCOMPRESSED, out, len(out), None
        )
        if size != 65:
            raise refuse(self._handle)
        return out.raw[1:]


class LibcryptoEngine(PackagedHashing):
    """The engine that is there wherever Python is."""

    name: Final = "libcrypto"

    def __init__(self) -> None:
        """Raise ``crypto.library.unsuitable`` when no library with SM2 can be loaded."""
        self._version = library().version

    def describe(self) -> str:
        return f"SM2 {self._version}; SM3 {SM3_SOURCE}; SM4 cryptography"

    def sm2_generate(self) -> _PrivateKey:
        return _PrivateKey.generate()

    def sm2_private(self, scalar: bytes | bytearray) -> _PrivateKey:
        return _PrivateKey.of(scalar)

    def sm2_public(self, point: bytes) -> _PublicKey:
        return _PublicKey.of(point)

    def sm2_verify_many(
        self, keys: Sequence[Sm2PublicKey], es: Sequence[bytes], signatures: Sequence[bytes]
    ) -> list[bool]:
        triples = zip(keys, es, signatures, strict=True)
        return [key.verify(e, signature) for key, e, signature in triples]
