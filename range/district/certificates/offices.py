"""Offices: which certificates there are, which matters need them, and who may ask for which.

Each unit issues three kinds of certificate, the last of them sensitive, and handles four matters
that need two kinds each. Its first application serves the counters, its second one checks at night.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from district.town import Application, Clerk, Town, Unit

__all__ = ["MINI", "VERIFIER", "Item", "Matter", "Offices"]

MINI: Final = "app-service-mini"
"""What citizens look at their own certificates with."""
VERIFIER: Final = "app-verify"
"""The public page that checks seals."""
ITEMS_PER_UNIT: Final = 3
MATTERS_PER_UNIT: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A kind of certificate."""

    code: str
    issuer: Unit
    sensitive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """What a unit handles, and the certificates it needs."""

    code: str
    unit: Unit
    items: tuple[Item, ...]
    annotated_only: bool


class Offices:
    """All of them, from the town."""

    def __init__(self, town: Town) -> None:
        dice = town.chance("certificates", "offices")
        self.items = [
            Item(code=f"E{place:02d}{number:02d}", issuer=unit, sensitive=number == ITEMS_PER_UNIT)
            for place, unit in enumerate(town.units, 1)
            for number in range(1, ITEMS_PER_UNIT + 1)
        ]
        plain = [item for item in self.items if not item.sensitive]
        secret = [item for item in self.items if item.sensitive]
        self.matters: list[Matter] = []
        for place, unit in enumerate(town.units, 1):
            # The first two matters of a unit need a sensitive kind, and the same for both.
            own = dice.choice(secret)
            for number in range(1, MATTERS_PER_UNIT + 1):
                second = own if number <= 2 else dice.choice(plain)
                first = dice.choice([item for item in plain if item is not second])
                self.matters.append(
                    Matter(
                        code=f"M{place:02d}{number:02d}",
                        unit=unit,
                        items=(first, second),
                        annotated_only=number % 2 == 0,
                    )
                )
        self.counter_app: dict[str, Application] = {}
        self.night_app: dict[str, Application] = {}
        for app in town.applications:
            self.counter_app.setdefault(app.unit.code, app)
            self.night_app[app.unit.code] = app
        self.clerks: dict[str, tuple[Clerk, ...]] = {
            unit.code: town.clerks_of(unit, "counter") for unit in town.units
        }
        self.archivists = [town.clerks_of(unit, "back")[0] for unit in town.units[:3]]
        """They file at night."""
        self.unused = {unit.code: self._unused(unit, sensitive=True) for unit in town.units}
        """Approved for the night application, and never yet asked for: a sensitive kind."""
        self.unused_plain = {unit.code: self._unused(unit, sensitive=False) for unit in town.units}
        """And one that is not."""
        self.left_over = {unit.code: self._left_over(unit) for unit in town.units}
        """The platform still allows it; the register has not for years."""

    def matters_of(self, unit: Unit) -> list[Matter]:
        """What a unit handles."""
        return [matter for matter in self.matters if matter.unit is unit]

    def matter_of(self, clerk: Clerk, day: int) -> Matter:
        """What a clerk is assigned that day: one of two matters in turn."""
        own = self.matters_of(clerk.unit)
        place = self.clerks[clerk.unit.code].index(clerk) if clerk.role == "counter" else 0
        return own[(place * 2 + day % 2) % len(own)]

    def approved(self) -> list[tuple[str, Item, Matter]]:
        """Application, item and matter, as the register holds them."""
        found = []
        for matter in self.matters:
            apps = [self.counter_app[matter.unit.code], self.night_app[matter.unit.code]]
            found += [(app.app, item, matter) for app in apps for item in matter.items]
        for code, night in self.night_app.items():
            first = self.matters_of(night.unit)[0]
            found.append((night.app, self.unused[code], first))
            found.append((night.app, self.unused_plain[code], first))
        return found

    def _used(self, unit: Unit) -> list[str]:
        return [item.code for matter in self.matters_of(unit) for item in matter.items]

    def _unused(self, unit: Unit, *, sensitive: bool) -> Item:
        used = self._used(unit)
        return next(
            item
            for item in self.items
            if item.sensitive is sensitive and item.code not in used and item.issuer is not unit
        )

    def _left_over(self, unit: Unit) -> Item:
        used = [*self._used(unit), self.unused[unit.code].code, self.unused_plain[unit.code].code]
        return next(
            item for item in reversed(self.items) if not item.sensitive and item.code not in used
        )
