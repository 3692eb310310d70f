"""The measured child of ``rules_load``: from a folder of rules to an engine that is ready.

Prints seconds from the start of the process, resident MiB, and how many rules it holds.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from analytics import ruleset
from analytics.engine import Engine


def load(folder: Path, cache: Path) -> int:
    """Compile the folder's rule files, or take their compiled forms, and make an engine of them."""
    rules = ruleset.load([folder], cache)
    return len(Engine(rules).ruleset.rules)


def _since_start() -> float:
    """Seconds since this process began: interpreter and imports count."""
    ticks = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
    began = ticks / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - began


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


if __name__ == "__main__":
    held = load(Path(sys.argv[1]), Path(sys.argv[2]))
    print(f"{_since_start():.3f} {time.process_time():.3f} {_resident_mb():.1f} {held}")
