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

from analytics.memory import Hit
from analytics.state import Dump, Evaluator, State
from schema.alert import Alert, Closing

SETTLE_FROM: Final = 256
"""Hits behind settled that are worth stepping a second time; fewer wait until all can settle."""

NEVER: Final = 2**62


@dataclass(frozen=True, slots=True)
class Changes:
    """What stepping changed: alerts and closings by alert id."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    closings: dict[str, Closing] = field(default_factory=dict)


class KeyDump(msgspec.Struct, frozen=True, array_like=True):
    """A key as it lies in a snapshot; live is made anew from settled and the released hits."""

    rule_version: str
    settled: Dump
    released: tuple[Hit, ...]
    pending: tuple[Hit, ...]


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(KeyDump)


class Key:
    """Hits and states of one rule and entity."""

    __slots__ = (
        "_closing",
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
        self._settled = self._live = State(evaluator)
        self._standing: dict[str, Alert] = {}
        """Alerts decided by the released hits, which a late hit may still change."""
        self._closing: Closing | None = None

    def release(self, watermark: int, changes: Changes, *, through: Hit | None = None) -> bool:
        """Step all pending hits before the watermark, in order; whether there were any.

        Where ``through`` is given, only those up to it.
        """
        self.pending.sort()
        if through is None:
            place = bisect_left(self.pending, (watermark,))
        else:
            place = bisect_right(self.pending, through)
        fresh = self.pending[:place]
        if not fresh:
            return False
        del self.pending[:place]
        if self._released and fresh[0] < self._released[-1]:
            self._revise(fresh, changes)
        else:
            if self._live is self._settled:
                self._live = self._settled.copy()
            for hit in fresh:
                alert = self._live.step(self.entity, hit)
                if alert:
                    self._standing[alert.id] = changes.alerts[alert.id] = alert
            self._released.extend(fresh)
        self._close(changes)
        return True

    def _revise(self, late: list[Hit], changes: Changes) -> None:
        self._released = sorted([*self._released, *late])
        self._live, after = self._replay(self._released)
        for alert in self._standing.values():
            if alert.id not in after:
                changes.alerts[alert.id] = msgspec.structs.replace(alert, state="withdrawn")
        for alert in after.values():
            if self._standing.get(alert.id) != alert:
                changes.alerts[alert.id] = alert
        self._standing = after

    def _replay(self, hits: list[Hit]) -> tuple[State, dict[str, Alert]]:
        """The state after these hits on top of settled, and the alerts they decide."""
        state = self._settled.copy()
        found: dict[str, Alert] = {}
        for hit in hits:
            alert = state.step(self.entity, hit)
            if alert:
                found[alert.id] = alert
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
        released = self._released
        if not released or released[0][0] >= settled:
            return False
        if released[-1][0] < settled:
            self._settled = self._live
            released.clear()
            self._standing.clear()
        elif len(released) >= SETTLE_FROM:
            place = bisect_left(released, (settled,))
            for hit in released[:place]:
                alert = self._settled.step(self.entity, hit)
                if alert:
                    self._standing.pop(alert.id, None)
            self._settled.closed.clear()
            del released[:place]
        else:
            return False
        return True

    def provisional(self) -> dict[str, Alert]:
        """Alerts the pending hits would decide if nothing else came; changes nothing."""
        if self._released and min(self.pending) < self._released[-1]:
            _, found = self._replay(sorted([*self._released, *self.pending]))
            return {
                name: alert for name, alert in found.items() if self._standing.get(name) != alert
            }
        state = self._live.copy()
        alerts = (state.step(self.entity, hit) for hit in sorted(self.pending))
        return {alert.id: alert for alert in alerts if alert}

    def due(self, lateness: int) -> tuple[int, bool]:
        """The watermark at which this key must be looked at next, and whether to release hits."""
        if self.pending:
            return min(self.pending)[0], True
        if self._released:
            return self._released[-1][0] + lateness, False
        return self._settled.idle_at() + lateness, False

    def is_idle(self, settled: int) -> bool:
        """Whether a fresh key would answer the same from now on."""
        return not self.pending and not self._released and self._settled.idle_at() <= settled

    def forget(self) -> None:
        """Begin anew: only the hits that still wait are kept."""
        self._released.clear()
        self._settled = self._live = State(self.evaluator)
        self._standing.clear()
        self._closing = None

    def has_begun(self) -> bool:
        """Whether it remembers any hit."""
        return self._live.seen > 0

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
                rule_version=self.evaluator.rule.version,
                settled=self._settled.dump(),
                released=tuple(self._released),
                pending=tuple(self.pending),
            )
        )

    def restore(self, raw: bytes) -> bool:
        """Take over a snapshot; False where it belongs to another version of the rule."""
        dump = _decoder.decode(raw)
        if dump.rule_version != self.evaluator.rule.version:
            return False
        self._settled = self._live = State(self.evaluator, dump.settled)
        self._released, self.pending = list(dump.released), list(dump.pending)
        if self._released:
            self._live, self._standing = self._replay(self._released)
            self._live.closed.clear()
        self._closing = self._live.closing()
        return True
