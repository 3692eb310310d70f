"""Feeder: hands accepted batches, heartbeats and control to the analytics tier, in one true order.

Nothing is taken for handed on but what the bus acknowledged. Of one sensor a batch is sent only
once the one before is acknowledged, a heartbeat only behind all its batches, and control only
behind everything; so a send that failed half is sent again whole, and whoever heard a part of it
changes nothing. Control stands in the state of record before it is sent.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Final

import msgspec

from analytics.engine import BEGINNING
from analytics.guards import Facts
from analytics.memory import NEVER
from analytics.roll import Row
from analytics.ruleset import RuleSet
from collector.state.outbox import Outbox, Waiting
from fengsui.centre import head as heads
from fengsui.centre.head import Head
from fengsui.centre.hops import Hops
from fengsui.centre.layout import Layout
from schema import artefact, feed
from schema.bus import BusWriter, Place
from schema.errors import FengsuiError
from schema.event import AcceptedBatch
from schema.feed import Control

_logger = logging.getLogger(__name__)

HEAD: Final = "feeder"
"""The entry of the snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codecs:
    """The bytes in which rules, registers and facts travel."""

    ruleset: Callable[[RuleSet], bytes]
    rows: Callable[[Iterable[Row]], bytes]
    facts: Callable[[Facts], bytes]


