"""Partition: the keys of some of the 256 buckets, each stepped when its time has come.

Keys never look at each other, so any division of the buckets gives the same alerts. A key stands
on one page of timers; an advance of the watermark touches only keys on pages that are due.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Final

from analytics.keyed import Changes, Key
from analytics.memory import NEVER, Hit
from analytics.state import Evaluator
from schema import ids
from schema.errors import FengsuiError
from schema.times import MINUTE

PAGE_US: Final = MINUTE

KEYS_PER_BUCKET_MAX: Final = 2048
"""Half a million keys over all buckets, about 700 MB of one-hit keys: a flood of made-up entities
ends here. Past it the quietest keys are dropped and counted, in the one order of events, so that
who is dropped does not depend on arrival either; only a late hit may find its key gone."""

PREFIX: Final = "key"
_SEPARATOR: Final = "/"


def part_name(bucket: int, evaluator: Evaluator, entity: str) -> str:
    """The name of a key's entry in the snapshot: what another form of the rule knew is not its."""
    return _SEPARATOR.join((PREFIX, f"{bucket:03d}", evaluator.name, entity))


class Partition:
    """The keys of a set of buckets; ``evaluators`` may grow behind its back."""

    def __init__(self, evaluators: list[Evaluator], lateness_us: int) -> None:
        self._evaluators = evaluators
        self._lateness = lateness_us
        self._keys: dict[tuple[int, str], Key] = {}
        self._buckets: dict[int, dict[Key, None]] = {}
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
            key = Key(self._evaluators[rule], entity, bucket)
            self._hold(key)
            self._gone.pop(self._name(key), None)
        key.pending.append(hit)
        self._changed[key] = None
        page = hit[0] // PAGE_US
        if page < key.page:
            self._put(key, page)

    def cancel(self, rule: int, entity: str, hits: Sequence[Hit]) -> None:
        """Take back hits the watermark has not passed: what they say will not be so."""
        key = self._keys.get((rule, entity))
        if key is not None:
            gone = set(hits)
            key.pending[:] = [hit for hit in key.pending if hit not in gone]
            self._changed[key] = None

    def _hold(self, key: Key) -> None:
        self._keys[key.evaluator.index, key.entity] = key
        self._buckets.setdefault(key.bucket, {})[key] = None

    def _put(self, key: Key, page: int) -> None:
        key.page = page
        standing = self._pages.get(page)
        if standing is None:
            self._pages[page] = [key]
            heapq.heappush(self._page_numbers, page)
        else:
            standing.append(key)

    def _name(self, key: Key) -> str:
        return part_name(key.bucket, key.evaluator, key.entity)

    def _drop(self, key: Key) -> None:
        del self._keys[key.evaluator.index, key.entity]
        del self._buckets[key.bucket][key]
        self._changed.pop(key, None)
        self._gone[self._name(key)] = None
        key.page = NEVER

    def _release_crowded(
        self, bucket: int, due: list[Key], *, watermark: int, changes: Changes
    ) -> None:
        """Step the hits of a full bucket in their one order and drop the quietest for the new."""
        hits = sorted(
            (hit, *_rank(key), key) for key in due for hit in key.pending if hit[0] < watermark
        )
        begun = {key for key in self._buckets[bucket] if key.has_begun()}
        idle = [(key.idle_at(), *_rank(key), key) for key in begun]
        quiet = [(key.last_at(), *_rank(key), key) for key in begun]
        wakes = [(key.due_at(), *_rank(key), key) for key in begun]
        heapq.heapify(idle)
        heapq.heapify(quiet)
        heapq.heapify(wakes)
        for hit, _, _, key in hits:
            while wakes and wakes[0][0] <= hit[0]:
                # Deadlines fall between the hits, as they would have, had they come one by one.
                at, _, _, one = heapq.heappop(wakes)
                if one in begun and one.due_at() == at:
                    one.release(watermark, changes, deadlines=at, through=(at, "", -1, b"", 0, ()))
                    self._changed[one] = None
                    heapq.heappush(wakes, (one.due_at(), *_rank(one), one))
                    heapq.heappush(idle, (one.idle_at(), *_rank(one), one))
            if key not in begun:
                # What is idle by now is as good as gone: whether it was dropped yet must not show.
                while idle and idle[0][0] <= hit[0]:
                    at, _, _, one = heapq.heappop(idle)
                    if one in begun and one.idle_at() == at:
                        begun.remove(one)
                        self._forget(one)
                while len(begun) >= KEYS_PER_BUCKET_MAX:
                    at, _, _, one = heapq.heappop(quiet)
                    if one in begun and one.last_at() == at:
                        begun.remove(one)
                        self._forget(one)
                        place = (one.evaluator.index, hit[0] - hit[0] % MINUTE)
                        self.evicted[place] = self.evicted.get(place, 0) + 1
                begun.add(key)
            key.release(watermark, changes, deadlines=watermark, through=hit)
            self._changed[key] = None
            heapq.heappush(idle, (key.idle_at(), *_rank(key), key))
            heapq.heappush(quiet, (key.last_at(), *_rank(key), key))
            heapq.heappush(wakes, (key.due_at(), *_rank(key), key))

    def _forget(self, key: Key) -> None:
        """Drop what a key remembers; the key too where no hit of it waits or is due now."""
        key.forget()
        self._changed[key] = None
        if not key.pending and key.page != NEVER:
            self._drop(key)

    def _due(self, watermark: int) -> list[Key]:
        """Keys on the pages this watermark has reached; they stand on none afterwards."""
        due: list[Key] = []
        while self._page_numbers and self._page_numbers[0] * PAGE_US < watermark:
            page = heapq.heappop(self._page_numbers)
            for key in self._pages.pop(page):
                if key.page == page:
                    key.page = NEVER
                    due.append(key)
        return due

    def advance(self, watermark: int, settled: int, changes: Changes, *, deadlines: int) -> None:
        """Release, settle and expire what is due at this watermark.

        Deadlines fall up to ``deadlines``: the watermark, or at the end of a replay, when every
        hit is released, the time up to which it is known what came.
        """
        again: list[Key] = []
        due = self._due(watermark)
        crowded: dict[int, list[Key]] = {}
        for key in due:
            if key.pending and len(self._buckets[key.bucket]) > KEYS_PER_BUCKET_MAX:
                crowded.setdefault(key.bucket, []).append(key)
        for bucket, waiting in crowded.items():
            self._release_crowded(bucket, waiting, watermark=watermark, changes=changes)
        for key in due:
            released = key.release(watermark, changes, deadlines=deadlines)
            if key.settle(settled) or released:
                self._changed[key] = None
            if key.is_idle(settled):
                self._drop(key)
            else:
                again.append(key)
        for key in again:
            at, releases = key.due(self._lateness)
            # Hits are released as soon as may be; settling and expiry wait for a whole page.
            self._put(key, at // PAGE_US + (0 if releases else 1))

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
        """Take over one entry; one of a rule that is no more, or is another form, is dropped.

        Raises ``analytics.engine.snapshot_malformed`` for a name of another form.
        """
        parts = name.split(_SEPARATOR, 3)
        if len(parts) != 4:
            raise FengsuiError(
                "analytics.engine.snapshot_malformed", f"snapshot entry {name[:80]!r} is no key"
            )
        entity = parts[3]
        for evaluator in self._evaluators:
            if evaluator.name == parts[2]:
                key = Key(evaluator, entity, ids.bucket(entity))
                key.restore(raw)
                self._hold(key)
                due, releases = key.due(self._lateness)
                self._put(key, due // PAGE_US + (0 if releases else 1))
                return
        self._gone[name] = None

    def retire(self, rule: int) -> None:
        """Drop all keys of a rule that is no more."""
        for key in [key for (index, _), key in self._keys.items() if index == rule]:
            self._drop(key)

    def __len__(self) -> int:
        return len(self._keys)


def _rank(key: Key) -> tuple[str, str]:
    """Which of two keys alike in time comes first; not by index, which a restore may change."""
    return key.evaluator.name, key.entity
