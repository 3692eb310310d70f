"""Tombstone: what is left of a segment whose time is over, so that the chain behind it verifies.

Signed by the collector's key under a domain of its own, one JSON line each in
``<log>/<sensor>/tombstones``, in batch order. It carries what the next batch links to and what the
segment's footer was; an unfinished last line is a write that never counted, and its segment stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from crypto import sm2
from crypto.errors import CryptoError
from schema.batch import GENESIS, Chain
from schema.disk import Disk, PosixDisk
from schema.errors import FengsuiError

DOMAIN: Final = "fengsui/tombstone/1"
FILE: Final = "tombstones"
FORMAT: Final = 1
_BYTES_MAX: Final = 256 * 1024 * 1024
"""Of one file: a quarter of a million segments, some sixteen terabytes of them."""


class Tombstone(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One segment that is gone. Times in microseconds UTC, hashes lower-case hex."""

    format: int
    realm: str
    sensor: str
    segment: str
    footer: str
    """SM3 of the segment's bytes, as its footer held it."""
    first: int
    last: int
    """Batch numbers."""
    first_enrolment: int
    first_sequence: int
    previous: str
    """What the first batch linked to."""
    enrolment: int
    next_sequence: int
    hash: str
    """What the batch behind the last one links to."""
    count: int
    events: int
    """All events of the chain up to the last batch."""
    redacted: int
    first_at: int
    last_at: int
    received_at: int
    """Receipt of the last batch: what its age was counted from."""
    retention: str
    """The class, the longest of what it held."""
    expired_at: int
    reason: str
    by: str
    key_id: str
    signature: str

    @property
    def chain(self) -> Chain:
        """Where the chain stands behind it."""
        return Chain(
            realm=self.realm,
            sensor=self.sensor,
            enrolment=self.enrolment,
            number=self.last,
            next_sequence=self.next_sequence,
            hash=self.hash,
        )


def sign(unsigned: Tombstone, key: sm2.PrivateKey) -> Tombstone:
    """The same tombstone with this key's signature."""
    named = msgspec.structs.replace(unsigned, key_id=key.public.key_id, signature="")
    signature = key.sign(_signed_bytes(named), domain=DOMAIN)
    return msgspec.structs.replace(named, signature=signature.hex())


def verify(stone: Tombstone, keys: Mapping[str, sm2.PublicKey]) -> None:
    """Raise ``schema.tombstone.forged`` unless one of the collector's keys signed it."""
    try:
        if stone.format != FORMAT:
            raise ValueError("another format")
        keys[stone.key_id].verify(
            bytes.fromhex(stone.signature), _signed_bytes(stone), domain=DOMAIN
        )
    except (CryptoError, ValueError, KeyError) as error:
        raise FengsuiError(
            "schema.tombstone.forged",
            f"the tombstone of {stone.segment} of {stone.sensor} is not signed by this platform",
            sensor=stone.sensor,
        ) from error


def follows(stone: Tombstone, before: Tombstone | None) -> bool:
    """Whether it begins where the one before ended, or where the chain began."""
    if stone.last < stone.first:
        return False
    if before is None:
        return (stone.first, stone.previous, stone.events) == (1, GENESIS, stone.count)
    if (stone.first, stone.events) != (before.last + 1, before.events + stone.count):
        return False
    if stone.first_enrolment == before.enrolment:
        return (stone.previous, stone.first_sequence) == (before.hash, before.next_sequence)
    return stone.first_enrolment > before.enrolment and stone.previous == GENESIS


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """The tombstones of a sensor in file order, and how many lines are none."""

    stones: Sequence[Tombstone]
    malformed: int = 0

    @property
    def last(self) -> Tombstone | None:
        """The newest, None where nothing has expired."""
        return self.stones[-1] if self.stones else None


def read(folder: Path, disk: Disk | None = None) -> Read:
    """The tombstones in a sensor's folder."""
    files = disk or PosixDisk()
    if FILE not in files.names(folder):
        return Read(stones=())
    *lines, _ = files.read(folder / FILE, 0, _BYTES_MAX).split(b"\n")
    stones: list[Tombstone] = []
    malformed = 0
    for line in lines:
        try:
            stones.append(msgspec.json.decode(line, type=Tombstone))
        except msgspec.MsgspecError:
            malformed += 1
    return Read(stones=stones, malformed=malformed)


def gone(folder: Path) -> int:
    """Number of the sensor's last batch that has expired, 0 for none."""
    last = read(folder).last
    return last.last if last else 0


def append(folder: Path, stone: Tombstone, disk: Disk | None = None) -> None:
    """Add one and return once it is on stable storage; raises ``OSError``.

    What a crash left of a line is cut first.
    """
    files, path = disk or PosixDisk(), folder / FILE
    if FILE in files.names(folder):
        raw = files.read(path, 0, _BYTES_MAX)
        whole = raw.rfind(b"\n") + 1
        if whole < len(raw):
            files.truncate(path, whole)
    files.append(path, msgspec.json.encode(stone, order="sorted") + b"\n")
    files.sync(path)
    if isinstance(files, PosixDisk):
        files.close(path)


def _signed_bytes(stone: Tombstone) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(stone, signature=""), order="sorted")
