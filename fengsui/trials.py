"""Trials: rules over the stored events of a folder, beside the platform or without one.

Nothing of the folder is changed: a trial reads segments and the state of record, and what it finds
is printed. Only that it took place is kept, by whoever owns the folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from analytics import replay, ruleset
from analytics.authoring import backtest
from analytics.authoring.backtest import Change, Result
from analytics.replay import Standing
from analytics.rule import Rule
from analytics.ruleset import RuleSet
from collector.history import History
from collector.indicators.store import IndicatorStore
from collector.registers import description
from collector.registers.store import RegisterStore
from collector.state.database import ReadOnly
from collector.state.switches import Switches
from fengsui import facts
from fengsui.clock import SystemClock
from fengsui.facts import SiteFacts
from fengsui.folder import DataFolder
from fengsui.rulebook import Rulebook
from fengsui.training import ChildTrainer
from schema.alert import Alert
from schema.errors import FengsuiError
from schema.event import AcceptedBatch
from schema.times import DAY, HOUR, MINUTE, SECOND, ZONE, to_text

_UNITS: Final = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What rules decide over a stretch of stored events."""

    alerts: list[Alert]
    """Final alerts decided inside the stretch, by time."""
    events: int
    until: int
    """Event time of the newest event read."""


@dataclass(frozen=True, slots=True)
class Known:
    """What rules hold events against."""

    registers: RegisterStore
    facts: SiteFacts


@contextmanager
def known(folder: DataFolder) -> Iterator[Known]:
    """The registers and indicators of a folder, to be read only."""
    state = ReadOnly(folder.state)
    try:
        own = description.load(folder.root / description.OWN_FOLDER)
        registers = RegisterStore(state, own, clock=SystemClock())
        indicators = IndicatorStore(state, clock=SystemClock())
        yield Known(registers, SiteFacts(registers, indicators))
    finally:
        state.close()


@contextmanager
def history(folder: DataFolder) -> Iterator[History]:
    """The stored events of a folder; raises ``fengsui.folder.stateless``."""
    folder.must_exist()
    state = ReadOnly(folder.state)
    try:
        yield History(folder.segments, state)
    finally:
        state.close()


