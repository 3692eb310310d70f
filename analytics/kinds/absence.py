"""Absence: nothing came for a time of an entity that a register holds.

The register's rows come as hits of their own: an entity enters when its row begins to hold and
leaves when it ends. What was seen before it entered does not count. The alert falls at the
deadline, and once more at the beginning of each cell while the entity stays silent. Its least set
is empty: no event is needed for a silence, and any more would only shorten it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from analytics.kinds.port import Draft, Explanation, Form
from analytics.language.reading import duration_us, refused
from analytics.memory import NEVER, Finding, Hit
from analytics.patterns import Absence
from analytics.rule import Rule
from analytics.words import begin, duration, who
from schema.alert import Alert, Condition
from schema.times import SECOND, to_text

SILENT: Final = "silence_seconds"
UNSEEN: Final = "never_seen_seconds"

REGISTERED: Final = 1 << 1
"""The bit of a register's hit: an absence rule has one step, whose bit is the one below."""


class AbsencePart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose silence is told, and after how long; the entity names the register's key in order."""

    within: str
    register: str

    def build(self, draft: Draft) -> Form:
        """See :class:`analytics.kinds.port.Part`."""
        if not self.register:
            raise refused("an absence names the register of those who should be heard")
        within_us = duration_us(self.within, "absence.within")
        return Form(
            steps=(draft.step("seen"),),
            pattern=Absence(retention_us=within_us, within_us=within_us, register=self.register),
        )


def hit_of(time: int, valid_to: int) -> Hit:
    """The register's word at that time: the entity is in it until ``valid_to``."""
    return (time, "", 0, b"", REGISTERED, (valid_to,))


class Silence:
    """Since when an entity is silent, and until when that matters."""

    __slots__ = ("_at", "_cell_us", "_next", "_seen", "_since", "_valid_to", "_within_us")

    def __init__(self, within_us: int, cell_us: int) -> None:
        self._within_us = within_us
        self._cell_us = cell_us
        self._valid_to = -NEVER
        self._since = NEVER
        """When it was last seen or, since then, entered."""
        self._seen = False
        """Whether it was seen since it entered."""
        self._next = NEVER
        """The deadline, were the entity in the register for ever."""
        self._at = NEVER
        """The deadline that has just come."""

    def push(self, hit: Hit) -> bool:
        time, inside = hit[0], hit[0] < self._valid_to
        if hit[4] & REGISTERED:
            (valid_to,) = hit[5]
            assert isinstance(valid_to, int)
            self._valid_to = valid_to
            if not inside and time < valid_to:
                self._silent_from(time, seen=False)
        elif inside:
            self._silent_from(time, seen=True)
        return False

    def _silent_from(self, time: int, *, seen: bool) -> None:
        self._since, self._seen, self._next = time, seen, time + self._within_us

    def due(self) -> int:
        return self._next if self._next < self._valid_to else NEVER

    def elapse(self, now: int) -> bool:
        self._at, self._next = now, now - now % self._cell_us + self._cell_us
        return True

    def findings(self) -> tuple[Finding, ...]:
        at = self._at
        condition = Condition(
            name=SILENT if self._seen else UNSEEN,
            value=(at - self._since) // SECOND,
            threshold=self._within_us // SECOND,
            comparison="gte",
        )
        return (Finding(at=at, hits=(), conditions=(condition,)),)

    def clear(self) -> None:
        self._valid_to, self._since, self._seen, self._next = -NEVER, NEVER, False, NEVER

    def copy(self) -> Silence:
        other = Silence(self._within_us, self._cell_us)
        other._valid_to, other._since = self._valid_to, self._since
        other._seen, other._next = self._seen, self._next
        return other

    def dump(self) -> object:
        return [self._valid_to, self._since, self._seen, self._next]

    def restore(self, dump: object) -> Silence:
        """Take over what a snapshot knew."""
        self._valid_to, self._since, self._seen, self._next = msgspec.convert(
            dump, tuple[int, int, bool, int]
        )
        return self


class AbsenceKind:
    """Rules on silence."""

    def memory(self, rule: Rule, dump: object = None) -> Silence:
        pattern = rule.pattern
        assert isinstance(pattern, Absence)
        silence = Silence(pattern.within_us, rule.suppression_us)
        return silence.restore(dump) if dump else silence

    def describe(self, rule: Rule) -> tuple[str, str]:
        pattern = rule.pattern
        assert isinstance(pattern, Absence)
        zh, en = duration(pattern.within_us)
        return (
            f"台账 `{pattern.register}` 中的对象 {zh}内没有日志",
            f"nothing for {en} of one that register `{pattern.register}` holds",
        )

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        del rule
        (silence,) = alert.conditions
        (zh, en), (long_zh, long_en) = who(alert), duration(silence.value * SECOND)
        within_zh, within_en = duration(silence.threshold * SECOND)
        since = to_text(alert.decided_at - silence.value * SECOND)
        after_zh, after_en = (
            ("最后一次出现后", "was last seen")
            if silence.name == SILENT
            else ("登记生效后从未出现", "has not been seen since it was registered")
        )
        return Explanation(
            reason_zh=f"{zh}应当持续有日志，但自 {since} {after_zh}已 {long_zh}没有日志"
            f"（门槛 {within_zh}）。",
            reason_en=f"{begin(en)} should be heard from, but {after_en} at {since}, "
            f"{long_en} ago (the threshold is {within_en}).",
            counterfactual_zh=(
                f"若 {within_zh}内有一条符合条件的日志，则不触发",
                "若该对象届时已不在台账中，则不触发",
            ),
            counterfactual_en=(
                f"With one matching event within {within_en} it would not fire",
                "Had it left the register by then, it would not fire",
            ),
        )
