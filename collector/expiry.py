"""Expiry: lets the oldest segments of each chain go, one by one, once nothing keeps them.

A segment goes only when it is closed and not the newest, sound to its footer, past its class's
period by its receipt, taken in, indexed and judged, under no hold, and, of the control chain, when
every batch its records prove is gone. First the record in the control chain, then the tombstone,
each on stable storage; only then anything is taken away.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from collector import segmentfacts
from collector.control import SENSOR as CONTROL
from collector.control import ControlLog
from collector.removal import Removal, oldest_of
from collector.segmentfacts import SegmentFacts
from collector.state import kept
from collector.state.database import Database, ReadOnly
from collector.state.holds import Hold, Holds, covering
from crypto import sm2
from schema import log, segment, tombstone
from schema.disk import PosixDisk
from schema.errors import FengsuiError
from schema.ports import Clock
from schema.retention import CLASSES, Periods
from schema.times import DAY, to_text
from schema.tombstone import FORMAT, Tombstone

_logger = logging.getLogger(__name__)

Verdict = Literal["due", "young", "held", "newest", "needed", "proving", "unsound", "unknown"]
"""Why the oldest segment of a chain goes or stays."""

OPEN_MAX_US: Final = 31 * DAY
"""How long a segment may grow: what it holds stays so much longer than it must, at most."""

EVERYTHING: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Oldest:
    """What stands at the beginning of a chain, and whether it may go. Times microseconds UTC."""

    sensor: str
    segment: str
    first: int
    last: int
    """0 where it is the newest and still grows."""
    verdict: Verdict
    due_at: int = 0
    """When its class's period is over, 0 where that is not known."""
    holds: Sequence[Hold] = ()
    facts: SegmentFacts | None = None
    received_at: int = 0
    why: str = ""


