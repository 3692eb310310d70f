"""State: one rule and one entity, stepped hit by hit in order; pure and copyable.

An alert's cell is the suppression interval, aligned to the epoch, that holds the deciding event.
Each cell has at most one alert of a rule and entity; what follows in the cell is its closing.
"""

from __future__ import annotations

from typing import Final

import msgspec

from analytics.memory import Chains, Hit, Memory, Remembered, Window
from analytics.rule import Rule
from schema import ids
from schema.alert import Alert, Closing, Condition
from schema.times import SECOND

_NEVER: Final = -(2**62)


class Evaluator:
    """What all states of one rule share."""

    __slots__ = ("cell_us", "index", "rule", "within_us")

    def __init__(self, index: int, rule: Rule) -> None:
        self.index = index
        self.rule = rule
        self.cell_us = rule.suppression_us
        self.within_us = rule.within_us

    def memory(self, remembered: Remembered | None = None) -> Memory:
        """A fresh memory, or one of a snapshot."""
        if self.rule.kind == "sequence":
            chains = Chains(self._units(), self.within_us)
            if remembered:
                chains.restore(remembered)
            return chains
        hits = remembered.hits if remembered else ()
        return Window(self.rule.steps[0].count, self.within_us, hits)

    def _units(self) -> tuple[int, ...]:
        return tuple(
            1 << number for number, step in enumerate(self.rule.steps) for _ in range(step.count)
        )

    def alert(self, entity: str, hits: tuple[Hit, ...], count: int) -> Alert:
        """The alert these hits decide; the last of them is the deciding one."""
        rule, decided_at = self.rule, hits[-1][0]
        cell = decided_at - decided_at % self.cell_us
        return Alert(
            id=alert_id(rule, entity, cell),
            rule_id=rule.id,
            rule_version=rule.major,
            entity_field=rule.entity,
            entity=entity,
            cell=cell,
            decided_at=decided_at,
            severity=rule.severity,
            score=rule.score,
            conditions=self._conditions(decided_at - hits[0][0]),
            events=tuple(sorted(hit[3].hex() for hit in hits)),
            count=count,
            state="final",
        )

    def _conditions(self, span_us: int) -> tuple[Condition, ...]:
        counts = tuple(
            Condition(name=step.name, value=step.count, threshold=step.count, comparison="gte")
            for step in self.rule.steps
        )
        if self.rule.kind == "event":
            return counts
        span = Condition(
            name="span_seconds",
            value=span_us // SECOND,
            threshold=self.within_us // SECOND,
            comparison="lt",
        )
        return (*counts, span)


def alert_id(rule: Rule, entity: str, cell: int) -> str:
    """The id of the rule's alert for the entity in the cell, hex."""
    return ids.alert_id(rule.id, rule.major, f"{rule.entity}={entity}", cell).hex()


class Dump(msgspec.Struct, frozen=True, array_like=True):
    """A state as it lies in a snapshot."""

    seen: int
    last_at: int
    cell: int
    alert_id: str
    after: int
    memory: Remembered


class State:
    """What is known of one rule and entity after some hits in order."""

    __slots__ = ("_evaluator", "_memory", "after", "alert_id", "cell", "closed", "last_at", "seen")

    def __init__(self, evaluator: Evaluator, dump: Dump | None = None) -> None:
        self._evaluator = evaluator
        self._memory = evaluator.memory(dump.memory if dump else None)
        self.seen = dump.seen if dump else 0
        """Matching events since the entity was last quiet for a window, or since its cell began
        where the cell before had an alert."""
        self.last_at = dump.last_at if dump else _NEVER
        self.cell = dump.cell if dump else _NEVER
        self.alert_id = dump.alert_id if dump else ""
        """The alert of the current cell, empty for none."""
        self.after = dump.after if dump else 0
        """Matching events of the current cell behind the deciding one."""
        self.closed: list[Closing] = []
        """Closings of cells that have ended, until the owner takes them."""

    def step(self, entity: str, hit: Hit) -> Alert | None:
        """Take the next hit in order; the alert it decides, if any."""
        evaluator, time = self._evaluator, hit[0]
        if time - self.last_at >= evaluator.within_us:
            self._memory.clear()
            self.seen = 0
        cell = time - time % evaluator.cell_us
        if cell != self.cell:
            self._enter(cell)
        holds = self._memory.push(hit)
        self.seen += 1
        self.last_at = time
        if self.alert_id:
            self.after += 1
            return None
        if not holds:
            return None
        alert = evaluator.alert(entity, self._memory.least(), self.seen)
        self.alert_id = alert.id
        return alert

    def _enter(self, cell: int) -> None:
        if self.alert_id:
            closing = self.closing()
            if closing:
                self.closed.append(closing)
            self.seen = 0
        self.cell, self.alert_id, self.after = cell, "", 0

    def closing(self) -> Closing | None:
        """What came behind the deciding event of the current cell so far, None for nothing."""
        if not self.after:
            return None
        return Closing(alert_id=self.alert_id, count=self.after, last_at=self.last_at)

    def idle_at(self) -> int:
        """From this event time on the state says no more than a fresh one."""
        quiet = self.last_at + self._evaluator.within_us
        if not self.alert_id:
            return quiet
        return max(quiet, self.cell + self._evaluator.cell_us)

    def copy(self) -> State:
        """A copy that shares nothing that changes."""
        other = State.__new__(State)
        other._evaluator = self._evaluator  # noqa: SLF001 # its own kind
        other._memory = self._memory.copy()  # noqa: SLF001 # its own kind
        other.seen, other.last_at = self.seen, self.last_at
        other.cell, other.alert_id, other.after = self.cell, self.alert_id, self.after
        other.closed = []
        return other

    def dump(self) -> Dump:
        """The snapshot form."""
        return Dump(
            seen=self.seen,
            last_at=self.last_at,
            cell=self.cell,
            alert_id=self.alert_id,
            after=self.after,
            memory=self._memory.dump(),
        )
