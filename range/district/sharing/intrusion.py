"""Intrusion: attacks by those who may not call the exchange at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from district.calendar import MINUTE_US, SECOND_US
from district.sharing.acts import CallBack, Replay, Visit
from district.sharing.catalogue import HIDDEN, LATER, OLD
from district.sharing.days import BUSY_CITIZENS, ask_for
from district.sharing.gateway import SEARCH
from district.sharing.moves import Move, events_of, full, scaled
from district.sharing.parties import Caller, Parties
from district.system import Occasion
from district.town import Clerk, Town

__all__ = ["Intrusion"]

_WORDS: Final = (
    "query", "data", "list", "get", "find", "all", "person", "people", "citizen", "idcard",
    "family", "house", "car", "school", "police", "bank", "phone", "photo", "face", "finger",
    "court", "land", "work", "pension", "doctor", "drug", "child", "birthday", "death", "travel",
    "hotel", "train", "export", "download", "backup", "sync", "push", "pull", "batch", "file",
)  # fmt: skip
_DEBUG: Final = ("/actuator/env", "/druid/index.html", "/swagger-ui.html", "/v2/api-docs")
_INSIDE: Final = (
    ("http://169.254.169.254/latest/meta-data/", "169.254.169.254"),
    ("http://127.0.0.1:8080/admin/keys", "127.0.0.1"),
    ("http://db.share.example:5432/", "10.30.1.40"),
)
_TRIED: Final = ("%27+or+%271%27%3D%271", "%27+and+sleep(3)--", "%27%20or%201%3D1")
_DUMP: Final = "name=x%27+union+all+select+name,id_no,phone+from+person--"


class Intrusion:
    """Each method is one use case."""

    def __init__(self, town: Town, parties: Parties) -> None:
        self._town = town
        self._parties = parties

    def _caller(self, occasion: Occasion, shift: int) -> Caller:
        return self._parties.narrow[(occasion.number * 4 + shift) % len(self._parties.narrow)]

    def _desk(self, occasion: Occasion) -> Clerk:
        """A machine at a desk, taken over; its unit goes out by one address."""
        return occasion.chance.choice(self._town.clerks)

    def _someone(self, occasion: Occasion) -> str:
        return self._town.citizens[occasion.chance.randrange(BUSY_CITIZENS)].number

    def bad_signatures(self, occasion: Occasion) -> Move:
        """Somebody has the name of an application and guesses at its key."""
        caller, desk = self._caller(occasion, 0), self._desk(occasion)
        acts = []
        for step in range(scaled(occasion, 10)):
            ask = ask_for(occasion.chance, caller, self._someone(occasion))
            wrong = replace(ask, address=desk.address, wrong_key=True)
            acts.append((occasion.start + step * 8 * SECOND_US, wrong))
        return Move(acts=acts, entities=(*_names(caller), desk.address))

    def replay(self, occasion: Occasion) -> Move:
        """A request is caught on its way and sent again. Below: the library's own second try."""
        caller, desk = self._caller(occasion, 1), self._desk(occasion)
        acts: list[tuple[int, object]] = []
        for step in range(events_of(occasion)):
            at, keep = occasion.start + step * 13 * MINUTE_US, f"DX03/{occasion.number}/{step}"
            ask = ask_for(occasion.chance, caller, self._someone(occasion))
            address = ask.address
            after = 4 * SECOND_US
            if full(occasion):
                after = occasion.chance.choice((20, 95, 240, 400)) * SECOND_US
                # From elsewhere, or from a neighbour behind the same address.
                elsewhere = after < MINUTE_US or occasion.number % 2
                address = desk.address if elsewhere else address
            acts.append((at, replace(ask, keep=keep)))
            acts.append((at + after, Replay(keep=keep, address=address)))
        return Move(acts=acts, entities=(*_names(caller), desk.address))

    def stolen_key(self, occasion: Occasion) -> Move:
        """A key from a repository, used at a desk. Below: on the application's other server."""
        caller, desk = self._caller(occasion, 2), self._desk(occasion)
        address = desk.address if full(occasion) else caller.addresses[1]
        acts = [
            (
                occasion.start + step * 3 * MINUTE_US,
                replace(ask_for(occasion.chance, caller, self._someone(occasion)), address=address),
            )
            for step in range(events_of(occasion))
        ]
        return Move(acts=acts, entities=(*_names(caller), address))

    def hidden_interface(self, occasion: Occasion) -> Move:
        """One that nobody listed, or the first version that everybody left. Below: a listed one."""
        desk = self._desk(occasion)
        if not full(occasion):
            path = LATER[0]
        elif occasion.number % 2:
            path = OLD[occasion.number % len(OLD)]
        else:
            path = HIDDEN[occasion.number % len(HIDDEN)]
        acts = [
            (
                occasion.start + step * MINUTE_US,
                Visit(address=desk.address, agent=desk.agent, uri=f"{path}?page={step + 1}"),
            )
            for step in range(events_of(occasion))
        ]
        return Move(acts=acts, entities=(path, desk.address))

    def probing(self, occasion: Occasion) -> Move:
        """Words of a list behind the path of the interfaces, from behind an office's address."""
        desk = self._desk(occasion)
        count = scaled(occasion, 30)
        paths = [
            f"/share/v{1 + place // len(_WORDS)}/{_WORDS[place % len(_WORDS)]}"
            for place in range(count)
        ]
        if full(occasion):
            paths += _DEBUG
        step = 280 * SECOND_US // max(40, len(paths))
        acts = [
            (
                occasion.start + place * step,
                Visit(address=desk.unit.exit, agent=desk.agent, uri=path),
            )
            for place, path in enumerate(paths)
        ]
        return Move(acts=acts, entities=(desk.unit.exit,))

    def injection(self, occasion: Occasion) -> Move:
        """Quotes in the search until it fails, or a union that returns the table."""
        desk = self._desk(occasion)
        acts: list[tuple[int, object]] = []
        count = scaled(occasion, 3)
        for step in range(count * 2 if full(occasion) else count):
            uri = f"{SEARCH}?name={_TRIED[step % len(_TRIED)]}&n={step}"
            acts.append(
                (
                    occasion.start + step * 6 * SECOND_US,
                    Visit(address=desk.address, agent=desk.agent, uri=uri),
                )
            )
        if full(occasion) and occasion.number % 2:
            acts = [
                (
                    occasion.start + step * 9 * SECOND_US,
                    Visit(address=desk.address, agent=desk.agent, uri=f"{SEARCH}?{_DUMP}{step}"),
                )
                for step in range(events_of(occasion))
            ]
        return Move(acts=acts, entities=(desk.address,))

    def call_back_inside(self, occasion: Occasion) -> Move:
        """A call-back address that leads inside. Below: to the application's own server."""
        caller = self._caller(occasion, 3)
        acts: list[tuple[int, object]] = []
        for step in range(events_of(occasion)):
            url, address = _INSIDE[(occasion.number + step) % len(_INSIDE)]
            if not full(occasion):
                address = caller.addresses[0]
                url = f"http://{address}:9000/done"
            acts.append(
                (
                    occasion.start + step * 50 * SECOND_US,
                    CallBack(requester=caller.requester, url=url, address=address),
                )
            )
        return Move(acts=acts, entities=_names(caller))


def _names(caller: Caller) -> tuple[str, ...]:
    return (caller.requester, caller.unit.code, *caller.addresses)
