"""Thresholds: so many events, or distinct values of a field, within a time.

A threshold of n needs the n newest events (or the newest event of each of the n newest distinct
values) and nothing more, so no memory grows with the load.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from analytics.kinds.port import Draft, Explanation, Form
from analytics.memory import Finding, Hit, NoDeadlines
from analytics.patterns import Threshold
from analytics.reading import check_count, duration_us
from analytics.rule import Rule
from analytics.words import begin, duration, field, span, took, who
from schema.alert import Alert, Condition
from schema.times import SECOND


class ThresholdPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many events, or distinct values of a field, within a time."""

    within: str
    count: int
    distinct: str = ""

    def build(self, draft: Draft) -> Form:
        """See :class:`analytics.kinds.port.Part`."""
        within_us = duration_us(self.within, "threshold.within")
        count = check_count(self.count, "threshold.count")
        values = (self.distinct,) if self.distinct else ()
        name = f"distinct {self.distinct}" if self.distinct else "event_count"
        return Form(
            steps=(draft.step(name, count=count, values=values),),
            pattern=Threshold(
                retention_us=within_us, within_us=within_us, count=count, distinct=self.distinct
            ),
        )


class Window(NoDeadlines):
    """The newest n hits, or the newest hit of each of the n newest distinct values."""

    __slots__ = ("_name", "_pattern", "_recent")

    def __init__(self, pattern: Threshold, name: str, hits: Sequence[Hit] = ()) -> None:
        self._pattern = pattern
        self._name = name
        self._recent: dict[object, Hit] = {_value(hit): hit for hit in hits}

    def push(self, hit: Hit) -> bool:
        recent, count = self._recent, self._pattern.count
        value = _value(hit)
        recent.pop(value, None)
        recent[value] = hit
        if len(recent) < count:
            return False
        oldest = next(iter(recent))
        if len(recent) > count:
            del recent[oldest]
            oldest = next(iter(recent))
        return hit[0] - recent[oldest][0] < self._pattern.within_us

    def findings(self) -> tuple[Finding, ...]:
        hits, count = tuple(self._recent.values()), self._pattern.count
        conditions = (
            Condition(name=self._name, value=count, threshold=count, comparison="gte"),
            span(hits, self._pattern.within_us),
        )
        return (Finding(at=hits[-1][0], hits=hits, conditions=conditions),)

    def clear(self) -> None:
        self._recent.clear()

    def copy(self) -> Window:
        other = Window(self._pattern, self._name)
        other._recent = self._recent.copy()
        return other

    def dump(self) -> object:
        return list(self._recent.values())


def _value(hit: Hit) -> object:
    """What is counted: the carried value, or the event itself."""
    if not hit[5]:
        return hit[3]
    value = hit[5][0]
    return value if value.__class__ is str else str(value)


class ThresholdKind:
    """Rules that count."""

    def memory(self, rule: Rule, dump: object = None) -> Window:
        pattern = rule.pattern
        assert isinstance(pattern, Threshold)
        hits = msgspec.convert(dump or (), tuple[Hit, ...])
        return Window(pattern, rule.steps[0].name, hits)

    def describe(self, rule: Rule) -> tuple[str, str]:
        pattern = rule.pattern
        assert isinstance(pattern, Threshold)
        zh, en = duration(pattern.within_us)
        if pattern.distinct:
            return (
                f"{zh}内不同的 `{pattern.distinct}` ≥ {pattern.count}",
                f"{pattern.count} or more different ones within {en}",
            )
        return f"{zh}内 ≥ {pattern.count} 次", f"{pattern.count} or more within {en}"

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        del rule
        counted, span = alert.conditions
        count = counted.threshold
        (who_zh, who_en), (zh, en), (span_zh, span_en), (within_zh, within_en) = (
            who(alert),
            _counted(counted),
            took(span),
            duration(span.threshold * SECOND),
        )
        return Explanation(
            reason_zh=f"{who_zh}在 {span_zh}内出现 {zh}，达到 {within_zh}内 {count} 的门槛。",
            reason_en=f"{begin(who_en)} had {en} in {span_en}; "
            f"the threshold is {count} in {within_en}.",
            counterfactual_zh=(f"若 {within_zh}内少于 {zh}，则不触发",),
            counterfactual_en=(f"With fewer than {en} in {within_en} it would not fire",),
        )


def _counted(condition: Condition) -> tuple[str, str]:
    number, name = condition.threshold, condition.name.partition("distinct ")[2]
    if not name:
        return f"{number} 条符合条件的日志", f"{number} matching events"
    zh, en = field(name)
    return f"{number} 个不同{zh}", f"{number} different values of {en}"
