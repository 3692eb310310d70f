"""Stepper: one division of the 256 buckets on all levels of rules.

Rules of level 0 read events, the others the final alerts of the levels below. Keys never look at
each other, so steppers of other divisions may run anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from analytics.coverage import Coverage
from analytics.keys.keyed import Changes, Key
from analytics.keys.partition import Partition
from analytics.keys.shelf import PREFIX
from analytics.keys.state import Evaluator
from analytics.keys.waiting import PREFIX as WAITING
from analytics.keys.waiting import Row, row_of, rows_of
from analytics.memory import Hit
from analytics.rule import LEVELS_MAX
from schema import ids


class Stepper:
    """The keys of all rules in a division; ``evaluators`` may grow behind its back."""

    def __init__(self, evaluators: list[Evaluator], lateness_us: int, number: int) -> None:
        self._evaluators = evaluators
        self._levels = [
            Partition(evaluators, lateness_us if level == 0 else 0, f"{level}/{number}")
            for level in range(LEVELS_MAX + 1)
        ]
        self._level_of: dict[str, int] = {}
        """Levels of rules, by evaluator, as entries of a snapshot asked for them."""

    def add(self, level: int, rows: Iterable[Row]) -> None:
        """Hold hits of rules of a level until their watermark passes them."""
        self._levels[level].add(rows)

    def tell(self, one: Evaluator, entity: str, gone: Sequence[Hit], found: Sequence[Hit]) -> None:
        """Take what a register says of an entity."""
        part = self._levels[one.level]
        if gone:
            part.cancel(one.index, entity, gone)
        bucket = ids.bucket(entity)
        part.add(row_of(hit, one.name, entity, bucket) for hit in found)

    def advance(
        self,
        level: int,
        watermark: int,
        settled: int,
        changes: Changes,
        *,
        deadlines: int,
        coverage: Coverage,
    ) -> None:
        """Step what the watermark of a level has passed; deadlines fall up to theirs."""
        part = self._levels[level]
        part.advance(watermark, settled, changes, deadlines=deadlines)
        for (index, minute), count in part.evicted.items():
            coverage.evicted(minute, self._evaluators[index].rule.id, count)
        part.evicted.clear()

    def retire(self, one: Evaluator) -> None:
        """Drop all keys of a rule that is no more."""
        self._levels[one.level].retire(one.index)

    def waiting(self) -> Iterator[tuple[Key, list[Hit]]]:
        """Keys that may get an alert by hits the watermark has not passed, with these hits."""
        for part in self._levels:
            yield from part.waiting()

    def pending(self) -> int:
        """Hits the watermark has not passed."""
        return sum(part.pending() for part in self._levels)

    def snapshot(self) -> Iterator[tuple[str, bytes]]:
        """Entries changed since last asked."""
        for part in self._levels:
            yield from part.snapshot()

    def forget(self, name: str) -> None:
        """Delete an entry of waiting hits that were taken over under another name."""
        self._levels[0].forget(name)

    def restore(self, name: str, raw: bytes) -> None:
        """Take over the entry of a key; raises ``analytics.engine.snapshot_malformed``."""
        rule = name.split("/", 3)[2]
        level = self._level_of.get(rule)
        if level is None:
            level = next((one.level for one in self._evaluators if one.name == rule), 0)
            self._level_of[rule] = level
        self._levels[level].restore(name, raw)


def is_key(name: str) -> bool:
    """Whether a snapshot's entry is one of a key."""
    return name.startswith(f"{PREFIX}/")


def is_waiting(name: str) -> bool:
    """Whether a snapshot's entry holds waiting hits."""
    return name.startswith(f"{WAITING}/")


def restore(steppers: Sequence[Stepper], name: str, raw: bytes) -> None:
    """Give an entry of a key, or of waiting hits, to the steppers it belongs to.

    It may have been another division of the buckets that wrote it. Raises
    ``analytics.engine.snapshot_malformed``.
    """
    if is_key(name):
        entity = name.split("/", 3)[3]
        steppers[ids.bucket(entity) % len(steppers)].restore(name, raw)
        return
    _, level, _, _ = name.split("/", 3)
    known = {one.name for one in steppers[0]._evaluators}  # noqa: SLF001 # its own kind
    for row in rows_of(raw):
        if row[4] in known:
            steppers[row[6] % len(steppers)].add(int(level), (row,))
    # They are written again under the names of those who hold them now.
    steppers[0].forget(name)
