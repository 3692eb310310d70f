"""Layered: a map whose copies share all but what was written since the last few copies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Generic, TypeVar

Name = TypeVar("Name")
Held = TypeVar("Held")

_WRITTEN_MIN: Final = 64
"""Entries written before they are worth a new base."""


class Layered(Generic[Name, Held]):
    """A base that is never written and a small map of what has changed since.

    Once an eighth of the base has been written over, both become a new base: a copy costs at most
    an eighth of the map, and a write a few steps more than in a plain map.
    """

    __slots__ = ("_base", "_size", "_written")

    def __init__(self, items: Iterable[tuple[Name, Held]] = ()) -> None:
        self._base: dict[Name, Held] = dict(items)
        self._written: dict[Name, Held | None] = {}
        self._size = len(self._base)

    def get(self, name: Name) -> Held | None:
        """What is held under the name, None for nothing."""
        if name in self._written:
            return self._written[name]
        return self._base.get(name)

    def put(self, name: Name, held: Held | None) -> None:
        """Hold something under the name; None takes the name away."""
        before = self.get(name)
        if before is None and held is None:
            return
        self._size += (before is None) - (held is None)
        self._written[name] = held
        if len(self._written) > max(_WRITTEN_MIN, len(self._base) // 8):
            self._base = dict(self.items())
            self._written = {}

    def clear(self) -> None:
        """Take all names away."""
        self._base, self._written, self._size = {}, {}, 0

    def items(self) -> Iterator[tuple[Name, Held]]:
        """All names with what they hold, in no certain order."""
        written = self._written
        for name, held in self._base.items():
            if name not in written:
                yield name, held
        for name, changed in written.items():
            if changed is not None:
                yield name, changed

    def __iter__(self) -> Iterator[Name]:
        return (name for name, _ in self.items())

    def copy(self) -> Layered[Name, Held]:
        """A copy that shares nothing that changes."""
        other: Layered[Name, Held] = Layered()
        other._base, other._written = self._base, self._written.copy()
        other._size = self._size
        return other

    def __len__(self) -> int:
        return self._size
