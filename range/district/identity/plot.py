"""Plot: what attacks on accounts have in common: how often at a strength, and the label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from district.calendar import MINUTE_US, SECOND_US
from district.deed import Deed
from district.episode import Episode, Plan
from district.system import Occasion

__all__ = ["few", "network", "plan", "times"]

TAIL_US: Final = 16 * MINUTE_US
"""An honest success behind a shared exit completes a sequence of a quarter of an hour."""


def times(occasion: Occasion, threshold: int) -> int:
    """How often at this strength: never at the threshold when below it."""
    wanted = threshold * occasion.strength / 1000
    return min(threshold - 1, int(wanted)) if wanted < threshold else round(wanted)


def few(occasion: Occasion) -> int:
    """One to three times, of what once is enough for."""
    return max(1, occasion.strength // 1000)


def network(address: str) -> str:
    """As the sensor writes it."""
    return f"{address.rpartition('.')[0]}.0/24"


def plan(
    use_case: str,
    occasion: Occasion,
    deeds: Sequence[Deed],
    *entities: str,
    start: int | None = None,
    more: int = 0,
    collect: Iterable[str] = (),
) -> Plan:
    """The episode and its deeds."""
    first = min(one.at for one in deeds) if start is None else start
    return Plan(
        Episode(
            id=f"{use_case}/{occasion.id}",
            use_case=use_case,
            kind="attack" if occasion.strength >= 1000 else "below",
            # The gateway tells whole seconds.
            start=first // SECOND_US * SECOND_US,
            end=max(one.at for one in deeds) + TAIL_US + more,
            strength=occasion.strength,
            entities=tuple(dict.fromkeys(filter(None, entities))),
            collect=tuple(collect),
        ),
        deeds,
    )
