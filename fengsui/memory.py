"""Peak memory of the process tree, as the sum of proportional set sizes (PSS), sampled."""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import threading
from pathlib import Path
from typing import Final

_EVERY_SECONDS: Final = 0.2
_M_ARENA_MAX: Final = -8
"""From glibc's malloc.h."""
_ARENAS: Final = 2
_YOUNG_OBJECTS: Final = 10_000
"""Containers made before the youngest are looked through; Python's own 700 are few."""


def keep_arenas_few() -> None:
    """Let threads share glibc's allocation arenas: each more keeps tens of MiB it once used.

    Elsewhere than glibc nothing happens. Call before threads start.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)


def settle() -> None:
    """Let the garbage collector look no more at what was loaded at the start: it stays anyway.

    Call once all parts stand; walking them again costs two per cent of a full pipeline. What is
    made later is looked at less often too: the events of a round are no cycles, and looking
    through them again and again costs three per cent.
    """
    gc.collect()
    gc.freeze()
    # What is frozen is not freed at exit, and the index's library complains of each object left.
    atexit.register(gc.unfreeze)
    gc.set_threshold(_YOUNG_OBJECTS)


def give_back() -> None:
    """Return to the system what glibc keeps of freed memory; elsewhere nothing happens."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def tree_pss_mb() -> float:
    """PSS of this process and all its descendants, in MiB."""
    return pss_mb_of(os.getpid())


def pss_mb_of(root: int) -> float:
    """PSS of a process and all its descendants, in MiB."""
    return sum(_pss_kb(process) for process in _tree(root)) / 1024


def _tree(root: int) -> list[int]:
    found = [root]
    for process in found:
        for task in Path(f"/proc/{process}/task").glob("*/children"):
            try:
                found.extend(int(child) for child in task.read_text().split())
            except OSError:
                continue
    return found


def _pss_kb(process: int) -> int:
    try:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except (OSError, ValueError):
        # The process ended between listing and reading.
        return 0
    return 0


class PeakMemory:
    """Samples the tree while the block runs; ``mb`` is the highest sum seen."""

    def __init__(self) -> None:
        self.mb = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="memory", daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.mb = max(self.mb, tree_pss_mb())

    def _sample(self) -> None:
        while not self._stop.wait(_EVERY_SECONDS):
            self.mb = max(self.mb, tree_pss_mb())
