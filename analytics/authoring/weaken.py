"""Weaken: every form of a rule in which one single condition is dropped or looser.

A case must tell each of these mutants from the rule itself; one that no case notices survives,
and says which near miss is missing. Inside a regular expression nothing is weakened: a list of
expressions loses one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from analytics.expression import All, Atom, Node, Not, Some
from analytics.guards import Given
from analytics.patterns import (
    Absence,
    Aggregate,
    AnyPattern,
    Balance,
    Baseline,
    EntityHours,
    Graph,
    Join,
    NewTerm,
    Peers,
    Quota,
    Ratio,
    Regularity,
    Sequence,
    States,
    Sum,
    Threshold,
    Together,
)
from analytics.rule import Rule, Step

__all__ = ["MUTANTS_MAX", "Mutant", "mutants"]

MUTANTS_MAX: Final = 2000
"""Mutants of one rule that are tried: a list of 1,000 values is a register, not a condition."""

SHOWN_MAX: Final = 80
"""Characters of a value in a mutant's name: enough to find it in the file."""

ALWAYS: Final = All(())
"""The condition that every event meets."""

_Part = TypeVar("_Part", bound=msgspec.Struct)
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A rule with one condition weakened; ``name`` says which, the same in every run."""

    name: str
    rule: Rule


def mutants(rule: Rule) -> Iterator[Mutant]:
    """All mutants of a rule, each name once."""
    seen: dict[str, int] = {}
    for name, weaker in _all(rule):
        if weaker.stamp == rule.stamp:
            continue
        seen[name] = seen.get(name, 0) + 1
        number = f" ({seen[name]})" if seen[name] > 1 else ""
        yield Mutant(name=name + number, rule=weaker)


def _all(rule: Rule) -> Iterator[tuple[str, Rule]]:
    # A threshold asks for its count itself: its step only repeats it.
    counted = not isinstance(rule.pattern, Threshold)
    for place, step in enumerate(rule.steps):
        for name, weaker in _steps(step, counted=counted):
            yield f"{step.name}: {name}", _with_step(rule, place, weaker)
    for place, step in enumerate(rule.steps):
        fewer = _without_step(rule, place)
        if fewer is not None:
            yield f"drop step {step.name}", fewer
    for name, pattern in _patterns(rule.pattern):
        yield name, _with_pattern(rule, pattern)
    if isinstance(rule.pattern, Threshold) and rule.pattern.distinct:
        name = f"count events, not distinct {rule.pattern.distinct}"
        yield name, _counting_events(rule, rule.pattern)
    if isinstance(rule.pattern, Sequence) and rule.pattern.distinct:
        name = f"count events, not distinct {rule.pattern.distinct}"
        steps = tuple(_with(step, values=()) for step in rule.steps)
        yield name, _with(rule, steps=steps, pattern=_with(rule.pattern, distinct=""))


def _with(part: _Part, **changes: object) -> _Part:
    return msgspec.structs.replace(part, **changes)


def _with_step(rule: Rule, place: int, step: Step) -> Rule:
    return _with(rule, steps=(*rule.steps[:place], step, *rule.steps[place + 1 :]))


def _with_pattern(rule: Rule, pattern: AnyPattern) -> Rule:
    """The rule looks further back, so that it also keeps silent for longer."""
    suppression_us = max(rule.suppression_us, pattern.retention_us)
    return _with(rule, pattern=pattern, suppression_us=suppression_us)


def _without_step(rule: Rule, place: int) -> Rule | None:
    """The rule without one of its steps; None where its kind needs each of them."""
    pattern = rule.pattern
    if len(rule.steps) < 2 or not isinstance(pattern, Sequence):
        return None
    if len(rule.steps) - len(pattern.absent) == 1 and place not in pattern.absent:
        return None
    absent = tuple(one - (one > place) for one in pattern.absent if one != place)
    steps = (*rule.steps[:place], *rule.steps[place + 1 :])
    after = (*pattern.after_us[:place], *pattern.after_us[place + 1 :])
    fewer = _with(
        pattern, absent=absent, after_us=after, distinct=pattern.distinct if place else ""
    )
    return _with(rule, steps=steps, pattern=fewer)


def _counting_events(rule: Rule, pattern: Threshold) -> Rule:
    steps = tuple(_with(step, values=()) for step in rule.steps)
    return _with(rule, steps=steps, pattern=_with(pattern, distinct="", each_at_most=0))


def _steps(step: Step, *, counted: bool) -> Iterator[tuple[str, Step]]:
    for name, condition in _nodes(step.condition):
        yield name, _with(step, condition=condition)
    if counted and step.count > 1:
        yield f"count {step.count} → {step.count - 1}", _with(step, count=step.count - 1)
    for place, given in enumerate(step.where):
        rest = (*step.where[:place], *step.where[place + 1 :])
        yield f"drop guard {_guard(given)}", _with(step, where=rest)


def _guard(given: Given) -> str:
    return msgspec.json.encode(given).decode()[:SHOWN_MAX]


def _nodes(node: Node) -> Iterator[tuple[str, Node]]:
    """Every form of the condition with one part dropped or looser."""
    if isinstance(node, Atom):
        yield f"drop {said(node)}", ALWAYS
    yield from _inner(node)


def _inner(node: Node) -> Iterator[tuple[str, Node]]:
    match node:
        case Atom():
            yield from _looser(node)
        case Not():
            yield f"drop {said(node)}", ALWAYS
            for name, weaker in _inner(node.item):
                yield f"{name} under not", Not(weaker)
        case All() | Some():
            make: Callable[[tuple[Node, ...]], Node] = type(node)
            for place, item in enumerate(node.items):
                before, after = node.items[:place], node.items[place + 1 :]
                if len(node.items) > 1:
                    yield f"drop {said(item)}", make((*before, *after))
                for name, weaker in _inner(item):
                    # A denied item that is always true was dropped above already.
                    if not (isinstance(item, Not) and weaker == ALWAYS):
                        yield name, make((*before, weaker, *after))


def _looser(atom: Atom) -> Iterator[tuple[str, Node]]:
    if isinstance(atom.value, int | float) and not isinstance(atom.value, bool):
        looser = {"gt": ("gte", 0), "lt": ("lte", 0), "gte": ("gte", -1), "lte": ("lte", 1)}
        if atom.op in looser:
            op, by = looser[atom.op]
            weaker = _with(atom, op=op, value=atom.value + by)
            yield f"{said(atom)} → {said(weaker)}", weaker
    if atom.cased:
        yield f"{said(atom)} in any case", _with(atom, cased=False)


def said(node: Node) -> str:
    """The condition in one line, as a mutant's name has it."""
    return _said(node)[: SHOWN_MAX * 2]


