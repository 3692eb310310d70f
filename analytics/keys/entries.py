"""Entries: what the next snapshot must say of the keys of a partition.

A snapshot holds up the engine while it is made. Most keys are a few hits, packed as an entry has
them: the bytes are handed over as they are. The others are noted, and encoded as they then are.
Either way it tells one moment: what changes again is told anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from analytics.keys.few import Few
from analytics.keys.shelf import Shelf

AHEAD_MAX: Final = 131_072
"""Entries kept ready, some 30 MB: more than a core releases in the second between two commits.
Past it, and where nobody asks for snapshots, entities are only noted."""


class Entries:
    """Entries changed since they were last taken."""

    __slots__ = ("_ahead", "_changed", "_gone")

    def __init__(self) -> None:
        self._ahead: dict[str, bytes] = {}
        self._changed: list[Shelf] = []
        """Shelves of which entities are noted."""
        self._gone: list[str] = []

    def few(self, shelf: Shelf, entity: str, few: Few) -> None:
        """An entity has these hits now."""
        if len(self._ahead) < AHEAD_MAX:
            self._ahead[shelf.prefix + entity] = few
        else:
            self.touch(shelf, entity)

    def touch(self, shelf: Shelf, entity: str) -> None:
        """An entity has changed, or is gone."""
        if shelf.changed is None:
            shelf.changed = {entity}
            self._changed.append(shelf)
        else:
            shelf.changed.add(entity)

    def forget(self, name: str) -> None:
        """An entry of an older snapshot is no more, or stands under another name."""
        self._gone.append(name)

    def take(self) -> Iterator[tuple[str, bytes]]:
        """All of them, empty bytes for what is gone; where a name comes twice the later holds."""
        yield from ((name, b"") for name in self._gone)
        yield from self._ahead.items()
        for shelf in self._changed:
            for entity in shelf.changed or ():
                yield shelf.prefix + entity, shelf.dump(entity)
            shelf.changed = None
        self._gone, self._ahead, self._changed = [], {}, []
