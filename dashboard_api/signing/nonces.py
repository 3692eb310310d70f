"""Nonces: no signed request is believed twice, whatever clocks, crashes and disks do.

What was noted and committed stays known for at least ten minutes. What is forgotten afterwards
leaves the newest of its request timestamps as the floor, and nothing up to the floor is believed
again. So safety never rests on a clock: a request is in memory, or its timestamp is not after the
floor. The clocks decide only when forgetting costs nobody anything: a record goes once the wall
clock and the monotonic clock have both moved on ten minutes, when no honest timestamp is that old.
After a restart the monotonic clock counts anew; what is on disk then has the age the wall clock
gives it, and none where the wall clock stands before it. (A clock that jumps ahead, a restart and a
jump back may so free a nonce within ten minutes, for a later timestamp: for a request that was
signed anew, never for a replay.)

A wall clock set back behind the floor refuses signed requests with ``timestamp.forgotten`` until
it has caught up: after a long time on a wrong clock nothing tells a replay from a request.
"""

from __future__ import annotations

import errno
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dashboard_api.signing import nonce_file
from dashboard_api.signing.authorization import SKEW_SECONDS_MAX
from dashboard_api.signing.nonce_file import Content, Files, PosixFiles, Record
from schema.errors import FengsuiError
from schema.ports import Clock

SECOND: Final = 1_000_000
KEPT: Final = 600 * SECOND
"""Twice the clock difference that is allowed: a timestamp from the future is refused again only
when it has become one from the past. In microseconds."""
assert KEPT >= 2 * SKEW_SECONDS_MAX * SECOND
GENERATION: Final = 150 * SECOND
"""How long one file is written to; it goes as a whole, so records stay up to this much longer."""
GENERATIONS_MAX: Final = 16
"""Six stand on a quiet clock. More are left by one that jumps ahead and back, each until its time
has come again; beyond this the last file grows on, since each is asked for every request."""
RECORDS_MAX: Final = 4_000_000
"""Of one signing process: 5,000 signed requests a second without end, in 64 to 128 MB."""
_FILE_BYTES_MAX: Final = nonce_file.HEADER_BYTES + 2 * RECORDS_MAX * nonce_file.RECORD_BYTES
"""No file is longer: a whole memory and room to spare."""
_LOOK: Final = SECOND
"""How often the age of the files is looked at."""
_FULL_RETRY_SECONDS: Final = 60
_STOPPED_RETRY_SECONDS: Final = 30
_SHARDS: Final = 256
"""A table that grows is put in place anew: this many small ones never make a call wait."""
_SLOTS_MIN: Final = 8


class _Seen:
    """A set of fingerprints by their 64-bit hash, eight bytes a slot.

    Python's hash of bytes is keyed anew in each process, so nobody can aim at one slot; two that
    agree in it cost the later request a refusal, once in 2**64 / 4 million.
    """

    __slots__ = ("_counts", "_shards", "count")

    def __init__(self) -> None:
        self._shards = [_empty(_SLOTS_MIN) for _ in range(_SHARDS)]
        self._counts = [0] * _SHARDS
        self.count = 0

    def __contains__(self, key: int) -> bool:
        slots = self._shards[key % _SHARDS]
        return slots[_place(slots, key)] == key

    def add(self, key: int) -> None:
        shard = key % _SHARDS
        slots = self._shards[shard]
        at = _place(slots, key)
        if slots[at]:
            return
        slots[at] = key
        self.count += 1
        self._counts[shard] += 1
        if self._counts[shard] * 2 > len(slots):
            larger = _empty(len(slots) * 2)
            for old in slots:
                if old:
                    larger[_place(larger, old)] = old
            self._shards[shard] = larger


def _empty(slots: int) -> array[int]:
    return array("q", bytes(8 * slots))


def _place(slots: array[int], key: int) -> int:
    """Where the key stands, or would."""
    mask = len(slots) - 1
    at = (key >> 8) & mask
    while slots[at] and slots[at] != key:
        at = (at + 1) & mask
    return at


@dataclass(slots=True, kw_only=True, eq=False)
class _Generation:
    """What one file holds."""

    path: Path
    began: int
    """By the monotonic clock."""
    wall: int = 0
    """When its last record was noted; the latest by the wall clock."""
    monotonic: int = 0
    timestamp: int = 0
    """The newest of its requests."""
    seen: _Seen = field(default_factory=_Seen)

    def add(self, record: Record, monotonic: int) -> None:
        self.wall = max(self.wall, record.noted_at)
        self.monotonic = max(self.monotonic, monotonic)
        self.timestamp = max(self.timestamp, record.timestamp)
        self.seen.add(_key(record.fingerprint))

    def reread(self, content: Content, wall: int, monotonic: int) -> None:
        """Take over what a process before wrote: as old as the wall clock says, but never below 0,
        where it has been set back.
        """
        self.began = monotonic - max(0, wall - content.first_noted_at)
        self.wall = content.last_noted_at
        self.monotonic = monotonic - max(0, wall - content.last_noted_at)
        self.timestamp = content.timestamp

    def has_passed(self, wall: int, monotonic: int) -> bool:
        return wall - self.wall > KEPT and monotonic - self.monotonic > KEPT


def _key(fingerprint: bytes) -> int:
    # 0 marks a free slot.
    return hash(fingerprint) or 1


