"""Sensor: reads its sources, masks, seals, appends; only then do its positions count.

The header of the last sealed batch is the one checkpoint. A crash at any step loses nothing that
was sealed and seals nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from crypto import sm2
from schema import batch as batches
from schema import event, limits, log
from schema.batch import Batch, Chain, Contents, Position
from schema.errors import FengsuiError
from schema.event import Fields
from schema.heartbeat import Heartbeat, Signed, sign
from schema.ports import Clock, Entropy
from schema.times import from_text, to_text
from sensors import trouble
from sensors.source import Bounded, Polled, Receiving, Source
from sensors.trouble import Troubles

POLL_EVENTS: Final = 256
"""Events of one poll: small enough that several backlogs advance together in event time."""

BATCH_PAYLOAD_BYTES_MAX: Final = limits.BODY_BYTES_MAX // 2
"""Payload of one batch; leaves room for salts and lengths under the body's limit."""

GATHER_PAYLOAD_BYTES: Final = 3 * 1024 * 1024
"""Gathering stops here: with one more poll of a file (256 KiB of text, each byte up to three
times over as a six-character escape) the batch still fits, so no poll of a file is ever split."""

HEADER_OWN_BYTES: Final = 4096
"""Room in the signed header for what is no position of a source."""

POSITION_EXTRA_BYTES: Final = 32
"""What a position takes beside its text: brackets, commas, an offset of up to 19 digits."""

POSITION_BYTES_MIN: Final = 280
"""The place of a source with a file and a rotated one, see :mod:`sensors.marks`."""

FINISH_STEPS_MAX: Final = 64
"""Batches sealed at the end: more than a receiver holds, and over within seconds."""

LONG_VALUE_CHARS: Final = 1024
"""What is kept of each value of an event that would be over the limit; less where it still is:
with a sixty-fourth, names and lists as below, thirty-two fields fit though each character takes six
bytes."""

LONG_LIST_ITEMS: Final = 8
"""Items kept of each list of such an event."""

LONG_NAME_CHARS: Final = 128
"""Fields of such an event with longer names are left out: names are the writer's, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the sensor is; ``base_number`` is the last batch before its enrolment."""

    realm: str
    sensor: str
    enrolment: int
    boot_id: str
    base_number: int = 0


@dataclass(slots=True, kw_only=True)
class Counters:
    """What the sensor has done since it started; nothing is dropped uncounted."""

    received: int = 0
    sealed: int = 0
    batches: int = 0
    cut: int = 0
    late: int = 0
    disk_errors: int = 0


@dataclass(slots=True, kw_only=True)
class _Gathered:
    """Polled events waiting to be sealed, and where each came from."""

    payloads: list[bytes] = field(default_factory=list)
    size: int = 0
    """Bytes of all payloads."""
    times: list[str] = field(default_factory=list)
    places: list[tuple[str, tuple[str, int]]] = field(default_factory=list)
    """Source, then generation and offset."""


