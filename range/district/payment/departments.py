"""Departments that collect money: their tariffs, accounts, servers and counters. Made up.

Accounts have 17 digits: no card has, so none is anybody's.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from typing import Final

from district.payment.records import Via
from district.town import Application, Clerk, Town, Unit

__all__ = [
    "CHANNELS",
    "COUNTERS",
    "DEVICES",
    "DOMAIN",
    "MINI_PROGRAM",
    "PLATFORM_HOST",
    "Department",
    "departments",
    "season",
]

DOMAIN: Final = "shili.example"
PLATFORM_HOST: Final = f"pay.{DOMAIN}"
MINI_PROGRAM: Final = "pay-mini-program"
DEVICES: Final = "pay-kiosk"
COUNTERS: Final = "pay-counter"
"""Programs of the platform itself: for citizens, for devices in halls, for clerks."""
CHANNELS: Final = {"wechat": "9101", "alipay": "9102", "bank": "9103", "pos": "9104"}
"""How one can pay, and the institution that collects it."""

_COLLECTING: Final = ("police", "education", "housing", "health", "market", "insurance")
_COUNTERS: Final = ("police", "education", "housing")
"""Departments with counters where clerks take money."""
OPERATORS: Final = 5
REFUNDERS: Final = 2
NEW_ACCOUNT_DAYS: Final = 20
"""A department opens another account every so many days, one department after the other."""
ACCOUNTS: Final = 12

_TARIFFS: Final[dict[str, tuple[tuple[int, int], ...]]] = {
    "police": ((5000, 20), (10000, 30), (15000, 12), (20000, 30), (100000, 2), (50000, 6)),
    "education": ((120000, 20), (165000, 20), (240000, 8), (8000, 20), (12000, 16), (16000, 10)),
    "housing": ((43200, 5), (86750, 5), (152340, 5), (310880, 4), (27500, 8)),
    "health": ((2600, 20), (8000, 10), (12800, 12), (26000, 8)),
    "market": ((30000, 10), (48000, 8), (75500, 6), (120600, 3)),
    "insurance": ((40000, 30), (38000, 8)),
}
"""Fen and how often, by department."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Department:
    """One department that collects money."""

    unit: Unit
    application: Application
    accounts: tuple[str, ...]
    """The first is in use from the beginning, each other from its day on."""
    operators: tuple[Clerk, ...]
    refunders: tuple[Clerk, ...]

    @property
    def code(self) -> str:
        """As payments name it."""
        return self.unit.dept_code

    @property
    def app(self) -> str:
        """The merchant id of its own server on the platform."""
        return f"mch-{self.code}"

    @property
    def host(self) -> str:
        """Its page, to which payers return."""
        return f"{self.unit.short}.{DOMAIN}"

    @property
    def name(self) -> str:
        """As bank and treasury write it."""
        return f"示例区{self.unit.name}"

    def server(self, place: int = 0) -> Via:
        """A signed call of its server."""
        one = self.application
        return Via(address=one.addresses[place], agent=one.agent, app=self.app, key=f"k-{self.app}")

    def due(self, chance: random.Random) -> int:
        """What a notice of it may ask for."""
        tariff = _TARIFFS[self.unit.short]
        (fen,) = chance.choices([one for one, _ in tariff], weights=[often for _, often in tariff])
        if self.unit.short == "housing":
            return fen + chance.randrange(1, 9000) * 10 + 3
        # A fine that is paid late grows by three in a hundred a day.
        late = chance.randrange(1, 12) if chance.random() < 0.12 else 0
        return fen + fen * 3 * late // 100 if self.unit.short == "police" else fen

    def accounts_on(self, day: int) -> tuple[str, ...]:
        """Accounts in use on a day counted from the first."""
        return tuple(one for n, one in enumerate(self.accounts) if self.opened(n) <= day)

    def opened(self, number: int) -> int:
        """The day from which on an account is used."""
        if number == 0:
            return -10_000
        place = _COLLECTING.index(self.unit.short)
        return number * NEW_ACCOUNT_DAYS + place * NEW_ACCOUNT_DAYS // len(_COLLECTING)


def departments(town: Town) -> dict[str, Department]:
    """The collecting departments by code."""
    by_short = {unit.short: unit for unit in town.units}
    found = {}
    for short in _COLLECTING:
        unit = by_short[short]
        counters = town.clerks_of(unit, "counter")
        found[unit.dept_code] = Department(
            unit=unit,
            application=next(one for one in town.applications if one.unit is unit),
            accounts=tuple(f"1109900{unit.dept_code}{n:03d}0417" for n in range(ACCOUNTS)),
            operators=counters[:OPERATORS] if short in _COUNTERS else (),
            refunders=town.clerks_of(unit, "back")[:REFUNDERS],
        )
    return found


def season(dept: Department, date: dt.date) -> float:
    """How much more a department collects on that day than usual."""
    factor = 1.0
    if dept.unit.short == "education" and (8, 20) <= (date.month, date.day) <= (9, 12):
        factor = 2.5
    if dept.unit.short == "insurance" and date.month >= 9:
        factor = 2.0
    if dept.unit.short == "housing" and (date + dt.timedelta(days=3)).month != date.month:
        factor = 1.6
    return factor if date.weekday() < 5 else factor * 0.6
