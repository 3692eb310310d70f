"""Joins: one event of each of two or three steps, in any order, whose values are held together.

Of each step the newest hits of an entity are kept, :data:`HELD_MAX` of them: past it the oldest is
forgotten, so that a flood of one step costs the oldest matches and not the memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Final, cast

import msgspec

from analytics import guards
from analytics.guards import Comparison
from analytics.kinds.port import Draft, Explanation, Form
from analytics.kinds.steps import StepPart, check_names, said
from analytics.language.reading import check_count, duration_us, refused
from analytics.memory import Carried, Finding, Hit, NoDeadlines
from analytics.patterns import Join, Relation
from analytics.rule import Rule
from analytics.words import begin, duration, span, took, who
from schema.alert import Alert, Condition
from schema.event import Value
from schema.times import SECOND

JOINED_MAX: Final = 3
"""Steps of one join."""

HELD_MAX: Final = 16
"""Hits kept of each step and entity: an order or a notice has a few events of a kind."""

RELATIONS_MAX: Final = 8
"""Comparisons of one join."""


class RelationPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two values as ``step.field``, and how they must stand to each other."""

    left: str
    op: Comparison
    right: str


class JoinPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Steps whose events are joined by the entity, and comparisons between them."""

    within: str
    steps: tuple[StepPart, ...]
    where: tuple[RelationPart, ...]

    def build(self, draft: Draft) -> Form:
        """See :class:`analytics.kinds.port.Part`."""
        draft.no_detection("join")
        check_names(self.steps, "join", at_least=2, at_most=JOINED_MAX)
        check_count(len(self.where), "comparisons of a join", at_most=RELATIONS_MAX)
        carried: list[list[str]] = [[] for _ in self.steps]
        relations = tuple(
            Relation(
                left=self._place(one.left, carried),
                op=one.op,
                right=self._place(one.right, carried),
                text=f"{one.left} {one.op} {one.right}",
            )
            for one in self.where
        )
        within_us = duration_us(self.within, "join.within")
        return Form(
            steps=tuple(
                step.step(draft, values=values)
                for step, values in zip(self.steps, carried, strict=True)
            ),
            pattern=Join(retention_us=within_us, within_us=within_us, where=relations),
        )

    def _place(self, name: str, carried: list[list[str]]) -> tuple[int, int]:
        for place, step in enumerate(self.steps):
            if name.startswith(f"{step.name}."):
                field = name.removeprefix(f"{step.name}.")
                if field not in carried[place]:
                    carried[place].append(field)
                return place, carried[place].index(field)
        raise refused(f"{name!r} does not begin with the name of a step and a dot")


class Held(NoDeadlines):
    """Of each step the newest hits."""

    __slots__ = ("_found", "_held", "_rule", "_within")

    def __init__(self, rule: Rule, held: tuple[tuple[Hit, ...], ...]) -> None:
        self._rule = rule
        self._within = rule.pattern.retention_us
        self._held = held
        """Newest first, by the step's place."""
        self._found: tuple[Hit, ...] = ()

    def push(self, hit: Hit) -> bool:
        since, bits = hit[0] - self._within, hit[4]
        held = tuple(tuple(one for one in hits if one[0] > since) for hits in self._held)
        found = next(
            (
                joined
                for place in range(len(held))
                if bits >> place & 1
                for joined in product(*(*held[:place], (hit,), *held[place + 1 :]))
                if self._holds(joined)
            ),
            None,
        )
        self._held = tuple(
            (hit, *hits)[:HELD_MAX] if bits >> place & 1 else hits
            for place, hits in enumerate(held)
        )
        self._found = found or ()
        return found is not None

    def _holds(self, joined: tuple[Hit, ...]) -> bool:
        for one in _pattern(self._rule).where:
            (left, at), (right, there) = one.left, one.right
            mine, other = _value(joined[left][5][at]), _value(joined[right][5][there])
            if not guards.compare(mine, cast("Comparison", one.op), other):
                return False
        # An event is not joined with itself.
        return len({one[3] for one in joined}) == len(joined)

    def findings(self) -> tuple[Finding, ...]:
        joined = self._found
        hits = tuple(sorted(joined))
        relations = _pattern(self._rule).where
        conditions = tuple(
            _condition(one.text, *values)
            for one, values in zip(relations, _values(self._rule, joined), strict=True)
        )
        return (
            Finding(at=hits[-1][0], hits=hits, conditions=(*conditions, span(hits, self._within))),
        )

    def clear(self) -> None:
        self._held = tuple(() for _ in self._held)

    def copy(self) -> Held:
        return Held(self._rule, self._held)

    def dump(self) -> object:
        return self._held


def _pattern(rule: Rule) -> Join:
    assert isinstance(rule.pattern, Join)
    return rule.pattern


def _values(rule: Rule, joined: tuple[Hit, ...]) -> Iterator[tuple[Value, Comparison, Value]]:
    for one in _pattern(rule).where:
        (left, at), (right, there) = one.left, one.right
        op = cast("Comparison", one.op)
        yield _value(joined[left][5][at]), op, _value(joined[right][5][there])


def _value(carried: Carried) -> Value:
    return list(carried) if isinstance(carried, tuple) else carried


def _condition(text: str, left: Value, op: Comparison, right: Value) -> Condition:
    """Of numbers the two against each other; of texts that it held."""
    one, other = guards.number(left), guards.number(right)
    if one is not None and other is not None:
        if op == "ne":
            return Condition(
                name=text, value=one, threshold=other, comparison="gt" if one > other else "lt"
            )
        if op in ("eq", "lt", "lte", "gt", "gte"):
            return Condition(name=text, value=one, threshold=other, comparison=op)
    return Condition(name=text, value=1, threshold=1, comparison="gte")


class JoinKind:
    """Rules on events that belong together and do not agree."""

    def memory(self, rule: Rule, dump: object = None) -> Held:
        held = msgspec.convert(dump, tuple[tuple[Hit, ...], ...]) if dump else ()
        return Held(rule, held or tuple(() for _ in rule.steps))

    def describe(self, rule: Rule) -> tuple[str, str]:
        zh, en = duration(rule.pattern.retention_us)
        relations = "；".join(f"`{one.text}`" for one in _pattern(rule).where)
        return f"{zh}内 {relations}", f"{relations.replace('；', '; ')} within {en}"

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        *held, within = alert.conditions
        (who_zh, who_en), (span_zh, span_en) = who(alert), took(within)
        within_zh, within_en = duration(within.threshold * SECOND)
        names_zh, names_en = said([step.name for step in rule.steps], rule.steps)
        zh = "；".join(map(_told, held))
        en = "; ".join(map(_told, held))
        return Explanation(
            reason_zh=f"{who_zh}的 {names_zh} 在 {span_zh}内都出现，且 {zh}。",
            reason_en=f"{begin(who_en)} had {names_en} in {span_en}, and {en}.",
            counterfactual_zh=(
                *(f"若 {one.name} 不成立，则不触发" for one in held),
                f"若相隔 {within_zh}以上，则不触发",
            ),
            counterfactual_en=(
                *(f"Were it not that {one.name}, it would not fire" for one in held),
                f"With {within_en} or more between them it would not fire",
            ),
        )


def _told(one: Condition) -> str:
    if one.comparison == "gte" and one.value == one.threshold == 1:
        return one.name
    return f"{one.name} ({one.value}, {one.threshold})"
