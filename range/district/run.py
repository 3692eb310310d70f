"""Run: the town's days, deed by deed, and the lines they leave. No server is started."""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Final, Protocol

from district import director
from district.calendar import DAY_US, NEW_OFFICE, Day, days_from
from district.deed import Deed
from district.episode import Episode
from district.stream import Line, Sink, Statement, Stream
from district.system import Keyed, System, SystemMaker
from district.town import Town, Unit

__all__ = ["FIRST_DAY", "District", "Hands", "Today"]

FIRST_DAY: Final = dt.date(2026, 6, 22)
"""A Monday; a hundred days later the National Day holidays and a Saturday that is worked fall into
the measured days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """What one day left behind."""

    day: Day
    lines: Sequence[Line]
    """In time order."""
    statements: Sequence[Statement]
    """What became known in it."""
    episodes: Sequence[Episode]
    """Those that begin in it."""


_OPENS: Final = 7
"""Place of the unit that is new in that scenario: one among many, with clerks and programs."""


def _marks(unit: Unit, town: Town) -> tuple[str, ...]:
    """What a line of that unit shows: its network, its people, its programs and their addresses."""
    return (
        f"{unit.network}.",
        *(clerk.user for clerk in town.clerks_of(unit)),
        *(app.app for app in town.applications if app.unit is unit),
        *(address for app in town.applications if app.unit is unit for address in app.addresses),
    )


class Hands(Protocol):
    """Who carries deeds out."""

    def perform(self, system: System, deed: Deed) -> Iterable[Deed]:
        """Do it: lines into the sink. What follows later is returned."""

    def end_of_day(self) -> None:
        """A day's deeds are done: its last lines are due."""


class _InMemory:
    """The systems themselves, and no server."""

    def perform(self, system: System, deed: Deed) -> Iterable[Deed]:
        return system.perform(deed)

    def end_of_day(self) -> None:
        pass


class District:
    """A town with these systems, from a seed."""

    def __init__(
        self,
        makers: Sequence[SystemMaker],
        *,
        seed: int,
        volume: float = 1.0,
        warm_up: int = 100,
        measured: int = 28,
        first: dt.date = FIRST_DAY,
        scenario: str = "",
    ) -> None:
        self.town = Town(seed)
        self.sink = Sink()
        self.hands: Hands = _InMemory()
        """May be others from one day to the next."""
        self.systems = [make(self.town, self.sink) for make in makers]
        self._by_name = {system.name: system for system in self.systems}
        self.days = days_from(
            first, warm_up=warm_up, measured=measured, volume=volume, scenario=scenario
        )
        self._closed = _marks(self.town.units[_OPENS], self.town) if scenario == NEW_OFFICE else ()
        self._order = count()
        self._heap: list[tuple[int, int, Deed]] = []

    @property
    def streams(self) -> list[Stream]:
        """All logs of the town."""
        return [stream for system in self.systems for stream in system.streams]

    def statements(self, keyed: Keyed) -> list[Statement]:
        """What the registers hold before the first day."""
        return [one for system in self.systems for one in system.statements(self.days[0], keyed)]

    def run(self) -> Iterator[Today]:
        """Day after day."""
        attacks = list(director.plans(self.town, self.days, self.systems))
        for plan in attacks:
            self._plan(plan.deeds, plan.episode)
        beginning: dict[int, list[Episode]] = {day.number: [] for day in self.days}
        first = self.days[0].start
        for plan in attacks:
            beginning[(plan.episode.start - first) // DAY_US].append(plan.episode)
        for day in self.days:
            episodes = beginning[day.number]
            for system in self.systems:
                chance = self.town.chance("ordinary", system.name, day.number)
                self._plan(system.ordinary(day, chance), None)
                chance = self.town.chance("lookalikes", system.name, day.number)
                for plan in system.lookalikes(day, chance):
                    self._plan(plan.deeds, plan.episode)
                    episodes.append(plan.episode)
            self._live(day.start + DAY_US)
            self.hands.end_of_day()
            end = day.start + DAY_US
            statements, self.sink.statements = self.sink.statements, []
            lines = [line for line in self.sink.lines if line.at < end]
            # Of a deed at midnight: the rest of its lines are of the next day.
            self.sink.lines = [line for line in self.sink.lines if line.at >= end]
            if not day.measured and self._closed:
                lines = [line for line in lines if not self._of_closed(line)]
            lines.sort(key=lambda line: line.at)
            yield Today(day=day, lines=lines, statements=statements, episodes=episodes)

    def _of_closed(self, line: Line) -> bool:
        """Whether the line is of the unit that has not opened yet."""
        text = line.text if isinstance(line.text, str) else repr(line.text)
        return any(mark in text for mark in self._closed)

    def _plan(self, deeds: Iterable[Deed], episode: Episode | None) -> None:
        for deed in deeds:
            tagged = replace(deed, episode=episode.id) if episode else deed
            heapq.heappush(self._heap, (tagged.at, next(self._order), tagged))

    def _live(self, until: int) -> None:
        heap, sink, systems = self._heap, self.sink, self._by_name
        while heap and heap[0][0] < until:
            _, _, deed = heapq.heappop(heap)
            system = systems.get(deed.system)
            if system is None:
                continue
            sink.episode = deed.episode
            for more in self.hands.perform(system, deed):
                tagged = replace(more, episode=deed.episode) if deed.episode else more
                heapq.heappush(heap, (tagged.at, next(self._order), tagged))
        sink.episode = ""
