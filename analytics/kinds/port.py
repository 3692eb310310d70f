"""Port: what a kind of rule brings: its part of a rule file, its memory, its explanation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from analytics.guards import Given
from analytics.memory import Memory
from analytics.patterns import AnyPattern
from analytics.rule import Rule, Step
from schema.alert import Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What the part of a rule file was compiled to."""

    steps: tuple[Step, ...]
    pattern: AnyPattern
    entity: tuple[str, ...] | None = None
    """Where the part names the entity itself."""


class Draft(Protocol):
    """The rest of the rule file, as the part of a kind may ask for it."""

    def step(
        self,
        name: str,
        detection: dict[str, object] | None = None,
        *,
        logsource: object = None,
        count: int = 1,
        entity: Sequence[str] = (),
        values: Sequence[str] = (),
        zh: str = "",
        where: Sequence[Given] = (),
    ) -> Step:
        """A step; of the rule's own detection and log source where none is given.

        Raises ``analytics.rule.refused`` for what cannot be evaluated.
        """

    def check_waiting(self, within_us: int) -> None:
        """Raise ``analytics.rule.refused`` where too many deadlines of a key could wait at once."""

    def no_detection(self, part: str) -> None:
        """Raise ``analytics.rule.refused`` where the rule has a detection beside its steps'."""


class Part(Protocol):
    """The part of a rule file that belongs to one kind."""

    def build(self, draft: Draft) -> Form:
        """The steps and pattern; raises ``analytics.rule.refused``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Sentences for people; the counterfactuals each name one change that suffices."""

    reason_zh: str
    reason_en: str
    counterfactual_zh: tuple[str, ...]
    counterfactual_en: tuple[str, ...]


class Kind(Protocol):
    """One kind of rule: a module of this package."""

    def memory(self, rule: Rule, dump: object = None) -> Memory:
        """A fresh memory, or one of a snapshot (raises ``msgspec.ValidationError``)."""

    def describe(self, rule: Rule) -> tuple[str, str]:
        """What it takes for the rule to fire, in few words, in Chinese and English."""

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        """Why an alert was raised, and what would have kept it from being raised."""
