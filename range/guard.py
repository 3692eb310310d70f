"""Keeps every tool of the range on its own networks: a connection to anywhere else raises.

Those are loopback, and for the living district the made-up town's, which its namespace routes to
loopback too.

The check sits at the socket itself, as an interpreter audit hook. A hook cannot be removed again,
so no library below (paramiko, pg8000) and no mistake above can talk its way past it.
Names are refused too: only a numeric address may be used, so no resolver decides.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
import threading

__all__ = ["OutsideRangeError", "check_address", "connect", "install", "last_port"]

_used = threading.local()
_inside = [ipaddress.IPv4Network("127.0.0.0/8")]
_SENDING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_RESOLVING = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})


class OutsideRangeError(RuntimeError):
    """A tool of the range tried to reach an address outside its networks."""


def check_address(host: object) -> None:
    """Pass for a numeric address in the range's networks; raise OutsideRangeError for all else."""
    try:
        inside = isinstance(host, str) and any(
            ipaddress.IPv4Address(host) in network for network in _inside
        )
    except ValueError:
        inside = False
    if not inside:
        allowed = " ".join(map(str, _inside))
        raise OutsideRangeError(f"the range may only reach {allowed}, not {host!r}")


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event in _SENDING:
        target = arguments[1]
        # A text or bytes target is a local (unix) socket; None means "already connected",
        # which was checked when it was connected.
        if target is not None and not isinstance(target, str | bytes):
            check_address(target[0] if isinstance(target, tuple) and target else target)
    elif event in _RESOLVING:
        check_address(arguments[0])


def install(*networks: str) -> None:
    """Enforce the rule on every socket of this process, for the rest of its life.

    ``networks`` are in reach beside loopback: only in a namespace that routes them to itself.
    """
    _inside.extend(map(ipaddress.IPv4Network, networks))
    sys.addaudithook(_hook)


def connect(address: tuple[str, int], *, source: str, timeout_s: float = 20.0) -> socket.socket:
    """Open a TCP connection from one loopback address to another.

    Raises OutsideRangeError before any packet leaves when either end is outside the range,
    OSError when the connection fails.
    """
    check_address(address[0])
    check_address(source)
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.bind((source, 0))
        _used.port = connection.getsockname()[1]
        connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


def last_port() -> int:
    """Return the own port of this thread's latest connection, 0 when there was none."""
    return int(getattr(_used, "port", 0))