class Nonces:
    """The nonces one signing process has used up, in memory and in files of one folder."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        monotonic: Callable[[], int],
        *,
        files: Files | None = None,
        records_max: int = RECORDS_MAX,
    ) -> None:
        """Open the folder; ``monotonic`` counts microseconds.

        Raises ``OSError``, and ``dashboard_api.signing.busy`` while another process has it open.
        """
        self._folder = folder
        self._clock = clock
        self._monotonic = monotonic
        self._files = files or PosixFiles()
        self._records_max = records_max
        self._pending: list[bytes] = []
        self._failed = False
        self._look_at = 0
        self._count = 0
        self._number = 0
        self._generations: list[_Generation] = []
        self.floor = 0
        """The newest timestamp that may have been forgotten, unix seconds."""
        self._files.lock(folder)
        try:
            self._reopen()
        except BaseException:
            self._files.release()
            raise

    def __len__(self) -> int:
        """How many are known."""
        return self._count

    def close(self) -> None:
        """Let another process open the folder; what was not committed is gone."""
        self._failed = True
        self._files.release()

    def require_sound(self) -> None:
        """Raise ``dashboard_api.signing.stopped`` once a commit has failed."""
        if self._failed:
            raise FengsuiError(
                "dashboard_api.signing.stopped",
                "signing has stopped because used nonces cannot be written: nothing of this call "
                "was done; the operator finds the cause at /readyz and in the log",
                retry_seconds=_STOPPED_RETRY_SECONDS,
            )

    def note(self, credential: str, nonce: str, timestamp: int) -> None:
        """Use up a nonce of a credential; it counts once ``commit`` has returned.

        Raises ``dashboard_api.timestamp.forgotten``, ``dashboard_api.nonce.replayed``,
        ``dashboard_api.signing.busy`` when no more can be kept, and ``.stopped``.
        """
        self.require_sound()
        if timestamp <= self.floor:
            raise FengsuiError(
                "dashboard_api.timestamp.forgotten",
                f"the timestamp is not after {self.floor}, up to where the platform no longer "
                "tells a request from its replay: sign again with the present time; if it is, the "
                "platform's clock was set back",
                floor=self.floor,
            )
        fingerprint = nonce_file.fingerprint_of(credential, nonce)
        key = _key(fingerprint)
        for generation in self._generations:
            if key in generation.seen:
                raise FengsuiError(
                    "dashboard_api.nonce.replayed",
                    "the nonce was used before: sign each request, and each repeat, with a nonce "
                    "of its own",
                )
        if self._count >= self._records_max:
            raise FengsuiError(
                "dashboard_api.signing.busy",
                "too many signed requests came within ten minutes to tell more apart: nothing of "
                f"this call was done; send it again in {_FULL_RETRY_SECONDS} s, or use a bearer "
                "token",
                retry_seconds=_FULL_RETRY_SECONDS,
            )
        record = Record(self._clock.now(), timestamp, fingerprint)
        self._generations[-1].add(record, self._monotonic())
        self._count += 1
        self._pending.append(nonce_file.encode(record))

    def commit(self) -> None:
        """Return once everything noted is on stable storage.

        Raises ``OSError``, and then for good: until it is opened anew nothing is noted.
        """
        if self._failed:
            raise OSError(errno.EIO, "nonces are kept no more since an earlier commit failed")
        try:
            if self._pending:
                path = self._generations[-1].path
                self._files.append(path, b"".join(self._pending))
                self._files.sync(path)
                self._pending.clear()
            self._look()
        except OSError:
            self._failed = True
            raise

    def _look(self) -> None:
        """Begin a new file when the last is old enough, and forget files that have passed."""
        monotonic = self._monotonic()
        if monotonic < self._look_at:
            return
        self._look_at = monotonic + _LOOK
        wall, last = self._clock.now(), self._generations[-1]
        passed = [
            one for one in self._generations if one.seen.count and one.has_passed(wall, monotonic)
        ]
        grown = (
            last.seen.count > 0
            and monotonic - last.began >= GENERATION
            and len(self._generations) < GENERATIONS_MAX
        )
        if passed or grown:
            # The floor is durable before anything it stands for goes.
            self._begin(max([self.floor, *(one.timestamp for one in passed)]), monotonic)
            self._forget(passed)

    def _begin(self, floor: int, monotonic: int) -> None:
        self._number += 1
        path = self._folder / nonce_file.file_name(self._number)
        self._files.append(path, nonce_file.encode_header(floor))
        self._files.sync(path)
        self.floor = floor
        self._generations.append(_Generation(path=path, began=monotonic))

    def _forget(self, passed: list[_Generation]) -> None:
        staying = []
        for one in self._generations[:-1]:
            if one in passed or not one.seen.count:
                self._files.remove(one.path)
                self._count -= one.seen.count
            else:
                staying.append(one)
        self._generations[:-1] = staying

    def _reopen(self) -> None:
        wall, monotonic = self._clock.now(), self._monotonic()
        damaged = False
        for name in nonce_file.names(self._folder, self._files):
            path = self._folder / name
            self._number = int(name.partition(".")[0])
            generation = _Generation(path=path, began=monotonic)
            content = self._read(path, generation.seen)
            damaged = damaged or content.damaged
            if content.sound_bytes == 0:
                self._files.remove(path)
                continue
            self.floor = max(self.floor, content.floor)
            if generation.seen.count:
                generation.reread(content, wall, monotonic)
            self._generations.append(generation)
            self._count += generation.seen.count
        if damaged:
            # Some request believed before now may be missing; none was further ahead than this.
            self.floor = max(self.floor, wall // SECOND + SKEW_SECONDS_MAX)
        if damaged or not self._generations:
            self._begin(self.floor, monotonic)

    def _read(self, path: Path, seen: _Seen) -> Content:
        """Read a file and cut its torn tail."""
        raw = self._files.read(path, 0, _FILE_BYTES_MAX)
        content = nonce_file.decode(raw, lambda fingerprint: seen.add(_key(fingerprint)))
        if 0 < content.sound_bytes < len(raw):
            self._files.truncate(path, content.sound_bytes)
        return content
