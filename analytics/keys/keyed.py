"""Key: one rule and entity through time, so that late hits revise exactly what they change.

Two states stand for each key: *settled*, which no acceptable hit can change any more, and *live*,
which has every released hit. A hit that comes late but inside the lateness budget is put in its
place among the hits behind settled, live is made anew from there, and the difference goes out as
revisions and withdrawals. So the final alerts are those of one run over all hits in order.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from analytics.keys.state import Dump, Evaluator, State
from analytics.memory import NEVER, Hit
from schema.alert import Alert, Closing

SETTLE_FROM: Final = 256
"""Hits behind settled that are worth stepping a second time; fewer wait until all can settle."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What stepping changed: alerts and closings by alert id."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    closings: dict[str, Closing] = field(default_factory=dict)


class KeyDump(msgspec.Struct, frozen=True, array_like=True):
    """A key as it lies in a snapshot; live is made anew from settled and the released hits."""

    settled: Dump | None
    """None for a fresh state."""
    elapsed: int
    released: tuple[Hit, ...]


encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder(KeyDump).decode


class Key:
    """Hits and states of one rule and entity."""

    __slots__ = (
        "_closing",
        "_elapsed",
        "_live",
        "_released",
        "_settled",
        "_standing",
        "entity",
        "evaluator",
        "stands_at",
    )

    def __init__(self, evaluator: Evaluator, entity: str) -> None:
        self.evaluator = evaluator
        self.entity = entity
        self.stands_at = NEVER
        """The time under which it stands among the deadlines."""
        self._released: list[Hit] | None = None
        """Hits between settled and live, in order; None for none."""
        self._elapsed = -NEVER
        """Live has taken the deadlines up to here."""
        self._settled: State | None = None
        """None for a fresh state."""
        self._live = State(evaluator)
        self._standing: dict[str, Alert] | None = None
        """Alerts decided by the released hits, which a late hit may still change; None for none."""
        self._closing: Closing | None = None

    def is_late(self, hit: Hit) -> bool:
        """Whether the hit belongs before what was already stepped."""
        released = self._released
        return hit[0] < self._elapsed or (released is not None and hit < released[-1])

    def take(self, hit: Hit, alerts: dict[str, Alert]) -> None:
        """Step the next hit, which is not late, and the deadlines before it."""
        live = self._open()
        found: dict[str, Alert] = {}
        live.step(self.entity, hit, found)
        if self._released is None:
            self._released = [hit]
        else:
            self._released.append(hit)
        if live.acted_at > self._elapsed:
            self._elapsed = live.acted_at
        if found:
            self._found(found, alerts)

    def elapse(self, until: int, alerts: dict[str, Alert]) -> bool:
        """Take the deadlines up to then that fall while the rule is in force; whether any did."""
        until = min(until, self.evaluator.until - 1)
        if self._live.due() > until:
            return False
        live = self._open()
        found: dict[str, Alert] = {}
        live.elapse(self.entity, until, found)
        self._elapsed = max(self._elapsed, live.acted_at)
        if found:
            self._found(found, alerts)
        return True

    def _open(self) -> State:
        """Live, apart from settled."""
        live = self._live
        if live is self._settled:
            live = self._live = live.copy()
        return live

    def _found(self, found: dict[str, Alert], alerts: dict[str, Alert]) -> None:
        if self._standing is None:
            self._standing = found
        else:
            self._standing.update(found)
        alerts.update(found)

    def revise(self, late: Sequence[Hit], alerts: dict[str, Alert]) -> None:
        """Put hits in their places among the released ones, and tell what that changes."""
        self._released = sorted([*(self._released or ()), *late])
        self._live, after = self._replay(self._released, self._elapsed)
        self._elapsed = max(self._elapsed, self._live.acted_at)
        standing = self._standing or {}
        for alert in standing.values():
            if alert.id not in after:
                alerts[alert.id] = msgspec.structs.replace(alert, state="withdrawn")
        for alert in after.values():
            if standing.get(alert.id) != alert:
                alerts[alert.id] = alert
        self._standing = after or None

    def _replay(self, hits: Sequence[Hit], through: int) -> tuple[State, dict[str, Alert]]:
        """The state after these hits and deadlines on top of settled, and the alerts decided."""
        state = self._base()
        found: dict[str, Alert] = {}
        for hit in hits:
            state.step(self.entity, hit, found)
        state.elapse(self.entity, through, found)
        return state, found

    def _base(self) -> State:
        return State(self.evaluator) if self._settled is None else self._settled.copy()

    def ends(self) -> bool:
        """Whether its cell has an alert, or one had that ended: there may be closings to tell."""
        live = self._live
        return live.closed is not None or live.alerts is not None or self._closing is not None

    def close(self, closings: dict[str, Closing]) -> None:
        """Tell what is new of the closings of its alerts."""
        live = self._live
        if live.closed is not None:
            for ended in live.closed:
                closings[ended.alert_id] = ended
            live.closed = None
        closing = live.closing()
        if closing is not None and closing != self._closing:
            closings[closing.alert_id] = closing
        self._closing = closing

    def settle(self, settled: int) -> None:
        """Take over what no acceptable hit can change any more: hits before ``settled``.

        No alert, and nothing else that anybody asks of the key, changes by it.
        """
        live, released = self._live, self._released
        if live is self._settled:
            return
        if live.acted_at < settled:
            self._settled = live
            self._released = self._standing = None
            return
        if (
            released is None
            or len(released) < SETTLE_FROM
            or released[SETTLE_FROM - 1][0] >= settled
        ):
            return
        place = bisect_left(released, (settled,))
        if self._settled is None:
            self._settled = State(self.evaluator)
        found: dict[str, Alert] = {}
        for hit in released[:place]:
            self._settled.step(self.entity, hit, found)
        if self._standing is not None:
            for name in found:
                self._standing.pop(name, None)
        self._settled.closed = None
        self._released = released[place:] or None

    def provisional(self, waiting: Sequence[Hit]) -> dict[str, Alert]:
        """Alerts these hits in order would decide if nothing else came; changes nothing."""
        standing = self._standing or {}
        if self._released and waiting[0] < self._released[-1]:
            _, found = self._replay(sorted([*self._released, *waiting]), self._elapsed)
            return {name: alert for name, alert in found.items() if standing.get(name) != alert}
        state = self._live.copy()
        seen: dict[str, Alert] = {}
        for hit in waiting:
            state.step(self.entity, hit, seen)
        return seen

    def has_deadline(self) -> bool:
        """Whether a deadline waits, in force or not."""
        return self._live.due() != NEVER

    def due_at(self) -> int:
        """The next deadline, ``NEVER`` where none waits or the rule is not in force by then."""
        due = self._live.due()
        return due if due < self.evaluator.until else NEVER

    def is_idle(self, settled: int) -> bool:
        """Whether a fresh key would answer the same from now on."""
        return self._live is self._settled and self._live.idle_at() <= settled

    def may_rest(self) -> bool:
        """Whether only another hit could change it, or be told of it."""
        live = self._live
        return (
            live is self._settled
            and self._released is None
            and live.due() == NEVER
            and not self.ends()
        )

    def idle_at(self) -> int:
        """From this event time on it answers as if it had never been."""
        return self._live.idle_at()

    def last_at(self) -> int:
        """Event time of the newest hit taken."""
        return self._live.last_at

    def dump(self) -> KeyDump:
        """The snapshot form."""
        return KeyDump(
            settled=None if self._settled is None else self._settled.dump(),
            elapsed=self._elapsed,
            released=tuple(self._released or ()),
        )

    def restore(self, dump: KeyDump) -> None:
        """Take over a snapshot of this rule and entity."""
        if dump.settled is not None:
            self._settled = self._live = State(self.evaluator, dump.settled)
        self._released = list(dump.released) or None
        self._elapsed = dump.elapsed
        if self._released or self._live.due() <= self._elapsed:
            self._live, found = self._replay(dump.released, self._elapsed)
            self._standing = found or None
            self._live.closed = None
        self._closing = self._live.closing()
