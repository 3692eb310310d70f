"""The cipher engine of this process: the one the settings name, tested before it signs anything."""

from __future__ import annotations

from functools import cache

from crypto import engines, status

__all__ = ["start"]


@cache
def start(name: str) -> status.Status:
    """Pin the engine and run its self-test; once for the process.

    Raises ``crypto.backend.unknown``, ``crypto.library.unsuitable`` or ``crypto.selftest.failed``.
    """
    engines.pin(name)
    return status.self_test()
