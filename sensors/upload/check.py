"""Check: one uploaded file looked through, and allowed or refused.

The file is opened once, never through a link, and everything is read from that opening. A refused
file is copied into the isolated folder under its SM3, readable by the sensor's user alone, and
taken away from its place; nothing opens it again. Who writes to the file after the answer is not
stopped: an application compares the hash of the answer before it publishes.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final, Literal, TypeAlias

from crypto import sm3
from schema import privacy
from schema.errors import FengsuiError
from schema.marking import plain_marking
from sensors.upload.budget import UNCHECKED, Budget, unchecked
from sensors.upload.protected import Protected
from sensors.upload.text import texts

OnFailure: TypeAlias = Literal["closed", "open"]

FILE_BYTES_MAX: Final = 2 * 1024 * 1024 * 1024
"""Of one upload: hashing it takes ten seconds to a minute."""
EXCERPT_CHARS: Final = 60
"""On both sides of a marking: so much is given to the masker, which leaves length and HMAC."""
CHECKS_AT_ONCE: Final = 2
"""Each may hold some hundreds of megabytes; the others wait."""
_CHUNK: Final = 1024 * 1024
_MARKING: Final = "秘密★"
"""Given in place of an excerpt that the masker would not know."""

CLASSIFIED: Final = "classified_marking"
PROTECTED: Final = "protected_file"
NOT_CHECKED: Final = "not_checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found and decided."""

    allow: bool
    reason: str = ""
    """``classified_marking``, ``protected_file`` or ``not_checked:WHY``; empty for none."""
    sm3: str = ""
    """Empty where the file could not be read."""
    size: int = 0
    isolated: str = ""
    """Where a refused file lies now; empty where it was left."""
    marked: str = field(default="", repr=False)
    """The marking with what stands around it: for the masker alone, never print it."""


class Checker:
    """Looks through files for any thread.

    ``folders`` are those whose files may be asked for (none: all), so that nobody has the sensor
    take away what he may not touch himself.
    """

    def __init__(
        self,
        protected: Protected,
        *,
        isolate: Path | None,
        on_failure: OnFailure = "closed",
        folders: Sequence[Path] = (),
    ) -> None:
        self._protected = protected
        self._isolate = isolate
        self._on_failure = on_failure
        self._folders = tuple(folder.resolve() for folder in folders)
        self._room = threading.Semaphore(CHECKS_AT_ONCE)

    def check(self, path: Path, name: str) -> Verdict:
        """Decide on the file; ``name`` is what its sender calls it. Raises nothing."""
        with self._room:
            try:
                with self._open(path) as file:
                    return self._checked(file, path, name)
            except OSError:
                return self.failed("unreadable")
            except FengsuiError as error:
                return self.failed(str(error.params.get("why", "unreadable")))

    def failed(self, why: str, sm3_hex: str = "", size: int = 0) -> Verdict:
        """The answer where the check could not be done, as the site sets it."""
        allow = self._on_failure == "open"
        return Verdict(allow=allow, reason=f"{NOT_CHECKED}:{why}", sm3=sm3_hex, size=size)

    def _open(self, path: Path) -> BinaryIO:
        # Not waiting for the other end of a pipe put there.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.fdopen(os.open(path, flags), "rb")
        try:
            # Where it truly lies: a folder on the way may be a link as well.
            true = Path(f"/proc/self/fd/{file.fileno()}").readlink()
            if self._folders and not any(true.is_relative_to(one) for one in self._folders):
                raise unchecked("outside_folders")
            told = os.fstat(file.fileno())
            if not stat.S_ISREG(told.st_mode):
                raise unchecked("no_file")
            if told.st_size > FILE_BYTES_MAX:
                raise unchecked("too_large")
        except BaseException:
            file.close()
            raise
        return file

    def _checked(self, file: BinaryIO, path: Path, name: str) -> Verdict:
        digest, size = _digest(file)
        reason, marked, why = "", "", ""
        try:
            if self._protected.holds(digest):
                reason = PROTECTED
            marked = found_marking(file, name)
        except FengsuiError as error:
            if error.code != UNCHECKED:
                raise
            why = str(error.params["why"])
        except (ValueError, LookupError, ArithmeticError, MemoryError, RecursionError):
            # Whatever bytes do to a reader, the application is answered and the event told.
            why = "damaged"
        if why and not reason:
            verdict = self.failed(why, digest, size)
            return verdict if verdict.allow else self._refuse(file, path, verdict)
        if marked:
            reason = CLASSIFIED
        verdict = Verdict(allow=not reason, reason=reason, sm3=digest, size=size, marked=marked)
        return verdict if verdict.allow else self._refuse(file, path, verdict)

    def _refuse(self, file: BinaryIO, path: Path, verdict: Verdict) -> Verdict:
        isolated = ""
        if self._isolate is not None:
            try:
                isolated = str(isolate(file, path, self._isolate))
            except OSError:
                # Refused all the same, and the event has no place for it.
                isolated = ""
        return Verdict(
            allow=False, reason=verdict.reason, sm3=verdict.sm3, size=verdict.size,
            isolated=isolated, marked=verdict.marked,
        )  # fmt: skip


def found_marking(file: BinaryIO, name: str) -> str:
    """The first marking of name or content with what stands around it, or nothing.

    Raises ``sensors.upload.unchecked`` where not all can be looked at and nothing was found.
    """
    for text in chain([name], texts(file, Budget())):
        if found := plain_marking(text):
            return _excerpt(text, found)
    return ""


def _excerpt(text: str, found: str) -> str:
    at = text.index(found)
    start, end = max(0, at - EXCERPT_CHARS), at + len(found) + EXCERPT_CHARS
    excerpt = text[start:end]
    known = any(one.kind == "classified" for one in privacy.find(excerpt))
    # The text must not leave: what the masker would not hide as a whole is not given to it.
    return excerpt if known else _MARKING


def _digest(file: BinaryIO) -> tuple[str, int]:
    state, size = sm3.new(), 0
    file.seek(0)
    while chunk := file.read(_CHUNK):
        size += len(chunk)
        if size > FILE_BYTES_MAX:
            raise unchecked("too_large")
        state.update(chunk)
    return state.digest().hex(), size


def isolate(file: BinaryIO, path: Path, folder: Path) -> Path:
    """Copy the opened file into the folder under its SM3 and take it from its place.

    A copy, since the original belongs to its writer, who may have it open. Raises ``OSError``.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    told = os.fstat(file.fileno())
    taking = folder / f".taking-{os.getpid()}-{threading.get_ident()}"
    taking.unlink(missing_ok=True)
    handle = os.open(taking, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    state = sm3.new()
    try:
        with os.fdopen(handle, "wb") as copy:
            file.seek(0)
            while chunk := file.read(_CHUNK):
                state.update(chunk)
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
        isolated = folder / state.digest().hex()
        taking.rename(isolated)
    except BaseException:
        taking.unlink(missing_ok=True)
        raise
    now = path.lstat()
    if (now.st_dev, now.st_ino) == (told.st_dev, told.st_ino):
        path.unlink()
    return isolated
