"""Watched: files of the boxes, written for real and seen by the product's own file watch."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path
from typing import Final

from living.daily import kernel
from schema.event import Fields
from sensors.inventory import Machine
from sensors.webroot import WebrootSource

__all__ = ["ROOTS", "Watch"]

ROOTS: Final = ("/srv/www/portal", "/srv/share")
"""The folders that are watched on each box."""
_ANY_LIMIT: Final = 4096
_FILE_BYTES: Final = 4096


class Watch:
    """All boxes' file watches, in a process that goes from one box to the next."""

    def __init__(self) -> None:
        self._now = 0
        self._sources: dict[str, WebrootSource] = {}

    def file(self, told: dict[str, str], at: int) -> list[Fields]:
        """Write a file under a watched folder; what the sensor tells of it."""
        self._now = at
        kernel.enter(told["namespace"], kernel.NEWNS)
        host, path = told["host"], Path(told["path"])
        source = self._sources.get(host)
        if source is None:
            self._sources[host] = source = self._opened(host)
        path.parent.mkdir(parents=True, exist_ok=True)
        # What is in it is chance: nothing of anybody's, and nothing was encrypted.
        path.write_bytes(os.urandom(_FILE_BYTES))
        shutil.chown(path, told["owner"])
        return list(source.poll(_ANY_LIMIT).events)

    def _opened(self, host: str) -> WebrootSource:
        for root in ROOTS:
            Path(root).mkdir(parents=True, exist_ok=True)
        machine = Machine(
            host=host, boot_id="range", now=lambda: self._now,
            # Each box has accounts of its own: nothing is remembered of the last one.
            user_of=lambda uid: pwd.getpwuid(uid).pw_name,
        )  # fmt: skip
        source = WebrootSource("files", machine, map(Path, ROOTS), interval_us=0)
        source.poll(_ANY_LIMIT)
        return source
