"""Planning: what all attacks on certificates do alike: who attacks, and how it is labelled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from district.calendar import HOUR_US, MINUTE_US, SECOND_US
from district.certificates import acts
from district.certificates.ordinary import Ordinary, deed
from district.deed import Deed
from district.episode import Episode, Plan
from district.system import Occasion
from district.town import Clerk, Unit

__all__ = ["Planning"]

_USE_CASES: Final = (
    *(f"EC{number:02d}" for number in range(1, 15)),
    *(f"ID{number}" for number in range(17, 23)),
)
_PLACES: Final = {name: place for place, name in enumerate(_USE_CASES)}


class Planning:
    """Who attacks is somebody who also works honestly."""

    def __init__(self, ordinary: Ordinary) -> None:
        self._ordinary, self._offices, self._town = ordinary, ordinary.offices, ordinary.town

    def _unit(self, occasion: Occasion, use_case: str) -> Unit:
        """Another unit for each carrying out, and for each use case."""
        units = self._town.units
        return units[(3 * _PLACES[use_case] + occasion.number + self._town.seed) % len(units)]

    def _clerk(self, occasion: Occasion, use_case: str) -> Clerk:
        staff = self._offices.clerks[self._unit(occasion, use_case).code]
        return staff[(_PLACES[use_case] + occasion.number) % len(staff)]

    def _plan(
        self,
        occasion: Occasion,
        use_case: str,
        deeds: Iterable[Deed],
        entities: Iterable[str],
        *,
        collect: tuple[str, ...] = (),
        waits_us: int = 0,
    ) -> Plan:
        done = list(deeds)
        return Plan(
            Episode(
                id=f"{use_case}/{occasion.id}", use_case=use_case,
                kind="attack" if occasion.strength >= 1000 else "below",
                # Logs tell milliseconds or seconds, rounded down.
                start=min(one.at for one in done) // SECOND_US * SECOND_US,
                end=max(one.at for one in done) + waits_us + 10 * MINUTE_US,
                strength=occasion.strength, entities=tuple(entities), collect=collect,
            ),
            done,
        )  # fmt: skip

    def _opened(self, occasion: Occasion, clerk: Clerk, at: int) -> Deed:
        """A case of the clerk's, so that there is one to hide behind."""
        matter = self._offices.matter_of(clerk, occasion.day.number)
        visit = acts.Visit(
            via=self._ordinary.counter(clerk), matter=matter.code, items=(),
            holder=self._ordinary.citizen(occasion.chance).number, close_after_us=2 * HOUR_US,
        )  # fmt: skip
        return deed(at, visit)

    def _times(self, occasion: Occasion) -> int:
        return max(1, occasion.strength // 1000)
