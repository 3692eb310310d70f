"""A vendor's SDF library by ctypes: loaded by path, its functions typed, its answers checked.

The library runs in this process and is trusted with its memory: load only what the vendor signed.
A session is used by one thread at a time (a lock sees to it); a device gives as many sessions as it
has. Raises what ``crypto.sdf.codes`` names.
"""

import ctypes
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from crypto import _der
from crypto.errors import CryptoError
from crypto.sdf import codes
from crypto.sdf import structures as c
from crypto.sdf.port import Algorithm, DeviceInfo
from crypto.sm2 import PublicKey

__all__ = ["Device", "DeviceKey", "DeviceSession"]

_U = ctypes.c_uint32
_P = ctypes.c_void_p
_B = ctypes.c_char_p
_OUT = ctypes.POINTER(ctypes.c_void_p)
_SIZE = ctypes.POINTER(ctypes.c_uint32)
_PUBLIC = ctypes.POINTER(c.ECCrefPublicKey)
_SIGNATURE = ctypes.POINTER(c.ECCSignature)

# GM/T 0018-2012, clause 6; every function returns 0 or a code.
_PROTOTYPES: Final[dict[str, tuple[Any, ...]]] = {
    "SDF_OpenDevice": (_OUT,),
    "SDF_CloseDevice": (_P,),
    "SDF_OpenSession": (_P, _OUT),
    "SDF_CloseSession": (_P,),
    "SDF_GetDeviceInfo": (_P, ctypes.POINTER(c.DEVICEINFO)),
    "SDF_GenerateRandom": (_P, _U, _B),
    "SDF_GetPrivateKeyAccessRight": (_P, _U, _B, _U),
    "SDF_ReleasePrivateKeyAccessRight": (_P, _U),
    "SDF_ExportSignPublicKey_ECC": (_P, _U, _PUBLIC),
    "SDF_ExportEncPublicKey_ECC": (_P, _U, _PUBLIC),
    "SDF_InternalSign_ECC": (_P, _U, _B, _U, _SIGNATURE),
    "SDF_ExternalVerify_ECC": (_P, _U, _PUBLIC, _B, _U, _SIGNATURE),
    "SDF_ExternalEncrypt_ECC": (_P, _U, _PUBLIC, _B, _U, _P),
    "SDF_InternalDecrypt_ECC": (_P, _U, _U, _P, _B, _SIZE),
    "SDF_GenerateKeyWithEPK_ECC": (_P, _U, _U, _PUBLIC, _P, _OUT),
    "SDF_ImportKeyWithISK_ECC": (_P, _U, _P, _OUT),
    "SDF_GenerateKeyWithKEK": (_P, _U, _U, _U, _B, _SIZE, _OUT),
    "SDF_ImportKeyWithKEK": (_P, _U, _U, _B, _U, _OUT),
    "SDF_DestroyKey": (_P, _P),
    "SDF_Encrypt": (_P, _P, _U, _B, _B, _U, _B, _SIZE),
    "SDF_Decrypt": (_P, _P, _U, _B, _B, _U, _B, _SIZE),
    "SDF_HashInit": (_P, _U, _PUBLIC, _B, _U),
    "SDF_HashUpdate": (_P, _B, _U),
    "SDF_HashFinal": (_P, _B, _SIZE),
}

_KEY_BITS: Final = 128
_KEY_SIZE: Final = 16
_BLOCK: Final = 16
_DIGEST_SIZE: Final = 32
# A wrapped SM4 key has 16 to some 80 bytes, by vendor.
_WRAPPED_SIZE_MAX: Final = 512
# What devices take in one call lies between 4 KiB and some MiB; longer data goes by SM4 here.
_DATA_SIZE_MAX: Final = 16 * 1024
_RANDOM_SIZE_MAX: Final = 4096
# The text of an SM2 ciphertext: keys and the like. Older devices stop at 136 bytes.
_TEXT_SIZE_MAX: Final = 1024
# A library that writes past what the standard says hits this, not our memory.
_SLACK: Final = 64


