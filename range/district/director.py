"""Director: when each attack of a run happens; two at or above its threshold, one below."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Final

from district.calendar import DAY_US, FLAT, NIGHT, OFFICE, Day
from district.episode import Plan
from district.system import Attack, Occasion, System
from district.town import Town

__all__ = ["FOUND_AT_LEAST", "plans"]

FOUND_AT_LEAST: Final = 2
"""Attacks of each use case at 1 to 3 times its threshold."""
_EVENING: Final = (0,) * 19 + (100, 100, 80, 40, 0)


def plans(town: Town, days: Sequence[Day], systems: Sequence[System]) -> Iterator[Plan]:
    """The attacks of the measured days."""
    measured = [day for day in days if day.measured]
    attacks = [(system.name, attack) for system in systems for attack in system.attacks]
    named: set[str] = set()
    for name, attack in sorted(attacks, key=lambda one: one[1].last):
        chance = town.chance("director", name, attack.use_case)
        strengths = [chance.randint(1000, 3000) for _ in range(FOUND_AT_LEAST)]
        strengths.append(chance.randint(600, 900))
        chance.shuffle(strengths)
        for number, strength in enumerate(strengths):
            day, start = _begin(attack, measured, number, len(strengths), chance)
            plan = attack.plan(
                Occasion(
                    number=number,
                    start=start,
                    strength=strength,
                    day=day,
                    chance=town.chance("attack", attack.use_case, number),
                    named=frozenset(named) if attack.last else frozenset(),
                )
            )
            named.update(plan.episode.entities)
            yield plan


def _begin(
    attack: Attack, measured: Sequence[Day], number: int, count: int, chance: random.Random
) -> tuple[Day, int]:
    """A start in the attack's own part of the days, so that carryings out lie apart."""
    usable = measured[: max(1, len(measured) - attack.span_days)]
    size = max(1, len(usable) // count)
    part = usable[min(number * size, len(usable) - 1) :][:size]
    if attack.hours in ("office", "evening"):
        part = [day for day in part if day.working] or [day for day in usable if day.working]
    day = chance.choice(part or usable)
    if attack.hours == "office":
        return day, day.moment(chance, OFFICE)
    if attack.hours == "evening":
        return day, day.moment(chance, _EVENING)
    if attack.hours == "night" or (attack.hours == "off" and day.working):
        # Not in the last minutes before midnight: it would be another day.
        return day, min(day.moment(chance, NIGHT), day.start + DAY_US - 1)
    return day, day.moment(chance, FLAT)
