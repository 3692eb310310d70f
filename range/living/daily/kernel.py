"""Kernel: the few calls for namespaces and stopped programs that Python 3.11 has no name for."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from typing import Final

__all__ = [
    "NEWNET",
    "NEWNS",
    "NEWPID",
    "bound",
    "enter",
    "loopback_up",
    "mount_proc",
    "named",
    "separate",
    "traced",
]

NEWNS: Final = 0x00020000
NEWPID: Final = 0x20000000
NEWNET: Final = 0x40000000
_SET_NAME: Final = 15
_TRACE_ME: Final = 0
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1

_SET_OPTIONS: Final = 0x4200
_EXIT_KILL: Final = 0x00100000
_libc: Final = ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def separate(kinds: int) -> None:
    """Fresh namespaces for this process (unshare(2)). Raises OSError."""
    _check(_libc.unshare(kinds))


def enter(path: str, kind: int) -> None:
    """Go into the namespace of that file (setns(2)). Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.setns(handle, kind))
    finally:
        os.close(handle)


def named(name: str) -> None:
    """The name under which this process is listed, at most 15 bytes (prctl(2))."""
    _check(_libc.prctl(_SET_NAME, name.encode(), 0, 0, 0))


def traced() -> None:
    """From now on a program this process becomes stands still before its first instruction."""
    _check(_libc.ptrace(_TRACE_ME, 0, 0, 0))


def bound(child: int) -> None:
    """A traced child ends with this process, and never goes on without it."""
    _check(_libc.ptrace(_SET_OPTIONS, child, None, ctypes.c_void_p(_EXIT_KILL)))


def mount_proc() -> None:
    """``/proc`` of this process' own namespace. Raises OSError."""
    _check(_libc.mount(b"proc", b"/proc", b"proc", 0, None))


def loopback_up() -> None:
    """Let the loopback of a fresh network carry something."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        asked = struct.pack("16sH14x", b"lo", 0)
        (flags,) = struct.unpack_from("H", fcntl.ioctl(one, _GET_FLAGS, asked), 16)
        fcntl.ioctl(one, _SET_FLAGS, struct.pack("16sH14x", b"lo", flags | _UP))
