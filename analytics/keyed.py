"""Key: one rule and entity through time, so that late hits revise exactly what they change.

Two states stand for each key: *settled*, which no acceptable hit can change any more, and *live*,
which has every released hit. A hit that comes late but inside the lateness budget is put in its
place among the hits behind settled, live is made anew from there, and the difference goes out as
revisions and withdrawals. So the final alerts are those of one run over all hits in order.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import Final

import msgspec

from analytics.memory import NEVER, Hit
from analytics.state import Dump, Evaluator, State
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

    settled: Dump
    elapsed: int
    released: tuple[Hit, ...]
    pending: tuple[Hit, ...]


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(KeyDump)


class Key:
    """Hits and states of one rule and entity."""

    __slots__ = (
        "_closing",
        "_elapsed",
        "_live",
        "_released",
        "_settled",
        "_standing",
        "bucket",
        "entity",
        "evaluator",
        "page",
        "pending",
    )

    def __init__(self, evaluator: Evaluator, entity: str, bucket: int) -> None:
        self.evaluator = evaluator
        self.entity = entity
        self.bucket = bucket
        self.page = NEVER
        """The page of timers this key stands on."""
        self.pending: list[Hit] = []
        """Hits the watermark has not passed yet, in order of arrival."""
        self._released: list[Hit] = []
        """Hits between settled and live, in order."""
        self._elapsed = -NEVER
        """Live has taken the deadlines up to here."""
        self._settled = self._live = State(evaluator)
        self._standing: dict[str, Alert] = {}
        """Alerts decided by the released hits, which a late hit may still change."""
        self._closing: Closing | None = None

    def release(
        self, watermark: int, changes: Changes, *, deadlines: int, through: Hit | None = None
    ) -> bool:
        """Step all pending hits before the watermark, and all deadlines up to theirs, in order.

        Where ``through`` is given, only the hits up to it and no deadline behind it. Whether there
        were any. Deadlines of a rule that was no longer in force by then do not fall.
        """
        fresh: list[Hit] = []
        if self.pending:
            self.pending.sort()
            if through is None:
                place = bisect_left(self.pending, (watermark,))
            else:
                place = bisect_right(self.pending, through)
            fresh = self.pending[:place]
            del self.pending[:place]
        until = min(deadlines if through is None else through[0], self.evaluator.until - 1)
        if not fresh and self._live.due() > until:
            return False
        if fresh and (
            fresh[0][0] < self._elapsed or (self._released and fresh[0] < self._released[-1])
        ):
            self._revise(fresh, max(self._elapsed, until), changes)
        else:
            if self._live is self._settled:
                self._live = self._settled.copy()
            found: dict[str, Alert] = {}
            for hit in fresh:
                self._live.step(self.entity, hit, found)
            if self._live.due() <= until:
                self._live.elapse(self.entity, until, found)
            if found:
                self._standing.update(found)
                changes.alerts.update(found)
            self._released.extend(fresh)
            self._elapsed = max(self._elapsed, self._live.acted_at)
        self._close(changes)
        return True

    def _revise(self, late: list[Hit], through: int, changes: Changes) -> None:
        self._released = sorted([*self._released, *late])
        self._live, after = self._replay(self._released, through)
        self._elapsed = max(self._elapsed, self._live.acted_at)
        for alert in self._standing.values():
            if alert.id not in after:
                changes.alerts[alert.id] = msgspec.structs.replace(alert, state="withdrawn")
        for alert in after.values():
            if self._standing.get(alert.id) != alert:
                changes.alerts[alert.id] = alert
        self._standing = after

    def _replay(self, hits: list[Hit], through: int) -> tuple[State, dict[str, Alert]]:
        """The state after these hits and deadlines on top of settled, and the alerts decided."""
        state = self._settled.copy()
        found: dict[str, Alert] = {}
        for hit in hits:
            state.step(self.entity, hit, found)
        state.elapse(self.entity, through, found)
        return state, found

    def _close(self, changes: Changes) -> None:
        for ended in self._live.closed:
            changes.closings[ended.alert_id] = ended
        self._live.closed.clear()
        closing = self._live.closing()
        if closing is not None and closing != self._closing:
            changes.closings[closing.alert_id] = closing
        self._closing = closing

    def settle(self, settled: int) -> bool:
        """Take over what no acceptable hit can change any more: hits before ``settled``."""
        released, live = self._released, self._live
        if live is self._settled:
            return False
        if live.acted_at < settled:
            self._settled = live
            released.clear()
            self._standing.clear()
            return True
        if not released or released[0][0] >= settled or len(released) < SETTLE_FROM:
            return False
        place = bisect_left(released, (settled,))
        found: dict[str, Alert] = {}
        for hit in released[:place]:
            self._settled.step(self.entity, hit, found)
        for name in found:
            self._standing.pop(name, None)
        self._settled.closed.clear()
        del released[:place]
        return True

    def provisional(self) -> dict[str, Alert]:
        """Alerts the pending hits would decide if nothing else came; changes nothing."""
        if self._released and min(self.pending) < self._released[-1]:
            _, found = self._replay(sorted([*self._released, *self.pending]), self._elapsed)
            return {
                name: alert for name, alert in found.items() if self._standing.get(name) != alert
            }
        state = self._live.copy()
        seen: dict[str, Alert] = {}
        for hit in sorted(self.pending):
            state.step(self.entity, hit, seen)
        return seen

    def due_at(self) -> int:
        """The next deadline, ``NEVER`` where none waits or the rule is not in force by then."""
        due = self._live.due()
        return due if due < self.evaluator.until else NEVER

    def due(self, lateness: int) -> tuple[int, bool]:
        """The watermark at which this key must be looked at next, and whether to release."""
        wakes = self.due_at()
        if self.pending:
            wakes = min(wakes, min(self.pending)[0])
        live = self._live
        rests = (live.acted_at if live is not self._settled else live.idle_at()) + lateness
        return (wakes, True) if wakes <= rests else (rests, False)

    def is_idle(self, settled: int) -> bool:
        """Whether a fresh key would answer the same from now on."""
        return (
            not self.pending and self._live is self._settled and self._settled.idle_at() <= settled
        )

    def forget(self) -> None:
        """Begin anew: only the hits that still wait are kept."""
        self._released.clear()
        self._settled = self._live = State(self.evaluator)
        self._elapsed = -NEVER
        self._standing.clear()
        self._closing = None

    def has_begun(self) -> bool:
        """Whether it remembers any hit."""
        return self._live.acted_at > -NEVER

    def idle_at(self) -> int:
        """From this event time on it answers as if it had never been."""
        return self._live.idle_at()

    def last_at(self) -> int:
        """Event time of the newest hit taken."""
        return self._live.last_at

    def dump(self) -> bytes:
        """The snapshot form."""
        return _encoder.encode(
            KeyDump(
                settled=self._settled.dump(),
                elapsed=self._elapsed,
                released=tuple(self._released),
                pending=tuple(self.pending),
            )
        )

    def restore(self, raw: bytes) -> None:
        """Take over a snapshot of this rule and entity."""
        dump = _decoder.decode(raw)
        self._settled = self._live = State(self.evaluator, dump.settled)
        self._released, self.pending = list(dump.released), list(dump.pending)
        self._elapsed = dump.elapsed
        if self._released or self._settled.due() <= self._elapsed:
            self._live, self._standing = self._replay(self._released, self._elapsed)
            self._live.closed.clear()
        self._closing = self._live.closing()