class Feeder:
    """The one writer of ``accepted`` and ``artefacts``; for the pipeline's thread."""

    def __init__(
        self,
        writer: BusWriter,
        layout: Layout,
        outbox: Outbox,
        *,
        codecs: Codecs,
        rules: RuleSet,
        since: int,
        snapshot: Mapping[str, bytes],
        hops: Hops,
    ) -> None:
        """As a snapshot left it; other rules than it had follow from ``since`` on.

        Raises ``fengsui.feeder.snapshot`` and ``OSError``.
        """
        self._writer = writer
        self._layout = layout
        self._outbox = outbox
        self._codecs = codecs
        self._hops = hops
        self._waiting: dict[str, deque[AcceptedBatch]] = {}
        """Batches that are not acknowledged yet, by sensor."""
        self._beats: dict[str, int] = {}
        """Low watermarks that are not sent yet."""
        self._control = deque(outbox.waiting())
        """Control that is not acknowledged yet."""
        self._number = outbox.last()
        self._head = heads.decode(snapshot.get(HEAD))
        self.cursors: dict[str, int] = dict(self._head.cursors)
        self.newest = self._head.newest
        self.ruleset = rules
        if self._head.rules != rules.digest:
            first = not self._head.rules
            self._adopt(rules, BEGINNING if first else max(since, self.free_from))

    @property
    def acknowledged(self) -> Mapping[str, int]:
        """Number of each sensor's last batch that the bus has for certain."""
        return self._head.cursors

    @property
    def watermark(self) -> int:
        """The least of the low watermarks written: no partition of the bus is behind it."""
        return self._head.watermark

    @property
    def required(self) -> Set[str]:
        """Sensors the rules wait for."""
        return set(self._head.required)

    @property
    def excluded(self) -> Set[str]:
        """Of those, who is not waited for at present."""
        return set(self._head.excluded)

    @property
    def free_from(self) -> int:
        """The first time from which other rules, or another register version, may take effect."""
        judged = max(self.newest, self.watermark) if self.watermark < NEVER else self.newest
        return max(judged, self.watermark, self._head.spoken_for) + 1

    def watched(self, register: str) -> int:
        """From when on the newest version sent is in force."""
        return self._head.watched.get(register, BEGINNING)

    def holding(self) -> str | None:
        """The sensor whose low watermark is the least."""
        head = self._head
        return min(head.waited_for, key=lambda name: (head.low(name), name), default=None)

    def feed(self, batch: AcceptedBatch) -> None:
        """Take a batch to be sent by the next :meth:`deliver`."""
        if batch.number <= self.cursors.get(batch.sensor, 0):
            return
        self._waiting.setdefault(batch.sensor, deque()).append(batch)
        self.cursors[batch.sensor] = batch.number
        self.newest = max(self.newest, max(batch.times, default=BEGINNING))

    def heartbeat(self, sensor: str, low_watermark: int) -> None:
        """Take an idle sensor's word; the greatest of those not yet sent is sent."""
        known = max(self._head.low(sensor), self._beats.get(sensor, BEGINNING))
        if low_watermark > known:
            self._beats[sensor] = low_watermark

    def require(self, sensor: str, since: int) -> None:
        """Have the rules wait for this sensor too, from that event time on.

        Or from a later one, to which what is sent before it carries the rules.
        """
        self.deliver()
        since = max(since, self.watermark)
        head = self._head.requiring(sensor, since)
        self._add(lambda number: feed.Require(number, sensor, since), head)

    def release(self, sensor: str) -> None:
        """Have the rules forget that the sensor was required."""
        self.deliver()
        head = self._head.releasing(sensor)
        self._add(lambda number: feed.Release(number, sensor, head.until), head)

    def exclude(self, sensor: str) -> None:
        """Have the rules wait for this sensor no longer."""
        self.deliver()
        head = self._head.excluding(sensor)
        self._add(lambda number: feed.Exclude(number, sensor, head.until), head)

    def readmit(self, sensor: str, since: int) -> None:
        """Have the rules wait for this sensor again, from then on as for :meth:`require`."""
        self.deliver()
        since = max(since, self.watermark)
        head = self._head.readmitting(sensor, since)
        self._add(lambda number: feed.Readmit(number, sensor, since), head)

    def adopt(self, ruleset: RuleSet, since: int) -> None:
        """Have events from that time on judged by another rule set.

        Raises ``analytics.engine.rules_late`` as the engine does.
        """
        self.deliver()
        if since < self.free_from:
            raise FengsuiError(
                "analytics.engine.rules_late",
                "what is of that time was judged by the rules before: name a later one",
                since=since,
            )
        self._adopt(ruleset, since)

    def _adopt(self, ruleset: RuleSet, since: int) -> None:
        raw = self._codecs.ruleset(ruleset)
        name, watermark = artefact.digest_of(raw), self.watermark
        self._add(
            lambda number: feed.Adopt(number, ruleset.digest, name, since, watermark),
            msgspec.structs.replace(self._head, rules=ruleset.digest, adopted=since),
            raw,
        )
        self.ruleset = ruleset

    def watch(self, register: str, rows: Iterable[Row], effective_at: int) -> None:
        """Say whom a register holds from that time on.

        Raises ``analytics.engine.register_late`` as the engine does.
        """
        self.deliver()
        head = self._head
        before = max(head.watermark, head.adopted, self.watched(register))
        if effective_at <= before and before > BEGINNING:
            raise FengsuiError(
                "analytics.engine.register_late",
                "silence of that time was judged by the version before: name a later one",
                register=register,
            )
        raw = self._codecs.rows(rows)
        self._add(
            lambda number: feed.Watch(number, register, artefact.digest_of(raw), effective_at),
            msgspec.structs.replace(
                head,
                watched={**head.watched, register: effective_at},
            ),
            raw,
        )

    def know(self, facts: Facts) -> None:
        """Send registers and lists as they are now, where they are others than those sent."""
        raw = self._codecs.facts(facts)
        digest = artefact.digest_of(raw)
        if digest == self._head.facts:
            return
        self.deliver()
        self._add(
            lambda number: feed.Know(number, digest),
            msgspec.structs.replace(self._head, facts=digest),
            raw,
        )

    def end(self) -> None:
        """Say that a replay is over: everything that waits is released."""
        self.deliver()
        head = self._head
        if head.watermark >= NEVER:
            return
        deadlines = max(self.newest, head.watermark, head.lowest())
        self._add(
            lambda number: feed.End(number, deadlines),
            msgspec.structs.replace(head, watermark=NEVER),
        )
        self.deliver()

    def know_again(self, number: int, mark: bytes) -> None:
        """Take it that the rules have taken control of that number and mark.

        Raises ``fengsui.feeder.another`` where it is not ours: whoever wrote it was believed, and
        what is written here under that number is not.
        """
        message = self._outbox.message(number)
        if message is None or feed.mark_of(message) != mark:
            raise FengsuiError(
                "fengsui.feeder.another",
                f"the workers have taken control {number} of another writer: another centre runs "
                f"on bus.prefix {self._layout.prefix}, or this folder is an older copy of the one "
                "that did. Run one centre only; then go through `fengsui migrate` to embedded and "
                "to distributed with another bus.prefix",
                number=number,
            )

    def deliver(self) -> None:
        """Return once everything taken so far is acknowledged.

        Raises ``schema.bus.*``; what was not acknowledged is kept and sent by the next call.
        """
        try:
            self._deliver()
        finally:
            waiting = sum(map(len, self._waiting.values()))
            self._hops.lag("accepted", waiting)
            self._hops.lag("control", len(self._control))

    def _deliver(self) -> None:
        while self._control:
            self._publish(self._control[0])
            self._control.popleft()
        self._foresee()
        while self._waiting:
            wave = [batches[0] for batches in self._waiting.values()]
            for batch in wave:
                place = self._layout.of_sensor("accepted", batch.sensor)
                before = self._head.cursors.get(batch.sensor, 0)
                for raw in feed.encode_parts(feed.taken(batch, self.watermark, before=before)):
                    self._send(place, batch.sensor.encode(), raw)
            self._flush()
            for batch in wave:
                self._acknowledged(batch)
        if self._beats:
            for sensor, low in self._beats.items():
                message = feed.encode(feed.Beat(sensor, low, self.watermark))
                self._send(self._layout.of_sensor("accepted", sensor), sensor.encode(), message)
            self._flush()
            self._head = self._head.promised(self._beats)
            self._beats = {}

    def _foresee(self) -> None:
        """Keep how far what is sent now may carry the rules, before any of it is sent.

        A crash must not leave a writer that names times the rules have long passed.
        """
        ahead = self._head.promised(self._beats)
        for sensor, batches in self._waiting.items():
            ahead = ahead.promised({sensor: max(one.low_watermark for one in batches)})
        watermark = ahead.risen().watermark
        if watermark > self._head.watermark or self.newest > self._head.newest:
            self._head = msgspec.structs.replace(
                self._head, watermark=watermark, newest=self.newest
            )
            self._outbox.keep(self.snapshot())

    def _acknowledged(self, batch: AcceptedBatch) -> None:
        batches = self._waiting[batch.sensor]
        batches.popleft()
        if not batches:
            del self._waiting[batch.sensor]
        self._head = self._head.acknowledged(batch)
        self._hops.add("sent", "accepted")
        self._hops.add("events", "accepted", len(batch.ids))

    def _add(self, control: Callable[[int], Control], head: Head, raw: bytes = b"") -> None:
        """Keep control before anything of it is sent; ``head`` is how things stand behind it.

        Raises ``schema.artefact.too_large``: what is kept is sent before anything else.
        """
        artefact.parts_of(raw)
        number = self._number + 1
        waiting = Waiting(number=number, message=feed.encode(control(number)), artefact=raw)
        head = msgspec.structs.replace(head.risen(), newest=self.newest)
        self._outbox.add(waiting, snapshot={HEAD: head.encode()})
        self._number, self._head = number, head
        self._control.append(waiting)

    def _publish(self, control: Waiting) -> None:
        """What it names first, then the message to every partition."""
        if control.artefact:
            for key, value in artefact.records(control.artefact):
                self._send(self._layout.only("artefacts"), key, value)
            self._flush()
        for place in self._layout.all_of("accepted"):
            self._send(place, b"", control.message)
        self._flush()
        self._outbox.sent(control.number)
        self._hops.add("sent", "control")

    def _send(self, place: Place, key: bytes, value: bytes) -> None:
        try:
            self._writer.send(place, key=key, value=value)
        except FengsuiError as error:
            if error.code != "schema.bus.full":
                raise
            self._flush()
            self._writer.send(place, key=key, value=value)

    def _flush(self) -> None:
        try:
            self._writer.flush()
        except FengsuiError:
            self._hops.add("failed", "accepted")
            raise

    def snapshot(self) -> dict[str, bytes]:
        """How things stand of what was acknowledged; the rest is read again from the log."""
        head = msgspec.structs.replace(self._head, newest=self.newest)
        return {HEAD: head.encode()}

    def close(self) -> None:
        """Let go of the bus; what was not acknowledged is sent by the next start."""
        try:
            self._writer.close()
        except FengsuiError as error:
            _logger.warning("the bus was left in haste", extra={"why": str(error)})