class _Functions:
    """The functions of one library; one that is missing is named when it is first called."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            # An absolute path: a bare name would be searched for, and another might be found.
            self._library = ctypes.CDLL(str(path.resolve(strict=True)))
        except OSError as error:
            raise CryptoError(
                "crypto.sdf.library",
                f"The SDF library {path} cannot be loaded: {error}.",
                {"path": str(path)},
            ) from error

    def call(self, name: str, *arguments: object) -> None:
        """Call a function; raises for every answer but 0."""
        try:
            function = getattr(self._library, name)
        except AttributeError:
            raise CryptoError(
                "crypto.sdf.missing",
                f"The SDF library {self._path} has no {name}.",
                {"function": name, "path": str(self._path)},
            ) from None
        function.argtypes = _PROTOTYPES[name]
        function.restype = ctypes.c_int
        status: int = function(*arguments)
        if status != codes.OK:
            raise codes.refused(name, status)


class _Opened:
    """A library whose device this process has open, for as many as use it."""

    def __init__(self, path: Path) -> None:
        self.functions = _Functions(path)
        self.handle = ctypes.c_void_p()
        self.users = 0
        self.functions.call("SDF_OpenDevice", ctypes.byref(self.handle))


_opened: Final[dict[Path, _Opened]] = {}
_opening: Final = threading.Lock()


class Device:
    """An open device; ``session`` as often as needed, then ``close``.

    Two of one library share one opening: some devices refuse a second by the same process.
    """

    def __init__(self, path: Path) -> None:
        """Load the vendor's library and open its device."""
        self._path = path.resolve()
        with _opening:
            opened = _opened.get(self._path)
            if opened is None:
                opened = _opened[self._path] = _Opened(path)
            opened.users += 1
        self._opened: _Opened | None = opened

    def session(self) -> "DeviceSession":
        """Open a session."""
        if self._opened is None:
            raise CryptoError("crypto.sdf.closed", "The device is closed.")
        return DeviceSession(self._opened.functions, self._opened.handle)

    def close(self) -> None:
        """Let go of the device; its sessions end where nobody else has it open."""
        with _opening:
            opened, self._opened = self._opened, None
            if opened is None:
                return
            opened.users -= 1
            if opened.users:
                return
            del _opened[self._path]
            opened.functions.call("SDF_CloseDevice", opened.handle)

    def __enter__(self) -> Self:
        """Return the device itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


class DeviceSession:
    """A session: ``crypto.sdf.port.Session`` over the library."""

    def __init__(self, functions: _Functions, device: ctypes.c_void_p) -> None:
        self._functions = functions
        self._lock = threading.RLock()
        self._handle = ctypes.c_void_p()
        functions.call("SDF_OpenSession", device, ctypes.byref(self._handle))

    def __enter__(self) -> Self:
        """Return the session itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        with self._lock:
            if self._handle.value:
                self._call("SDF_CloseSession")
                self._handle = ctypes.c_void_p()

    def info(self) -> DeviceInfo:
        made = c.DEVICEINFO()
        self._call("SDF_GetDeviceInfo", ctypes.byref(made))
        return DeviceInfo(
            issuer=_text(made.IssuerName),
            name=_text(made.DeviceName),
            serial=_text(made.DeviceSerial),
            version=made.DeviceVersion,
            standard_version=made.StandardVersion,
            asymmetric=(made.AsymAlgAbility[0], made.AsymAlgAbility[1]),
            symmetric=made.SymAlgAbility,
            digests=made.HashAlgAbility,
            buffer_bytes=made.BufferSize,
        )

    def random(self, size: int) -> bytes:
        _check_size(size, _RANDOM_SIZE_MAX, "random bytes")
        buffer = ctypes.create_string_buffer(size + _SLACK)
        self._call("SDF_GenerateRandom", size, buffer)
        # A device that answers 0 and writes nothing would hand out zeros as secrets.
        if size >= _BLOCK and not any(buffer.raw[:size]):
            raise _malformed("random bytes that are all zero")
        return buffer.raw[:size]

    def digest(
        self, chunks: Iterable[bytes], *, public: PublicKey | None = None, domain: str = ""
    ) -> bytes:
        identity = domain.encode()
        structure = None if public is None else ctypes.byref(c.public_key(public))
        buffer, size = ctypes.create_string_buffer(_DIGEST_SIZE + _SLACK), _U(_DIGEST_SIZE)
        with self._lock:
            self._call("SDF_HashInit", Algorithm.SM3, structure, identity, len(identity))
            for chunk in chunks:
                for at in range(0, len(chunk), _DATA_SIZE_MAX):
                    part = chunk[at : at + _DATA_SIZE_MAX]
                    self._call("SDF_HashUpdate", part, len(part))
            self._call("SDF_HashFinal", buffer, ctypes.byref(size))
        if size.value != _DIGEST_SIZE:
            raise _malformed(f"a digest of {size.value} bytes")
        return buffer.raw[:_DIGEST_SIZE]

    @contextmanager
    def access(self, index: int, password: bytes) -> Iterator[None]:
        self._call("SDF_GetPrivateKeyAccessRight", index, password, len(password))
        try:
            yield
        finally:
            self._call("SDF_ReleasePrivateKeyAccessRight", index)

    def sign_public(self, index: int) -> PublicKey:
        return self._public("SDF_ExportSignPublicKey_ECC", index)

    def encryption_public(self, index: int) -> PublicKey:
        return self._public("SDF_ExportEncPublicKey_ECC", index)

    def sign(self, index: int, message: bytes, *, domain: str) -> bytes:
        public = self.sign_public(index)
        return self.sign_e(index, public.digest(message, domain=domain), public=public)

    def sign_e(self, index: int, e: bytes, *, public: PublicKey) -> bytes:
        made = c.ECCSignature()
        self._call("SDF_InternalSign_ECC", index, e, len(e), ctypes.byref(made))
        signature = c.signature_of(made)
        # A faulty device can give its key away by a wrong signature: none leaves unchecked.
        public.verify_e(signature, e)
        return signature

    def verify(self, public: PublicKey, signature: bytes, message: bytes, *, domain: str) -> None:
        e = public.digest(message, domain=domain)
        try:
            self._call(
                "SDF_ExternalVerify_ECC",
                Algorithm.SM2_SIGN,
                ctypes.byref(c.public_key(public)),
                e,
                len(e),
                ctypes.byref(c.signature(signature)),
            )
        except CryptoError as error:
            if error.code not in ("crypto.sdf.verifyerr", "crypto.signature.malformed"):
                raise
            raise CryptoError(
                "crypto.signature.invalid",
                f"The device finds no signature of key {public.key_id} over this message.",
                {"key_id": public.key_id, "domain": domain},
            ) from error

    def encrypt(self, public: PublicKey, plaintext: bytes) -> bytes:
        size = len(plaintext)
        _check_size(size, _TEXT_SIZE_MAX, "bytes to encrypt")
        buffer = c.cipher_buffer(size)
        key = ctypes.byref(c.public_key(public))
        self._call("SDF_ExternalEncrypt_ECC", Algorithm.SM2_ENCRYPT, key, plaintext, size, buffer)
        return c.ciphertext_of(buffer, size)

    def decrypt(self, index: int, ciphertext: bytes) -> bytes:
        buffer, size = _given(ciphertext)
        text, room = ctypes.create_string_buffer(size + _SLACK), _U(size)
        self._call(
            "SDF_InternalDecrypt_ECC",
            index,
            Algorithm.SM2_ENCRYPT,
            buffer,
            text,
            ctypes.byref(room),
        )
        if room.value != size:
            raise _malformed(f"a text of {room.value} bytes for a ciphertext of {size}")
        try:
            return text.raw[:size]
        finally:
            ctypes.memset(text, 0, len(text))

    def generate_key(self, public: PublicKey) -> tuple[bytes, "DeviceKey"]:
        buffer, handle = c.cipher_buffer(_KEY_SIZE), ctypes.c_void_p()
        self._call(
            "SDF_GenerateKeyWithEPK_ECC",
            _KEY_BITS,
            Algorithm.SM2_ENCRYPT,
            ctypes.byref(c.public_key(public)),
            buffer,
            ctypes.byref(handle),
        )
        return c.ciphertext_of(buffer, _KEY_SIZE), DeviceKey(self, handle)

    def import_key(self, index: int, ciphertext: bytes) -> "DeviceKey":
        buffer, _ = _given(ciphertext)
        handle = ctypes.c_void_p()
        self._call("SDF_ImportKeyWithISK_ECC", index, buffer, ctypes.byref(handle))
        return DeviceKey(self, handle)

    def generate_wrapped_key(self, kek_index: int) -> tuple[bytes, "DeviceKey"]:
        buffer = ctypes.create_string_buffer(_WRAPPED_SIZE_MAX + _SLACK)
        size, handle = _U(_WRAPPED_SIZE_MAX), ctypes.c_void_p()
        self._call(
            "SDF_GenerateKeyWithKEK",
            _KEY_BITS,
            Algorithm.SM4_ECB,
            kek_index,
            buffer,
            ctypes.byref(size),
            ctypes.byref(handle),
        )
        if not 0 < size.value <= _WRAPPED_SIZE_MAX:
            raise _malformed(f"a wrapped key of {size.value} bytes")
        return buffer.raw[: size.value], DeviceKey(self, handle)

    def import_wrapped_key(self, kek_index: int, wrapped: bytes) -> "DeviceKey":
        _check_size(len(wrapped), _WRAPPED_SIZE_MAX, "bytes of a wrapped key")
        handle = ctypes.c_void_p()
        self._call(
            "SDF_ImportKeyWithKEK",
            Algorithm.SM4_ECB,
            kek_index,
            wrapped,
            len(wrapped),
            ctypes.byref(handle),
        )
        return DeviceKey(self, handle)

    def _public(self, function: str, index: int) -> PublicKey:
        made = c.ECCrefPublicKey()
        self._call(function, index, ctypes.byref(made))
        return c.point_of(made)

    def _call(self, name: str, *arguments: object) -> None:
        with self._lock:
            if not self._handle.value:
                raise CryptoError("crypto.sdf.closed", "The session with the device is closed.")
            self._functions.call(name, self._handle, *arguments)