def find(
    stored: History,
    rules: RuleSet,
    since: int,
    *,
    watched: Mapping[str, Set[str]] | None = None,
    known: Known | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Found:
    """What the rules decide from ``since`` on, of events from as far before as they look back.

    Raises ``fengsui.replay.stopped`` between two batches once ``stopped`` says so, and
    ``fengsui.replay.expired`` where events it would need are gone.
    """
    begin = since - replay.reach_us(rules)
    check_kept(stored, begin)
    standing, counted = Standing(), _Counted(stopped)
    sources = {
        sensor: counted.through(stored.batches(sensor, begin), since) for sensor in stored.sensors()
    }
    if sources:
        train = ChildTrainer().train
        for output in replay.run(
            rules,
            sources,
            train=train,
            facts=known.facts if known else None,
            watched=watched,
            registers=facts.watched(known.registers, rules) if known else (),
        ):
            standing.take(output)
    alerts = [alert for alert in standing.alerts.values() if since <= alert.decided_at]
    alerts.sort(key=lambda alert: (alert.decided_at, alert.id))
    return Found(alerts=alerts, events=counted.events, until=counted.newest)


def within(stored: History, rules: RuleSet, since: int) -> RuleSet:
    """Of the rules those that can be judged from ``since`` on by what the log still holds.

    A rule that looks back further is left as it stands, and where there is one so are the rules on
    alerts, which may read it. Raises ``fengsui.replay.expired`` where none can be judged.
    """
    _, gone_to = _gone(stored)
    near = [rule for rule in rules.rules if since - replay.reach_of_us(rule) > gone_to]
    if len(near) == len(rules.rules):
        return rules
    kept = {rule.id for rule in near if rule.level == 0}
    if not kept:
        nearest = min(rules.rules, key=replay.reach_of_us)
        check_kept(stored, since - replay.reach_of_us(nearest))
    return rules.only(kept)


def _gone(stored: History) -> tuple[str, int]:
    """The sensor whose events are gone up to the latest time, and that time."""
    return max(stored.expired_to().items(), key=lambda item: (item[1], item[0]), default=("", 0))


def check_kept(stored: History, begin: int) -> None:
    """Raise ``fengsui.replay.expired`` where events from that time on may be gone.

    What is left would be judged as if it were all: alerts would be withdrawn for want of events.
    """
    sensor, gone_to = _gone(stored)
    if sensor and begin <= gone_to:
        raise FengsuiError(
            "fengsui.replay.expired",
            f"events of {sensor} up to {to_text(gone_to)} have expired, and these rules look back "
            f"to {to_text(begin)}: begin at least {(gone_to - begin) // DAY + 1} days later",
            sensor=sensor,
        )


class _Counted:
    """Counts what passes."""

    def __init__(self, stopped: Callable[[], bool]) -> None:
        self._stopped = stopped
        self.events = 0
        self.newest = 0

    def through(self, batches: Iterator[AcceptedBatch], since: int) -> Iterator[AcceptedBatch]:
        """The same batches."""
        for batch in batches:
            if self._stopped():
                raise FengsuiError(
                    "fengsui.replay.stopped", "the platform stops: start it and replay again"
                )
            self.events += sum(time >= since for time in batch.times)
            self.newest = max(self.newest, max(batch.times, default=0))
            yield batch


def read_rule(path: Path) -> Rule:
    """The rule of a file beside the rulebook; raises ``analytics.rule.refused`` with its name."""
    # pySigma is only needed where a file was named.
    from analytics.language.compiler import compile_file

    try:
        return compile_file(path.read_bytes(), "tried")
    except OSError as error:
        raise FengsuiError(
            "fengsui.rule.unreadable",
            f"{path} cannot be read ({error.strerror}): name a rule file, or a rule by its id",
            path=str(path),
        ) from error
    except FengsuiError as error:
        raise FengsuiError(error.code, f"{path}: {error.args[0]}", path=str(path)) from error


def backtest_rule(
    stored: History,
    rule: Rule,
    since: int,
    *,
    against: Rule | None = None,
    known: Known | None = None,
) -> Result:
    """What a rule finds from ``since`` on, and how another form of it differs."""
    found = find(stored, ruleset.of([rule]), since, known=known)
    before = None
    if against is not None:
        before = find(stored, ruleset.of([against]), since, known=known).alerts
    gained = backtest.only_in(found.alerts, before) if before is not None else []
    lost = backtest.only_in(before, found.alerts) if before is not None else []
    return Result(
        rule_id=rule.id,
        version=rule.version,
        since=to_text(since),
        until=to_text(max(found.until, since)),
        events=found.events,
        alerts=len(found.alerts),
        days=backtest.days(found.alerts, before),
        entities=backtest.busiest(found.alerts),
        gained=_changes(gained),
        lost=_changes(lost),
        gained_count=None if before is None else len(gained),
        lost_count=None if before is None else len(lost),
    )


def _changes(alerts: list[Alert]) -> tuple[Change, ...]:
    return tuple(
        Change(entity=alert.entity, decided_at=to_text(alert.decided_at), events=len(alert.events))
        for alert in alerts[: backtest.SHOWN_MAX]
    )


@contextmanager
def rulebook(folder: DataFolder) -> Iterator[Rulebook]:
    """The rules of a folder, to be looked at only."""
    folder.must_exist()
    state = ReadOnly(folder.state)
    try:
        yield Rulebook(folder, Switches(state), SystemClock())
    finally:
        state.close()


def named_rule(folder: DataFolder, name: str) -> Rule:
    """A rule by its id, or the one of a file; raises ``fengsui.rule.unknown``."""
    if Path(name).suffix in (".yml", ".yaml"):
        return read_rule(Path(name))
    with rulebook(folder) as book:
        return book.find(name).rule


def since_us(text: str, now: int) -> int:
    """Microseconds UTC of ``7d`` ago, of a day in the east-eighth zone, or of a full time.

    Raises ``fengsui.time.malformed``.
    """
    try:
        if found := re.fullmatch(r"([1-9]\d{0,4})([smhd])", text):
            return now - int(found[1]) * _UNITS[found[2]]
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            day = datetime.fromisoformat(text).replace(tzinfo=ZONE)
            return int(day.timestamp()) * SECOND
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZONE)
        return int(moment.timestamp()) * SECOND
    except (ValueError, OverflowError) as error:
        raise FengsuiError(
            "fengsui.time.malformed",
            f"{text[:40]!r} is no time: write 7d, 12h, 30m, 2026-11-01 or 2026-11-01T08:00:00Z",
        ) from error


def past_us(text: str, now: int) -> int:
    """As :func:`since_us`, of a time that has been; raises ``fengsui.time.ahead``."""
    moment = since_us(text, now)
    if moment > now:
        raise FengsuiError(
            "fengsui.time.ahead", f"{text[:40]} is still to come: nothing is stored from then on"
        )
    return moment
