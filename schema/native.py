"""Which of the native parts outside the ciphers this process uses: chosen once, when imported.

Each has a fallback in Python that gives the same answers; ``FENGSUI_NATIVE=0`` turns them off.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

__all__ = ["Scan", "scan"]


class Scan(Protocol):
    """The quick look at whole batches."""

    def payloads(self, payloads: Sequence[bytes | None]) -> tuple[list[int], list[int]]:
        """Indexes of the plain payloads with a long number, and of those not plain."""

    def texts(self, events: Sequence[Mapping[str, object]]) -> tuple[set[str], set[str]]:
        """The texts and large integers that are not certainly clean, and all fields' names."""

    def canonical(self, payloads: Sequence[bytes]) -> bool:
        """Whether each certainly is what :func:`schema.event.encode` writes of what it holds."""

    def times(self, texts: Sequence[object]) -> list[int] | None:
        """Microseconds of every time; None when one has another form."""


def _scan() -> Scan | None:
    if os.environ.get("FENGSUI_NATIVE") == "0":
        return None
    try:
        from fengsui_native import scan
    except ImportError:
        # Absent, or of a version that has no such part.
        return None
    return scan


scan: Final = _scan()
"""None where only Python answers."""
