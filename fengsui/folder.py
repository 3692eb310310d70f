"""DataFolder: where everything of one site lies; nothing is written outside it."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from schema.errors import FengsuiError


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The places inside one data folder."""

    root: Path

    @property
    def segments(self) -> Path:
        """The log of sealed batches: the evidence."""
        return self.root / "segments"

    @property
    def index(self) -> Path:
        """The event index, one file a day; can be rebuilt from the segments."""
        return self.root / "index"

    @property
    def state(self) -> Path:
        """Alerts, decisions, users, enrolments, audit."""
        return self.root / "state.db"

    @property
    def keys(self) -> Path:
        """Private keys and secrets, 0600 each; never in a backup."""
        return self.root / "keys"

    @property
    def run(self) -> Path:
        """What belongs to the running process only."""
        return self.root / "run"

    @property
    def cache(self) -> Path:
        """Compiled rules; can be deleted at any time."""
        return self.root / "cache"

    @property
    def settings(self) -> Path:
        """The settings file; absent means the defaults."""
        return self.root / "settings.toml"

    def must_exist(self) -> None:
        """Raise ``fengsui.folder.absent`` unless this is a data folder with evidence in it."""
        if not self.segments.is_dir():
            raise FengsuiError(
                "fengsui.folder.absent",
                f"{self.root} holds no segments: name a data folder with --data, or make one "
                "with `fengsui up` or `fengsui demo`",
                path=str(self.root),
            )


class Ownership:
    """The running platform owns its folder; a second one is refused, a crash leaves no lock."""

    def __init__(self, folder: DataFolder) -> None:
        folder.run.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file: IO[str] = (folder.run / "owner").open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.seek(0)
            owner = self._file.read().strip() or "another process"
            self._file.close()
            raise FengsuiError(
                "fengsui.folder.in_use",
                f"{folder.root} is in use by process {owner}: stop it first, or name another "
                "folder with --data",
                path=str(folder.root),
            ) from error
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Let another process own the folder."""
        self._file.close()
