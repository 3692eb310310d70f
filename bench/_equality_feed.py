"""The one feed that every form of the engine is given by ``bench equality``.

The shipped recording and the made-up town go sealed through a real collector, verified, indexed
and receipted, with a register that is watched and two roll-outs of rules on the way. What the
collector then tells the analytics tier is kept, partition by partition, as the bus would hold it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from analytics import ruleset
from analytics.rule import Rule
from analytics.ruleset import RuleSet
from bench import _equality_town as town
from collector.bus.memory_bus import MemoryBus
from collector.enrolments import Enrolment
from crypto import sm2
from fengsui.centre.layout import Layout
from fengsui.demo import recording_folder
from fengsui.folder import DataFolder
from fengsui.settings import BusSettings, Settings
from fengsui.wiring import Site, open_demonstration
from schema import batch as batches
from schema import feed, log
from schema.artefact import Assembly
from schema.batch import Chain, Contents, Position
from schema.bus import Place, Record
from schema.event import GENERATION, OFFSET, SOURCE, encode
from schema.merkle import SALT_BYTES
from schema.registers import Draft, pack_fields, pack_key
from schema.times import from_text

PARTITIONS: Final = 8
PREFIX: Final = "equality"
LAYOUT: Final = Layout(prefix=PREFIX, partitions=PARTITIONS)
RULES: Final = Path(__file__).with_name("equality_rules")
TOWN_BEGINS: Final = from_text("2026-11-20T16:00:00.000000Z")
"""A local midnight inside the recording: the two overlap for a day."""

_LATER: Final = frozenset({"town-threshold", "town-sequence", "town-alerts-together"})
"""Rules that come into force on the way only."""
HOURLY_ALLOWED: Final = "30"
"""Readings of a unit in an hour: more come in its bursts."""
_SOURCE: Final = "town"
_CHUNK: Final = 16
"""Batches of the town that come at once, where the recording has no more."""
_SILENT_EVERY: Final = 150
"""Batches of the town between two times that one of its sensors is given up as silent: its next
batch brings it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What the analytics tier is told, and where its evidence lies."""

    folder: Path
    """A data folder: ``verify --all`` must be clean there."""
    accepted: Mapping[Place, Sequence[Record]]
    artefacts: Sequence[Record]
    events: int
    rules: Sequence[Rule]


class TownSensor:
    """Seals the town's events of one sensor into the folder's segments."""

    def __init__(self, folder: DataFolder, enrolment: Enrolment, key: sm2.PrivateKey) -> None:
        self._writer = log.Writer(folder.segments / enrolment.sensor)
        self._chain: Chain = enrolment.chain
        self._key = key
        self._chance = random.Random(enrolment.sensor)
        self._offset = 0

    def seal(self, given: town.Sealable) -> None:
        """Seal and store one batch."""
        count = len(given.events)
        payloads: list[bytes] = []
        for place, (_, fields) in enumerate(given.events):
            at = {SOURCE: _SOURCE, GENERATION: "-", OFFSET: self._offset + place}
            payloads.append(encode({**fields, **at}))
        self._offset += count
        event_times = [time for time, _ in given.events]
        batch = batches.seal(
            self._chain,
            Contents(
                payloads=payloads,
                min_time=min(event_times),
                max_time=max(event_times),
                low_watermark=given.low_watermark,
                positions={_SOURCE: Position(generation="-", offset=self._offset)},
            ),
            key=self._key,
            boot_id="0" * 16,
            salts=self._chance.randbytes(SALT_BYTES * count),
        )
        self._writer.append(batch)
        self._chain = self._chain.after(batch)

    def close(self) -> None:
        """Close the segment with its footer."""
        self._writer.close_segment()


def make(folder: Path, *, days: int = town.DAYS) -> Feed:
    """Run the collector over all of it in a new data folder."""
    topics = dict.fromkeys((LAYOUT.topic("batches"), LAYOUT.topic("heartbeats")), PARTITIONS)
    topics |= dict.fromkeys((LAYOUT.topic("receipts"), LAYOUT.topic("accepted")), PARTITIONS)
    bus = MemoryBus(topics | {LAYOUT.topic("decided"): 1, LAYOUT.topic("artefacts"): 1})
    site = open_demonstration(
        DataFolder(folder),
        recording_folder(),
        Settings(bus=BusSettings(prefix=PREFIX, partitions=PARTITIONS)),
        only=frozenset(),
        bus=bus,
    )
    try:
        everything = _run(site, days)
    finally:
        site.close()
    return Feed(
        folder=folder,
        accepted={place: list(bus.records[place]) for place in LAYOUT.all_of("accepted")},
        artefacts=list(bus.records[LAYOUT.only("artefacts")]),
        events=site.pipeline.progress.events,
        rules=everything.rules,
    )


def _run(site: Site, days: int) -> RuleSet:
    recording, centre = site.recording, site.centre
    assert recording is not None
    assert centre is not None
    judge = centre.judge
    everything = ruleset.load([ruleset.SHIPPED, RULES]).require_all()
    fewer = tuple(rule for rule in everything.rules if rule.id not in _LATER)
    site.pipeline.adopt(RuleSet(rules=fewer, refused=(), digest="fewer"))
    sensors: dict[str, TownSensor] = {}
    for name in town.SENSORS:
        key = sm2.PrivateKey.generate()
        enrolment = site.enrolments.add_local(name, site.settings.site.unit, key=key.public)
        sensors[name] = TownSensor(site.folder, enrolment, key)
    _watch_units(site)
    waiting = [(_arrival(one), one) for one in town.batches(TOWN_BEGINS, days=days)]
    half = waiting[len(waiting) // 2][0]
    at = 0
    while not recording.finished or at < len(waiting):
        if recording.finished:
            # Recorded time goes on as a machine's clock would.
            recording.end()
            recording.clock.reach(waiting[min(at + _CHUNK, len(waiting)) - 1][0])
        now = recording.clock.now()
        while at < len(waiting) and waiting[at][0] <= now:
            name = waiting[at][1].sensor
            sensors[name].seal(waiting[at][1])
            at += 1
            if at % _SILENT_EVERY == 0 and name in judge.required - judge.excluded:
                judge.exclude(name)
        if half and now > half:
            half = 0
            site.pipeline.adopt(everything)
        site.pipeline.round()
    for sensor in sensors.values():
        sensor.close()
    while site.pipeline.round():
        pass
    site.pipeline.finish()
    return everything


def _arrival(one: town.Sealable) -> int:
    return max(time for time, _ in one.events)


def _watch_units(site: Site) -> None:
    # The one column of digits says how much an hour allows, for the rule on quotas.
    drafts = [
        Draft(pack_key((unit,)), pack_fields({"name": unit, "region_code": HOURLY_ALLOWED}))
        for unit in town.units()
    ]
    version = site.registers.propose("units", drafts, whole=True, source="bench", by="bench")
    site.registers.apply("units", version.number, by="second person")


class Shelf:
    """The artefacts of a feed."""

    def __init__(self, records: Sequence[Record]) -> None:
        assembly = Assembly()
        whole = (assembly.take(record.key, record.value) for record in records)
        self._found = dict(one for one in whole if one is not None)

    def get(self, digest: str) -> bytes:
        return self._found[digest]


def in_order(accepted: Mapping[Place, Sequence[Record]]) -> Iterator[feed.Message]:
    """All messages in an order they could have been written in: control once, behind all before."""
    streams = {place: iter(records) for place, records in accepted.items()}
    while streams:
        controls: dict[Place, feed.Message] = {}
        for place, records in list(streams.items()):
            for record in records:
                message = feed.decode(record.value)
                if not isinstance(message, feed.Taken | feed.Beat):
                    controls[place] = message
                    break
                yield message
            else:
                del streams[place]
        if controls:
            (one,) = {msgspec.json.encode(found) for found in controls.values()}
            assert len(controls) == len(accepted), one
            yield next(iter(controls.values()))
