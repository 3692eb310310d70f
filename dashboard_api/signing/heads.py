"""Heads: where each journal stood, signed by the API process, which never writes the journal.

``DIR/signing/<slot>/heads.jsonl`` holds one line of JSON for each: {n, digest, at, key_id,
signature}. The signature is the audit key's, domain ``fengsui/signing-head/1``, over the canonical
JSON of {slot, n, digest, at}. A signing process tells of a head at most once a second and when it
closes, together with what it counted; a thief of its folder cannot sign an older one as newer.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from collector.state.database import Database
from crypto import keys, sm2
from crypto.errors import CryptoError
from dashboard_api.signing import usage
from dashboard_api.signing.journal_file import files
from dashboard_api.signing.usage import Count
from schema import times
from schema.disk import replace_file
from schema.errors import FengsuiError
from schema.ports import Clock

if TYPE_CHECKING:
    from dashboard_api.signing.journal import FileJournal

DOMAIN: Final = "fengsui/signing-head/1"
TELL_EVERY_US: Final = times.SECOND
"""Between two heads of one process: what could be cut unseen, against a signature and a sync."""
HEADS_BYTES_MAX: Final = 4 * 1024 * 1024
"""Some 12,000 heads; then the older half is thinned to every sixteenth. The newest alone proves
all before it; older ones only say sooner where a forged chain left the true one."""
_THIN: Final = 16
_NAME: Final = "heads.jsonl"


class Head(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """A signing process tells where its journal stands, and what it counted since it last told."""

    slot: int
    n: int
    digest: str
    """SM3 (hex) of the group that ends with entry ``n``."""
    after: int
    """The entry the counts begin behind."""
    counts: tuple[Count, ...]


class SignedHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of ``heads.jsonl``."""

    n: int
    digest: str
    at: int
    """When it was signed, in microseconds UTC."""
    key_id: str
    signature: str


class Teller:
    """On the side of the signing process: what there is to tell of its journal."""

    def __init__(self, slot: int, journal: FileJournal, clock: Clock, *, told: int = 0) -> None:
        """``told`` is the entry of the newest signed head."""
        self._slot = slot
        self._journal = journal
        self._clock = clock
        self._told = told
        self._told_at = 0

    def head(self, *, closing: bool = False) -> Head | None:
        """The journal's head where it is new, at most once a second but for when it closes.

        Whatever this returns must reach the API process before the next call; what does not is
        read from the journal's files there.
        """
        if self._journal.n == self._told:
            return None
        now = self._clock.now()
        # A clock that was set back must not keep heads untold.
        if not closing and 0 <= now - self._told_at < TELL_EVERY_US:
            return None
        self._told, self._told_at = self._journal.n, now
        after, counts = self._journal.take_counts()
        return Head(self._slot, self._journal.n, self._journal.digest, after, counts)


class Heads:
    """On the side of the API process: signs the heads of one slot, and stores what was counted.

    Every method waits for the disk: call them from a thread. ``folder`` is ``DIR/signing/<slot>``.
    """

    def __init__(
        self, slot: int, folder: Path, key: sm2.PrivateKey, clock: Clock, database: Database
    ) -> None:
        self._slot = slot
        self._folder = folder
        self._key = key
        self._clock = clock
        self._database = database
        self._signed = 0

    def newest(self) -> SignedHead | None:
        """The newest signed head, as the signing process finds it."""
        found = newest(self._folder, self._slot, self._key.public)
        self._signed = 0 if found is None else found.n
        return found

    def catch_up(self) -> None:
        """Count what a process that ended wrote and did not tell; before the next one starts.

        Raises ``dashboard_api.journal.broken`` and ``.cut``.
        """
        after = self._counted()
        # It may have ended between write and sync: what is counted must not go with the power.
        for _, path in files(self._folder / "journal")[-1:]:
            _sync(path)
        upto, counts = usage.recount(self._folder, after=after)
        self._store(counts, after=after, upto=upto)

    def sign(self, head: Head) -> SignedHead:
        """Sign a head and store its counts; returns once both are on stable storage.

        Raises ``OSError``; counts that were not stored are read from the journal the next time.
        """
        signed = _sign(self._slot, head, self._clock.now(), self._key)
        # One that was overtaken is proven by the newer.
        if head.n >= self._signed:
            _append(self._folder / _NAME, signed)
            self._signed = head.n
        if not self._store(head.counts, after=head.after, upto=head.n):
            after = self._counted()
            if after < head.n:
                upto, counts = usage.recount(self._folder, after=after, upto=head.n)
                self._store(counts, after=after, upto=upto)
        return signed

    def _counted(self) -> int:
        with self._database.read() as state:
            return usage.counted(state, self._slot)

    def _store(self, counts: Sequence[Count], *, after: int, upto: int) -> bool:
        return self._database.write(
            lambda state: usage.store(state, self._slot, counts, after=after, upto=upto)
        )


