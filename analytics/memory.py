"""Memory: what a rule must remember of an entity's hits, bounded by the rule itself.

A threshold of n needs the n newest events (or the newest event of each of the n newest distinct
values) and nothing more; a sequence of n units needs n chains. So no memory grows with the load
and nothing has to be evicted to keep it small.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import msgspec

Hit: TypeAlias = tuple[int, str, int, bytes, int, str]
"""(event time, sensor, sequence, event id, bits of the steps it matches, distinct value).

Hits compare in the one order of the product: (event time, sensor, sequence)."""


class Remembered(msgspec.Struct, frozen=True, array_like=True):
    """A memory as it lies in a snapshot."""

    hits: tuple[Hit, ...]
    links: tuple[tuple[int, int], ...] = ()
    """Of a sequence: (link before or -1, hit) for each link of its chains."""
    heads: tuple[int, ...] = ()
    """Of a sequence: the newest link of each unit or -1."""


class Memory(Protocol):
    """The part of a key's state that differs between kinds of rules."""

    def push(self, hit: Hit) -> bool:
        """Take the next hit in order; whether the rule's condition holds at it."""

    def least(self) -> tuple[Hit, ...]:
        """The least set of hits that made the last push hold, in order."""

    def clear(self) -> None:
        """Forget everything."""

    def copy(self) -> Memory:
        """A copy that shares nothing that changes."""

    def dump(self) -> Remembered:
        """The snapshot form."""


class Window:
    """The newest hits of a threshold: n events, or the newest event of n distinct values."""

    __slots__ = ("_count", "_recent", "_within")

    def __init__(self, count: int, within_us: int, hits: Sequence[Hit] = ()) -> None:
        self._count = count
        self._within = within_us
        self._recent: dict[str | bytes, Hit] = {hit[5] or hit[3]: hit for hit in hits}

    def push(self, hit: Hit) -> bool:
        recent = self._recent
        value = hit[5] or hit[3]
        recent.pop(value, None)
        recent[value] = hit
        if len(recent) < self._count:
            return False
        oldest = next(iter(recent))
        if len(recent) > self._count:
            del recent[oldest]
            oldest = next(iter(recent))
        return hit[0] - recent[oldest][0] < self._within

    def least(self) -> tuple[Hit, ...]:
        return tuple(self._recent.values())

    def clear(self) -> None:
        self._recent.clear()

    def copy(self) -> Window:
        return Window(self._count, self._within, tuple(self._recent.values()))

    def dump(self) -> Remembered:
        return Remembered(hits=tuple(self._recent.values()))


class _Link:
    """The end of a chain: a hit, the chain before it, and when the chain began."""

    __slots__ = ("before", "hit", "start")

    def __init__(self, before: _Link | None, hit: Hit) -> None:
        self.before = before
        self.hit = hit
        self.start: int = before.start if before else hit[0]


class Chains:
    """For each unit of a sequence the chain up to it that began last.

    A newer chain began no earlier than the one it replaces, so whatever the older one could still
    complete inside the window, the newer one can too.
    """

    __slots__ = ("_heads", "_units", "_within")

    def __init__(self, units: Sequence[int], within_us: int) -> None:
        self._units = units
        self._within = within_us
        self._heads: list[_Link | None] = [None] * len(units)

    def push(self, hit: Hit) -> bool:
        time, steps, heads = hit[0], hit[4], self._heads
        last = len(heads) - 1
        complete = False
        # From the last unit down, so that one event never serves two units of a chain.
        for unit in range(last, -1, -1):
            if not steps & self._units[unit]:
                continue
            if unit == 0:
                heads[0] = _Link(None, hit)
                continue
            before = heads[unit - 1]
            if before is not None and time - before.start < self._within:
                heads[unit] = _Link(before, hit)
                complete = complete or unit == last
        return complete

    def least(self) -> tuple[Hit, ...]:
        found: list[Hit] = []
        link = self._heads[-1]
        while link is not None:
            found.append(link.hit)
            link = link.before
        return tuple(reversed(found))

    def clear(self) -> None:
        self._heads = [None] * len(self._units)

    def copy(self) -> Chains:
        other = Chains(self._units, self._within)
        other._heads = list(self._heads)  # its own kind
        return other

    def dump(self) -> Remembered:
        numbers: dict[int, int] = {}
        hits: dict[Hit, int] = {}
        links: list[tuple[int, int]] = []
        for head in self._heads:
            chain: list[_Link] = []
            link = head
            while link is not None and id(link) not in numbers:
                chain.append(link)
                link = link.before
            for link in reversed(chain):
                before = numbers[id(link.before)] if link.before else -1
                numbers[id(link)] = len(links)
                links.append((before, hits.setdefault(link.hit, len(hits))))
        heads = tuple(numbers[id(head)] if head else -1 for head in self._heads)
        return Remembered(hits=tuple(hits), links=tuple(links), heads=heads)

    def restore(self, remembered: Remembered) -> None:
        """Take over a snapshot's chains."""
        links: list[_Link] = []
        for before, hit in remembered.links:
            links.append(_Link(links[before] if before >= 0 else None, remembered.hits[hit]))
        self._heads = [links[head] if head >= 0 else None for head in remembered.heads]
