"""Shelf: what one rule knows of the entities of one bucket, at the least size for each of them.

Most entities come a few times and never again. As long as an entity has fewer hits than its rule
could hold by, the hits themselves are all there is to know of it; only then is a key made.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any, Final, TypeAlias, cast

from analytics.keyed import Key, KeyDump, encode
from analytics.memory import Hit
from analytics.state import Evaluator

HITS_MAX: Final = 16
"""Hits kept as they are: from here on the memory of the rule's kind is smaller or as small."""

PREFIX: Final = "key"

Few: TypeAlias = Hit
"""A hit, or some end to end in order: a flat tuple, which the garbage collector leaves alone."""

Held: TypeAlias = "Few | Key"
"""Hits too few for the rule to hold, or a key."""

PLACES: Final = 6
"""Places of a hit in a tuple of some; that of the last one's time is ``-PLACES``."""


def hits_of(few: Few) -> list[Hit]:
    """The hits one by one."""
    flat: tuple[Any, ...] = few
    if len(flat) == PLACES:
        return [few]
    return [cast("Hit", flat[place : place + PLACES]) for place in range(0, len(flat), PLACES)]


def with_hit(few: Few, hit: Hit) -> Few:
    """The hits and one more, in order."""
    if hit[0] > few[-PLACES]:
        return few + hit  # type: ignore[return-value] # end to end
    return _end_to_end(sorted([*hits_of(few), hit]))


def _end_to_end(hits: Iterable[Hit]) -> Few:
    return tuple(chain.from_iterable(hits))  # type: ignore[return-value] # of hits


class Shelf:
    """The entities of one rule in one bucket."""

    __slots__ = ("_prefix", "bucket", "changed", "evaluator", "few", "held", "name", "retention_us")

    def __init__(self, evaluator: Evaluator, bucket: int) -> None:
        self.evaluator = evaluator
        self.bucket = bucket
        self.name = evaluator.name
        self.retention_us = evaluator.retention_us
        self.few = min(evaluator.least - 1, HITS_MAX) * PLACES
        """So many places of an entity's hits are kept as they are."""
        self.held: dict[str, Held] = {}
        self.changed: set[str] | None = None
        """Entities whose entry in the snapshot is to be written or deleted; None for none."""
        self._prefix = f"{PREFIX}/{bucket:03d}/{self.name}/"

    def entry(self, entity: str) -> str:
        """The name of its entry: what another form of the rule knew is not its."""
        return self._prefix + entity

    def dump(self, entity: str) -> bytes:
        """The snapshot form; empty where nothing is held."""
        held = self.held.get(entity)
        if held is None:
            return b""
        return encode(held.dump()) if isinstance(held, Key) else self.encoded(held)

    def encoded(self, few: Few) -> bytes:
        """The snapshot form of these hits."""
        # A struct of these three, which would be made only to be encoded.
        return encode((None, 0, hits_of(few)))

    def restore(self, entity: str, dump: KeyDump) -> Held:
        """Hold what a snapshot knows of the entity."""
        held: Held
        if dump.settled is None and 0 < len(dump.released) * PLACES <= self.few:
            held = _end_to_end(dump.released)
        else:
            held = Key(self.evaluator, entity)
            held.restore(dump)
        self.held[entity] = held
        return held

    def key(self, entity: str) -> Key:
        """The key the entity has, or would have now; changes nothing."""
        held = self.held.get(entity)
        if isinstance(held, Key):
            return held
        key = Key(self.evaluator, entity)
        for hit in () if held is None else hits_of(held):
            key.take(hit, {})
        return key

    def last_at(self, entity: str) -> int:
        """Event time of the newest hit of an entity that is held."""
        held = self.held[entity]
        return held[-PLACES] if isinstance(held, tuple) else held.last_at()

    def idle_at(self, entity: str) -> int:
        """From this event time on it answers as if it had never been."""
        held = self.held[entity]
        if isinstance(held, tuple):
            return held[-PLACES] + self.retention_us
        return held.idle_at()

    def wakes_at(self, entity: str) -> int:
        """Before this event time it is not idle, if no hit comes."""
        held = self.held[entity]
        if isinstance(held, Key) and held.has_deadline():
            return held.due_at()
        return self.idle_at(entity)
