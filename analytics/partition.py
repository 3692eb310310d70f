"""Partition: the keys of some of the 256 buckets, each stepped when its time has come.

Keys never look at each other, so any division of the buckets gives the same alerts. A key stands
on one page of timers; an advance of the watermark touches only keys on pages that are due.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Final

from analytics.keyed import NEVER, Changes, Key
from analytics.memory import Hit
from analytics.state import Evaluator
from schema import ids
from schema.errors import FengsuiError
from schema.times import MINUTE

PAGE_US: Final = MINUTE

KEYS_PER_BUCKET_MAX: Final = 2048
"""Half a million keys over all buckets, about 700 MB of one-hit keys: a flood of made-up entities
ends here. Past it the quietest keys are dropped and counted, and the promise that alerts do not
depend on arrival holds no longer for them."""

PREFIX: Final = "key"
_SEPARATOR: Final = "/"


def part_name(bucket: int, rule_id: str, entity: str) -> str:
    """The name of a key's entry in the snapshot."""
    return _SEPARATOR.join((PREFIX, f"{bucket:03d}", rule_id, entity))


class Partition:
    """The keys of a set of buckets."""

    def __init__(self, evaluators: list[Evaluator], lateness_us: int) -> None:
        self._evaluators = evaluators
        self._lateness = lateness_us
        self._keys: dict[tuple[int, str], Key] = {}
        self._in_bucket: dict[int, int] = {}
        self._pages: dict[int, list[Key]] = {}
        self._page_numbers: list[int] = []
        self._changed: dict[Key, None] = {}
        self._gone: dict[str, None] = {}
        self.evicted: dict[tuple[int, int], int] = {}
        """Keys dropped since last asked, by rule index and minute of the hit that came."""

    def add(self, rule: int, entity: str, bucket: int, hit: Hit) -> None:
        """Hold a hit until the watermark passes it."""
        key = self._keys.get((rule, entity))
        if key is None:
            key = self._new(rule, entity, bucket, hit[0])
        key.pending.append(hit)
        self._changed[key] = None
        page = hit[0] // PAGE_US
        if page < key.page:
            self._put(key, page)

    def _new(self, rule: int, entity: str, bucket: int, time: int) -> Key:
        if self._in_bucket.get(bucket, 0) >= KEYS_PER_BUCKET_MAX:
            self._evict(bucket, time - time % MINUTE)
        key = Key(self._evaluators[rule], entity, bucket)
        self._keys[rule, entity] = key
        self._in_bucket[bucket] = self._in_bucket.get(bucket, 0) + 1
        self._gone.pop(self._name(key), None)
        return key

    def _put(self, key: Key, page: int) -> None:
        key.page = page
        standing = self._pages.get(page)
        if standing is None:
            self._pages[page] = [key]
            heapq.heappush(self._page_numbers, page)
        else:
            standing.append(key)

    def _name(self, key: Key) -> str:
        return part_name(key.bucket, key.evaluator.rule.id, key.entity)

    def _drop(self, key: Key) -> None:
        del self._keys[key.evaluator.index, key.entity]
        self._in_bucket[key.bucket] -= 1
        self._changed.pop(key, None)
        self._gone[self._name(key)] = None
        key.page = NEVER

    def _evict(self, bucket: int, minute: int) -> None:
        """Drop the quietest quarter of a full bucket; keys with hits in waiting always stay."""
        quiet = [
            key for key in self._keys.values() if key.bucket == bucket and not key.is_waiting()
        ]
        quiet.sort(key=lambda key: (key.last_at(), key.evaluator.index, key.entity))
        for key in quiet[: KEYS_PER_BUCKET_MAX // 4]:
            place = (key.evaluator.index, minute)
            self.evicted[place] = self.evicted.get(place, 0) + 1
            self._drop(key)

    def advance(self, watermark: int, settled: int, changes: Changes) -> None:
        """Release, settle and expire what is due at this watermark."""
        again: list[Key] = []
        while self._page_numbers and self._page_numbers[0] * PAGE_US < watermark:
            page = heapq.heappop(self._page_numbers)
            for key in self._pages.pop(page):
                if key.page != page:
                    continue
                key.page = NEVER
                released = bool(key.pending) and key.release(watermark, changes)
                if key.settle(settled) or released:
                    self._changed[key] = None
                if key.is_idle(settled):
                    self._drop(key)
                else:
                    again.append(key)
        for key in again:
            due, releases = key.due(self._lateness)
            # Hits are released as soon as may be; settling and expiry wait for a whole page.
            self._put(key, due // PAGE_US + (0 if releases else 1))

    def waiting(self) -> Iterator[Key]:
        """Keys with hits the watermark has not passed."""
        return (key for key in self._keys.values() if key.pending)

    def snapshot(self) -> Iterator[tuple[str, bytes]]:
        """Entries changed since last asked; empty bytes for keys that are gone."""
        for name in self._gone:
            yield name, b""
        for key in self._changed:
            yield self._name(key), key.dump()
        self._gone.clear()
        self._changed.clear()

    def restore(self, name: str, raw: bytes) -> None:
        """Take over one entry; one of a rule that is no more, or is another version, is dropped.

        Raises ``analytics.engine.snapshot_malformed`` for a name of another form.
        """
        parts = name.split(_SEPARATOR, 3)
        if len(parts) != 4:
            raise FengsuiError(
                "analytics.engine.snapshot_malformed", f"snapshot entry {name[:80]!r} is no key"
            )
        rule_id, entity = parts[2], parts[3]
        for evaluator in self._evaluators:
            if evaluator.rule.id == rule_id and evaluator.rule.kind != "model":
                key = Key(evaluator, entity, ids.bucket(entity))
                if key.restore(raw):
                    self._keys[evaluator.index, entity] = key
                    self._in_bucket[key.bucket] = self._in_bucket.get(key.bucket, 0) + 1
                    due, releases = key.due(self._lateness)
                    self._put(key, due // PAGE_US + (0 if releases else 1))
                    return
        self._gone[name] = None

    def __len__(self) -> int:
        return len(self._keys)