class DeviceKey:
    """A symmetric key inside the device: ``crypto.sdf.port.SessionKey``."""

    def __init__(self, session: DeviceSession, handle: ctypes.c_void_p) -> None:
        if not handle.value:
            raise _malformed("no handle for the key")
        self._session = session
        self._handle = handle

    def encrypt(self, algorithm: Algorithm, iv: bytes, data: bytes) -> bytes:
        return self._run("SDF_Encrypt", algorithm, iv, data)

    def decrypt(self, algorithm: Algorithm, iv: bytes, data: bytes) -> bytes:
        return self._run("SDF_Decrypt", algorithm, iv, data)

    def destroy(self) -> None:
        self._session._call("SDF_DestroyKey", self._handle)  # noqa: SLF001 - one adapter

    def _run(self, function: str, algorithm: Algorithm, iv: bytes, data: bytes) -> bytes:
        _check_size(len(data), _DATA_SIZE_MAX, "bytes at once")
        if len(data) % _BLOCK or len(iv) not in (0, _BLOCK):
            raise CryptoError("crypto.sdf.size", f"Data and IV are whole blocks of {_BLOCK} bytes.")
        # The standard lets the device write the next IV over the one given: give it a copy.
        vector = ctypes.create_string_buffer(iv, _BLOCK + _SLACK)
        room = ctypes.create_string_buffer(len(data) + _SLACK)
        size = _U(len(data))
        self._session._call(  # noqa: SLF001 - one adapter in two classes
            function,
            self._handle,
            algorithm,
            vector if iv else None,
            data,
            len(data),
            room,
            ctypes.byref(size),
        )
        if size.value != len(data):
            raise _malformed(f"{size.value} bytes for {len(data)}")
        return room.raw[: len(data)]


def _given(ciphertext: bytes) -> tuple["ctypes.Array[ctypes.c_char]", int]:
    """Return a filled ``ECCCipher`` and the size of its text; raises for a malformed one."""
    try:
        size = len(_der.decode_ciphertext(ciphertext)[3])
        if not 0 < size <= _TEXT_SIZE_MAX:
            raise ValueError("outside the limits")
        return c.cipher_buffer(size, ciphertext), size
    except ValueError:
        raise CryptoError(
            "crypto.ciphertext.invalid", "The ciphertext is not one for a device."
        ) from None


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode("utf-8", "replace").strip()


def _check_size(size: int, size_max: int, what: str) -> None:
    if not 0 < size <= size_max:
        raise CryptoError(
            "crypto.sdf.size", f"A device takes 1 to {size_max} {what}.", {"size": size}
        )


def _malformed(what: str) -> CryptoError:
    return CryptoError("crypto.sdf.malformed", f"The device answered {what}.")