def read(folder: Path) -> list[SignedHead]:
    """Every head of a slot, oldest first; their signatures are not checked here.

    A last line that ends early was never acknowledged and is left out. Raises
    ``dashboard_api.journal.head_broken``.
    """
    path = folder / _NAME
    try:
        whole, end, _torn = path.read_bytes().rpartition(b"\n")
    except FileNotFoundError:
        return []
    found: list[SignedHead] = []
    for number, line in enumerate(whole.split(b"\n") if end else (), 1):
        try:
            found.append(msgspec.json.decode(line, type=SignedHead))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise _broken(path, f"line {number} is no head") from error
        if len(found) > 1 and not _follows(found[-1], found[-2]):
            raise _broken(path, f"line {number} names an entry not after the one before")
    return found


def _follows(head: SignedHead, before: SignedHead) -> bool:
    # A head whose counts could not be stored is signed once more.
    return head.n > before.n or (head.n, head.digest) == (before.n, before.digest)


def check(folder: Path, slot: int, head: SignedHead, key: sm2.PublicKey) -> None:
    """Raise ``dashboard_api.journal.head_broken`` unless the audit key signed it for this slot."""
    try:
        signature = bytes.fromhex(head.signature)
        key.verify(signature, _message(slot, head.n, head.digest, head.at), domain=DOMAIN)
    except (CryptoError, ValueError) as error:
        raise _broken(
            folder / _NAME, f"the head of entry {head.n} is not signed by the audit key"
        ) from error


def newest(folder: Path, slot: int, key: sm2.PublicKey) -> SignedHead | None:
    """The newest head of a slot, its signature checked; raises what ``read`` and ``check`` do."""
    found = read(folder)
    if not found:
        return None
    check(folder, slot, found[-1], key)
    return found[-1]


def _sign(slot: int, head: Head, at: int, key: sm2.PrivateKey) -> SignedHead:
    return SignedHead(
        n=head.n,
        digest=head.digest,
        at=at,
        key_id=key.public.key_id,
        signature=key.sign(_message(slot, head.n, head.digest, at), domain=DOMAIN).hex(),
    )


def _message(slot: int, n: int, digest: str, at: int) -> bytes:
    return msgspec.json.encode({"slot": slot, "n": n, "digest": digest, "at": at}, order="sorted")


def _append(path: Path, signed: SignedHead) -> None:
    """Add a line durably; a line torn by an earlier crash goes first."""
    line = msgspec.json.encode(signed) + b"\n"
    made = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        if size > HEADS_BYTES_MAX:
            replace_file(path, _thinned(os.pread(descriptor, size, 0)) + line)
            return
        tail = os.pread(descriptor, len(line) * 2, max(0, size - len(line) * 2))
        end = size - (len(tail) - tail.rfind(b"\n") - 1)
        if end < size:
            os.ftruncate(descriptor, end)
        view = memoryview(line)
        while view:
            done = os.pwrite(descriptor, view, end)
            view, end = view[done:], end + done
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
    if made:
        keys.sync_folder(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def _thinned(raw: bytes) -> bytes:
    lines = raw[: raw.rfind(b"\n") + 1].splitlines(keepends=True)
    half = len(lines) // 2
    return b"".join((*lines[:half:_THIN], *lines[half:]))


def _broken(path: Path, why: str) -> FengsuiError:
    return FengsuiError(
        "dashboard_api.journal.head_broken",
        f"the signed heads in {path} are not as they were written: {why}; put back a copy",
        path=str(path),
    )
