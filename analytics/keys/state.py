"""State: one rule and one entity, stepped through hits and deadlines in order; pure and copyable.

An alert's cell is the suppression interval, aligned to the epoch, that holds the deciding time.
Each cell has at most one alert of a rule and entity; what follows in the cell is its closing.
"""

from __future__ import annotations

from typing import Final

import msgspec

from analytics import kinds
from analytics.kinds.shared import least
from analytics.memory import NEVER, Finding, Hit, Memory, NoDeadlines
from analytics.rule import Rule, entity_name, entity_values
from schema import ids
from schema.alert import Alert, Closing

_LONG_AGO: Final = -NEVER


class Evaluator:
    """What all states of one rule share."""

    __slots__ = (
        "_kind",
        "_rests",
        "cell_us",
        "guards",
        "index",
        "least",
        "level",
        "name",
        "retention_us",
        "rule",
        "silent_before",
        "since",
        "until",
    )

    def __init__(self, index: int, rule: Rule, since: int = _LONG_AGO) -> None:
        self.index = index
        self.rule = rule
        self.level = rule.level
        self.guards = rule.guards
        self.cell_us = rule.suppression_us
        self.retention_us = rule.pattern.retention_us
        self.since = since
        """The rule is in force from this event time on."""
        self.until = NEVER
        """The rule is in force before this event time."""
        self.silent_before = NEVER if rule.pattern.warm_up_us else _LONG_AGO
        """Findings of before are not told: the rule had not watched for long enough."""
        self.name = f"{rule.id}@{rule.stamp}"
        """Tells its state in a snapshot from that of another form or another term of the rule."""
        if since > _LONG_AGO:
            self.name = f"{self.name}.{since}"
        self.least = least(rule)
        """An entity with fewer hits has no alert and waits for no deadline."""
        self._kind = kinds.of(rule.pattern)
        self._rests: bool | None = None

    def memory(self, dump: object = None) -> Memory:
        """A fresh memory, or one of a snapshot."""
        return self._kind.memory(self.rule, dump)

    def rests(self) -> bool:
        """Whether only hits can wake its keys."""
        if self._rests is None:
            self._rests = isinstance(self.memory(), NoDeadlines)
        return self._rests

    def alert(self, entity: str, finding: Finding, count: int) -> Alert:
        """The alert a finding decides."""
        rule, field = self.rule, self.rule.entity_field
        if finding.member:
            field = f"{field}+{finding.member}"
            entity = entity_name((*entity_values(entity, len(rule.entity)), finding.entity))
        else:
            entity = finding.entity or entity
        # A form of a rule has cells of its own from the time on at which it came into force.
        cell = max(finding.at - finding.at % self.cell_us, self.since)
        return Alert(
            id=ids.alert_id(rule.id, rule.major, f"{field}={entity}", cell).hex(),
            rule_id=rule.id,
            rule_version=rule.major,
            entity_field=field,
            entity=entity,
            cell=cell,
            decided_at=finding.at,
            severity=rule.severity,
            score=rule.score,
            conditions=finding.conditions,
            events=_events(finding.hits),
            count=count,
            state="final",
        )


def _events(hits: tuple[Hit, ...]) -> tuple[str, ...]:
    """Ids of the events behind the hits, in id order; those of an alert are its own events'."""
    found: set[str] = set()
    for hit in hits:
        if hit[1]:
            found.add(hit[3].hex())
        elif hit[3]:
            events = hit[5][-1]
            assert isinstance(events, tuple)
            found.update(events)
    return tuple(sorted(found))


def alert_id(rule: Rule, entity: str, cell: int) -> str:
    """The id of the rule's alert for the entity in the cell, hex."""
    return ids.alert_id(rule.id, rule.major, f"{rule.entity_field}={entity}", cell).hex()


class Dump(msgspec.Struct, frozen=True, array_like=True):
    """A state as it lies in a snapshot."""

    seen: int
    last_at: int
    cell: int
    alerts: dict[str, str]
    after: int
    memory: object


