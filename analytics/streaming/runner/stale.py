"""Stale: a worker's own copy of a partition's state that is too old to be brought up to date.

Deleted entries stay in a changelog as tombstones for a while only. A copy that missed them would
keep what was deleted, and count it again; so an old one is thrown away and everything is read.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

TOMBSTONES_MS: Final = 7 * 24 * 3_600_000
"""How long changelogs keep them: seven times what a copy may miss, whatever the clocks say."""

MISSED_SECONDS_MAX: Final = 24 * 3600
"""A copy written to more recently has missed nothing; reading all of a partition takes seconds."""


def forget(folder: Path, *, now_seconds: float) -> bool:
    """Throw the copy in a folder away where it is too old; whether it did.

    One written to in the future is too: then nobody knows how old it is.
    """
    if not folder.is_dir():
        return False
    written_at = max(one.stat().st_mtime for one in [folder, *folder.iterdir()])
    if abs(now_seconds - written_at) <= MISSED_SECONDS_MAX:
        return False
    shutil.rmtree(folder)
    return True
