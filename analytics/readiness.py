"""Readiness: what keeps a rule from judging now, so that its silence is not taken for quiet.

A rule whose log nobody sends, whose register was never imported, that reads places without a geo
file, or whose baseline is still learning says so. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from analytics import guards
from analytics.memory import NEVER
from analytics.patterns import (
    Absence,
    AnyPattern,
    Baseline,
    EntityHours,
    NewTerm,
    Sequence,
)
from analytics.rule import ALERTS, Rule
from schema.times import DAY, HOUR

Code: TypeAlias = Literal["no_source", "no_register", "no_geo", "warming_up"]

GEO: Final = (
    "source.as.",
    "source.geo.",
    "destination.as.",
    "destination.geo.",
)
"""How the fields begin that only a geo file gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindrance:
    """One reason why a rule does not judge, or not wholly."""

    code: Code
    names: tuple[str, ...] = ()
    """The datasets nobody sends, or the registers that were never imported."""
    until: int = 0
    """Microseconds UTC: when the learning is over, if it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a site has at the moment it is asked."""

    now: int
    """Event time up to which everything was judged."""
    began: Mapping[str, int]
    """Since when events of each dataset are seen; of those never seen nothing."""
    since: Mapping[str, int] = field(default_factory=dict)
    """Since when each rule is in force, by id; those from the beginning may be missing."""
    register: Callable[[str], bool]
    """Whether a register was ever imported."""
    geo: bool


def hindrances(rule: Rule, known: Known) -> tuple[Hindrance, ...]:
    """What keeps the rule from judging now; nothing for one that does."""
    found: list[Hindrance] = []
    unseen = _unseen(rule, known.began)
    if unseen:
        found.append(Hindrance(code="no_source", names=unseen))
    registers = tuple(name for name in _registers(rule) if not known.register(name))
    if registers:
        found.append(Hindrance(code="no_register", names=registers))
    if not known.geo and any(name.startswith(GEO) for name in rule.fields()):
        found.append(Hindrance(code="no_geo"))
    if not unseen and (until := _learnt(rule, known)) > known.now:
        found.append(Hindrance(code="warming_up", until=until))
    return tuple(found)


def _unseen(rule: Rule, began: Mapping[str, int]) -> tuple[str, ...]:
    """Datasets of the first step that must come and of which nobody sent anything."""
    if isinstance(rule.pattern, EntityHours):
        named = rule.pattern.dataset
        return () if named in began else (named,)
    absent = _absent(rule.pattern)
    for place, step in enumerate(rule.steps):
        seen = ALERTS in step.datasets or any(name in began for name in step.datasets)
        if place not in absent and not seen:
            return step.datasets
    return ()


def _absent(pattern: AnyPattern) -> frozenset[int]:
    """Places of steps that must not come: where nobody sends them the rule judges all the same."""
    if isinstance(pattern, Absence):
        return frozenset({0})
    return frozenset(pattern.absent) if isinstance(pattern, Sequence) else frozenset()


def _registers(rule: Rule) -> tuple[str, ...]:
    """Registers the rule cannot do without, each once."""
    named: dict[str, None] = {}
    if isinstance(rule.pattern, Absence):
        named[rule.pattern.register] = None
    for step in rule.steps:
        for given in step.where:
            one = guards.guard_of(given)
            if isinstance(one, guards.Lookup | guards.Network | guards.Distance):
                named[one.register] = None
    return tuple(named)


def _learnt(rule: Rule, known: Known) -> int:
    """When the rule has seen enough of the past, counted from its first event or its beginning."""
    span = _span_us(rule.pattern)
    if not span:
        return -NEVER
    datasets = rule.datasets()
    if isinstance(rule.pattern, EntityHours):
        datasets = {rule.pattern.dataset}
    began = min((known.began[name] for name in datasets if name in known.began), default=NEVER)
    return max(began, known.since.get(rule.id, -NEVER)) + span


def _span_us(pattern: AnyPattern) -> int:
    if isinstance(pattern, NewTerm):
        return pattern.learn_days * DAY
    if isinstance(pattern, Baseline):
        return pattern.minimum * pattern.period_us
    if isinstance(pattern, EntityHours):
        return pattern.minimum_history_hours * HOUR
    return pattern.warm_up_us
