"""New terms: a value an entity has not shown for so many days, once its ways were learnt.

For each value the local day it was last seen on is kept. With no fields the entity itself is the
value: it comes back after a silence. An entity first seen, or seen again after 400 days, is learnt
anew; where values are new for everybody, ``event.dataset`` is the entity all events share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from analytics.kinds.port import Draft, Explanation, Form
from analytics.language.reading import WITHIN_MAX_US, check_count, duration_us, refused
from analytics.measures.layered import Layered
from analytics.measures.measure import carried, day_of, text
from analytics.memory import Finding, Hit, NoDeadlines
from analytics.patterns import NewTerm
from analytics.rule import Rule
from analytics.words import begin, field, who
from schema.alert import Alert, Condition
from schema.times import DAY

TERMS_MAX: Final = 10_000
"""Values kept of one entity, about 1 MB. Past it the tenth that was seen longest ago is forgotten:
an entity with so many values has no ways, and its old ones will be called new."""

FIELDS_MAX: Final = 3
"""Fields that make one value together."""


class NewTermPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value not seen for ``history``, of an entity known for ``learn``."""

    fields: str | tuple[str, ...] = ()
    history: str
    learn: str = "7d"

    def build(self, draft: Draft) -> Form:
        """See :class:`analytics.kinds.port.Part`."""
        fields = (self.fields,) if isinstance(self.fields, str) else self.fields
        if len(fields) > FIELDS_MAX:
            raise refused(f"new_term has at most {FIELDS_MAX} fields")
        days = [
            check_count(duration_us(given, f"new_term.{name}") // DAY, f"days of new_term.{name}")
            for name, given in (("history", self.history), ("learn", self.learn))
        ]
        return Form(
            steps=(draft.step("+".join(fields) or "entity", values=fields),),
            pattern=NewTerm(
                # What is remembered must outlast a silence that is to be told.
                retention_us=WITHIN_MAX_US,
                history_days=days[0],
                learn_days=days[1],
            ),
        )


class Remembered(msgspec.Struct, frozen=True, array_like=True):
    """Terms as they lie in a snapshot."""

    since: int
    terms: tuple[tuple[str, int], ...]


class Terms(NoDeadlines):
    """The day each value was last seen on."""

    __slots__ = ("_found", "_pattern", "_since", "_terms")

    def __init__(self, pattern: NewTerm) -> None:
        self._pattern = pattern
        self._since: int | None = None
        """The day the entity was first seen on."""
        self._terms: Layered[str, int] = Layered()
        self._found: Finding | None = None

    def push(self, hit: Hit) -> bool:
        pattern, today = self._pattern, day_of(hit[0])
        value = text(carried(hit)) if carried(hit) else ""
        if self._since is None:
            self._since = today
        last = self._terms.get(value)
        if last != today:
            self._terms.put(value, today)
            if len(self._terms) > TERMS_MAX:
                self._forget()
        known = today - self._since
        silent = None if last is None else today - last - 1
        if known < pattern.learn_days or (silent is not None and silent < pattern.history_days):
            return False
        unseen = (
            Condition(name="new", value=1, threshold=1, comparison="gte")
            if silent is None
            else Condition(
                name="days unseen", value=silent, threshold=pattern.history_days, comparison="gte"
            )
        )
        learnt = Condition(
            name="days known", value=known, threshold=pattern.learn_days, comparison="gte"
        )
        self._found = Finding(at=hit[0], hits=(hit,), conditions=(unseen, learnt))
        return True

    def _forget(self) -> None:
        oldest = sorted((day, term) for term, day in self._terms.items())[: TERMS_MAX // 10]
        for _, term in oldest:
            self._terms.put(term, None)

    def findings(self) -> tuple[Finding, ...]:
        return (self._found,) if self._found else ()

    def clear(self) -> None:
        self._terms.clear()
        self._since = None

    def copy(self) -> Terms:
        other = Terms(self._pattern)
        other._since, other._terms = self._since, self._terms.copy()
        return other

    def dump(self) -> object:
        return None if self._since is None else [self._since, sorted(self._terms.items())]

    def restore(self, remembered: Remembered) -> None:
        """Take over a snapshot's terms."""
        self._since, self._terms = remembered.since, Layered(remembered.terms)


class NewTermKind:
    """Rules on what was not there before."""

    def memory(self, rule: Rule, dump: object = None) -> Terms:
        pattern = rule.pattern
        assert isinstance(pattern, NewTerm)
        terms = Terms(pattern)
        if dump:
            terms.restore(msgspec.convert(dump, Remembered))
        return terms

    def describe(self, rule: Rule) -> tuple[str, str]:
        pattern = rule.pattern
        assert isinstance(pattern, NewTerm)
        zh, en = _term(rule.steps[0].values)
        days, learn = pattern.history_days, pattern.learn_days
        return (
            f"{zh} {days} 天未出现后出现（先学习 {learn} 天）",
            f"{en} not seen for {days} days, after {learn} days of learning",
        )

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        unseen, known = alert.conditions
        (who_zh, who_en), (zh, en) = who(alert), _term(rule.steps[0].values)
        first = unseen.name == "new"
        days, learnt = unseen.value, known.value
        seen_zh = "此前从未出现" if first else f"已 {days} 天未出现"
        seen_en = "it had never shown before" if first else f"unseen for {days} days"
        return Explanation(
            reason_zh=f"{who_zh}出现{zh}：{seen_zh}；该对象已观察 {learnt} 天，"
            f"学习期为 {known.threshold} 天。",
            reason_en=f"{begin(who_en)} showed {en} {seen_en}; it has been known for {learnt} days "
            f"and was learnt for {known.threshold}.",
            counterfactual_zh=(
                "若此前出现过，则不触发"
                if first
                else f"若近 {unseen.threshold} 天内出现过，则不触发",
                f"若该对象观察未满 {known.threshold} 天，则不触发",
            ),
            counterfactual_en=(
                "Had it been seen before, it would not fire"
                if first
                else f"Had it been seen in the last {unseen.threshold} days, it would not fire",
                f"Known for less than {known.threshold} days, it would not fire",
            ),
        )


def _term(fields: Sequence[str]) -> tuple[str, str]:
    if not fields:
        return "该对象", "itself"
    zh, en = field("+".join(fields))
    return f"新的{zh}", f"a new {en}"
