"""Misuse: attacks by those who may call the exchange, or who sit before its console."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from district.calendar import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from district.sharing.acts import Ask, Flow
from district.sharing.catalogue import ITEMS
from district.sharing.days import BUSY_CITIZENS, ask_for
from district.sharing.likes import neighbours
from district.sharing.moves import Move, events_of, full, scaled
from district.sharing.parties import BROAD_QUOTA, JOINT, PAGE, Caller, Parties
from district.system import Occasion
from district.town import CITIZENS, Town

__all__ = ["Misuse"]

_PERSONS: Final = 5000
"""Persons in a day from which on it is far more than before."""
_UPLOAD_BYTES: Final = 50_000_000
_PAGES: Final = 10


class Misuse:
    """Each method is one use case."""

    def __init__(self, town: Town, parties: Parties) -> None:
        self._town = town
        self._parties = parties

    def _broad(self, occasion: Occasion, shift: int) -> Caller:
        """Another caller for each occasion and each use case."""
        return self._parties.broad[(occasion.number * 4 + shift) % len(self._parties.broad)]

    def _narrow(self, occasion: Occasion, shift: int) -> Caller:
        return self._parties.narrow[(occasion.number * 4 + shift) % len(self._parties.narrow)]

    def _quiet(self, occasion: Occasion, shift: int) -> str:
        """Number of somebody who has no business in these days."""
        place = BUSY_CITIZENS + (occasion.number * 20 + shift) % (CITIZENS - BUSY_CITIZENS)
        return self._town.citizens[place].number

    def _someone(self, occasion: Occasion) -> str:
        return self._town.citizens[occasion.chance.randrange(BUSY_CITIZENS)].number

    def ended_grant(self, occasion: Occasion) -> Move:
        """The grant ran out, the node was never told. Below: a grant that holds."""
        caller = self._narrow(occasion, 0)
        item = self._parties.ended(caller) if full(occasion) else caller.items[2]
        acts = []
        for step in range(events_of(occasion)):
            ask = ask_for(occasion.chance, caller, self._someone(occasion), item=ITEMS.index(item))
            acts.append((occasion.start + step * 7 * MINUTE_US, ask))
        return Move(acts=acts, entities=_names(caller))

    def over_quota(self, occasion: Occasion) -> Move:
        """More calls of one service than its grant allows, in an afternoon."""
        caller, item = self._broad(occasion, 1), 10 - occasion.number
        room = occasion.day.start + DAY_US - MINUTE_US - occasion.start
        span = min(2 * HOUR_US, room)
        acts = [
            (
                occasion.start + occasion.chance.randrange(span),
                ask_for(occasion.chance, caller, self._someone(occasion), item=item),
            )
            for _ in range(scaled(occasion, BROAD_QUOTA) + full(occasion))
        ]
        return Move(acts=acts, entities=_names(caller))

    def number_walk(self, occasion: Occasion) -> Move:
        """One number after another, most of which nobody has."""
        caller = self._broad(occasion, 2)
        numbers = neighbours(self._someone(occasion), min(900, scaled(occasion, 200) + 5))
        step = min(55 * MINUTE_US // len(numbers), 5 * SECOND_US)
        acts = [
            (
                occasion.start + place * step + occasion.chance.randrange(step),
                ask_for(occasion.chance, caller, number, item=place % 2, case=False),
            )
            for place, number in enumerate(numbers if full(occasion) else numbers[:-5])
        ]
        return Move(acts=acts, entities=_names(caller))

    def extra_fields(self, occasion: Occasion) -> Move:
        """Each field is asked for by name, the unapproved one too. Below: the approved ones."""
        caller = self._narrow(occasion, 1)
        item = caller.items[0]
        fields = item.fields if full(occasion) else item.approved
        acts = []
        for step in range(events_of(occasion)):
            ask = ask_for(occasion.chance, caller, self._someone(occasion), item=ITEMS.index(item))
            acts.append((occasion.start + step * 4 * MINUTE_US, replace(ask, fields=fields)))
        return Move(acts=acts, entities=_names(caller))

    def bulk(self, occasion: Occasion) -> Move:
        """Page after page of several services in a day, spread so that no quota is met at once."""
        caller = self._broad(occasion, 3)
        pages = scaled(occasion, _PERSONS // PAGE)
        room = occasion.day.start + DAY_US - MINUTE_US - occasion.start
        span = min(3 * HOUR_US, room)
        acts: list[tuple[int, object]] = []
        for page in range(pages + full(occasion)):
            item = ITEMS[page % 5]
            acts.append(
                (
                    occasion.start + page * span // (pages + 1),
                    Ask(
                        requester=caller.requester, service=item.service,
                        address=caller.addresses[1], rows=PAGE, page=page // 5 + 1,
                        matter=f"M-{item.code[2:]}", case="B000000001",
                    ),
                )
            )  # fmt: skip
        return Move(acts=acts, entities=_names(caller))

    def fetch_and_send(self, occasion: Occasion) -> Move:
        """At night pages of a file go to a front end, and a large archive goes out from it."""
        caller = self._narrow(occasion, 2)
        item, address = caller.items[1], caller.addresses[1]
        acts: list[tuple[int, object]] = []
        pages = scaled(occasion, _PAGES)
        for page in range(pages):
            ask = Ask(
                requester=caller.requester, service=item.service, address=address, rows=PAGE,
                page=page + 1, matter=f"M-{item.code[2:]}", case="B000000002",
            )  # fmt: skip
            acts.append((occasion.start + page * 20 * SECOND_US, ask))
        sent = _UPLOAD_BYTES * occasion.strength // 1000
        after = pages * 20 * SECOND_US + occasion.chance.randrange(5 * MINUTE_US, 20 * MINUTE_US)
        acts.append(
            (occasion.start + after, Flow(source=address, destination="203.0.113.77", sent=sent))
        )
        return Move(acts=acts, entities=(*_names(caller), address))

    def decoy(self, occasion: Occasion) -> Move:
        """Somebody goes through a list that holds decoys. Below: one that was taken back."""
        caller = self._narrow(occasion, 3)
        chosen = self._parties.decoys if full(occasion) else self._parties.old_decoys
        acts = []
        for step in range(events_of(occasion)):
            for number in (self._someone(occasion), chosen[(occasion.number * 3 + step) % 12]):
                at = occasion.start + len(acts) * 90 * SECOND_US
                acts.append((at, ask_for(occasion.chance, caller, number)))
        return Move(acts=acts, entities=_names(caller))

    def low_system(self, occasion: Occasion) -> Move:
        """Level 3 data for a system graded 2. Below: the one graded 3."""
        caller = self._broad(occasion, 0)
        places = [place for place, item in enumerate(ITEMS) if item.level >= 3]
        system = caller.low_system if full(occasion) else caller.system
        acts = []
        for step in range(events_of(occasion)):
            ask = ask_for(
                occasion.chance, caller, self._someone(occasion),
                item=occasion.chance.choice(places),
            )  # fmt: skip
            acts.append((occasion.start + step * 11 * MINUTE_US, replace(ask, system=system)))
        return Move(acts=acts, entities=(*_names(caller), system))

    def mosaic(self, occasion: Occasion) -> Move:
        """One family of facts after another about one person, under a matter nobody approved."""
        caller, number = self._broad(occasion, 5), self._quiet(occasion, 1)
        families = min(len(ITEMS), scaled(occasion, 6))
        acts = []
        for step in range(families):
            ask = ask_for(occasion.chance, caller, number, item=step)
            at = occasion.start + step * 5 * DAY_US // families
            acts.append((at, replace(ask, matter="M-00", case=f"X{occasion.number:06d}")))
        return Move(acts=acts, entities=(*_names(caller), number))

    def asked_by_many(self, occasion: Occasion) -> Move:
        """A name that is in everybody's mouth, looked up without any case."""
        number = self._quiet(occasion, 2)
        bodies = min(len(self._parties.broad), scaled(occasion, 5))
        callers = occasion.chance.sample(self._parties.broad, bodies)
        acts = [
            (
                occasion.start + step * 45 * MINUTE_US // bodies * 6,
                replace(ask_for(occasion.chance, caller, number, case=False), matter=JOINT),
            )
            for step, caller in enumerate(callers)
        ]
        names = [name for caller in callers for name in _names(caller)]
        return Move(acts=acts, entities=(number, *names))

    def script(self, occasion: Occasion) -> Move:
        """A script asks at the console as a clerk, at the pace of a clock."""
        clerks = [clerk for clerk in self._town.clerks if clerk.role == "back"]
        clerk = clerks[(occasion.number * 7 + 3) % len(clerks)]
        caller = self._parties.by_name[f"rid-{clerk.unit.short}-2"]
        return Move(
            acts=list(self._clicks(occasion, caller, clerk.user, clerk.address)),
            entities=(clerk.user, clerk.address, *_names(caller)),
        )

    def _clicks(
        self, occasion: Occasion, caller: Caller, user: str, address: str
    ) -> Iterator[tuple[int, object]]:
        at = occasion.start
        for place in range(scaled(occasion, 100) + full(occasion)):
            ask = ask_for(occasion.chance, caller, self._someone(occasion), item=place % 14)
            yield at, replace(ask, user=user, address=address)
            at += 3 * SECOND_US + occasion.chance.randrange(200_000)


def _names(caller: Caller) -> tuple[str, ...]:
    return (caller.requester, caller.unit.code, *caller.addresses)
