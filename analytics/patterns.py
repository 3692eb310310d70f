"""Patterns: what a rule looks for over time, as pure data; times in microseconds.

One struct for each kind of rule. What each remembers of an entity, how it is written in a rule
file and how its alerts are explained stands in :mod:`analytics.kinds`, one file a kind.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """What all kinds have: for how long after its last event an entity matters."""

    retention_us: int
    warm_up_us: int = 0
    """How long the rule must have watched before what it did not see says anything."""
    history: tuple[int, ...] = ()
    """The steps that must have been watched for so long."""


class Once(Pattern, frozen=True, kw_only=True, tag="event"):
    """One event is enough."""


class Threshold(Pattern, frozen=True, kw_only=True, tag="threshold"):
    """So many events, or distinct values of the carried field, within a time."""

    within_us: int
    count: int
    distinct: str = ""
    """The field whose distinct values are counted; empty where events are."""


class Sequence(Pattern, frozen=True, kw_only=True, tag="sequence"):
    """The steps in order, within a time; with ``absent`` the last of them must not come."""

    within_us: int
    absent: bool = False


class EntityHours(Pattern, frozen=True, kw_only=True, tag="model"):
    """Each hour of an entity, scored 0 to 1000 against its own history by a trained model."""

    name: str
    dataset: str
    minimum_history_hours: int
    alert_score: int


AnyPattern: TypeAlias = Once | Threshold | Sequence | EntityHours