def _said(node: Node) -> str:
    match node:
        case Atom():
            part = f".{node.part}" if node.part else ""
            value = f" {str(node.value)[:SHOWN_MAX]!r}" if node.op != "exists" else ""
            return f"{node.field or 'any field'}{part} {node.op}{value}"
        case Not():
            return f"not ({_said(node.item)})"
    word = " and " if isinstance(node, All) else " or "
    return f"({word.join(map(_said, node.items))})"


def _patterns(pattern: AnyPattern) -> Iterator[tuple[str, AnyPattern]]:
    within_us = getattr(pattern, "within_us", 0)
    if isinstance(pattern, Absence):
        # Silence that is asked for a shorter time is found more often.
        yield "within ÷ 2", _with(pattern, within_us=max(1, within_us // 2))
    elif within_us:
        longer = {"within_us": within_us * 2, "retention_us": pattern.retention_us * 2}
        yield "within × 2", _with(pattern, **longer)
    for name, changes in _looser_parts(pattern):
        yield name, _with(pattern, **changes)


def _looser_parts(pattern: AnyPattern) -> Iterator[tuple[str, dict[str, object]]]:
    """What else of each kind can be asked for less: by name, the fields that change."""
    match pattern:
        case Threshold():
            yield from _less(pattern, "count")
            if pattern.each_at_most:
                yield f"each_at_most {pattern.each_at_most} → any", {"each_at_most": 0}
        case EntityHours():
            yield from _less(pattern, "minimum_history_hours")
            yield from _half(pattern, "alert_score")
        case Together():
            yield from _together(pattern)
        case Join():
            for relation, where in _each_left_out(pattern.where):
                yield f"drop where {relation.text}", {"where": where}
        case States():
            for (state, others), listed in _each_left_out(pattern.listed):
                if pattern.forbidden:
                    yield f"drop {state} → {', '.join(others)}", {"listed": listed}
        case Graph():
            yield from _less(pattern, "hops")
        case NewTerm():
            yield from _half(pattern, "history_days")
            yield from _half(pattern, "learn_days")
        case Ratio():
            yield from _less(pattern, "count")
            yield from _half(pattern, "permille")
        case Sequence() if pattern.after_us:
            yield "after at once", {"after_us": ()}
        case Baseline() | Peers():
            if isinstance(pattern, Baseline) and pattern.judged:
                yield "judged at every event", {"judged": False}
            if isinstance(pattern, Peers) and pattern.over:
                yield f"over {pattern.over} → any", {"over": 0}
            yield from _half(pattern, "times")
            yield from _half(pattern, "at_least")
            yield from _half(pattern, "minimum" if isinstance(pattern, Baseline) else "members")
        case Quota():
            yield from _half(pattern, "times")
        case Sum():
            for place, level in enumerate(pattern.levels):
                levels = (*pattern.levels[:place], level - 1, *pattern.levels[place + 1 :])
                yield f"level {level} → {level - 1}", {"levels": levels}
        case Balance():
            yield from _half(pattern, "wait_us")
            yield from _half(pattern, "missing_us")
        case Aggregate():
            for one, comparisons in _each_left_out(pattern.comparisons):
                if comparisons:
                    yield f"drop {one.op} {one.value}", {"comparisons": comparisons}
        case Regularity():
            yield from _less(pattern, "count")
            yield f"permille {pattern.permille} × 2", {"permille": pattern.permille * 2}


def _each_left_out(items: tuple[_Item, ...]) -> Iterator[tuple[_Item, tuple[_Item, ...]]]:
    for place, item in enumerate(items):
        yield item, (*items[:place], *items[place + 1 :])


def _together(pattern: Together) -> Iterator[tuple[str, dict[str, object]]]:
    yield from _less(pattern, "at_least")
    if pattern.ordered:
        yield "in any order", {"ordered": False}
    for place, (wanted, unwanted) in enumerate(pattern.terms):
        for number in range((wanted | unwanted).bit_length()):
            bit = 1 << number
            weaker = wanted & ~bit, unwanted & ~bit
            if weaker != (wanted, unwanted) and weaker[0]:
                terms = (*pattern.terms[:place], weaker, *pattern.terms[place + 1 :])
                yield f"alternative {place + 1} without step {number + 1}", {"terms": terms}


def _less(pattern: AnyPattern, name: str) -> Iterator[tuple[str, dict[str, object]]]:
    value = getattr(pattern, name)
    if value > 1:
        yield f"{name} {value} → {value - 1}", {name: value - 1}


def _half(pattern: AnyPattern, name: str) -> Iterator[tuple[str, dict[str, object]]]:
    value = getattr(pattern, name)
    if value > 1:
        yield f"{name} {value} → {value // 2}", {name: value // 2}
