"""Ordinary days: the rush at nine, citizens in the evening, forgotten passwords, new phones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from district.calendar import MINUTE_US, OFFICE, PUBLIC, SECOND_US, Day
from district.deed import Deed
from district.identity.acts import (
    Act,
    Administer,
    BindDevice,
    Fail,
    Refresh,
    ResetPassword,
    SendCode,
    SignIn,
)
from district.identity.people import ADMINS, People

__all__ = ["NAME", "Ordinary", "deed"]

NAME: Final = "identity"
CITIZENS_A_DAY: Final = 220
MISTYPED: Final = 0.08
"""Share of log-ins before which a password was wrong."""
AFTER_HOLIDAY: Final = 3
"""So many times as often on the first day back."""
BY_CODE: Final = 0.35


def deed(at: int, act: object, system: str = NAME) -> Deed:
    """A deed of this system, unless of another."""
    return Deed(at=at, system=system, act=act)


class Ordinary:
    """What honest people do without anybody's looking."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._was_working = True

    def deeds(self, day: Day, chance: random.Random) -> Iterator[Deed]:
        """All of a day."""
        back = day.working and not self._was_working
        self._was_working = day.working
        for _ in range(day.count(chance, CITIZENS_A_DAY)):
            yield from self._citizen(day, chance)
        yield from self._staff(day, chance, wrong=MISTYPED * (AFTER_HOLIDAY if back else 1))
        for _ in range(day.count(chance, 3)):
            yield from self._forgotten(day, chance)
        if day.working:
            for _ in range(day.count(chance, 4)):
                citizen = chance.choice(self._people.citizens)
                act = Administer(
                    operator=chance.choice(ADMINS),
                    target=citizen.user,
                    address=self._people.admin_desk,
                    reset=chance.random() < 0.3,
                )
                yield deed(day.moment(chance, OFFICE), act)

    def _citizen(self, day: Day, chance: random.Random) -> Iterator[Deed]:
        who = self._people.citizen(chance.choice(self._people.citizens), chance)
        at = day.moment(chance, PUBLIC)
        if chance.random() < BY_CODE:
            yield deed(at, SendCode(who=who))
            if chance.random() < 0.1:
                yield deed(at + 65 * SECOND_US, SendCode(who=who))
                at += 65 * SECOND_US
            at += chance.randrange(12, 50) * SECOND_US
        elif chance.random() < MISTYPED:
            times = 1 if chance.random() < 0.8 else 2
            yield deed(at, Fail(who=who, times=times, every_us=9 * SECOND_US))
            at += 30 * SECOND_US
        session = f"{day.number}/{who.user}/{at}"
        pages = chance.randrange(1, 3)
        yield deed(at, SignIn(who=who, session=session, requests=pages))
        for number in range(chance.randrange(3)):
            again = at + (number + 1) * chance.randrange(4, 6) * MINUTE_US
            yield deed(again, Refresh(session=session, address=who.address))

    def _staff(self, day: Day, chance: random.Random, *, wrong: float) -> Iterator[Deed]:
        people = self._people
        for clerk in people.town.clerks:
            if chance.random() > (0.92 if day.working else 0.03):
                continue
            who = people.clerk(clerk, clerk.vpn if chance.random() < 0.08 else "")
            client, method = people.habit(clerk)
            at = day.moment(chance, OFFICE)
            if method != "certificate" and chance.random() < wrong:
                yield deed(at, Fail(who=who, client=client, times=chance.choice((1, 1, 2)),
                                    every_us=11 * SECOND_US))  # fmt: skip
                at += 45 * SECOND_US
            session = f"{day.number}/{who.user}"
            acts: list[tuple[int, Act]] = [
                (at, SignIn(who=who, client=client, method=method, session=session, requests=0))
            ]
            if chance.random() < 0.5:
                acts.append((at + chance.randrange(5, 90) * MINUTE_US,
                             SignIn(who=who, client="oa", requests=0)))  # fmt: skip
            for moment, act in acts:
                yield deed(moment, act)

    def _forgotten(self, day: Day, chance: random.Random) -> Iterator[Deed]:
        """Three wrong passwords, a reset, and in; or a new phone, without a reset."""
        who = self._people.citizen(chance.choice(self._people.citizens), chance)
        at = day.moment(chance, PUBLIC)
        if chance.random() < 0.5:
            yield deed(at, Fail(who=who, times=3, every_us=12 * SECOND_US))
            yield deed(at + 2 * MINUTE_US, ResetPassword(who=who))
        else:
            yield deed(at + 2 * MINUTE_US, BindDevice(who=who))
        yield deed(at + 5 * MINUTE_US, SignIn(who=who))
