"""The journal's files: groups of JSON lines that anyone can read, and check without this program.

``DIR/signing/<slot>/journal/<number of its first entry>.log`` holds groups end to end. A group is
one header line of 126 bytes and then its entries, a line of JSON each::

    group <first entry> <entries> <bytes of the lines> <SM3 of the group before> <CRC32C> <CRC32C>

Numbers are decimal, filled with zeros to their width; the first CRC32C is of the entry lines, the
second of the header up to itself. The SM3 of a group is over the whole of it as it stands in the
file, header line too, so that ``head -c``, ``tail -c`` and ``openssl dgst -sm3`` check the chain.
Before the first group of all stand 64 zeros.

JSON costs 1.1 µs an entry of one item where MessagePack costs 0.3: little beside its signature,
and an assessor reads it with any text tool.

The last group of the last file may be torn: a write that was never acknowledged. It is torn where
it ends early, or where whole sectors of it were never written (zeros, which text never holds), and
no group stands behind it. Anything else raises ``dashboard_api.journal.broken``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import crc32c
import msgspec

from crypto import sm3
from dashboard_api.signing.ports import Mark
from schema import times
from schema.errors import FengsuiError

GENESIS: Final = "0" * 64
HEADER_BYTES: Final = 126
GROUP_BYTES_MAX: Final = 10**10 - 1
"""What fits its place in the header; a group is what a signing process did in some milliseconds."""
ENTRIES_MAX: Final = 10**8 - 1
"""As GROUP_BYTES_MAX."""
_SECTOR_BYTES: Final = 512
"""Disks write no less than this at once, so no less than this is missing after a power cut."""
_SEARCH_BYTES_MAX: Final = 1 << 20
"""How far behind a torn place a whole group is looked for at once."""
_NAME: Final = re.compile(r"[0-9]{16}\.log")
_HEADER: Final = re.compile(
    rb"group ([0-9]{16}) ([0-9]{8}) ([0-9]{10}) ([0-9a-f]{64}) ([0-9a-f]{8}) ([0-9a-f]{8})\n"
)
_SUMMED: Final = HEADER_BYTES - 9
"""Bytes of the header its own checksum is over."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One call, as it stands in the file; what the fields mean is told at ``ports.Mark``."""

    n: int
    at: str
    """RFC 3339, UTC."""
    application: str
    credential: str
    operation: str
    key: str
    version: int
    place: str
    algorithm: str
    mode: str
    result: str
    items: int
    failed: int
    payload_macs: tuple[bytes, ...]
    """HMAC-SM3 under the journal's key; base64 in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the first line of a group says."""

    first: int
    count: int
    size: int
    previous: str
    crc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One group as it was committed."""

    header: Header
    offset: int
    raw: bytes
    digest: str

    @property
    def last(self) -> int:
        """The number of its last entry."""
        return self.header.first + self.header.count - 1


@dataclass(slots=True)
class Place:
    """Where a reader stands in the chain: behind entry ``n``, with the SM3 of its group.

    ``digest`` is empty where reading began inside the chain: the first link is taken on trust.
    """

    n: int = 0
    digest: str = GENESIS


def entry_of(number: int, mark: Mark) -> Entry:
    """The entry of a mark at its place in the chain."""
    return Entry(
        n=number,
        at=times.to_text(mark.at),
        application=mark.application,
        credential=mark.credential,
        operation=mark.operation,
        key=mark.key,
        version=mark.version,
        place=mark.place,
        algorithm=mark.algorithm,
        mode=mark.mode,
        result=mark.result,
        items=mark.items,
        failed=mark.failed,
        payload_macs=mark.payload_macs,
    )


def pack(first: int, count: int, lines: bytes | bytearray, previous: str) -> bytes:
    """A group; raises ``ValueError`` for one that does not fit its header."""
    if not 0 < count <= ENTRIES_MAX or len(lines) > GROUP_BYTES_MAX:
        raise ValueError("a group holds 1 to 99,999,999 entries in less than 10 GB")
    head = b"group %016d %08d %010d %s %08x " % (
        first, count, len(lines), previous.encode(), crc32c.crc32c(lines)
    )  # fmt: skip
    return b"%s%08x\n%s" % (head, crc32c.crc32c(head), lines)


def name_of(first: int) -> str:
    """The name of the file that begins with an entry."""
    return f"{first:016}.log"


def files(folder: Path) -> list[tuple[int, Path]]:
    """The journal's files in order, each with the number of its first entry.

    Raises ``dashboard_api.journal.broken`` for a name that is none of a journal's.
    """
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in found:
        if not _NAME.fullmatch(path.name) or not path.is_file():
            raise broken(path, 0, "no file of a journal has this name")
    return [(int(path.name[:16]), path) for path in found]


class Reader:
    """Reads one file, group by group; ``torn`` is what follows the last whole one.

    Keeps no more than one group in memory. With ``last`` the file may end in a torn group.
    """

    def __init__(self, path: Path, place: Place, *, last: bool) -> None:
        self.path = path
        self.place = place
        self.end = 0
        """Where the last whole group ends."""
        self.torn = 0
        """Bytes behind that: of a write never acknowledged."""
        self._last = last

    def groups(self) -> Iterator[Group]:
        """Every group in order; raises ``dashboard_api.journal.broken`` at the first bad one."""
        with self.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            while self.end < size:
                group = self._read(file, size)
                if group is None:
                    self.torn = size - self.end
                    return
                self.end += len(group.raw)
                self.place.n, self.place.digest = group.last, group.digest
                yield group
        if not self.end and not self._last:
            raise broken(self.path, self.place.n + 1, "the file is empty")

    def _read(self, file: BinaryIO, size: int) -> Group | None:
        """The group at ``end``, None for a torn one."""
        number = self.place.n + 1
        file.seek(self.end)
        head = file.read(HEADER_BYTES)
        header = parse_header(head)
        if header is None:
            self._must_be_torn(file, number, "its header is damaged", short=_begins_group(head))
            return None
        if header.first != number:
            raise broken(self.path, number, f"entry {header.first} stands in its place")
        if self.place.digest and header.previous != self.place.digest:
            raise broken(self.path, number, "it does not link to the group before it")
        whole = self.end + HEADER_BYTES + header.size
        if whole > size:
            self._must_be_torn(file, number, "it ends early", short=True)
            return None
        lines = file.read(header.size)
        if f"{crc32c.crc32c(lines):08x}" != header.crc:
            at = _first_bad(lines, header)
            why = "one of its group's bytes is not as it was written"
            self._must_be_torn(file, at, why, short=False)
            return None
        if lines.count(b"\n") != header.count:
            raise broken(self.path, number, f"its group holds other than {header.count} entries")
        raw = head + lines
        return Group(header=header, offset=self.end, raw=raw, digest=sm3.digest(raw).hex())

    def _must_be_torn(self, file: BinaryIO, number: int, why: str, *, short: bool) -> None:
        """Raise unless this is the tail that a crash leaves: cut short, or never written."""
        if not self._last or _group_behind(file, self.end + 1, number):
            raise broken(self.path, number, why)
        if not short and not _unwritten(file, self.end):
            raise broken(self.path, number, why)


def entries(group: Group, path: Path) -> list[Entry]:
    """The entries of a group; raises ``dashboard_api.journal.broken`` naming the first bad one."""
    lines = group.raw[HEADER_BYTES:]
    try:
        found = msgspec.json.Decoder(Entry).decode_lines(lines)
    except msgspec.MsgspecError:
        found = []
    if len(found) != group.header.count or not _in_place(found, group.header.first):
        number = _first_bad(lines, group.header)
        raise broken(path, number, "it is not an entry, or another stands in its place")
    return found


def _in_place(found: list[Entry], first: int) -> bool:
    """Whether entries are numbered from ``first`` on, and their times are times."""
    try:
        times.from_texts([one.at for one in found])
    except FengsuiError:
        return False
    return all(one.n == number for number, one in enumerate(found, first))


def parse_header(head: bytes) -> Header | None:
    """What a header line says, None for one that is not as it was written."""
    found = _HEADER.fullmatch(head)
    if found is None or f"{crc32c.crc32c(head[:_SUMMED]):08x}".encode() != found[6]:
        return None
    first, count, size = int(found[1]), int(found[2]), int(found[3])
    if not first or not count:
        return None
    return Header(
        first=first, count=count, size=size, previous=found[4].decode(), crc=found[5].decode()
    )


def _first_bad(lines: bytes, header: Header) -> int:
    """The first entry of a group that cannot be one; the group's first where none looks wrong."""
    decoder = msgspec.json.Decoder(Entry)
    found = lines.removesuffix(b"\n").split(b"\n")
    for number in range(header.first, header.first + header.count):
        try:
            good = _in_place([decoder.decode(found[number - header.first])], number)
        except (msgspec.MsgspecError, UnicodeDecodeError, IndexError):
            good = False
        if not good:
            return number
    return header.first


