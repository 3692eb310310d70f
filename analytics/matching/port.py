"""Port: what every matcher promises, native or not: the same matches for the same events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from analytics.expression import Node
from schema.event import Fields

Match: TypeAlias = tuple[int, int, int]
"""(place of the event in the batch, index of the rule, bits of the steps it matches)"""


@dataclass(frozen=True, slots=True)
class Question:
    """One condition to be asked: ``bit`` is set for ``rule`` where ``condition`` holds."""

    rule: int
    bit: int
    condition: Node


class Plan(Protocol):
    """Many conditions, ready to be asked of events."""

    def match(self, events: Sequence[Fields]) -> Sequence[Match]:
        """All matches of a batch, by place and then by rule; one entry for each pair of them."""