class State:
    """What is known of one rule and entity after some hits and deadlines in order."""

    __slots__ = (
        "_evaluator",
        "_memory",
        "acted_at",
        "after",
        "alerts",
        "cell",
        "closed",
        "last_at",
        "seen",
    )

    def __init__(self, evaluator: Evaluator, dump: Dump | None = None) -> None:
        self._evaluator = evaluator
        self._memory = evaluator.memory(dump.memory if dump else None)
        self.seen = dump.seen if dump else 0
        """Matching events since the entity was last quiet for the pattern's retention, or since
        its cell began where the cell before had an alert."""
        self.last_at = dump.last_at if dump else _LONG_AGO
        self.acted_at = self.last_at
        """Time of the newest hit or deadline taken."""
        self.cell = dump.cell if dump else _LONG_AGO
        self.alerts: dict[str, str] | None = dump.alerts if dump and dump.alerts else None
        """Alert ids of the current cell by entity: its own under the empty name; None for none."""
        self.after = dump.after if dump else 0
        """Matching events of the current cell behind the deciding one."""
        self.closed: list[Closing] | None = None
        """Closings of cells that have ended, until the owner takes them; None for none."""

    def step(self, entity: str, hit: Hit, found: dict[str, Alert]) -> None:
        """Take the next hit in order, and every deadline before it; add the alerts decided."""
        time = hit[0]
        memory = self._memory
        if memory.due() <= time:
            self.elapse(entity, time, found)
        if time - self.last_at >= self._evaluator.retention_us and memory.due() == NEVER:
            memory.clear()
            self.seen = 0
        if not self.cell <= time < self.cell + self._evaluator.cell_us:
            self._enter(time)
        holds = memory.push(hit)
        self.last_at = self.acted_at = time
        if hit[3]:
            # A register's hit is no event: it is not counted.
            self.seen += 1
            if self.alerts is not None and "" in self.alerts:
                self.after += 1
        if holds:
            self._decide(entity, found)

    def elapse(self, entity: str, through: int, found: dict[str, Alert]) -> None:
        """Take the deadlines up to ``through``; add the alerts they decide."""
        memory = self._memory
        while (due := memory.due()) <= through:
            if not self.cell <= due < self.cell + self._evaluator.cell_us:
                self._enter(due)
            self.acted_at = due
            if memory.elapse(due):
                self._decide(entity, found)

    def _decide(self, entity: str, found: dict[str, Alert]) -> None:
        open_alerts = self.alerts
        if open_alerts is not None and "" in open_alerts:
            return
        for finding in self._memory.findings():
            if finding.at < self._evaluator.silent_before:
                return
            if open_alerts is not None and finding.entity in open_alerts:
                continue
            alert = self._evaluator.alert(entity, finding, self.seen)
            found[alert.id] = alert
            if open_alerts is None:
                open_alerts = self.alerts = {}
            open_alerts[finding.entity] = alert.id

    def _enter(self, time: int) -> None:
        if self.alerts is not None:
            closing = self.closing()
            if closing:
                self.closed = [*(self.closed or ()), closing]
            self.seen = 0
        self.cell, self.alerts, self.after = time - time % self._evaluator.cell_us, None, 0

    def closing(self) -> Closing | None:
        """What came behind the deciding event of the current cell so far, None for nothing."""
        if not self.after or self.alerts is None:
            return None
        return Closing(alert_id=self.alerts[""], count=self.after, last_at=self.last_at)

    def due(self) -> int:
        """The next deadline, ``NEVER`` where none waits."""
        return self._memory.due()

    def idle_at(self) -> int:
        """From this event time on the state says no more than a fresh one."""
        if self._memory.due() != NEVER:
            return NEVER
        quiet = self.last_at + self._evaluator.retention_us
        if self.alerts is None:
            return quiet
        return max(quiet, self.cell + self._evaluator.cell_us)

    def copy(self) -> State:
        """A copy that shares nothing that changes."""
        other = State.__new__(State)
        other._evaluator = self._evaluator  # noqa: SLF001 # its own kind
        other._memory = self._memory.copy()  # noqa: SLF001 # its own kind
        other.seen, other.last_at, other.acted_at = self.seen, self.last_at, self.acted_at
        other.cell, other.after = self.cell, self.after
        other.alerts = None if self.alerts is None else self.alerts.copy()
        other.closed = None
        return other

    def dump(self) -> Dump:
        """The snapshot form."""
        return Dump(
            seen=self.seen,
            last_at=self.last_at,
            cell=self.cell,
            alerts=self.alerts or {},
            after=self.after,
            memory=self._memory.dump(),
        )
