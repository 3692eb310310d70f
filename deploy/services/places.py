"""Where things of the services lie: what was fetched below the cache, pins beside this file."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
PINS: Final = HERE / "pins"
CACHE: Final = HERE.parents[1] / ".cache" / "services"
"""Fetched once for this working tree; ``make clean`` removes it."""
GO: Final = {"GOPATH": str(CACHE / "go"), "GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local"}
"""Environment of Go builds: modules below the cache, and such that removing it removes them."""
DATA: Final = CACHE / "run"
"""What ``up`` without a folder runs in."""


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Hold a part of the cache, so that two sessions never fetch into the same folder."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
