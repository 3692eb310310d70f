"""DataFolder: where everything of one site lies; nothing is written outside it."""

from __future__ import annotations

import fcntl
import logging
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from crypto import keys
from schema.errors import FengsuiError

_logger = logging.getLogger(__name__)

_OURS: Final = ("realm", "identity.json", "settings.toml", "segments")
"""A folder with one of these is a data folder."""


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
    def signing(self) -> Path:
        """Journals, nonces and signed heads of the signing processes, a folder each."""
        return self.root / "signing"

    @property
    def run(self) -> Path:
        """What belongs to the running process only."""
        return self.root / "run"

    @property
    def rules(self) -> Path:
        """Imported trees of rules, one folder each."""
        return self.root / "rules"

    @property
    def cache(self) -> Path:
        """Compiled rules; can be deleted at any time."""
        return self.root / "cache"

    @property
    def settings(self) -> Path:
        """The settings file; absent means the defaults."""
        return self.root / "settings.toml"

    def realm(self) -> str:
        """``duty`` or ``demonstration``; raises ``fengsui.folder.absent`` without its mark."""
        try:
            return (self.root / "realm").read_text("ascii").strip()
        except FileNotFoundError as error:
            raise FengsuiError(
                "fengsui.folder.absent", f"{self.root} is no data folder", path=str(self.root)
            ) from error

    def is_demonstration(self) -> bool:
        """Whether it shows a recording; raises as ``realm`` does."""
        return self.realm() == "demonstration"

    def must_exist(self) -> None:
        """Raise ``fengsui.folder.absent`` unless this is a data folder with evidence in it."""
        if not self.segments.is_dir():
            raise FengsuiError(
                "fengsui.folder.absent",
                f"{self.root} holds no segments: name a data folder with --data, or make one "
                "with `fengsui up` or `fengsui demo`",
                path=str(self.root),
            )


def _protect(folder: DataFolder) -> None:
    """Keep everybody else out; raises ``fengsui.folder.exposed`` for a folder that is not ours.

    A folder somebody made with the usual rights is narrowed where nothing but ours lies in it: of
    any other, such as a home, the rights are not for us to change.
    """
    # Whatever this process writes from now on is for its owner only.
    os.umask(0o077)
    root = folder.root
    root.mkdir(parents=True, exist_ok=True)
    mode = stat.S_IMODE(root.stat().st_mode)
    if mode & 0o077:
        ours = any((root / name).exists() for name in _OURS)
        if not ours and any(root.iterdir()):
            raise FengsuiError(
                "fengsui.folder.exposed",
                f"{root} has mode {mode:04o} and holds other things: others may read what would "
                "be written there; name a new folder, or run chmod 700 on this one",
                path=str(root),
            )
        root.chmod(0o700)
        _logger.warning("the data folder was open to others and is no longer", extra={"path": root})
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        with suppress(FileNotFoundError):
            (root / name).chmod(0o600)


def keep_realm(folder: DataFolder, realm: str) -> None:
    """A folder is of one realm for ever; raises ``fengsui.folder.other_realm``."""
    mark = folder.root / "realm"
    if not mark.exists():
        # Whole or absent: a start cut short must not leave a mark that every later one refuses.
        keys.create(mark, realm.encode("ascii"))
    found = mark.read_text("ascii").strip()
    if found != realm:
        raise FengsuiError(
            "fengsui.folder.other_realm",
            f"{folder.root} is a {found} folder: demonstration and duty never mix; name another",
            path=str(folder.root),
        )


class Ownership:
    """The running platform owns its folder; a second one is refused, a crash leaves no lock."""

    def __init__(self, folder: DataFolder) -> None:
        _protect(folder)
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
