"""Crew: carries the town's deeds out on what really runs, and gathers what servers wrote."""

from __future__ import annotations

import http.client
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from district.deed import Deed
from district.stream import Line, Sink
from district.system import System

from living.clock import Clock
from living.logs import RealLog
from living.part import Part

__all__ = ["Crew"]

FAILED_PERMILLE_MAX: Final = 1
"""Of deeds that could not be carried out at all; more of them, and the recording is not kept."""
_SETTLE_S: Final = 0.5
"""True time the servers have for their last lines of a day."""


class Crew:
    """Hands of the district (:class:`district.run.Hands`) while it is living."""

    def __init__(
        self, parts: Mapping[str, Part], logs: Iterable[RealLog], *, clock: Clock, sink: Sink
    ) -> None:
        self._parts, self._logs, self._clock, self._sink = parts, tuple(logs), clock, sink
        self.deeds: Counter[str] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        """True time spent, by system."""
        self.failures: Counter[str] = Counter()

    def perform(self, system: System, deed: Deed) -> Iterable[Deed]:
        """Carry it out; a deed whose server does not answer is counted, and nothing follows."""
        self._clock.begin(deed.at, deed.episode)
        part = self._parts.get(system.name)
        self.deeds[system.name] += 1
        begun = time.monotonic()
        try:
            return list((part or system).perform(deed))
        except (OSError, http.client.HTTPException, RuntimeError) as error:
            name = f"{system.name} {type(deed.act).__name__} {type(error).__name__}"
            self.failures[name] += 1
            if self.failures[name] <= 3:
                print(f"{name}: {error}", flush=True)
            return []
        finally:
            self.seconds[system.name] += time.monotonic() - begun

    def end_of_day(self) -> None:
        """Bring the real servers' lines of the day into the town's streams."""
        for part in self._parts.values():
            part.end_of_day()
        time.sleep(_SETTLE_S)
        for log in self._logs:
            for true_s, text in log.read():
                moment = self._clock.moment(true_s)
                self._sink.lines.append(
                    Line(moment.at, log.stream, log.stamped(text, moment.at), moment.episode)
                )

    def judge(self) -> None:
        """Raise RuntimeError where too much went wrong for the recording to be true."""
        failed, done = self.failures.total(), self.deeds.total()
        if failed * 1000 > done * FAILED_PERMILLE_MAX:
            raise RuntimeError(f"{failed} of {done} deeds failed: {dict(self.failures)}")
