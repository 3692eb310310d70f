"""Shared: what all keys of a rule read and none writes, made once for the rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar, cast

from analytics.rule import Rule

_PLACE: Final = "shared_by_keys"

_Shared = TypeVar("_Shared")


def shared(rule: Rule, make: Callable[[Rule], _Shared]) -> _Shared:
    """What ``make`` makes of the rule; a rule has one kind, and so one such thing."""
    found = rule.__dict__.get(_PLACE)
    if found is None:
        found = rule.__dict__[_PLACE] = make(rule)
    return cast("_Shared", found)
