"""Framing: bytes in any pieces become whole records, each with the offset where it began.

A record is a line, or a line and those that go on with it as its format says. What stands behind
the last line end waits for the rest of its line. Memory is bounded: a longer line than the limit
is cut, and its whole length and SM3 are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, count
from operator import add
from typing import Final, Protocol

from crypto import sm3
from schema import privacy
from schema.event import Fields

LINE_BYTES_MAX: Final = 1024 * 1024
"""A longer line or record is cut here; a hundred times what servers write."""

_OVERLAP_BYTES: Final = 256
"""Looked at twice where two pieces of a cut line meet, so that no marking falls between them."""


class Begins(Protocol):
    """The part of a format that frames records."""

    def begins(self, line: bytes) -> bool:
        """Whether the line starts a record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What is known of a line too long to keep: all its bytes, and their SM3 in hex."""

    size: int
    sm3: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Framed records in file order; ``cuts`` by index, for those that were cut."""

    raws: Sequence[bytes]
    starts: Sequence[int]
    cuts: dict[int, Cut] = field(default_factory=dict)

    def mark(self, events: Sequence[Fields]) -> None:
        """Write the true length and hash of the cut ones into their events."""
        for index, cut in self.cuts.items():
            events[index]["gov.line.bytes"] = cut.size
            events[index]["gov.line.sm3"] = cut.sm3
            events[index]["gov.line.partial"] = True


class _Long:
    """A line over the limit while it passes by."""

    def __init__(self, start: int, text: bytes) -> None:
        self.start = start
        self.head = text[:LINE_BYTES_MAX]
        self.size = 0
        self._hash = sm3.new()
        self._marking = b""
        self._before = b""
        self.take(text)

    def take(self, data: bytes) -> None:
        self.size += len(data)
        self._hash.update(data)
        if not self._marking:
            # The parser sees the head alone, but a marking speaks for the whole line.
            seen = self._before + data
            self._before = seen[-_OVERLAP_BYTES:]
            texts = (seen.decode("utf-8", "replace"), seen.decode("gb18030", "replace"))
            self._marking = (privacy.marking(texts[0]) or privacy.marking(texts[1])).encode()

    def kept(self) -> bytes:
        """The head, with a marking from anywhere in the line at its end."""
        # Backs off from half a character, so that the head alone stays decodable.
        head = self.head.decode("utf-8", "ignore").encode() if _is_text(self.head) else self.head
        return head + self._marking

    def cut(self) -> Cut:
        return Cut(size=self.size, sm3=self._hash.hexdigest())


def _is_text(head: bytes) -> bool:
    """Whether the bytes are UTF-8 but for a character cut off at their end."""
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3
    return True


def joins_lines(form: Begins) -> bool:
    """Whether a fresh instance of a format ever joins lines, asked with lines that would."""
    # An open quote and a tab: what the csv and the text form of PostgreSQL go on with.
    return not (form.begins(b'"') and form.begins(b"\t"))


