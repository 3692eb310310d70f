"""Partition: the keys of some of the 256 buckets, each stepped when its time has come.

Keys never look at each other, so any division of the buckets gives the same alerts. Hits wait by
event time and are stepped in their one order; an advance of the watermark costs what it releases.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from analytics.keys.crowd import Crowd
from analytics.keys.entries import Entries
from analytics.keys.few import first, hits_of, more, pack
from analytics.keys.keyed import Changes, Key
from analytics.keys.shelf import Shelf
from analytics.keys.state import Evaluator
from analytics.keys.waiting import Row, Waiting, hit_of
from analytics.memory import NEVER, Hit
from schema import ids
from schema.errors import FengsuiError
from schema.times import DAY, MINUTE

KEYS_PER_BUCKET_MAX: Final = 4608
"""A million keys, one for each person or address a city's systems see in a day, and what buckets
differ by chance: in all 1.18 million of some 500 bytes. A flood of made-up entities ends here:
past it keys are dropped and counted, in the one order of events, so that who is dropped does not
depend on arrival either; only a late hit may find its key gone."""

SWEEP_US: Final = 5 * MINUTE
"""A shelf is looked through for what is idle at least so often: an entity more or less a few
minutes costs little, and so do a few looks a quarter of an hour at each."""

SLOW_SWEEP_US: Final = DAY
SWEEPS: Final = 64
"""What is remembered for hours or months is looked for less often: so many times while it lasts,
but daily at the least. With a hundred rules that look back on months, looks at what cannot be idle
yet took a third of the engine's time at two an hour."""

_SEPARATOR: Final = "/"


