"""Plot: what the daily attacks have in common: whose desk is lost, how often, and the label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from district.calendar import MINUTE_US, SECOND_US
from district.daily.acts import Act
from district.daily.machines import Crew, Machine
from district.daily.office import Days
from district.deed import Deed
from district.episode import Episode, Plan
from district.system import Occasion
from district.town import Clerk, Town

__all__ = ["NAME", "Plot"]

NAME: Final = "daily"
_TAIL_US: Final = 35 * MINUTE_US
"""Rules look back for half an hour at most: so long may one tell of the same deeds once more."""
_CASES: Final = (*(f"D{number:02d}" for number in range(1, 31)), "X03")


class Plot:
    """Chooses and labels; one for each run."""

    def __init__(self, town: Town, crew: Crew, days: Days) -> None:
        self.town, self.crew, self.days = town, crew, days
        self._desks = list(crew.others)
        town.chance("daily", "desks").shuffle(self._desks)

    def desk(self, use_case: str, occasion: Occasion) -> Clerk:
        """Whose machine or account is used; each carrying out of each use case has another one."""
        return self._desks[(_CASES.index(use_case) * 3 + occasion.number) % len(self._desks)]

    def regular(self, use_case: str, occasion: Occasion) -> Clerk:
        """One of those who often work from home."""
        place = (_CASES.index(use_case) * 3 + occasion.number) % 40
        return self.crew.others[place]

    def machine(self, among: Sequence[Machine], occasion: Occasion, use_case: str) -> Machine:
        """Another machine for each carrying out."""
        return among[(occasion.number * 5 + _CASES.index(use_case)) % len(among)]

    def times(self, occasion: Occasion, threshold: int) -> int:
        """How often something is done at this strength: never at the threshold when below it."""
        wanted = threshold * occasion.strength / 1000
        return (
            min(threshold - 1, int(wanted))
            if occasion.strength < 1000
            else max(threshold, round(wanted))
        )

    def once(self, occasion: Occasion) -> int:
        """One to three times, of what a single event is enough for."""
        return max(1, round(occasion.strength / 1000))

    def below(self, occasion: Occasion) -> bool:
        """Whether the carrying out is the honest near miss."""
        return occasion.strength < 1000

    def label(
        self, use_case: str, occasion: Occasion, happened: Iterable[tuple[int, Act]], *entities: str
    ) -> Plan:
        """The episode and its deeds."""
        deeds = [Deed(at=at, system=NAME, act=act) for at, act in happened]
        moments = [deed.at for deed in deeds]
        return Plan(
            Episode(
                id=f"{use_case}/{occasion.id}",
                use_case=use_case,
                kind="below" if self.below(occasion) else "attack",
                # Web servers and firewalls tell whole seconds.
                start=min(moments) // SECOND_US * SECOND_US,
                end=max(moments) + _TAIL_US,
                strength=occasion.strength,
                entities=tuple(dict.fromkeys(entities)),
            ),
            deeds,
        )
