"""Facts: what rules hold events against, from the site's registers and indicator lists.

A register is read as it was known at the event's time; of the indicator lists the state that was
effective then. For the pipeline's thread, or one that replays.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import Final

from analytics.facts import ANSWERS_MAX, KINDS, RegisterFacts
from analytics.guards import Row
from analytics.judge import Watching
from analytics.memory import NEVER
from analytics.patterns import Absence
from analytics.replay import Watched
from analytics.roll import Row as Span
from analytics.ruleset import RuleSet
from collector.control import ControlLog
from collector.indicators.store import IndicatorStore
from collector.registers.store import RegisterStore
from schema.indicators import IndicatorSet
from schema.ports import Clock
from schema.registers import FOREVER, RegisterView
from schema.times import to_text

PASTS_MAX: Final = 4
"""Earlier states of the indicator lists kept in memory: events behind by a few lists only."""

BEGINS_MAX: Final = 1000
"""Earlier states of the indicator lists whose beginnings are known; of those before each time asked
about is looked up alone."""


class SiteFacts:
    """Registers and indicators of one site, as known at each event's time."""

    def __init__(self, registers: RegisterStore, indicators: IndicatorStore) -> None:
        self._registers = registers
        self._indicators = indicators
        self._current: IndicatorSet | None = None
        self._since = NEVER
        """From when on the current lists are effective."""
        self._begins: Sequence[int] = ()
        """From when on each of the newest lists was effective, newest first."""
        self._pasts: dict[int, IndicatorSet] = {}
        """Earlier lists by the time from which they were effective."""
        self._of_registers = RegisterFacts()
        self._clean: dict[tuple[str, str], None] = {}
        """(field, value) that no current indicator names at any time."""

    def known(self, register: str, time: int) -> bool:
        return self._told().known(register, time)

    def row(self, register: str, key: tuple[str, ...], time: int) -> Row | None:
        return self._told().row(register, key, time)

    def keys(self, register: str, time: int) -> Sequence[tuple[str, ...]]:
        return self._told().keys(register, time)

    def _told(self) -> RegisterFacts:
        """Registers as they are now."""
        view = self._registers.view()
        if self._of_registers.view is not view:
            self._of_registers = RegisterFacts(view)
        return self._of_registers

    def confidence(self, field: str, value: str, time: int) -> int | None:
        kind = KINDS.get(field)
        if kind is None:
            return None
        lists = self._lists(time)
        if lists is self._current and (field, value) in self._clean:
            return None
        found = lists.find(kind, value, time)
        if found is not None:
            return found.confidence_at(time)
        if lists is self._current and lists.find(kind, value, -NEVER) is None:
            if len(self._clean) >= ANSWERS_MAX:
                self._clean.clear()
            self._clean[field, value] = None
        return None

    def _lists(self, time: int) -> IndicatorSet:
        """The lists effective at that time."""
        view = self._indicators.view()
        if view is not self._current:
            self._current, self._since = view, self._indicators.state().effective_at
            self._clean.clear()
            self._pasts.clear()
            self._begins = [one.effective_at for one in self._indicators.states(BEGINS_MAX)]
        if time >= self._since:
            return view
        # By the lists' own beginning, so that it does not matter which event asks first.
        oldest = -NEVER if len(self._begins) < BEGINS_MAX else time
        begin = next((one for one in self._begins if one <= time), oldest)
        found = self._pasts.get(begin)
        if found is None:
            if len(self._pasts) >= PASTS_MAX:
                self._pasts.clear()
            found = self._pasts[begin] = self._indicators.as_of(begin)
        return found


class Knowing:
    """Tells a judge past this process of registers and lists whenever they are others."""

    def __init__(
        self, facts: SiteFacts, registers: RegisterStore, indicators: IndicatorStore
    ) -> None:
        self._facts = facts
        self._registers = registers
        self._indicators = indicators
        self._seen: tuple[RegisterView, IndicatorSet] | None = None

    def follow(self, engine: Watching) -> None:
        """Call behind intake, before what it took in is fed: nothing of it is then of a time at
        which something was known that the judge does not know.
        """
        seen = self._registers.view(), self._indicators.view()
        if self._seen is not None and all(map(operator.is_, self._seen, seen)):
            return
        engine.know(self._facts)
        self._seen = seen


def spans(view: RegisterView, register: str, known_at: int) -> Iterator[Span]:
    """The register's rows as the engine watches them, as known then."""
    for key, begin, end in view.spans(register, known_at):
        yield key, max(begin, -NEVER), min(end, NEVER)


def watched(registers: RegisterStore, rules: RuleSet) -> Iterator[Watched]:
    """Every version of the registers these rules watch, for a replay from the beginning."""
    view = registers.view()
    for register in _names(rules):
        for version in reversed(registers.versions(register)):
            if version.effective_at:
                rows = spans(view, register, version.effective_at)
                yield register, rows, version.effective_at


def _names(rules: RuleSet) -> list[str]:
    return sorted(
        {rule.pattern.register for rule in rules.rules if isinstance(rule.pattern, Absence)}
    )


class Rolls:
    """Tells the engine whom the registers hold that absence rules watch."""

    def __init__(self, registers: RegisterStore, *, control: ControlLog, clock: Clock) -> None:
        self._registers = registers
        self._control = control
        self._clock = clock
        self._seen: tuple[RegisterView, RuleSet] | None = None

    def resume(self, engine: Watching) -> None:
        """Make an engine that begins anew watch every version, since when each was in force."""
        for register, rows, effective_at in watched(self._registers, engine.ruleset):
            engine.watch(register, rows, effective_at)

    def follow(self, engine: Watching) -> None:
        """Make the engine watch the newest version of each register its rules name."""
        view, rules = self._registers.view(), engine.ruleset
        if self._seen is not None and self._seen[0] is view and self._seen[1] is rules:
            return
        for register in _names(rules):
            newest = max(
                (one.effective_at for one in self._registers.versions(register)), default=0
            )
            if newest and newest > engine.watched(register):
                since = max(newest, engine.free_from, self._clock.now())
                engine.watch(register, spans(view, register, FOREVER), since)
                self._control.add(
                    "register_watched",
                    reason=register,
                    at=self._clock.now(),
                    labels={"effective_at": to_text(since)},
                )
        self._seen = (view, rules)
