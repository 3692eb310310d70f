"""Recent: the newest hits of a key in order; a copy shares all but the last few of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from analytics.memory import Hit

HITS_MAX: Final = 10_000
"""Hits a window keeps, about 3 MB: past it the oldest is forgotten, so that the window becomes
shorter than the rule asks and what it says still rests on events it holds."""

_CHUNK: Final = 128
"""Hits a copy may have to copy one by one."""


class Recent:
    """A queue of hits: full chunks are never changed again, so copies share them."""

    __slots__ = ("_chunks", "_gone", "_size", "_tail")

    def __init__(self, hits: Iterable[Hit] = ()) -> None:
        self._chunks: tuple[tuple[Hit, ...], ...] = ()
        self._tail: list[Hit] = []
        self._gone = 0
        """Hits of the first chunk, or of the tail where there is none, that are no more."""
        self._size = 0
        for hit in hits:
            self.append(hit)

    def append(self, hit: Hit) -> None:
        """Add the newest hit."""
        self._tail.append(hit)
        self._size += 1
        if len(self._tail) >= _CHUNK:
            if self._gone and not self._chunks:
                self._tail, self._gone = self._tail[self._gone :], 0
                return
            self._chunks = (*self._chunks, tuple(self._tail))
            self._tail = []

    def first(self) -> Hit:
        """The oldest hit; there must be one."""
        return self._chunks[0][self._gone] if self._chunks else self._tail[self._gone]

    def last(self) -> Hit:
        """The newest hit; there must be one."""
        return self._tail[-1] if self._tail else self._chunks[-1][-1]

    def popleft(self) -> Hit:
        """Take the oldest hit away."""
        hit = self.first()
        self._gone += 1
        self._size -= 1
        if self._chunks and self._gone == len(self._chunks[0]):
            self._chunks, self._gone = self._chunks[1:], 0
        elif not self._size:
            self.clear()
        return hit

    def expire(self, until: int, *, keep: int = HITS_MAX) -> Iterator[Hit]:
        """Take away, one by one, what came at ``until`` or before and what is more than ``keep``.

        It must be read to its end.
        """
        while self._size and (self._size > keep or self.first()[0] <= until):
            yield self.popleft()

    def clear(self) -> None:
        """Take all hits away."""
        self._chunks, self._tail, self._gone, self._size = (), [], 0, 0

    def newest(self, count: int) -> list[Hit]:
        """The newest hits, at most so many, in order."""
        return list(self)[-count:]

    def copy(self) -> Recent:
        """A copy that shares nothing that changes."""
        other = Recent()
        other._chunks, other._tail = self._chunks, self._tail.copy()
        other._gone, other._size = self._gone, self._size
        return other

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Hit]:
        gone = self._gone
        for chunk in self._chunks:
            yield from chunk[gone:]
            gone = 0
        yield from self._tail[gone:]