class Framer:
    """Records of one file or stream, fed in order from the offset ``at``."""

    def __init__(self, begins: Callable[[bytes], bool], *, joins: bool, at: int = 0) -> None:
        self._begins = begins
        self._joins = joins
        self._partial = b""
        self._partial_start = at
        self._open: list[bytes] = []
        self._open_start = at
        self._open_size = 0
        self._long: _Long | None = None
        self._raws: list[bytes] = []
        self._starts: list[int] = []
        self._cuts: dict[int, Cut] = {}
        self._taken = 0

    @property
    def at(self) -> int:
        """Offset of the next byte to feed."""
        if self._long:
            return self._long.start + self._long.size
        return self._partial_start + len(self._partial)

    @property
    def next_start(self) -> int:
        """Where the first record begins that was not taken yet: the place to go on from."""
        if self._taken < len(self._starts):
            return self._starts[self._taken]
        if self._open:
            return self._open_start
        return self._long.start if self._long else self._partial_start

    @property
    def ready(self) -> bool:
        """Whether a whole record can be taken."""
        return self._taken < len(self._raws)

    @property
    def in_long_line(self) -> bool:
        """Whether a line over the limit is passing by."""
        return self._long is not None

    @property
    def has_open_record(self) -> bool:
        """Whether a record stands open that only a later line can end."""
        return bool(self._open) and not self._partial and not self._long

    def feed(self, data: bytes) -> None:
        """Take in the next bytes, in pieces of any size."""
        if self._long:
            end = data.find(b"\n")
            self._long.take(data if end < 0 else data[:end])
            if end < 0:
                return
            self._partial_start = self.at + 1
            self._end_long()
            data = data[end + 1 :]
        end = data.rfind(b"\n")
        if end >= 0:
            text = self._partial + data[:end] if self._partial else data[:end]
            lines = text.split(b"\n")
            ends = accumulate(map(len, lines), initial=self._partial_start)
            # One more byte for each line end passed.
            starts = list(map(add, ends, count()))
            if b"\r" in text:
                lines = [line.removesuffix(b"\r") for line in lines]
            self._partial = b""
            self._partial_start = starts.pop()
            if len(text) > LINE_BYTES_MAX:
                self._add_long_ones(lines, starts)
            else:
                self._add(lines, starts)
            data = data[end + 1 :]
        self._partial += data
        if len(self._partial) > LINE_BYTES_MAX:
            self._long = _Long(self._partial_start, self._partial)
            self._partial = b""

    def end_record(self) -> None:
        """End the open record: nothing more is expected to join it."""
        if self._open:
            self._raws.append(b"\n".join(self._open))
            self._starts.append(self._open_start)
            self._open = []
            self._open_size = 0

    def end(self) -> None:
        """The file is over: what stands half is a record too."""
        if self._long:
            after = self.at
            self._end_long()
            self._partial_start = after
        elif self._partial:
            partial, start = self._partial, self._partial_start
            self._partial_start = self.at
            self._partial = b""
            self._add([partial.removesuffix(b"\r")], [start])
        self.end_record()

    def take(self, count_max: int, bytes_max: int) -> Records:
        """The next records, at most so many and so many bytes, but one if there is one."""
        first, last = self._taken, min(len(self._raws), self._taken + count_max)
        if sum(map(len, self._raws[first:last])) > bytes_max:
            sizes = accumulate(map(len, self._raws[first:last]))
            last = first + max(1, sum(size <= bytes_max for size in sizes))
        cuts = (
            {
                index: self._cuts.pop(start)
                for index, start in enumerate(self._starts[first:last])
                if start in self._cuts
            }
            if self._cuts
            else {}
        )
        records = Records(raws=self._raws[first:last], starts=self._starts[first:last], cuts=cuts)
        self._taken = last
        if last == len(self._raws):
            self._raws, self._starts, self._taken = [], [], 0
        return records

    def _add(self, lines: list[bytes], starts: list[int]) -> None:
        if not self._joins:
            self._raws += lines
            self._starts += starts
            return
        begins = self._begins
        for line, start in zip(lines, starts, strict=True):
            # Asked once for every line: a format may count quotes.
            fresh = begins(line)
            if fresh or not self._open or self._open_size + len(line) > LINE_BYTES_MAX:
                self.end_record()
                self._open_start = start
            self._open.append(line)
            self._open_size += len(line) + 1

    def _add_long_ones(self, lines: list[bytes], starts: list[int]) -> None:
        """As :meth:`_add`, where one of the lines may be over the limit."""
        for line, start in zip(lines, starts, strict=True):
            if len(line) > LINE_BYTES_MAX:
                self._long = _Long(start, line)
                self._end_long()
            else:
                self._add([line], [start])

    def _end_long(self) -> None:
        if self._long is None:
            return
        self.end_record()
        kept = self._long.kept()
        self._begins(kept)
        self._raws.append(kept)
        self._starts.append(self._long.start)
        self._cuts[self._long.start] = self._long.cut()
        self._long = None
