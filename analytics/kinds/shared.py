"""Shared: what all keys of a rule have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar, cast

from analytics.patterns import Join, Sequence, States, Threshold, Unique
from analytics.rule import Rule

_PLACE: Final = "shared_by_keys"

_Shared = TypeVar("_Shared")


def shared(rule: Rule, make: Callable[[Rule], _Shared]) -> _Shared:
    """What all keys read and none writes, made once; a rule has one kind, and so one such thing."""
    found = rule.__dict__.get(_PLACE)
    if found is None:
        found = rule.__dict__[_PLACE] = make(rule)
    return cast("_Shared", found)


def least(rule: Rule) -> int:
    """How many hits of an entity it takes at least for an alert or a deadline."""
    pattern = rule.pattern
    if isinstance(pattern, Threshold):
        return pattern.count
    if isinstance(pattern, Sequence):
        return sum(
            step.count for place, step in enumerate(rule.steps) if place not in pattern.absent
        )
    if isinstance(pattern, Join):
        # No event is joined with itself.
        return len(rule.steps)
    if isinstance(pattern, Unique) or (isinstance(pattern, States) and not pattern.initial):
        return 2
    return 1
