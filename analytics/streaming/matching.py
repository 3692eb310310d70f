"""Matching: the stage that reads one partition of what the collector accepted.

It holds each batch against the rules, and sends to every partition of the hits the rows of its
buckets, with the least promise of the sensors read here. What it finds depends on nothing but its
own partition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from analytics.coverage import Coverage
from analytics.keys.waiting import Row
from analytics.matcher import Counted, Found, Matcher
from analytics.memory import NEVER
from analytics.models.features import counted_of
from analytics.models.run import part_of
from analytics.streaming.artefacts import Library
from analytics.streaming.layout import Layout
from analytics.streaming.messages import Hits, Hours, encode, malformed, pack
from analytics.streaming.outbox import Outbox, Telling
from analytics.streaming.ruling import Ruling, RulingDump
from analytics.streaming.stage import Sent
from analytics.tide import BEGINNING, Tide, TideDump
from schema import feed, limits
from schema.bus import partition_of
from schema.errors import FengsuiError
from schema.feed import Adopt, Beat, Control, Exclude, Know, Readmit, Release, Require, Taken
from schema.times import SECOND

LOW_STEP_US: Final = SECOND // 4
"""A promise that grew by less is sent with the next rows: it would cost a message to everybody."""

_WHOLE: Final = limits.NUMBER_MAX
"""Stands for the last part of a batch."""

HEAD: Final = "head"
_SENSOR: Final = "sensor/"


class _Head(msgspec.Struct, frozen=True, array_like=True):
    tide: TideDump
    ruling: RulingDump
    control: int
    hits: list[int]
    hours: list[int]
    told: list[int]
    lows: list[int]


class Matching:
    """Reads partition ``number`` of the accepted lane."""

    def __init__(self, number: int, *, layout: Layout, library: Library, lateness_us: int) -> None:
        self._number = number
        self._layout = layout
        self._lateness = lateness_us
        self._coverage = Coverage()
        self._ruling = Ruling(library, lateness_us=lateness_us)
        self._matcher = Matcher(
            self._ruling.succession, divisions=layout.hits, coverage=self._coverage
        )
        self._tide = Tide(())
        self._cursors: dict[str, tuple[int, int]] = {}
        """(number of each sensor's last batch, its last part that was read or ``_WHOLE``)"""
        self._changed: dict[str, None] = {}
        """Sensors whose entry in the snapshot is to be written."""
        self._control = 0
        self._site = BEGINNING
        """How far the whole site stands: a sensor that is waited for again is so from here on."""
        self._hits = Outbox("hits", layout.hits)
        self._hours = Outbox("hours", 1)
        self._telling = Telling(f"accepted/{number}")
        self._lows = [NEVER] * (layout.hits + 1)
        """The promise each partition of the hits was last sent; then that of the hours."""

    def take(self, message: bytes) -> Sequence[Sent]:
        try:
            read = feed.decode(message)
            batch = feed.accepted(read) if isinstance(read, Taken) else None
        except FengsuiError as error:
            raise malformed(str(error)) from error
        if isinstance(read, Taken | Beat | Adopt):
            self._site = max(self._site, read.watermark)
        if isinstance(read, Taken) and batch is not None:
            self._check(batch.sensor)
            if not self._follows(read):
                return ()
            before = self._tide.low(batch.sensor)
            # Late is judged by the sensor's own promise, wherever the others stand.
            floor = before if before == BEGINNING else before - self._lateness
            found = self._matcher.take(
                batch, floor=floor, late_before=max(floor, self._tide.watermark)
            )
            self._cursors[batch.sensor] = batch.number, read.part if read.more else _WHOLE
            self._promise(batch.sensor, BEGINNING if read.more else batch.low_watermark)
            earliest = max(floor, min(batch.times, default=BEGINNING))
            return self._send(found, batch.sensor, earliest)
        if isinstance(read, Beat):
            self._check(read.sensor)
            self._promise(read.sensor, read.low_watermark)
            return self._send(Found(), read.sensor, NEVER)
        assert not isinstance(read, Taken)
        if read.number <= self._control:
            return ()
        self._obey(read)
        mark = read.number, feed.mark_of(message)
        return self._send(Found(), "", NEVER, (read,), mark)

    def _check(self, sensor: str) -> None:
        """Whether the writer places sensors as we do: nothing may be left out because it does not.

        Raises ``analytics.stream.partitions``.
        """
        place = partition_of(sensor, self._layout.accepted)
        if place != self._number:
            raise FengsuiError(
                "analytics.stream.partitions",
                f"{sensor[:80]!r} is in partition {self._number} and belongs into {place} of "
                f"{self._layout.accepted}: bus.partitions must be the same for centre and workers "
                "for the whole life of a prefix",
                partition=self._number,
            )

    def _follows(self, read: Taken) -> bool:
        """Whether a batch, or a part of one, is the next of its sensor; False for a repeat.

        Raises ``analytics.stream.gap``: what is missing would be missing from alerts in silence.
        """
        number, part = self._cursors.get(read.sensor, (0, 0))
        if (read.number, read.part) <= (number, part):
            return False
        wanted = read.before, _WHOLE if read.before else 0
        if read.part:
            wanted = read.number, read.part - 1
        if (number, part) < wanted:
            raise FengsuiError(
                "analytics.stream.gap",
                f"batches of {read.sensor[:80]} behind {number} and up to {wanted[0]} are missing: "
                "rebuild the analytics tier from the segments",
                sensor=read.sensor,
            )
        return True

    def _promise(self, sensor: str, low: int) -> None:
        self._tide.promise(sensor, low)
        self._changed[sensor] = None

    def _obey(self, control: Control) -> None:
        """Take a control message."""
        if control.number > self._control + 1:
            raise FengsuiError(
                "analytics.stream.gap",
                f"control messages {self._control + 1} to {control.number - 1} are missing: "
                "rebuild the analytics tier from the segments",
            )
        if isinstance(control, Adopt):
            self._ruling.adopt(control)
        elif isinstance(control, Know):
            self._matcher.facts = self._ruling.know(control.artefact)
        elif isinstance(control, Require | Readmit | Release | Exclude):
            self._wait_for(control)
        self._control = control.number

    def _wait_for(self, control: Require | Readmit | Release | Exclude) -> None:
        """Take a word on a sensor, if it is one that is read here."""
        sensor = control.sensor
        if partition_of(sensor, self._layout.accepted) == self._number:
            self._changed[sensor] = None
            if isinstance(control, Require):
                self._tide.require(sensor, control.since)
            elif isinstance(control, Readmit):
                self._tide.readmit(sensor, control.since)
            elif isinstance(control, Exclude):
                self._tide.exclude(sensor)
            else:
                self._tide.release(sensor)

    def _send(
        self,
        found: Found,
        sensor: str,
        earliest: int,
        controls: Sequence[Control] = (),
        mark: tuple[int, bytes] | None = None,
    ) -> Sequence[Sent]:
        self._tide.rise()
        low = self._tide.lowest(NEVER)
        begun = self._ruling.succession.take_begun()
        rows: dict[int, list[Row]] = {}
        for (_, division), some in found.rows.items():
            rows.setdefault(division, []).extend(some)
        for division in range(self._layout.hits):
            if division in rows or begun or controls or self._moved(division, low):
                self._send_hits(division, rows.get(division, []), low, earliest, begun, controls)
        self._send_hours(found.hours, sensor, low, controls)
        if controls or self._coverage:
            self._telling.tell(self._tide.watermark, coverage=self._coverage, control=mark)
        self._retire(low)
        return [*self._hits.take(), *self._hours.take(), *self._telling.take()]

    def _moved(self, place: int, low: int) -> bool:
        """Whether a promise is worth a message of its own."""
        before = self._lows[place]
        return low < before or low - before >= LOW_STEP_US

    def _send_hits(
        self,
        division: int,
        rows: Sequence[Row],
        low: int,
        earliest: int,
        begun: dict[str, int],
        controls: Sequence[Control],
    ) -> None:
        before, said = self._lows[division], list(controls)

        def make(number: int, some: Sequence[Row], last: bool) -> bytes:
            # A promise holds once all rows of before are there.
            return encode(
                Hits(
                    self._number,
                    number,
                    low if last else min(before, low),
                    earliest,
                    begun,
                    said if last else [],
                    pack(some, self._ruling.levels),
                )
            )

        self._hits.send(division, rows, make)
        self._lows[division] = low

    def _send_hours(
        self, events: Sequence[Counted], sensor: str, low: int, controls: Sequence[Control]
    ) -> None:
        place = self._layout.hits
        counts = any(one.counting for one in self._ruling.succession.generations)
        if not controls and not (counts and (events or self._moved(place, low))):
            return
        before, said = self._lows[place], list(controls)
        evaluators = self._ruling.succession.evaluators
        parts = {index: part_of(evaluators[index].rule) for index, *_ in events}
        numbers = {index: place for place, index in enumerate(parts)}

        def make(number: int, some: Sequence[Counted], last: bool) -> bytes:
            return encode(
                Hours(
                    self._number,
                    number,
                    low if last else min(before, low),
                    said if last else [],
                    sensor,
                    list(parts.values()),
                    [
                        (numbers[index], entity, counted_of(event), at[0], at[2], at[3])
                        for index, entity, event, at in some
                    ],
                )
            )

        self._hours.send(0, events, make)
        self._lows[place] = low

    def _retire(self, low: int) -> None:
        """Let go of rule sets: sensors waited for have promised, others come back no earlier."""
        through = min(low, self._site)
        if abs(through) < NEVER:
            self._ruling.succession.retire(through - self._lateness)

    def watermark(self) -> int | None:
        """What the sensors read here have promised; None before the first of them did."""
        found = self._tide.watermark
        return None if found <= BEGINNING else found

    def look(self, now: int) -> Sequence[Sent]:
        del now
        return ()

    def snapshot(self) -> Mapping[str, bytes]:
        tide = self._tide.dump()
        head = _Head(
            TideDump({}, tide.excluded, tide.watermark, tide.required),
            self._ruling.dump(),
            self._control,
            list(self._hits.numbers),
            list(self._hours.numbers),
            list(self._telling.numbers),
            list(self._lows),
        )
        entries = self._ruling.succession.snapshot()
        for sensor in self._changed:
            place = *self._cursors.get(sensor, (0, 0)), self._tide.low(sensor)
            entries[_SENSOR + sensor] = msgspec.msgpack.encode(place)
        self._changed.clear()
        entries[HEAD] = msgspec.msgpack.encode(head)
        return entries

    def restore(self, entries: Mapping[str, bytes]) -> None:
        """Take over a snapshot; raises ``msgspec.DecodeError`` and ``ValueError``."""
        if HEAD not in entries:
            return
        head = msgspec.msgpack.decode(entries[HEAD], type=_Head)
        if len(head.hits) != self._layout.hits:
            raise ValueError(
                f"it is of {len(head.hits)} partitions of the hits, not {self._layout.hits}"
            )
        lows: dict[str, int] = {}
        for name, raw in entries.items():
            if name.startswith(_SENSOR):
                sensor = name.removeprefix(_SENSOR)
                number, part, low = msgspec.msgpack.decode(raw, type=tuple[int, int, int])
                lows[sensor] = low
                if number:
                    self._cursors[sensor] = number, part
        self._tide.restore(msgspec.structs.replace(head.tide, lows=lows))
        self._matcher.facts = self._ruling.restore(head.ruling, entries)
        self._matcher.forget()
        self._control, self._lows = head.control, list(head.lows)
        self._hits.numbers, self._hours.numbers = list(head.hits), list(head.hours)
        self._telling.numbers = list(head.told)
