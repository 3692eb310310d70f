"""Uniqueness: a value that may not be shared; an entity seen with a second one is told.

Of the two newest values the first and the newest hit are kept, so no memory grows with the load.
A value is forgotten when it was not seen for the rule's time. A list is one value.
"""

from __future__ import annotations

from typing import Final

import msgspec

from analytics.kinds.port import Draft, Explanation, Form
from analytics.language.reading import duration_us
from analytics.memory import Finding, Hit, NoDeadlines
from analytics.patterns import Unique
from analytics.rule import Rule
from analytics.words import begin, duration, field, span, took, who
from schema.alert import Alert, Condition
from schema.times import SECOND

_VALUES: Final = 2


class UniquePart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The field whose value may not change, and for how long a value is remembered."""

    field: str
    within: str

    def build(self, draft: Draft) -> Form:
        """See :class:`analytics.kinds.port.Part`."""
        within_us = duration_us(self.within, "unique.within")
        return Form(
            steps=(draft.step("event", values=(self.field,)),),
            pattern=Unique(retention_us=within_us, within_us=within_us, field=self.field),
        )


class Values(NoDeadlines):
    """The two newest values: of each the first hit not too old, and the newest."""

    __slots__ = ("_found", "_pattern", "_seen")

    def __init__(self, pattern: Unique) -> None:
        self._pattern = pattern
        self._seen: dict[str, tuple[Hit, Hit]] = {}
        """(first, newest) by value, the newest value last."""
        self._found: tuple[Hit, ...] = ()

    def push(self, hit: Hit) -> bool:
        seen, since = self._seen, hit[0] - self._pattern.within_us
        value = _text(hit)
        first, _ = seen.pop(value, (hit, hit))
        other = next(reversed(seen.values()), None)
        seen[value] = (first if first[0] > since else hit, hit)
        if len(seen) > _VALUES:
            del seen[next(iter(seen))]
        if other is None or other[1][0] <= since:
            return False
        self._found = (other[0] if other[0][0] > since else other[1], hit)
        return True

    def findings(self) -> tuple[Finding, ...]:
        hits = self._found
        name = f"distinct {self._pattern.field}"
        conditions = (
            Condition(name=name, value=_VALUES, threshold=_VALUES, comparison="gte"),
            span(hits, self._pattern.within_us),
        )
        return (Finding(at=hits[-1][0], hits=hits, conditions=conditions),)

    def clear(self) -> None:
        self._seen.clear()

    def copy(self) -> Values:
        other = Values(self._pattern)
        other._seen = self._seen.copy()
        return other

    def dump(self) -> object:
        return [list(hits) for hits in self._seen.values()]

    def restore(self, dump: object) -> Values:
        """Take over a snapshot's values."""
        found = msgspec.convert(dump, list[tuple[Hit, Hit]])
        self._seen = {_text(newest): (first, newest) for first, newest in found}
        return self


def _text(hit: Hit) -> str:
    return str(hit[5][0])


class UniqueKind:
    """Rules on values that may not be shared."""

    def memory(self, rule: Rule, dump: object = None) -> Values:
        pattern = rule.pattern
        assert isinstance(pattern, Unique)
        values = Values(pattern)
        return values.restore(dump) if dump else values

    def describe(self, rule: Rule) -> tuple[str, str]:
        pattern = rule.pattern
        assert isinstance(pattern, Unique)
        zh, en = duration(pattern.within_us)
        return (
            f"{zh}内出现第二个 `{pattern.field}`",
            f"a second `{pattern.field}` within {en}",
        )

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        del rule
        counted, within = alert.conditions
        (who_zh, who_en), (span_zh, span_en) = who(alert), took(within)
        within_zh, within_en = duration(within.threshold * SECOND)
        zh, en = field(counted.name.partition("distinct ")[2])
        return Explanation(
            reason_zh=f"{who_zh}只应对应一个{zh}，却在 {span_zh}内出现了第二个。",
            reason_en=f"{begin(who_en)} should have one value of {en}; "
            f"a second one came in {span_en}.",
            counterfactual_zh=(
                f"若两条日志的{zh}相同，则不触发",
                f"若两条日志相隔 {within_zh}以上，则不触发",
            ),
            counterfactual_en=(
                f"With the same value of {en} in both events it would not fire",
                f"With {within_en} or more between the events it would not fire",
            ),
        )