class Sensor:
    """One sensor over its sources; driven by :meth:`step`, owns its chain's writer."""

    def __init__(
        self,
        identity: Identity,
        *,
        key: sm2.PrivateKey,
        writer: log.Writer,
        sources: Sequence[Source],
        masker: Callable[[list[Fields]], None],
        clock: Clock,
        entropy: Entropy,
        batch_events_max: int = limits.BATCH_EVENTS_MAX,
    ) -> None:
        if len(sources) > limits.SOURCES_MAX:
            raise FengsuiError(
                "sensors.sources.too_many",
                f"{len(sources)} sources; a sensor has at most {limits.SOURCES_MAX}",
                count=len(sources),
            )
        _bound(sources)
        self._identity = identity
        self._key = key
        self._writer = writer
        self._sources = {source.name: source for source in sources}
        self._masker = masker
        self._clock = clock
        self._entropy = entropy
        self._batch_events_max = min(batch_events_max, limits.BATCH_EVENTS_MAX)
        self._chain = Chain(
            realm=identity.realm,
            sensor=identity.sensor,
            enrolment=identity.enrolment,
            number=identity.base_number,
        )
        self._positions: dict[str, Position] = {}
        self._read_to: dict[str, Position] = {}
        self._watermarks = dict.fromkeys(self._sources, 0)
        self._announced = 0
        self._told = 0
        """The watermark heartbeats tell: everything before it is in the log."""
        self._waiting = _Gathered()
        self._unsaved: Batch | None = None
        self.counters = Counters()
        self._troubles = Troubles(identity.boot_id, clock)
        self._restore()

    @property
    def sources(self) -> Sequence[Source]:
        """What the sensor reads."""
        return list(self._sources.values())

    @property
    def low_watermark(self) -> int:
        """Event time before which no later event is expected; never moves back."""
        return self._announced

    def finish(self) -> None:
        """Take nothing more from the network, and seal what was taken; nothing steps any more."""
        receiving = [one for one in self._sources.values() if isinstance(one, Receiving)]
        for source in receiving:
            source.stop()
        for _ in range(FINISH_STEPS_MAX if receiving else 0):
            if self.step() is None:
                break

    def _restore(self) -> None:
        head = self._writer.head
        if head is None or head.header.enrolment != self._identity.enrolment:
            return
        self._chain = self._chain.after(head)
        self._announced = self._told = head.header.low_watermark
        self._positions = dict(head.header.positions)
        self._read_to = dict(self._positions)
        for name, position in self._positions.items():
            if name == trouble.SOURCE:
                self._troubles.restore(position)
            elif name in self._sources:
                self._sources[name].restore(position)

    def step(self) -> Batch | None:
        """Seal at most one batch; None when there is nothing new or the disk refuses.

        A batch the disk refused is kept and written by a later step; reading waits for it.
        """
        if self._unsaved is None:
            self._gather()
            if not self._waiting.payloads:
                self._announce()
                self._told = self._announced
                return None
            self._unsaved = self._seal()
        try:
            self._writer.append(self._unsaved)
        except OSError:
            self.counters.disk_errors += 1
            return None
        batch, self._unsaved = self._unsaved, None
        self._chain = self._chain.after(batch)
        self._told = batch.header.low_watermark
        self._positions = dict(batch.header.positions)
        self.counters.sealed += batch.header.count
        self.counters.batches += 1
        return batch

    def heartbeat(self) -> Signed:
        """The sensor's signed word that it is alive and how far its sources are read.

        Safe from another thread than the one that steps.
        """
        # Before the head: with an older head a watermark would speak for events yet to come.
        told = self._told
        beat = Heartbeat(
            realm=self._identity.realm,
            sensor=self._identity.sensor,
            enrolment=self._identity.enrolment,
            key_id=self._key.public.key_id,
            head=self._chain.hash,
            time=self._clock.now(),
            low_watermark=told,
        )
        return sign(beat, self._key)

    def _gather(self) -> None:
        """Poll the source furthest behind in event time until the batch is full or all are dry."""
        wet = set(self._sources)
        while (
            wet
            and len(self._waiting.payloads) < self._batch_events_max
            and self._waiting.size < GATHER_PAYLOAD_BYTES
        ):
            name = min(wet, key=lambda one: (self._watermarks[one], one))
            room = self._batch_events_max - len(self._waiting.payloads)
            polled = self._sources[name].poll(min(POLL_EVENTS, room))
            self._take(name, polled)
            if polled.at_end or not polled.events:
                wet.discard(name)
        self._take_own()

    def _take(self, name: str, polled: Polled) -> None:
        self._watermarks[name] = max(self._watermarks[name], polled.watermark)
        self._read_to[name] = polled.position
        self._troubles.note(name, polled.troubles, polled.problem)
        if not polled.events:
            return
        times = self._add(name, list(polled.events), polled.places)
        self.counters.received += len(times)
        announced = to_text(self._announced)
        if min(times) < announced:
            self.counters.late += sum(time < announced for time in times)

    def _take_own(self) -> None:
        """What may be missing is told before a watermark passes over it.

        Late events are in the log: the collector sees and records them itself.
        """
        own = {"cut": self.counters.cut, "disk_errors": self.counters.disk_errors}
        self._troubles.note(trouble.SOURCE, own)
        events, places = self._troubles.take(self._announced)
        if events:
            self._read_to[trouble.SOURCE] = self._troubles.position
            self._add(trouble.SOURCE, events, places)

    def _add(self, name: str, events: list[Fields], places: Sequence[tuple[str, int]]) -> list[str]:
        """Mask and encode events of a source to be sealed next; returns their times."""
        for fields, (generation, offset) in zip(events, places, strict=True):
            fields[event.SOURCE] = name
            fields[event.GENERATION] = generation
            fields[event.OFFSET] = offset
        self._masker(events)
        waiting = self._waiting
        payloads = self._encoded(events)
        waiting.payloads += payloads
        waiting.size += sum(map(len, payloads))
        times: list[str] = [fields[event.TIME] for fields in events]  # type: ignore[misc]
        waiting.times.extend(times)
        waiting.places += [(name, place) for place in places]
        return times

    def _encoded(self, events: Sequence[Fields]) -> list[bytes]:
        payloads = list(map(event.encode, events))
        if max(map(len, payloads)) > limits.EVENT_BYTES_MAX:
            for at, payload in enumerate(payloads):
                if len(payload) > limits.EVENT_BYTES_MAX:
                    payloads[at] = self._cut(events[at])
        return payloads

    def _cut(self, fields: Fields) -> bytes:
        """An event over the limit: what names it, and the beginnings of its first values."""
        self.counters.cut += 1
        for chars in (LONG_VALUE_CHARS, LONG_VALUE_CHARS // 8, LONG_VALUE_CHARS // 64):
            payload = event.encode(_shorter(fields, chars))
            if len(payload) <= limits.EVENT_BYTES_MAX:
                break
        return payload

    def _seal(self) -> Batch:
        waiting = self._waiting
        count = min(_fitting(waiting.payloads), self._batch_events_max)
        rest = _Gathered(
            payloads=waiting.payloads[count:],
            size=sum(map(len, waiting.payloads[count:])),
            times=waiting.times[count:],
            places=waiting.places[count:],
        )
        positions = self._positions | self._read_to
        for name, (generation, offset) in reversed(rest.places):
            # The first event left over is where its source goes on after a crash.
            positions[name] = Position(generation=generation, offset=offset)
        if not rest.payloads:
            self._announce()
        sealed = batches.seal(
            self._chain,
            Contents(
                payloads=waiting.payloads[:count],
                min_time=from_text(min(waiting.times[:count])),
                max_time=from_text(max(waiting.times[:count])),
                low_watermark=self._announced,
                positions=positions,
            ),
            key=self._key,
            boot_id=self._identity.boot_id,
            salts=self._entropy.take(16 * count),
        )
        self._waiting = rest
        return sealed

    def _announce(self) -> None:
        """Raise the low watermark to the furthest-behind source; a clock set back lowers nothing.

        Without sources the sensor's own clock is the watermark.
        """
        lowest = min(self._watermarks.values(), default=self._clock.now())
        self._announced = max(self._announced, lowest)


def _shorter(fields: Fields, chars: int) -> Fields:
    """What names an event, and of its first fields the first characters and items of each."""
    shorter: Fields = {}
    for name, value in list(fields.items())[: limits.FIELDS_MAX // 4]:
        if isinstance(value, str):
            shorter[name] = value[:chars]
        elif isinstance(value, list):
            shorter[name] = [item[:chars] for item in value[:LONG_LIST_ITEMS]]
        else:
            shorter[name] = value
    shorter = {name: value for name, value in shorter.items() if len(name) <= LONG_NAME_CHARS}
    for name in (event.TIME, event.DATASET, event.SOURCE, event.GENERATION, event.OFFSET):
        shorter[name] = fields[name]
    shorter["gov.line.partial"] = True
    return shorter


def _bound(sources: Sequence[Source]) -> None:
    """Share the signed header out among the sources.

    Raises ``sensors.sources.too_many`` where their names leave no room for their positions, and
    ``sensors.sources.name`` for the name of the sensor's own events.
    """
    names = [source.name for source in sources]
    if trouble.SOURCE in names:
        raise FengsuiError(
            "sensors.sources.name",
            f"{trouble.SOURCE} is the name of the sensor's own events: rename the source",
        )
    # As JSON: a character may take six bytes, and quotes, brackets and the offset come with it.
    taken = sum(len(event.encode({name: ""})) + POSITION_EXTRA_BYTES for name in names)
    share = (limits.HEADER_BYTES_MAX - HEADER_OWN_BYTES - taken) // max(1, len(sources))
    if share < POSITION_BYTES_MIN:
        raise FengsuiError(
            "sensors.sources.too_many",
            f"{len(sources)} sources do not fit the header of a batch: {share} bytes are left for "
            f"the place of each, and it needs {POSITION_BYTES_MIN}; divide them among two sensors "
            "or shorten their names",
            count=len(sources),
        )
    for source in sources:
        if isinstance(source, Bounded):
            source.bound(share)


def _fitting(payloads: Sequence[bytes]) -> int:
    """How many of the payloads fit one batch; at least one does."""
    total = 0
    for index, payload in enumerate(payloads):
        total += len(payload)
        if total > BATCH_PAYLOAD_BYTES_MAX:
            return max(1, index)
    return len(payloads)
