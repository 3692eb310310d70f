"""Patience: how long to wait after failures in a row, so that many sensors come back apart."""

from __future__ import annotations

import logging
from typing import Final

from schema.ports import Entropy
from schema.times import SECOND

_logger = logging.getLogger(__name__)

BACKOFF_FIRST_US: Final = SECOND // 2
BACKOFF_MAX_US: Final = 60 * SECOND
"""A platform that comes back is noticed within a minute; a thousand sensors do not storm it."""


class Patience:
    """Counts failures in a row and remembers the last reason."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self.failed = 0
        self.problem = ""
        """Why batches do not arrive, as a code and a sentence; empty while they do."""

    def lose(self, why: str) -> int:
        """One more failure: after how many microseconds to try again."""
        if why != self.problem:
            _logger.warning("batches do not arrive", extra={"why": why})
        self.problem = why
        self.failed += 1
        longest = min(BACKOFF_MAX_US, BACKOFF_FIRST_US << min(self.failed - 1, 16))
        # Between half and all of it, so that sensors that failed together come back apart.
        share = int.from_bytes(self._entropy.take(2), "big")
        return longest // 2 + (longest // 2) * share // 0xFFFF

    def regain(self) -> None:
        """It worked."""
        self.failed = 0
        self.problem = ""