class Partition:
    """The keys of a set of buckets; ``evaluators`` may grow behind its back.

    ``place`` tells its waiting hits in the snapshot from those of other partitions.
    """

    def __init__(self, evaluators: list[Evaluator], lateness_us: int, place: str = "0/0") -> None:
        self._evaluators = evaluators
        self._lateness = lateness_us
        self._waiting = Waiting(place)
        self._shelves: dict[str, dict[int, Shelf]] = {}
        """By rule and bucket."""
        self._counts = [0] * ids.BUCKETS
        """Keys in each bucket."""
        self._crowds: dict[int, Crowd] = {}
        """Buckets that were full when they were last looked through."""
        self._sweeps: list[tuple[int, str, int]] = []
        """(when, rule, bucket) of the next look through each shelf."""
        self._deadlines: list[tuple[int, str, str, Key, Shelf]] = []
        self._settled = -NEVER
        """No hit still to come lies before: as of the advance before."""
        self._ending: dict[Key, None] = {}
        """Keys that may have closings to tell."""
        self._entries = Entries()
        self.evicted: dict[tuple[int, int], int] = {}
        """Keys dropped since last asked, by rule index and minute of the hit that came."""

    def add(self, rows: Iterable[Row]) -> None:
        """Hold hits until the watermark passes them."""
        self._waiting.add(rows)

    def cancel(self, rule: int, entity: str, hits: Sequence[Hit]) -> None:
        """Take back hits the watermark has not passed: what they say will not be so."""
        self._waiting.cancel(self._evaluators[rule].name, entity, hits)

    def advance(self, watermark: int, settled: int, changes: Changes, *, deadlines: int) -> None:
        """Release, settle and expire what is due at this watermark.

        Deadlines fall up to ``deadlines``: the watermark, or at the end of a replay, when every
        hit is released, the time up to which it is known what came.
        """
        rows = self._waiting.release(watermark)
        if rows:
            self._release(rows, changes)
        self._fall(deadlines, changes)
        for key in self._ending:
            key.close(changes.closings)
        self._ending.clear()
        self._settled = settled
        self._sweep(settled)

    def _release(self, rows: Sequence[Row], changes: Changes) -> None:
        """Step hits in order."""
        shelves, entries = self._shelves, self._entries
        settled, alerts = self._settled, changes.alerts
        late: dict[Key, list[Hit]] = {}
        at: object = None
        matched: object = None
        for row in rows:
            name, entity, bucket = row[4:7]
            if row[:4] != at or row[7:] != matched:
                # Rules that an event matches alike keep one hit together.
                at, matched = row[:4], row[7:]
                hit = hit_of(row)
                packed = pack(hit)
            try:
                shelf = shelves[name][bucket]
            except KeyError:
                found = self._open(name, bucket, hit[0])
                if found is None:
                    continue
                shelf = found
            held = shelf.held.get(entity)
            if held is None:
                self._begin(shelf, entity, hit, packed, changes)
                continue
            if held.__class__ is bytes and held[0]:
                # Few hits: a key at rest begins with a zero.
                few = more(held, hit, packed, until=settled - shelf.retention_us)
                if few[0] <= shelf.few:
                    shelf.held[entity] = few
                    entries.few(shelf, entity, few)
                    continue
                key = shelf.held[entity] = Key(shelf.evaluator, entity)
                for one in hits_of(few):
                    key.take(one, alerts)
            else:
                key = held if isinstance(held, Key) else shelf.wake(entity, held)
                key.settle(settled)
                if key.is_late(hit) or (late and key in late):
                    entries.touch(shelf, entity)
                    late.setdefault(key, []).append(hit)
                    continue
                key.take(hit, alerts)
            entries.touch(shelf, entity)
            self._after(shelf, key)
        for key, hits_of_key in late.items():
            shelf = shelves[key.evaluator.name][ids.bucket(key.entity)]
            if shelf.held.get(key.entity) is key:
                key.revise(hits_of_key, alerts)
                self._after(shelf, key)

    def _open(self, name: str, bucket: int, time: int) -> Shelf | None:
        """A new shelf; None where the rule is no more."""
        for evaluator in self._evaluators:
            if evaluator.name == name:
                shelf = Shelf(evaluator, bucket)
                self._shelves.setdefault(name, {})[bucket] = shelf
                self._plan_sweep(shelf, time)
                return shelf
        return None

    def _begin(self, shelf: Shelf, entity: str, hit: Hit, packed: bytes, changes: Changes) -> None:
        """Take the first hit of an entity."""
        bucket = shelf.bucket
        if self._counts[bucket] >= KEYS_PER_BUCKET_MAX:
            self._make_room(shelf, hit[0], changes)
        self._counts[bucket] += 1
        if shelf.few:
            few = shelf.held[entity] = first(hit, packed)
            self._entries.few(shelf, entity, few)
        else:
            key = shelf.held[entity] = Key(shelf.evaluator, entity)
            key.take(hit, changes.alerts)
            self._entries.touch(shelf, entity)
            self._after(shelf, key)
        if self._crowds and bucket in self._crowds:
            self._crowds[bucket].join(shelf, entity)

    def _after(self, shelf: Shelf, key: Key) -> None:
        """See to a key's deadlines and closings when it was stepped."""
        due = key.due_at()
        if due < key.stands_at:
            key.stands_at = due
            heapq.heappush(self._deadlines, (due, shelf.name, key.entity, key, shelf))
        if key.ends():
            self._ending[key] = None

    def _fall(self, until: int, changes: Changes) -> None:
        """Let the deadlines up to then fall."""
        heap = self._deadlines
        while heap and heap[0][0] <= until:
            at, _, entity, key, shelf = heapq.heappop(heap)
            if key.stands_at != at or shelf.held.get(entity) is not key:
                continue
            key.stands_at = NEVER
            if key.elapse(until, changes.alerts):
                self._entries.touch(shelf, entity)
            self._after(shelf, key)

    def _make_room(self, shelf: Shelf, at: int, changes: Changes) -> None:
        """Drop what is idle in a full bucket, or else one key."""
        bucket = shelf.bucket
        crowd = self._crowds.get(bucket)
        if crowd is None:
            crowd = self._crowds[bucket] = Crowd(
                shelves[bucket] for shelves in self._shelves.values() if bucket in shelves
            )
        while found := crowd.next_idle(at):
            other, entity = found
            held = other.held[entity]
            if isinstance(held, Key) and held.elapse(at, changes.alerts):
                # Deadlines fall between the hits, as they would have, had they come one by one.
                self._entries.touch(other, entity)
                self._after(other, held)
            if other.idle_at(entity) <= at:
                self._drop(other, entity, changes)
            else:
                crowd.wait(other, entity)
        if self._counts[bucket] >= KEYS_PER_BUCKET_MAX:
            other, entity = crowd.quietest(shelf, KEYS_PER_BUCKET_MAX)
            self._drop(other, entity, changes)
            place = (other.evaluator.index, at - at % MINUTE)
            self.evicted[place] = self.evicted.get(place, 0) + 1

    def _drop(self, shelf: Shelf, entity: str, changes: Changes | None = None) -> None:
        held = shelf.held.pop(entity)
        self._counts[shelf.bucket] -= 1
        if changes is not None and isinstance(held, Key):
            held.close(changes.closings)
            self._ending.pop(held, None)
        self._entries.touch(shelf, entity)

    def _plan_sweep(self, shelf: Shelf, time: int) -> None:
        """Look through the shelf again a while after this time, others a little sooner or later."""
        every = _sweep_every(shelf.retention_us)
        at = time - time % every + every + every * shelf.bucket // ids.BUCKETS
        heapq.heappush(self._sweeps, (at + self._lateness, shelf.name, shelf.bucket))

    def _sweep(self, settled: int) -> None:
        """Drop what is idle on the shelves whose time has come, and settle what can settle."""
        while self._sweeps and self._sweeps[0][0] <= settled + self._lateness:
            _, name, bucket = heapq.heappop(self._sweeps)
            shelf = self._shelves[name][bucket]
            quiet = settled - _sweep_every(shelf.retention_us)
            for entity, held in list(shelf.held.items()):
                if isinstance(held, Key):
                    held.settle(settled)
                    if held.is_idle(settled):
                        self._drop(shelf, entity)
                    elif held.last_at() <= quiet and held.may_rest():
                        shelf.rest(entity, held)
                elif shelf.idle_at(entity) <= settled:
                    self._drop(shelf, entity)
            if shelf.held or shelf.changed is not None:
                self._plan_sweep(shelf, settled)
            else:
                del self._shelves[name][bucket]
            if bucket in self._crowds and self._counts[bucket] < KEYS_PER_BUCKET_MAX * 7 // 8:
                del self._crowds[bucket]

    def waiting(self) -> Iterator[tuple[Key, list[Hit]]]:
        """Keys with the hits, in order, that the watermark has not passed; only such keys as these
        hits could give an alert."""
        found: dict[tuple[str, int, str], list[Hit]] = {}
        for row in self._waiting:
            name, entity, bucket = row[4:7]
            found.setdefault((name, bucket, entity), []).append(hit_of(row))
        evaluators = {one.name: one for one in self._evaluators}
        for (name, bucket, entity), hits in found.items():
            evaluator = evaluators.get(name)
            if evaluator is not None:
                shelf = self._shelves.get(name, {}).get(bucket) or Shelf(evaluator, bucket)
                kept = shelf.kept(entity)
                if kept is None or kept + len(hits) > shelf.few:
                    yield shelf.key(entity), sorted(hits)

    def pending(self) -> int:
        """Hits the watermark has not passed."""
        return len(self._waiting)

    def snapshot(self) -> Iterator[tuple[str, bytes]]:
        """Entries changed since last asked; empty bytes for what is gone."""
        yield from self._entries.take()
        yield from self._waiting.snapshot()

    def forget(self, name: str) -> None:
        """Delete an entry of the snapshot that was taken over under another name, or not at all."""
        self._entries.forget(name)

    def restore(self, name: str, raw: bytes) -> None:
        """Take over one entry; one of a rule that is no more, or is another form, is dropped.

        Raises ``analytics.engine.snapshot_malformed`` for a name of another form.
        """
        parts = name.split(_SEPARATOR, 3)
        if len(parts) != 4:
            raise FengsuiError(
                "analytics.engine.snapshot_malformed", f"snapshot entry {name[:80]!r} is no key"
            )
        rule, entity = parts[2], parts[3]
        bucket = ids.bucket(entity)
        shelf = self._shelves.get(rule, {}).get(bucket) or self._open(rule, bucket, -NEVER)
        if shelf is None:
            self._entries.forget(name)
            return
        held = shelf.restore(entity, raw)
        self._counts[bucket] += 1
        if isinstance(held, Key):
            self._after(shelf, held)

    def retire(self, rule: int) -> None:
        """Drop all keys of a rule that is no more."""
        for shelf in self._shelves.get(self._evaluators[rule].name, {}).values():
            for entity in list(shelf.held):
                self._drop(shelf, entity)

    def __len__(self) -> int:
        return sum(self._counts)


def _sweep_every(retention_us: int) -> int:
    slow = min(SLOW_SWEEP_US, retention_us // SWEEPS)
    return max(MINUTE, min(retention_us, max(SWEEP_US, slow)))
