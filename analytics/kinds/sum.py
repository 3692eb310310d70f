"""Sums: the exact sum of a field within a time reaches a level.

The time is kept in slices, so a sum over months and millions of events takes a few kilobytes. It
fires at the event that takes the sum from below a level to it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from analytics.kinds.port import Draft, Explanation, Form
from analytics.language.reading import duration_us, refused
from analytics.measures.measure import EVENTS_MAX, last_number, least_sum
from analytics.measures.recent import Recent
from analytics.memory import Finding, Hit, NoDeadlines
from analytics.patterns import Sum
from analytics.rule import Rule
from analytics.words import begin, duration, field, who
from schema.alert import Alert, Condition
from schema.times import SECOND

SLICES: Final = 720
"""Parts of the time: the hours of 30 days. The time summed is never longer than the rule's and at
most one part shorter."""

LEVELS_MAX: Final = 16
"""Levels of one rule: the grading of personal data has four."""

LEVEL_MAX: Final = 10**18
"""Fits 64 bits; ten thousand billion yuan in fen."""


class SumPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sum of a field within a time reaches one of the levels."""

    field: str
    within: str
    levels: int | tuple[int, ...]

    def build(self, draft: Draft) -> Form:
        """See :class:`analytics.kinds.port.Part`."""
        levels = (self.levels,) if isinstance(self.levels, int) else self.levels
        if not 1 <= len(levels) <= LEVELS_MAX or list(levels) != sorted(set(levels)):
            raise refused(f"sum.levels are 1 to {LEVELS_MAX} numbers that rise")
        if not 1 <= levels[0] <= levels[-1] <= LEVEL_MAX:
            raise refused(f"sum.levels are from 1 to {LEVEL_MAX}")
        within_us = duration_us(self.within, "sum.within")
        return Form(
            steps=(draft.step(f"sum {self.field}", values=(self.field,)),),
            pattern=Sum(
                retention_us=within_us, within_us=within_us, field=self.field, levels=levels
            ),
        )


class Remembered(msgspec.Struct, frozen=True, array_like=True):
    """A sum as it lies in a snapshot."""

    slices: tuple[tuple[int, int], ...]
    hits: tuple[Hit, ...]


class Running(NoDeadlines):
    """The sum of each slice, and the newest hits."""

    __slots__ = ("_before", "_hits", "_level", "_pattern", "_slices", "_total")

    def __init__(self, pattern: Sum) -> None:
        self._pattern = pattern
        self._slices: dict[int, int] = {}
        """Sums in the order of their slices."""
        self._total = 0
        self._hits = Recent()
        self._level = 0

    def push(self, hit: Hit) -> bool:
        value = last_number(hit)
        if value is None:
            return False
        pattern, slices = self._pattern, self._slices
        number = hit[0] * SLICES // pattern.within_us
        while slices and (oldest := next(iter(slices))) <= number - SLICES:
            self._total -= slices.pop(oldest)
        before = self._total
        self._total += value
        slices[number] = slices.get(number, 0) + value
        self._hits.append(hit)
        first = (number - SLICES + 1) * pattern.within_us
        for _ in self._hits.expire((first - 1) // SLICES, keep=EVENTS_MAX):
            pass
        reached = [level for level in pattern.levels if before < level <= self._total]
        self._level = reached[-1] if reached else 0
        return bool(reached)

    def findings(self) -> tuple[Finding, ...]:
        hits = least_sum(list(self._hits), self._level)
        pattern = self._pattern
        conditions = (
            Condition(
                name=f"sum {pattern.field}",
                value=self._total,
                threshold=self._level,
                comparison="gte",
            ),
            Condition(
                name="span_seconds",
                value=(hits[-1][0] - hits[0][0]) // SECOND,
                threshold=pattern.within_us // SECOND,
                comparison="lt",
            ),
        )
        return (Finding(at=hits[-1][0], hits=hits, conditions=conditions),)

    def clear(self) -> None:
        self._slices.clear()
        self._hits.clear()
        self._total = 0

    def copy(self) -> Running:
        other = Running(self._pattern)
        other._slices, other._total = self._slices.copy(), self._total
        other._hits, other._level = self._hits.copy(), self._level
        return other

    def dump(self) -> object:
        return [list(self._slices.items()), list(self._hits)]

    def restore(self, remembered: Remembered) -> None:
        """Take over a snapshot's sum."""
        self._slices = dict(remembered.slices)
        self._total = sum(self._slices.values())
        self._hits = Recent(remembered.hits)


class SumKind:
    """Rules on a sum."""

    def memory(self, rule: Rule, dump: object = None) -> Running:
        pattern = rule.pattern
        assert isinstance(pattern, Sum)
        running = Running(pattern)
        if dump:
            running.restore(msgspec.convert(dump, Remembered))
        return running

    def describe(self, rule: Rule) -> tuple[str, str]:
        pattern = rule.pattern
        assert isinstance(pattern, Sum)
        zh, en = duration(pattern.within_us)
        levels_zh = "、".join(map(str, pattern.levels))
        levels_en = ", ".join(map(str, pattern.levels))
        return (
            f"{zh}内 `{pattern.field}` 合计达到 {levels_zh}",
            f"its sum within {en} reaches {levels_en}",
        )

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        del rule
        total, within = alert.conditions
        (who_zh, who_en), (zh, en) = who(alert), field(total.name.removeprefix("sum "))
        within_zh, within_en = duration(within.threshold * SECOND)
        return Explanation(
            reason_zh=f"{who_zh}在 {within_zh}内的{zh}合计为 {total.value}，"
            f"达到 {total.threshold}。",
            reason_en=f"{begin(who_en)} had {en} of {total.value} in total within {within_en}, "
            f"which reaches {total.threshold}.",
            counterfactual_zh=(f"若合计低于 {total.threshold}，则不触发",),
            counterfactual_en=(f"With a sum below {total.threshold} it would not fire",),
        )
