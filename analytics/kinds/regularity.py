"""Regularity: so many events in a row at intervals that hardly differ, as of a program.

Exact: the sum and the sum of squares of the intervals between the newest events, in microseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

import msgspec

from analytics.kinds.port import Draft, Explanation, Form
from analytics.language.reading import check_count, duration_us, refused
from analytics.measures.recent import Recent
from analytics.memory import Finding, Hit, NoDeadlines
from analytics.patterns import Regularity
from analytics.rule import Rule
from analytics.words import begin, duration, percent, span, took, who
from schema.alert import Alert, Condition


class RegularityPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many events, whose intervals vary by less than so many thousandths of their mean."""

    within: str
    count: int
    permille: int = 100

    def build(self, draft: Draft) -> Form:
        """See :class:`analytics.kinds.port.Part`."""
        within_us = duration_us(self.within, "regularity.within")
        if self.count < 3:
            raise refused("regularity.count is at least 3: one interval varies by nothing")
        return Form(
            steps=(draft.step("event_count", count=1),),
            pattern=Regularity(
                retention_us=within_us,
                within_us=within_us,
                count=check_count(self.count, "regularity.count"),
                permille=check_count(self.permille, "regularity.permille", at_most=1000),
            ),
        )


class Intervals(NoDeadlines):
    """The newest hits, and what their intervals and the squares of these come to."""

    __slots__ = ("_hits", "_newest", "_pattern", "_squares")

    def __init__(self, pattern: Regularity, hits: Sequence[Hit] = ()) -> None:
        self._pattern = pattern
        self._hits = Recent()
        self._newest = 0
        self._squares = 0
        for hit in hits:
            self._add(hit)

    def _add(self, hit: Hit) -> None:
        if len(self._hits):
            self._squares += (hit[0] - self._newest) ** 2
        self._newest = hit[0]
        self._hits.append(hit)

    def push(self, hit: Hit) -> bool:
        pattern = self._pattern
        self._add(hit)
        for old in self._hits.expire(hit[0] - pattern.within_us, keep=pattern.count):
            if len(self._hits):
                self._squares -= (self._hits.first()[0] - old[0]) ** 2
        return len(self._hits) == pattern.count and self._is_regular()

    def _figures(self) -> tuple[int, int]:
        """The variance and the square of the mean, both times the square of the intervals."""
        intervals, length = len(self._hits) - 1, self._newest - self._hits.first()[0]
        return intervals * self._squares - length * length, length * length

    def _is_regular(self) -> bool:
        variance, mean = self._figures()
        return mean > 0 and variance * 1_000_000 < self._pattern.permille**2 * mean

    def findings(self) -> tuple[Finding, ...]:
        pattern, hits = self._pattern, tuple(self._hits)
        variance, mean = self._figures()
        conditions = (
            Condition(
                name="event_count", value=len(hits), threshold=pattern.count, comparison="gte"
            ),
            Condition(
                name="interval_variation_permille",
                value=isqrt(variance * 1_000_000 // mean),
                threshold=pattern.permille,
                comparison="lt",
            ),
            span(hits, pattern.within_us),
        )
        return (Finding(at=hits[-1][0], hits=hits, conditions=conditions),)

    def clear(self) -> None:
        self._hits.clear()
        self._squares = 0

    def copy(self) -> Intervals:
        other = Intervals(self._pattern)
        other._hits, other._newest = self._hits.copy(), self._newest
        other._squares = self._squares
        return other

    def dump(self) -> object:
        return list(self._hits)


class RegularityKind:
    """Rules on the beat of events."""

    def memory(self, rule: Rule, dump: object = None) -> Intervals:
        pattern = rule.pattern
        assert isinstance(pattern, Regularity)
        return Intervals(pattern, msgspec.convert(dump or (), tuple[Hit, ...]))

    def describe(self, rule: Rule) -> tuple[str, str]:
        pattern = rule.pattern
        assert isinstance(pattern, Regularity)
        zh, en = duration(pattern.within_us)
        share = percent(pattern.permille)
        return (
            f"{zh}内 {pattern.count} 次，间隔的变异系数 < {share}",
            f"{pattern.count} within {en} whose intervals vary by less than {share}",
        )

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        del rule
        count, variation, within = alert.conditions
        (who_zh, who_en), (span_zh, span_en) = who(alert), took(within)
        is_, below = percent(variation.value), percent(variation.threshold)
        return Explanation(
            reason_zh=f"{who_zh}在 {span_zh}内的连续 {count.value} 次间隔几乎相同："
            f"变异系数 {is_}，低于 {below}。",
            reason_en=f"{begin(who_en)} had {count.value} events in {span_en} at nearly the same "
            f"intervals: they vary by {is_}, less than {below}.",
            counterfactual_zh=(
                f"若少于 {count.threshold} 次，则不触发",
                f"若间隔的变异系数不低于 {below}，则不触发",
            ),
            counterfactual_en=(
                f"With fewer than {count.threshold} events it would not fire",
                f"With intervals that vary by {below} or more it would not fire",
            ),
        )
