"""The real clock and the real dice: the only place the product takes them from."""

from __future__ import annotations

import os
import time


class SystemClock:
    """Microseconds UTC of this machine."""

    def now(self) -> int:
        return time.time_ns() // 1000


class SystemEntropy:
    """The kernel's random bytes."""

    def take(self, size: int) -> bytes:
        return os.urandom(size)
