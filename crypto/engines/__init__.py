"""What computes SM2, SM3 and SM4: one engine for the process, chosen once, named in status.

``auto`` takes the native module where it is installed (and ``FENGSUI_NATIVE`` is not 0), else the
system's libcrypto; ``FENGSUI_CRYPTO_BACKEND`` decides otherwise. The floor in Python is never
chosen by itself: name it, and it warns.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from crypto.engines.port import Engine
from crypto.errors import CryptoError

__all__ = ["AUTO", "NAMES", "available", "current", "pin", "using"]

AUTO: Final = "auto"

_log = logging.getLogger(__name__)


def _native() -> Engine:
    from crypto.engines.native import NativeEngine

    return NativeEngine()


def _libcrypto() -> Engine:
    from crypto.engines.libcrypto import LibcryptoEngine

    return LibcryptoEngine()


def _python() -> Engine:
    from crypto.engines.python import PythonEngine

    return PythonEngine()


_MAKERS: Final[dict[str, Callable[[], Engine]]] = {
    "native": _native,
    "libcrypto": _libcrypto,
    "python": _python,
}
NAMES: Final = tuple(_MAKERS)

_current: Engine | None = None


def current() -> Engine:
    """Return the engine of this process, chosen now if nothing was pinned.

    Raises ``crypto.library.unsuitable`` when there is none.
    """
    return _current or pin(AUTO)


def pin(name: str) -> Engine:
    """Use this engine from now on; keys made before keep the engine they were made with.

    Raises ``crypto.backend.unknown`` for a name that is none, ``crypto.library.unsuitable`` when
    it cannot run here.
    """
    global _current
    _current = _made(name)
    return _current


def available() -> dict[str, Engine]:
    """Return every engine that can run here, by name."""
    found: dict[str, Engine] = {}
    for name, make in _MAKERS.items():
        try:
            found[name] = make()
        except CryptoError:
            continue
    return found


@contextmanager
def using(engine: Engine) -> Iterator[Engine]:
    """Use an engine inside a block, such as one with fixed random numbers in a test."""
    global _current
    before, _current = _current, engine
    try:
        yield engine
    finally:
        _current = before


def _made(name: str) -> Engine:
    if name == AUTO:
        name = os.environ.get("FENGSUI_CRYPTO_BACKEND", AUTO)
    if name == AUTO:
        return _best()
    if name not in _MAKERS:
        raise CryptoError(
            "crypto.backend.unknown",
            f"There is no cipher engine {name}: use {AUTO}, {', '.join(NAMES)}.",
            {"backend": name},
        )
    if name == "python":
        _log.warning(
            "SM2 runs in Python integers, which are not constant time: keys may leak to whoever "
            "can time this process. Install libssl3 or the native module."
        )
    return _MAKERS[name]()


def _best() -> Engine:
    if os.environ.get("FENGSUI_NATIVE") != "0":
        try:
            return _native()
        except CryptoError:
            pass
    return _libcrypto()
