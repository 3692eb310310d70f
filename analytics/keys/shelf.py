"""Shelf: what one rule knows of the entities of one bucket, at the least size for each of them.

Most entities come a few times and never again. As long as an entity has fewer hits than its rule
could hold by, those hits are all there is to know of it; only then is a key made.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from analytics.keys import rest as resting
from analytics.keys.few import HITS_MAX, Few, few_of, hits_of, is_few, last_at, of_plain, plain
from analytics.keys.keyed import Key, KeyDump, decode, encode
from analytics.keys.rest import Rest
from analytics.keys.state import Evaluator
from schema import ids

PREFIX: Final = "key"


def bare(name: str, entry: bytes) -> tuple[str, bytes]:
    """Name and entry without what follows from the rest: the bucket, the head of few hits."""
    kind, _, rest = name.partition("/")
    if kind != PREFIX:
        return name, entry
    return f"{kind}/{rest.partition('/')[2]}", plain(entry) if is_few(entry) else entry


def whole(name: str, entry: bytes) -> tuple[str, bytes]:
    """Name and entry as a snapshot has them again; raises ``msgspec.DecodeError``."""
    kind, _, rest = name.partition("/")
    if kind != PREFIX:
        return name, entry
    bucket = ids.bucket(rest.partition("/")[2])
    return f"{kind}/{bucket:03d}/{rest}", of_plain(entry)


Held: TypeAlias = "Few | Rest | Key"
"""Hits too few for the rule to hold, a key at rest, or a key."""


class Shelf:
    """The entities of one rule in one bucket."""

    __slots__ = ("bucket", "changed", "evaluator", "few", "held", "name", "prefix", "retention_us")

    def __init__(self, evaluator: Evaluator, bucket: int) -> None:
        self.evaluator = evaluator
        self.bucket = bucket
        self.name = evaluator.name
        self.retention_us = evaluator.retention_us
        self.few = min(evaluator.least - 1, HITS_MAX)
        """So many hits of an entity are kept as they are."""
        self.held: dict[str, Held] = {}
        self.changed: set[str] | None = None
        """Entities whose entry in the snapshot is to be written or deleted; None for none."""
        self.prefix = f"{PREFIX}/{bucket:03d}/{self.name}/"
        """With the entity, the name of its entry: of this form of the rule alone."""

    def dump(self, entity: str) -> bytes:
        """The snapshot form; empty where nothing is held."""
        held = self.held.get(entity)
        if held is None:
            return b""
        if isinstance(held, Key):
            return encode(held.dump())
        return resting.entry(held) if resting.is_rest(held) else held

    def restore(self, entity: str, raw: bytes) -> Held:
        """Hold what a snapshot knows of the entity; raises ``msgspec.DecodeError``."""
        hits = hits_of(raw) if is_few(raw) else ()
        held: Held | None = None
        if hits and len(hits) <= self.few:
            held = few_of(hits)
        elif not hits and self.evaluator.rests():
            held = resting.of_entry(raw, self.retention_us)
        if held is None:
            held = Key(self.evaluator, entity)
            held.restore(KeyDump(None, 0, hits) if hits else decode(raw))
        self.held[entity] = held
        return held

    def rest(self, entity: str, key: Key) -> None:
        """Hold a key that may rest as its entry."""
        self.held[entity] = resting.rest(
            encode(key.dump()), last_at=key.last_at(), idle_at=key.idle_at()
        )

    def wake(self, entity: str, held: Rest) -> Key:
        """Hold a key at rest as a key again."""
        key = self.held[entity] = self._woken(entity, held)
        return key

    def _woken(self, entity: str, held: Rest) -> Key:
        key = Key(self.evaluator, entity)
        key.restore(decode(resting.entry(held)))
        return key

    def kept(self, entity: str) -> int | None:
        """How many hits are kept as such; None where a key has taken them."""
        held = self.held.get(entity)
        if held is None:
            return 0
        return None if isinstance(held, Key) or resting.is_rest(held) else held[0]

    def key(self, entity: str) -> Key:
        """The key the entity has, or would have now; changes nothing."""
        held = self.held.get(entity)
        if isinstance(held, Key):
            return held
        if held is not None and resting.is_rest(held):
            return self._woken(entity, held)
        key = Key(self.evaluator, entity)
        for hit in () if held is None else hits_of(held):
            key.take(hit, {})
        return key

    def last_at(self, entity: str) -> int:
        """Event time of the newest hit of an entity that is held."""
        held = self.held[entity]
        if isinstance(held, Key):
            return held.last_at()
        return resting.last_at(held) if resting.is_rest(held) else last_at(held)

    def idle_at(self, entity: str) -> int:
        """From this event time on it answers as if it had never been."""
        held = self.held[entity]
        if isinstance(held, Key):
            return held.idle_at()
        if resting.is_rest(held):
            return resting.idle_at(held)
        return last_at(held) + self.retention_us

    def wakes_at(self, entity: str) -> int:
        """Before this event time it is not idle, if no hit comes."""
        held = self.held[entity]
        if isinstance(held, Key) and held.has_deadline():
            return held.due_at()
        return self.idle_at(entity)
