"""Moves: what the attacks of the exchange have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from district.calendar import SECOND_US
from district.system import Occasion

__all__ = ["Move", "events_of", "full", "scaled"]

_FULL: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What is done, who an alert on it may name, and how long after the last deed it may come."""

    acts: Sequence[tuple[int, object]]
    entities: Sequence[str]
    slack_us: int = 60 * SECOND_US


def full(occasion: Occasion) -> bool:
    """Whether it reaches its threshold."""
    return occasion.strength >= _FULL


def scaled(occasion: Occasion, threshold: int) -> int:
    """How many it takes at this strength: never under the threshold where that is reached."""
    return (
        -(-threshold * occasion.strength // _FULL)
        if full(occasion)
        else threshold * occasion.strength // _FULL
    )


def events_of(occasion: Occasion) -> int:
    """One to three, where one event is enough."""
    return max(1, occasion.strength // _FULL)