class Looking:
    """Tells what may go; changes nothing."""

    def __init__(
        self,
        segments: Path,
        *,
        database: Database | ReadOnly,
        periods: Periods,
        needed: Callable[[str], int] = lambda _: EVERYTHING,
    ) -> None:
        """``needed`` is the last batch of a sensor that index and rules have both seen."""
        self._segments = segments
        self._database = database
        self._needed = needed
        self._holds = Holds(database)
        self._read: dict[str, tuple[str, int, SegmentFacts]] = {}
        """The oldest segment of each chain, read once: it may have to stay for years."""
        self.periods = periods

    def sensors(self) -> list[str]:
        """Every chain, the control chain last: it proves the others."""
        found = log.sensors(self._segments, PosixDisk())
        return sorted(found, key=lambda sensor: (sensor == CONTROL, sensor))

    def oldest(self, sensor: str, now: int) -> Oldest | None:
        """The oldest segment of a chain and whether it may go; None for a chain without one."""
        names = log.segment_names(self._segments / sensor, PosixDisk())
        if not names:
            return None
        name, first = names[0], segment.first_number(names[0])
        if len(names) == 1:
            return Oldest(sensor=sensor, segment=name, first=first, last=0, verdict="newest")
        last = segment.first_number(names[1]) - 1
        received_at = kept.received(self._database, sensor, last)
        if received_at is None:
            return Oldest(sensor=sensor, segment=name, first=first, last=last, verdict="unknown")
        earliest = min(self.periods.kept_until(one, received_at) for one in CLASSES)
        if earliest > now:
            return Oldest(
                sensor=sensor, segment=name, first=first, last=last, verdict="young",
                due_at=earliest, received_at=received_at,
            )  # fmt: skip
        return self._judged(sensor, name, last, received_at, now)

    def anything(self, now: int) -> bool:
        """Whether anything may go now."""
        found = (self.oldest(sensor, now) for sensor in self.sensors())
        return any(one is not None and one.verdict == "due" for one in found)

    def class_of(self, oldest: Oldest) -> str:
        """The class of that segment; empty where it still grows or cannot be read."""
        try:
            facts = oldest.facts or (
                self._facts(oldest.sensor, oldest.segment) if oldest.last else None
            )
        except FengsuiError:
            return ""
        return facts.kind.name if facts else ""

    def _judged(self, sensor: str, name: str, last: int, received_at: int, now: int) -> Oldest:
        first = segment.first_number(name)
        try:
            facts = self._facts(sensor, name)
        except FengsuiError as error:
            return Oldest(
                sensor=sensor, segment=name, first=first, last=last, verdict="unsound",
                received_at=received_at, why=str(error.args[0]),
            )  # fmt: skip
        due_at = self.periods.kept_until(facts.kind, received_at)
        # Both the time events tell and the time they came: a wrong clock hides nothing from a hold.
        spans = ((facts.first_at, facts.last_at), (received_at, received_at))
        in_force = self._holds.in_force()
        holds = [
            hold for hold in in_force if any(covering([hold], sensor, *span) for span in spans)
        ]
        verdict: Verdict = "due"
        if due_at > now:
            verdict = "young"
        elif facts.last.number != last:
            verdict = "unsound"
        elif holds:
            verdict = "held"
        elif last > min(self._needed(sensor), kept.taken(self._database, sensor)):
            verdict = "needed"
        elif not self._header_behind(sensor, name):
            verdict = "newest"
        elif sensor == CONTROL and self._proves(facts):
            verdict = "proving"
        return Oldest(
            sensor=sensor, segment=name, first=first, last=last, verdict=verdict, due_at=due_at,
            holds=holds, facts=facts, received_at=received_at,
        )  # fmt: skip

    def _header_behind(self, sensor: str, name: str) -> bool:
        """Whether a batch stands behind that segment: a crash may have left an empty file there."""
        folder = self._segments / sensor
        return any(
            segmentfacts.oldest_header(folder / other) is not None
            for other in log.segment_names(folder, PosixDisk())[-1:]
            if other != name
        )

    def _facts(self, sensor: str, name: str) -> SegmentFacts:
        path = self._segments / sensor / name
        size = path.stat().st_size
        known = self._read.get(sensor)
        if known is None or known[:2] != (name, size):
            known = (name, size, segmentfacts.read(path, self.periods))
            self._read[sensor] = known
        return known[2]

    def _proves(self, facts: SegmentFacts) -> bool:
        """Whether the control segment has a record of a batch that is still here.

        Receipts of a chain's newest segment do not count: it never goes, and its head is known.
        """
        gone = kept.numbers(self._database)
        newest = {
            sensor: segment.first_number(
                log.segment_names(self._segments / sensor, PosixDisk())[-1]
            )
            for sensor in self.sensors()
        }
        received = any(
            max(low, gone.get(sensor, 0) + 1) <= min(high, newest[sensor] - 1)
            for sensor, (low, high) in facts.received.items()
            if sensor in newest
        )
        return received or any(
            number > gone.get(sensor, 0)
            for sensor, number in facts.redacted_of.items()
            if sensor in newest
        )


