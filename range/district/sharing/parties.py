"""Parties: the applications that call the exchange, their grants, decoys and protected files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from crypto import sm3
from crypto.sm2 import PrivateKey
from district.calendar import DAY_US, Day
from district.sharing.catalogue import ITEMS, LATER, OLD, ROW_LIMIT, Item
from district.sharing.gateway import ANSWER_BYTES, SEARCH
from district.sharing.store import Granted, InMemory, Registered, key_of
from district.stream import Statement
from district.system import Keyed
from district.town import Town, Unit, citizen_number

__all__ = ["JOINT", "NODES", "PAGE", "Caller", "Parties"]

NODES: Final = ("dx-1", "dx-2")
JOINT: Final = "M-900"
"""One matter that joins the documents of many departments: a child is born."""
PAGE: Final = ROW_LIMIT
"""Rows that callers ask for at a time."""
QUOTA: Final = 150
BROAD_QUOTA: Final = 100
"""Of applications that may ask for everything, a little of each."""
ENDED_AFTER_DAYS: Final = 20
"""Some grants ran out early in the warm-up; the exchange was never told."""
DECOYS: Final = 12
PROTECTED: Final = 6
_YEAR_US: Final = 365 * DAY_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An application as a requester of the exchange."""

    requester: str
    unit: Unit
    addresses: tuple[str, ...]
    agent: str
    key_id: str
    key: PrivateKey
    items: tuple[Item, ...]
    broad: bool

    @property
    def system(self) -> str:
        """The system it belongs to, graded high enough."""
        return f"dxsys-{self.unit.short}"

    @property
    def low_system(self) -> str:
        """Another one of the unit, graded 2."""
        return f"dxsys-{self.unit.short}-low"


class Parties:
    """Everybody the exchange deals with, from the town."""

    def __init__(self, town: Town) -> None:
        dice = town.chance("sharing", "parties")
        self.callers = tuple(self._callers(town))
        self.by_name = {one.requester: one for one in self.callers}
        self.narrow = tuple(one for one in self.callers if not one.broad)
        self.broad = tuple(one for one in self.callers if one.broad)
        self.stray = key_of(town.seed, "stray")
        """A key nobody registered."""
        self.decoys = tuple(citizen_number(dice) for _ in range(DECOYS))
        self.old_decoys = tuple(citizen_number(dice) for _ in range(DECOYS))
        """Taken back long ago: people have these numbers by now."""
        self.protected = tuple(f"classified file {number}" for number in range(PROTECTED))

    def ended(self, caller: Caller) -> Item:
        """The item whose grant ran out."""
        place = ITEMS.index(caller.items[-1])
        return ITEMS[(place + 1) % len(ITEMS)]

    def fill(self, store: InMemory, town: Town) -> None:
        """What the exchange's database holds."""
        store.persons.update(citizen.number for citizen in town.citizens)
        store.persons.update(self.decoys + self.old_decoys)
        for one in self.callers:
            store.applications[one.requester] = Registered(
                requester=one.requester, unit=one.unit.code, key=one.key.public,
                key_id=one.key_id, system=one.system,
            )  # fmt: skip
            for item in self._on_file(one):
                store.grants[one.requester, item.service] = Granted(
                    grant=_grant(one, item), fields=item.approved
                )

    def _on_file(self, one: Caller) -> tuple[Item, ...]:
        return one.items if one.broad else (*one.items, self.ended(one))

    def statements(self, first: Day, keyed: Keyed) -> Iterator[Statement]:
        """What the registers hold before the first day."""
        since = first.start - _YEAR_US
        for one in self.callers:
            yield Statement(
                "applications",
                (one.requester,),
                {
                    "name": one.requester, "unit": one.unit.code,
                    "addresses": list(one.addresses), "key_ids": [one.key_id],
                },
                since,
            )  # fmt: skip
            yield from self._granted(one, first, since)
        for unit in dict.fromkeys(one.unit for one in self.callers):
            for name, level in ((f"dxsys-{unit.short}", 3), (f"dxsys-{unit.short}-low", 2)):
                row = {"name": name, "unit": unit.code, "type": "other", "mlps_level": level}
                yield Statement("systems", (name,), row, since)
        yield from _paths(first, since)
        for number in self.decoys:
            yield Statement("decoys", (keyed(number),), {"placed_in": "exchange"}, since)
        for number in self.old_decoys:
            yield Statement(
                "decoys", (keyed(number),), {"placed_in": "exchange"}, since, first.start - DAY_US
            )
        for node in NODES:
            yield Statement("nodes", (node,), {"unit": self.callers[0].unit.code}, first.start)
        for content in self.protected:
            key = (sm3.digest(content.encode()).hex(),)
            yield Statement("classified_files", key, {"holder": "archive"}, since)

    def _granted(self, one: Caller, first: Day, since: int) -> Iterable[Statement]:
        for item in one.items:
            row = {
                "grant": _grant(one, item), "fields": list(item.approved),
                "quota_per_day": BROAD_QUOTA if one.broad else QUOTA, "data_level": item.level,
            }  # fmt: skip
            yield Statement("grants", (one.requester, item.service), row, since)
            matters = (_matter(item), JOINT) if one.broad else (_matter(item),)
            for matter in matters:
                yield Statement(
                    "matters", (one.requester, item.code, matter), {"approval_no": "A"}, since
                )
        if not one.broad:
            item = self.ended(one)
            yield Statement(
                "grants",
                (one.requester, item.service),
                {"grant": _grant(one, item), "fields": list(item.approved), "quota_per_day": QUOTA},
                since,
                first.start + ENDED_AFTER_DAYS * DAY_US,
            )

    def _callers(self, town: Town) -> Iterator[Caller]:
        for place, found in enumerate(town.applications):
            broad = place % 2 == 1
            unit = found.unit
            # Three services of each, together all of them.
            first = place // 2 * 3
            name = f"rid-{unit.short}-{place % 2 + 1}"
            yield Caller(
                requester=name,
                unit=unit,
                addresses=found.addresses,
                agent=found.agent,
                key_id=f"dx-{unit.short}-{place % 2 + 1}",
                key=key_of(town.seed, name),
                items=ITEMS if broad else tuple(ITEMS[(first + n) % len(ITEMS)] for n in range(3)),
                broad=broad,
            )


def _grant(one: Caller, item: Item) -> str:
    return f"G-{one.unit.code[-3:]}-{2 if one.broad else 1}-{item.code[2:]}"


def _matter(item: Item) -> str:
    return f"M-{item.code[2:]}"


def _paths(first: Day, since: int) -> Iterator[Statement]:
    row = {"answer_bytes": ANSWER_BYTES, "sensitive": False}
    listed = [item.path for item in ITEMS]
    for path in (*listed, *OLD, SEARCH):
        yield Statement("catalogue", ("interface", path), {"name": path, **row}, since)
    for place, path in enumerate(LATER):
        begins = first.start + place * 8 * DAY_US
        yield Statement("catalogue", ("interface", path), {"name": path, **row}, begins)
