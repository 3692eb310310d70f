"""Each engine's own way to a chosen nonce, so that vectors and comparisons can fix it.

Production code offers no such thing: the native module takes a bare scalar, libcrypto draws from a
random method put in its place, the floor is built with a random source of the test's.
"""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from crypto.engines._openssl import library
from crypto.engines.port import Engine
from crypto.engines.python import PythonEngine


def sign(engine: Engine, scalar: bytes, e: bytes, nonce: bytes) -> bytes:
    """Return r ‖ s made with that nonce."""
    if engine.name == "native":
        from fengsui_native import sm

        return sm.sm2_sign_with_nonce(scalar, e, nonce)
    with _drawing(engine, nonce) as fixed:
        return fixed.sm2_private(scalar).sign(e)


def encrypt(
    engine: Engine, point: bytes, plaintext: bytes, nonce: bytes
) -> tuple[bytes, bytes, bytes]:
    """Return C1, C3, C2 made with that nonce."""
    if engine.name == "native":
        from fengsui_native import sm

        return sm.sm2_encrypt_with_nonce(point, plaintext, nonce)
    with _drawing(engine, nonce) as fixed:
        return fixed.sm2_public(point).encrypt(plaintext)


@contextmanager
def _drawing(engine: Engine, nonce: bytes) -> Iterator[Engine]:
    """Give the engine with random numbers that are the nonce, each time."""
    if engine.name == "python":
        yield PythonEngine(random=lambda size: nonce)
        return
    with _random_method(lambda size: nonce.rjust(size, b"\0")[-size:]):
        yield engine


_BYTES = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_NONE = ctypes.CFUNCTYPE(None)


class _RandMethod(ctypes.Structure):
    """RAND_METHOD of openssl/rand.h."""

    _fields_ = (
        ("seed", ctypes.c_void_p),
        ("bytes", _BYTES),
        ("cleanup", ctypes.c_void_p),
        ("add", ctypes.c_void_p),
        ("pseudorand", _BYTES),
        ("status", ctypes.CFUNCTYPE(ctypes.c_int)),
    )


@contextmanager
def _random_method(draw: Callable[[int], bytes]) -> Iterator[None]:
    handle = library().handle
    handle.RAND_get_rand_method.restype = ctypes.c_void_p
    handle.RAND_set_rand_method.argtypes = (ctypes.c_void_p,)
    before = handle.RAND_get_rand_method()

    def fill(buffer: int, size: int) -> int:
        ctypes.memmove(buffer, draw(size), size)
        return 1

    method = _RandMethod(
        None, _BYTES(fill), None, None, _BYTES(fill), ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 1)
    )
    handle.RAND_set_rand_method(ctypes.addressof(method))
    try:
        yield
    finally:
        handle.RAND_set_rand_method(before)