class Expiry(Looking):
    """Lets segments go, and says so before it does. One caller at a time."""

    def __init__(
        self,
        segments: Path,
        *,
        database: Database,
        periods: Periods,
        needed: Callable[[str], int],
        control: ControlLog,
        key: sm2.PrivateKey,
        clock: Clock,
        removal: Removal,
        forgotten: Callable[[str, list[tuple[str, str]]], None] = lambda _sensor, _marks: None,
        close: Callable[[str], None] = lambda _: None,
    ) -> None:
        """``key`` is the collector's; ``forgotten`` hears which marks of a sensor went.

        ``close`` has the open segment of a chain closed by whoever writes it.
        """
        super().__init__(segments, database=database, periods=periods, needed=needed)
        self._state = database
        self._control = control
        self._key = key
        self._clock = clock
        self._removal = removal
        self._forgotten = forgotten
        self._close = close

    def look_over(self) -> None:
        """Once a day: note since when each chain is here, have segments closed that grow old.

        A segment that never fills would never be whole, and never go.
        """
        begins: dict[str, int] = {}
        for sensor in self.sensors():
            folder = self._segments / sensor
            names = log.segment_names(folder, PosixDisk())
            oldest = oldest_of(self._state, folder / names[0]) if names else None
            if oldest is None:
                continue
            begins[sensor] = oldest
            first = kept.received(self._state, sensor, segment.first_number(names[-1]))
            if first is not None and self._clock.now() - first > OPEN_MAX_US:
                self._close(sensor)
        kept.begins(self._state, begins)

    def run(self, *, by: str, stopped: Callable[[], bool] = lambda: False) -> list[Tombstone]:
        """Let everything go that may, oldest first; what went. Raises ``OSError``."""
        # What failed half way, on a full disk say, is ended first.
        self._removal.resume()
        gone: list[Tombstone] = []
        for sensor in self.sensors():
            while not stopped():
                found = self.oldest(sensor, self._clock.now())
                if found is None or found.verdict != "due" or found.facts is None:
                    break
                stone = self._expire(found, found.facts, by)
                if stone is None:
                    break
                gone.append(stone)
        return gone

    def _expire(self, oldest: Oldest, facts: SegmentFacts, by: str) -> Tombstone | None:
        """The tombstone; None for a segment that does not carry its chain on, which stays."""
        before = tombstone.read(self._segments / oldest.sensor).last
        stone = self._unsigned(oldest, facts, before, by)
        if not tombstone.follows(stone, before):
            _logger.warning("a segment does not expire: its chain is broken", extra={
                "sensor": oldest.sensor, "segment": facts.name,
            })  # fmt: skip
            return None
        self._record(stone)
        signed = tombstone.sign(stone, self._key)
        tombstone.append(self._segments / oldest.sensor, signed)
        self._forgotten(oldest.sensor, self._removal.finish(signed))
        self._read.pop(oldest.sensor, None)
        return signed

    def _unsigned(
        self, oldest: Oldest, facts: SegmentFacts, before: Tombstone | None, by: str
    ) -> Tombstone:
        months = self.periods.months[facts.kind.name]
        return Tombstone(
            format=FORMAT,
            realm=facts.last.realm,
            sensor=oldest.sensor,
            segment=facts.name,
            footer=facts.footer,
            first=facts.first.number,
            last=facts.last.number,
            first_enrolment=facts.first.enrolment,
            first_sequence=facts.first.first_sequence,
            previous=facts.first.previous,
            enrolment=facts.last.enrolment,
            next_sequence=facts.last.first_sequence + facts.last.count,
            hash=facts.hash,
            count=facts.count,
            events=(before.events if before else 0) + facts.count,
            redacted=facts.redacted,
            first_at=facts.first_at,
            last_at=facts.last_at,
            received_at=oldest.received_at,
            retention=facts.kind.name,
            expired_at=self._clock.now(),
            reason=f"{facts.kind.name}: {months} calendar months are over",
            by=by,
            key_id="",
            signature="",
        )

    def _record(self, stone: Tombstone) -> None:
        self._control.add(
            "segment_expired",
            sensor=stone.sensor,
            number=stone.last,
            events=stone.count,
            digest=stone.footer,
            reason=stone.reason,
            message=f"{stone.segment} of {stone.sensor}, batches {stone.first} to {stone.last}",
            at=stone.expired_at,
            labels={
                "segment": stone.segment,
                "first_batch": str(stone.first),
                "last_batch": str(stone.last),
                "first_event_at": to_text(stone.first_at),
                "last_event_at": to_text(stone.last_at),
                "retention": stone.retention,
                "by": stone.by,
            },
        )
        while self._control.flush():
            # All of it: the record must stand before the tombstone does.
            continue
