"""Crowd: a bucket that is full, and which of its entities go when another comes.

Idle ones go first: whether they were dropped yet must not show. Then the quietest of the rule that
asks for room, where it has its share of the bucket; else the quietest of the rule with most. So a
rule that is flooded with made-up entities drops its own, and nothing a share or less has is lost.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Final

from analytics.keys.shelf import Shelf

_STALE: Final = 64
"""Places of the gone a heap may hold beside four for each entity before it is made anew."""


class Crowd:
    """The entities of a full bucket by the times at which they may go.

    Places in the heaps are lower bounds: an entity that has moved on is put back when it is met.
    """

    def __init__(self, shelves: Iterable[Shelf]) -> None:
        self._shelves = {shelf.name: shelf for shelf in shelves}
        self._idle: list[tuple[int, str, str]] = []
        self._quiet: dict[str, list[tuple[int, str]]] = {}
        for shelf in self._shelves.values():
            self._idle += [(shelf.wakes_at(entity), shelf.name, entity) for entity in shelf.held]
            self._sort(shelf)
        heapq.heapify(self._idle)

    def _sort(self, shelf: Shelf) -> None:
        quiet = [(shelf.last_at(entity), entity) for entity in shelf.held]
        heapq.heapify(quiet)
        self._quiet[shelf.name] = quiet

    def join(self, shelf: Shelf, entity: str) -> None:
        """Know of an entity that is held from now on."""
        self._shelves[shelf.name] = shelf
        heapq.heappush(self._idle, (shelf.wakes_at(entity), shelf.name, entity))
        quiet = self._quiet.setdefault(shelf.name, [])
        heapq.heappush(quiet, (shelf.last_at(entity), entity))
        if len(quiet) > _STALE + 4 * len(shelf.held):
            self._sort(shelf)

    def next_idle(self, at: int) -> tuple[Shelf, str] | None:
        """An entity that may be idle by then, to be dropped or put back by :meth:`wait`."""
        while self._idle and self._idle[0][0] <= at:
            _, name, entity = heapq.heappop(self._idle)
            shelf = self._shelves[name]
            if entity in shelf.held:
                return shelf, entity
        return None

    def wait(self, shelf: Shelf, entity: str) -> None:
        """Look at an entity of :meth:`next_idle` again when it may be idle."""
        heapq.heappush(self._idle, (shelf.wakes_at(entity), shelf.name, entity))

    def quietest(self, asks: Shelf, most: int) -> tuple[Shelf, str]:
        """Who goes for an entity more on that shelf, in a bucket that holds ``most``."""
        sizes = {name: len(shelf.held) for name, shelf in self._shelves.items() if shelf.held}
        rules = len(sizes) + (asks.name not in sizes)
        shelf = asks
        if len(asks.held) * rules < most:
            shelf = self._shelves[max(sizes, key=lambda name: (sizes[name], name))]
        quiet = self._quiet[shelf.name]
        while True:
            at, entity = heapq.heappop(quiet)
            if entity in shelf.held:
                last = shelf.last_at(entity)
                if last <= at:
                    return shelf, entity
                heapq.heappush(quiet, (last, entity))