def _begins_group(head: bytes) -> bool:
    """Whether a header was cut short, as by a crash, and was one until then."""
    return len(head) < HEADER_BYTES and (b"group "[: len(head)] == head[:6])


def _unwritten(file: BinaryIO, start: int) -> bool:
    """Whether a whole sector of the tail, or its part in the tail, is zeros."""
    file.seek(start)
    at = start
    while part := file.read(_SECTOR_BYTES - at % _SECTOR_BYTES):
        if not any(part):
            return True
        at += len(part)
    return False


def _group_behind(file: BinaryIO, start: int, number: int) -> bool:
    """Whether a later group's header stands whole behind a place: then no crash tore it."""
    file.seek(start)
    kept = b""
    while part := file.read(_SEARCH_BYTES_MAX):
        text = kept + part
        for found in _HEADER.finditer(text):
            header = parse_header(found[0])
            if header is not None and header.first > number:
                return True
        kept = text[-(HEADER_BYTES - 1) :]
    return False


def broken(path: Path, number: int, why: str) -> FengsuiError:
    """What to say of damage."""
    at = f" at entry {number}" if number else ""
    return FengsuiError(
        "dashboard_api.journal.broken",
        f"the signing journal {path} is broken{at}: {why}; keep the file as it is, and put back a "
        "copy kept outside",
        path=str(path),
        n=number,
    )


def cut(folder: Path, number: int, why: str) -> FengsuiError:
    """What to say of a journal that is not what its signed head says."""
    return FengsuiError(
        "dashboard_api.journal.cut",
        f"the signing journal {folder} was cut, rolled back or replaced: its signed head names "
        f"entry {number}, but {why}; put back the newest copy of the folder",
        path=str(folder),
        n=number,
    )
