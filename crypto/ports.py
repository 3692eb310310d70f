"""What this package needs from outside: the time and the dice, passed in by whoever calls."""

from typing import Protocol

__all__ = ["Clock", "Entropy"]


class Clock(Protocol):
    """What time it is."""

    def now(self) -> int:
        """Return microseconds UTC since 1970."""


class Entropy(Protocol):
    """Where secrets come from; in a product nothing but the kernel's generator."""

    def take(self, size: int) -> bytes:
        """Return fresh random bytes."""
