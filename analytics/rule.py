"""Rule: a detection as the engine evaluates it, whatever format it was written in.

Every rule is steps within a time. An event rule is one step with count one; a threshold is one
step with a count of events or of distinct values; a sequence has several steps in order. A model
rule has no steps: it scores each hour of an entity against the entity's own history.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from analytics.expression import Node
from schema.alert import FalsePositive, RuleText
from schema.alert import Rule as RuleListing
from schema.times import HOUR

Kind: TypeAlias = Literal["event", "threshold", "sequence", "model"]

COUNT_MAX: Final = 10_000
"""Events or distinct values a threshold may ask for: each is kept, so it bounds a key's memory."""

SEQUENCE_UNITS_MAX: Final = 64
"""Sum of the counts of a sequence's steps: each needs a chain of its own."""

STEPS_MAX: Final = 16
WITHIN_MAX_US: Final = 7 * 24 * HOUR
"""Longest window of a rule: state older than this is never needed."""

NO_ENTITY: Final = "event.id"
"""The entity field of a rule without one: every event is its own entity."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What must be seen, and how often."""

    name: str
    count: int
    condition: Node


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Which hours a model rule scores, and from which score (0 to 1000) on it alerts."""

    name: str
    dataset: str
    minimum_history_hours: int
    alert_score: int


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A loaded rule. Times in microseconds."""

    id: str
    version: str
    system: str
    kind: Kind
    severity: int
    score: int
    entity: str
    """Field that tells entities apart, or ``event.id``."""
    suppression_us: int
    within_us: int
    distinct: str
    """Field whose distinct values are counted; empty where events are."""
    datasets: tuple[str, ...]
    steps: tuple[Step, ...]
    model: ModelSpec | None
    techniques: tuple[str, ...]
    false_positives: tuple[FalsePositive, ...]
    text: RuleText

    @property
    def major(self) -> int:
        """The part of the version that belongs to an alert's identity."""
        return int(self.version.split(".", 1)[0])

    def listing(self) -> RuleListing:
        """The rule as lists and pages show it."""
        return RuleListing(
            id=self.id,
            version=self.version,
            severity=self.severity,
            system=self.system,
            kind=self.kind,
            techniques=self.techniques,
            false_positives=self.false_positives,
            text=self.text,
        )
