"""A small process beside a service that ends it when its owner is gone, however that ended.

It holds the reading end of a pipe whose writing end only the owner has: when that closes, by an
orderly stop or by ``kill -9``, it ends what the status file still names.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from deploy.services import status
from deploy.services.places import HERE

_WATCH: Final = "from deploy.services import leash; leash.watch()"


class Leash:
    """Holds on as long as this object's process lives."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WATCH, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            cwd=HERE.parents[1],
            start_new_session=True,
        )

    def let_go(self) -> None:
        """End the small process, and with it whatever still runs."""
        self._process.communicate()


def watch() -> None:
    """What the small process does: wait for the end of its input, then end the service."""
    sys.stdin.buffer.read()
    status.down(Path(sys.argv[1]))
