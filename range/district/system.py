"""System: one part of the town with its logs, its honest days and what is done to it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from district.calendar import Day
from district.deed import Deed
from district.episode import Plan
from district.stream import Sink, Statement, Stream
from district.town import Town

__all__ = ["Attack", "Keyed", "Occasion", "System"]

Keyed = Callable[[str], str]
"""The HMAC-SM3 under the site's subject key, as the sensor writes it: for keys of registers of
persons and accounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """One carrying out of an attack: when, how strong, and what is left to chance."""

    number: int
    """0, 1, 2 … of the use case in this run: plan each on other people where the rule's entity
    would hide one behind another."""
    start: int
    """Microseconds UTC, inside the hours the attack asks for."""
    strength: int
    """Permille of the threshold: 1000 to 3000, or 600 to 900 for one that stays below."""
    day: Day
    """The day of ``start``."""
    chance: random.Random
    named: frozenset[str] = frozenset()
    """Entities of the other attacks, where this one is planned after them."""

    @property
    def id(self) -> str:
        """The end of the episode's id."""
        return str(self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """How a use case is carried out."""

    use_case: str
    plan: Callable[[Occasion], Plan]
    hours: Literal["office", "evening", "night", "off", "any"] = "any"
    """``off`` is outside working time: nights and free days."""
    span_days: int = 1
    """Days it needs from its start to the last alert: it begins so early that these lie inside the
    measured days."""
    last: bool = False
    """Planned after all others, on somebody whom none of them names: their alerts would have told
    of that account already."""


class System(Protocol):
    """One part of the town. Made anew for each run with its town and sink."""

    name: str
    streams: Sequence[Stream]
    attacks: Sequence[Attack]

    def statements(self, first: Day, keyed: Keyed) -> Iterable[Statement]:
        """What its registers hold before the first day (``since`` may lie anywhere)."""

    def ordinary(self, day: Day, chance: random.Random) -> Iterable[Deed]:
        """The honest deeds of a day, in any order; ``day.volume`` has its say through
        ``day.count``."""

    def lookalikes(self, day: Day, chance: random.Random) -> Iterable[Plan]:
        """Honest episodes that look like attacks, of kind ``lookalike``: only counted."""

    def perform(self, deed: Deed) -> Iterable[Deed]:
        """Carry a deed out at its time: lines into the sink. Deeds that follow from it (a retry, an
        answer, a file at night) are returned and done at theirs, of the same episode."""


SystemMaker = Callable[[Town, Sink], System]
Systems = Mapping[str, SystemMaker]
