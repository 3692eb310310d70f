"""Ratios: a share of so many events, or of those of so many distinct values, within a time.

Judged at each event of the part, over every hit of the time: exact up to ``HITS_MAX`` hits; of
more, the newest so many are judged.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from analytics.guards import Given
from analytics.kinds.port import Draft, Explanation, Form
from analytics.language.reading import check_count, duration_us
from analytics.measures.layered import Layered
from analytics.measures.measure import counted
from analytics.measures.recent import Recent
from analytics.memory import Finding, Hit, NoDeadlines
from analytics.patterns import Ratio
from analytics.rule import Rule
from analytics.words import begin, duration, field, percent, span, took, who
from schema.alert import Alert, Condition
from schema.times import SECOND

_ALL, _PART = 1, 2


class PartStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of the rule's events are the part."""

    name: str
    detection: dict[str, object]
    zh: str = ""
    where: tuple[Given, ...] = ()


class RatioPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of at least so many events the part has at least so many of a thousand."""

    within: str
    count: int
    permille: int
    part: PartStep
    distinct: str = ""

    def build(self, draft: Draft) -> Form:
        """See :class:`analytics.kinds.port.Part`."""
        within_us = duration_us(self.within, "ratio.within")
        values = (self.distinct,) if self.distinct else ()
        part = self.part
        return Form(
            steps=(
                draft.step(
                    f"distinct {self.distinct}" if self.distinct else "event_count", values=values
                ),
                draft.step(part.name, part.detection, values=values, zh=part.zh, where=part.where),
            ),
            pattern=Ratio(
                retention_us=within_us,
                within_us=within_us,
                count=check_count(self.count, "ratio.count"),
                distinct=self.distinct,
                permille=check_count(self.permille, "ratio.permille", at_most=1000),
            ),
        )


class Shares(NoDeadlines):
    """The hits of the time, how many are the part, and how many there are of each value."""

    __slots__ = ("_counts", "_hits", "_part", "_pattern", "_rule")

    def __init__(self, rule: Rule, pattern: Ratio, hits: Sequence[Hit] = ()) -> None:
        self._rule = rule
        self._pattern = pattern
        self._hits = Recent()
        self._part = 0
        self._counts: Layered[str, int] = Layered()
        """Hits of each value, where values are counted."""
        for hit in hits:
            self._add(hit)

    def _add(self, hit: Hit) -> None:
        self._hits.append(hit)
        self._part += bool(hit[4] & _PART)
        if self._pattern.distinct:
            value = counted(hit)
            self._counts.put(value, (self._counts.get(value) or 0) + 1)

    def push(self, hit: Hit) -> bool:
        if not hit[4] & _ALL:
            return False
        pattern = self._pattern
        self._add(hit)
        for old in self._hits.expire(hit[0] - pattern.within_us):
            self._part -= bool(old[4] & _PART)
            if pattern.distinct:
                value = counted(old)
                self._counts.put(value, (self._counts.get(value) or 0) - 1 or None)
        return (
            bool(hit[4] & _PART)
            and (len(self._counts) if pattern.distinct else len(self._hits)) >= pattern.count
            and self._part * 1000 >= pattern.permille * len(self._hits)
        )

    def _least(self) -> tuple[Hit, ...]:
        """As many events as are asked for, the newest of the part first.

        Of distinct values one event each; where these have too small a part, more of the part.
        """
        pattern = self._pattern
        newest = sorted(self._hits, reverse=True)
        newest.sort(key=lambda hit: not hit[4] & _PART)
        # The deciding event is of the part and the newest, so it comes first.
        chosen: dict[object, Hit] = {}
        more: list[Hit] = []
        for hit in newest:
            value = counted(hit) if pattern.distinct else hit[3:5]
            if value in chosen or len(chosen) == pattern.count:
                more.append(hit)
            else:
                chosen[value] = hit
        hits = list(chosen.values())
        part = sum(bool(hit[4] & _PART) for hit in hits)
        for hit in more:
            if part * 1000 >= pattern.permille * len(hits):
                break
            if counted(hit) in chosen:
                hits.append(hit)
                part += 1
        return tuple(sorted(hits))

    def findings(self) -> tuple[Finding, ...]:
        pattern, hits = self._pattern, self._least()
        total = len(self._counts) if pattern.distinct else len(self._hits)
        every, part = self._rule.steps
        conditions = (
            Condition(name=every.name, value=total, threshold=pattern.count, comparison="gte"),
            Condition(
                name=f"permille {part.name}",
                value=self._part * 1000 // len(self._hits),
                threshold=pattern.permille,
                comparison="gte",
            ),
            span(hits, pattern.within_us),
        )
        return (Finding(at=hits[-1][0], hits=hits, conditions=conditions),)

    def clear(self) -> None:
        self._hits.clear()
        self._counts.clear()
        self._part = 0

    def copy(self) -> Shares:
        other = Shares(self._rule, self._pattern)
        other._hits, other._counts = self._hits.copy(), self._counts.copy()
        other._part = self._part
        return other

    def dump(self) -> object:
        return list(self._hits)


class RatioKind:
    """Rules on a share."""

    def memory(self, rule: Rule, dump: object = None) -> Shares:
        pattern = rule.pattern
        assert isinstance(pattern, Ratio)
        return Shares(rule, pattern, msgspec.convert(dump or (), tuple[Hit, ...]))

    def describe(self, rule: Rule) -> tuple[str, str]:
        pattern, part = rule.pattern, rule.steps[1]
        assert isinstance(pattern, Ratio)
        zh, en = duration(pattern.within_us)
        share = percent(pattern.permille)
        of_zh = f"不同的 `{pattern.distinct}` " if pattern.distinct else "日志 "
        of_en = "different ones" if pattern.distinct else "events"
        return (
            f"{zh}内{of_zh}≥ {pattern.count}，且“{part.zh or part.name}”占 ≥ {share}",
            (
                f"{pattern.count} or more {of_en} within {en}, {share} or more of the events "
                f"{part.name}"
            ),
        )

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        total, share, within = alert.conditions
        (who_zh, who_en), (span_zh, span_en) = who(alert), took(within)
        within_zh, within_en = duration(within.threshold * SECOND)
        name = share.name.removeprefix("permille ")
        said = next((step.zh for step in rule.steps if step.name == name and step.zh), name)
        distinct = total.name.partition("distinct ")[2]
        zh, en = field(distinct) if distinct else ("", "")
        of_zh = f"个不同{zh}" if distinct else "条日志"
        of_en = f"different values of {en}" if distinct else "events"
        is_, at_least = percent(share.value), percent(share.threshold)
        return Explanation(
            reason_zh=f"{who_zh}在 {within_zh}内有 {total.value} {of_zh}"
            f"（门槛 {total.threshold}），其中“{said}”占 {is_}（门槛 {at_least}）；"
            f"列出的日志历时 {span_zh}。",
            reason_en=f"{begin(who_en)} had {total.value} {of_en} (threshold {total.threshold}) "
            f'within {within_en}, and "{name}" was {is_} of the events (threshold {at_least}); '
            f"the events named took {span_en}.",
            counterfactual_zh=(
                f"若少于 {total.threshold} {of_zh}，则不触发",
                f"若“{said}”占比低于 {at_least}，则不触发",
            ),
            counterfactual_en=(
                f"With fewer than {total.threshold} {of_en} it would not fire",
                f'With "{name}" below {at_least} of the events it would not fire',
            ),
        )
