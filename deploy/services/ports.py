"""Free ports of the loopback, below those the kernel gives to connections.

A node that is killed and started again needs its port again: one of the kernel's own range could
have become somebody's outgoing connection in between.
"""

from __future__ import annotations

import random
import socket
from typing import Final

from deploy.services.errors import ServiceError

LOOPBACK: Final = "127.0.0.1"
_FIRST: Final = 15_000
_LAST: Final = 31_999
_TRIES_MAX: Final = 1_000


def free_ports(count: int) -> list[int]:
    """That many different ports nobody listens on now.

    Raises :class:`ServiceError` when a thousand tries do not find them.
    """
    held: list[socket.socket] = []
    dice = random.SystemRandom()
    try:
        for _ in range(_TRIES_MAX):
            if len(held) == count:
                return [one.getsockname()[1] for one in held]
            one = socket.socket()
            try:
                one.bind((LOOPBACK, dice.randint(_FIRST, _LAST)))
            except OSError:
                one.close()
                continue
            held.append(one)
    finally:
        for one in held:
            one.close()
    raise ServiceError(f"no {count} free ports between {_FIRST} and {_LAST}")
