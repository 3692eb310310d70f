"""Thresholds: so many events, or distinct values of a field, within a time.

A threshold of n needs the n newest events (or the newest event of each of the n newest distinct
values) and nothing more, so no memory grows with the load. Up to 10,000 this is exact; more
distinct values are estimated by sketches, one for each sixteenth of the time: the time counted is
never longer than the rule's, and at most a sixteenth shorter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from analytics.kinds.port import Draft, Explanation, Form
from analytics.language.reading import COUNT_MAX, check_count, duration_us, refused
from analytics.measures.layered import Layered
from analytics.measures.measure import counted
from analytics.measures.recent import Recent
from analytics.measures.sketch import EXACT_MAX, Sketch
from analytics.memory import NEVER, Finding, Hit, Memory, NoDeadlines
from analytics.patterns import Threshold
from analytics.rule import Rule
from analytics.words import begin, duration, field, span, took, who
from schema.alert import Alert, Condition
from schema.times import SECOND

SLICES: Final = 16
"""Parts of the time whose values are estimated together: a key has at most 64 KiB of sketches."""

ESTIMATED_MAX: Final = 10_000_000
"""Distinct values a rule may ask to be estimated: more than the people of a province's capital."""


class ThresholdPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many events, or distinct values of a field, within a time."""

    within: str
    count: int
    distinct: str = ""
    each_at_most: int = 0

    def build(self, draft: Draft) -> Form:
        """See :class:`analytics.kinds.port.Part`."""
        within_us = duration_us(self.within, "threshold.within")
        most = ESTIMATED_MAX if self.distinct and not self.each_at_most else COUNT_MAX
        count = check_count(self.count, "threshold.count", at_most=most)
        if self.each_at_most:
            check_count(self.each_at_most, "threshold.each_at_most")
            if not self.distinct:
                raise refused("threshold.each_at_most needs threshold.distinct")
        values = (self.distinct,) if self.distinct else ()
        name = f"distinct {self.distinct}" if self.distinct else "event_count"
        return Form(
            steps=(draft.step(name, count=count, values=values),),
            pattern=Threshold(
                retention_us=within_us,
                within_us=within_us,
                count=count,
                distinct=self.distinct,
                each_at_most=self.each_at_most,
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


class Few(NoDeadlines):
    """The hits of the time, and how many there are of each value.

    Judged at an event whose own value has few enough. Of more than ``HITS_MAX`` hits in the time
    the newest count.
    """

    __slots__ = ("_counts", "_hits", "_name", "_pattern", "_values")

    def __init__(self, pattern: Threshold, name: str, hits: Sequence[Hit] = ()) -> None:
        self._pattern = pattern
        self._name = name
        self._hits = Recent()
        self._counts: Layered[str, int] = Layered()
        self._values = 0
        """Values with few enough events."""
        for hit in hits:
            self._add(hit)

    def _add(self, hit: Hit) -> int:
        value = counted(hit)
        count = (self._counts.get(value) or 0) + 1
        self._counts.put(value, count)
        self._hits.append(hit)
        self._values += (count == 1) - (count == self._pattern.each_at_most + 1)
        return count

    def push(self, hit: Hit) -> bool:
        pattern = self._pattern
        count = self._add(hit)
        for old in self._hits.expire(hit[0] - pattern.within_us):
            value = counted(old)
            left = (self._counts.get(value) or 0) - 1
            self._counts.put(value, left or None)
            self._values += (left == pattern.each_at_most) - (left == 0)
            count -= value == counted(hit)
        return count <= pattern.each_at_most and self._values >= pattern.count

    def findings(self) -> tuple[Finding, ...]:
        pattern = self._pattern
        chosen: dict[str, Hit] = {}
        most = 0
        for hit in reversed(list(self._hits)):
            value = counted(hit)
            count = self._counts.get(value) or 0
            if count <= pattern.each_at_most and len(chosen) < pattern.count:
                chosen.setdefault(value, hit)
                most = max(most, count)
        hits = tuple(sorted(chosen.values()))
        conditions = (
            Condition(name=self._name, value=len(hits), threshold=pattern.count, comparison="gte"),
            Condition(
                name="events of each",
                value=most,
                threshold=pattern.each_at_most,
                comparison="lte",
            ),
            span(hits, pattern.within_us),
        )
        return (Finding(at=hits[-1][0], hits=hits, conditions=conditions),)

    def clear(self) -> None:
        self._hits.clear()
        self._counts.clear()
        self._values = 0

    def copy(self) -> Few:
        other = Few(self._pattern, self._name)
        other._hits, other._counts = self._hits.copy(), self._counts.copy()
        other._values = self._values
        return other

    def dump(self) -> object:
        return list(self._hits)


class Estimate(NoDeadlines):
    """A sketch of the values of each slice of the time, and one of all of them together."""

    __slots__ = ("_all", "_closed", "_hit", "_open", "_pattern", "_slice")

    def __init__(self, pattern: Threshold, dump: object = None) -> None:
        self._pattern = pattern
        self._closed: tuple[tuple[int, Sketch], ...] = ()
        """Slices before the open one; never written again."""
        self._slice = -NEVER
        self._open, self._all = Sketch(), Sketch()
        self._hit: Hit | None = None
        for number, raw in msgspec.convert(dump or (), tuple[tuple[int, bytes], ...]):
            self._enter(number)
            self._open = Sketch(raw)
        self._sum()

    def _enter(self, number: int) -> None:
        if self._slice != -NEVER:
            self._closed = (*self._closed, (self._slice, self._open))
        self._closed = tuple(one for one in self._closed if one[0] > number - SLICES)
        self._slice, self._open = number, Sketch()

    def _sum(self) -> None:
        self._all = self._open.copy()
        for _, sketch in self._closed:
            self._all.merge(sketch)

    def push(self, hit: Hit) -> bool:
        number = hit[0] * SLICES // self._pattern.within_us
        if number != self._slice:
            self._enter(number)
            self._sum()
        value = counted(hit)
        self._open.add(value)
        self._all.add(value)
        self._hit = hit
        return self._all.estimate() >= self._pattern.count

    def findings(self) -> tuple[Finding, ...]:
        hit = self._hit
        assert hit is not None
        pattern = self._pattern
        conditions = (
            Condition(
                name=f"estimated {pattern.distinct}",
                value=self._all.estimate(),
                threshold=pattern.count,
                comparison="gte",
            ),
            Condition(
                name="span_seconds",
                value=(hit[0] - self._closed[0][0] * pattern.within_us // SLICES) // SECOND
                if self._closed
                else 0,
                threshold=pattern.within_us // SECOND,
                comparison="lt",
            ),
        )
        return (Finding(at=hit[0], hits=(hit,), conditions=conditions),)

    def clear(self) -> None:
        self._closed, self._slice = (), -NEVER
        self._open, self._all = Sketch(), Sketch()

    def copy(self) -> Estimate:
        other = Estimate(self._pattern)
        other._closed, other._slice, other._hit = self._closed, self._slice, self._hit
        other._open, other._all = self._open.copy(), self._all.copy()
        return other

    def dump(self) -> object:
        if self._slice == -NEVER:
            return []
        slices = (*self._closed, (self._slice, self._open))
        return [[number, sketch.dump()] for number, sketch in slices]


class ThresholdKind:
    """Rules that count."""

    def memory(self, rule: Rule, dump: object = None) -> Memory:
        pattern = rule.pattern
        assert isinstance(pattern, Threshold)
        if pattern.count > EXACT_MAX:
            return Estimate(pattern, dump)
        hits = msgspec.convert(dump or (), tuple[Hit, ...])
        kind = Few if pattern.each_at_most else Window
        return kind(pattern, rule.steps[0].name, hits)

    def describe(self, rule: Rule) -> tuple[str, str]:
        pattern = rule.pattern
        assert isinstance(pattern, Threshold)
        zh, en = duration(pattern.within_us)
        if pattern.each_at_most:
            return (
                (
                    f"{zh}内各至多 {pattern.each_at_most} 次的不同 `{pattern.distinct}` "
                    f"≥ {pattern.count}"
                ),
                (
                    f"{pattern.count} or more different ones, each at most {pattern.each_at_most} "
                    f"times, within {en}"
                ),
            )
        if pattern.distinct:
            return (
                f"{zh}内不同的 `{pattern.distinct}` ≥ {pattern.count}",
                f"{pattern.count} or more different ones within {en}",
            )
        return f"{zh}内 ≥ {pattern.count} 次", f"{pattern.count} or more within {en}"

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        del rule
        seen, *each, span = alert.conditions
        count = seen.threshold
        (who_zh, who_en), (zh, en), (span_zh, span_en), (within_zh, within_en) = (
            who(alert),
            _said(seen, seen.value),
            took(span),
            duration(span.threshold * SECOND),
        )
        few_zh, few_en = _said(seen, count)
        each_zh = "".join(f"，各至多 {one.value} 次" for one in each)
        each_en = "".join(f", each at most {one.value} times," for one in each)
        return Explanation(
            reason_zh=f"{who_zh}在 {span_zh}内出现 {zh}{each_zh}，"
            f"达到 {within_zh}内 {count} 的门槛。",
            reason_en=f"{begin(who_en)} had {en}{each_en} in {span_en}; "
            f"the threshold is {count} in {within_en}.",
            counterfactual_zh=(
                f"若 {within_zh}内少于 {few_zh}，则不触发",
                *(f"若各多于 {one.threshold} 次，则不触发" for one in each),
            ),
            counterfactual_en=(
                f"With fewer than {few_en} in {within_en} it would not fire",
                *(f"With more than {one.threshold} of each it would not fire" for one in each),
            ),
        )


def _said(condition: Condition, number: int) -> tuple[str, str]:
    if condition.name.startswith("estimated "):
        zh, en = field(condition.name.removeprefix("estimated "))
        return f"约 {number} 个不同{zh}", f"about {number} different values of {en}"
    name = condition.name.partition("distinct ")[2]
    if not name:
        return f"{number} 条符合条件的日志", f"{number} matching events"
    zh, en = field(name)
    return f"{number} 个不同{zh}", f"{number} different values of {en}"
