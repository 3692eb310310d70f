"""The system's libcrypto 3 by ctypes: found, checked for version and SM2, its functions typed.

Every call into the library releases the interpreter lock.
"""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from crypto.engines.port import Refused
from crypto.errors import CryptoError

__all__ = ["Library", "library", "owned", "refuse"]

_VERSION_MIN: Final = 0x30000000  # OpenSSL 3.0.0: the first with SM2 behind EVP_PKEY as used here.

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
    "BN_clear_free": (None, (_P,)),
    "EVP_PKEY_free": (None, (_P,)),
    "EVP_PKEY_is_a": (_I, (_P, _B)),
    "EVP_PKEY_get_bn_param": (_I, (_P, _B, _OUT_PTR)),
    "EVP_PKEY_CTX_new_from_name": (_P, (_P, _B, _B)),
    "EVP_PKEY_CTX_new_from_pkey": (_P, (_P, _P, _B)),
    "EVP_PKEY_CTX_free": (None, (_P,)),
    "EVP_PKEY_keygen_init": (_I, (_P,)),
    "EVP_PKEY_generate": (_I, (_P, _OUT_PTR)),
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
    "EC_GROUP_new_by_curve_name": (_P, (_I,)),
    "EC_GROUP_free": (None, (_P,)),
    "EC_GROUP_get0_order": (_P, (_P,)),
    "EC_POINT_new": (_P, (_P,)),
    "EC_POINT_clear_free": (None, (_P,)),
    "EC_POINT_oct2point": (_I, (_P, _P, _B, _S, _P)),
    "EC_POINT_point2oct": (_S, (_P, _P, _I, _P, _S, _P)),
    "EC_POINT_mul": (_I, (_P, _P, _P, _P, _P, _P)),
    "EC_POINT_add": (_I, (_P, _P, _P, _P, _P)),
    "BN_CTX_secure_new": (_P, ()),
    "BN_CTX_free": (None, (_P,)),
    "BN_secure_new": (_P, ()),
    "BN_set_flags": (None, (_P, _I)),
    "BN_mod_mul": (_I, (_P, _P, _P, _P, _P)),
    "BN_mod_add": (_I, (_P, _P, _P, _P, _P)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """The loaded library and its version line."""

    handle: ctypes.CDLL
    version: str


def _unsuitable(name: str, reason: str) -> CryptoError:
    return CryptoError(
        "crypto.library.unsuitable",
        f"{name}: {reason}. SM2 needs OpenSSL 3.0 or later built with SM2: install the system's "
        "libssl3 package, or set LD_LIBRARY_PATH to a build that has it.",
        {"library": name, "reason": reason},
    )


@cache
def library() -> Library:
    """Return the library of this process; raises ``crypto.library.unsuitable``."""
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


def _open(name: str) -> Library:
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
    return Library(handle=handle, version=version)


def refuse(handle: ctypes.CDLL) -> Refused:
    """Return the refusal to raise, the library's own error forgotten."""
    # The error queue is shared with the ssl module in this thread: leave nothing behind.
    handle.ERR_clear_error()
    return Refused()


@contextmanager
def owned(pointer: int | None, free: Callable[[int], None], handle: ctypes.CDLL) -> Iterator[int]:
    """Give a native object to a block and free it after; refuse when there is none."""
    if not pointer:
        raise refuse(handle)
    try:
        yield pointer
    finally:
        free(pointer)
