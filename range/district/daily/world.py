"""World: who and what there is for honest look-alikes, and the moment one begins."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from district.calendar import Day
from district.daily.acts import Act
from district.daily.machines import Crew
from district.daily.office import Days
from district.town import Clerk, Town

__all__ = ["Happening", "When", "World"]

Happening: TypeAlias = "tuple[int, Act]"
"""When, and what."""


class When(NamedTuple):
    """When it begins, on which day, and what is left to chance."""

    at: int
    day: Day
    chance: random.Random


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The town, its crew and its ordinary days."""

    town: Town
    crew: Crew
    days: Days

    def desk(self, chance: random.Random) -> Clerk:
        """Somebody's machine."""
        return chance.choice(self.town.clerks)
