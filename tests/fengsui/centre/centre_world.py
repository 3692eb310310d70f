"""A site on a bus in this process, and workers there that run the very stages."""

from __future__ import annotations

from pathlib import Path

from analytics.engine import BEGINNING
from analytics.memory import NEVER
from analytics.streaming.layout import Layout as Lanes
from analytics.streaming.stage import Sent, Stage
from analytics.streaming.stages import SiteStages
from collector.bus.memory_bus import MemoryBus
from fengsui.centre.layout import Layout
from fengsui.folder import DataFolder
from fengsui.settings import BusSettings, Settings
from fengsui.training import ChildTrainer
from fengsui.wiring import Site, open_demonstration
from schema.artefact import Assembly
from schema.bus import Place

PREFIX = "test"
PARTITIONS = 4
SETTINGS = Settings(bus=BusSettings(prefix=PREFIX, partitions=PARTITIONS))
LAYOUT = Layout(prefix=PREFIX, partitions=PARTITIONS)
_TOPICS = {"batches", "heartbeats", "receipts", "accepted", "hits"}


def new_bus() -> MemoryBus:
    topics = {LAYOUT.topic(name): PARTITIONS for name in _TOPICS}
    return MemoryBus(topics | {LAYOUT.topic(name): 1 for name in ("hours", "decided", "artefacts")})


class Artefacts:
    """What the topic holds."""

    def __init__(self, bus: MemoryBus) -> None:
        self._bus = bus

    def get(self, digest: str) -> bytes:
        assembly, found = Assembly(), {}
        for record in self._bus.records[LAYOUT.only("artefacts")]:
            whole = assembly.take(record.key, record.value)
            if whole is not None:
                found[whole[0]] = whole[1]
        return found[digest]


class Workers:
    """All stages of the site, in this thread: what they write and their places go together."""

    def __init__(self, bus: MemoryBus) -> None:
        self._bus = bus
        stages = SiteStages(
            Artefacts(bus), ChildTrainer(), layout=Lanes(accepted=PARTITIONS, hits=PARTITIONS)
        )
        places = [*LAYOUT.all_of("accepted"), *LAYOUT.all_of("hits"), LAYOUT.only("hours")]
        self._stages: dict[Place, Stage] = {
            place: stages.open(place.topic.removeprefix(f"{PREFIX}."), place.partition, {})  # type: ignore[arg-type]
            for place in places
        }
        self._next = dict.fromkeys(places, 0)

    def run(self) -> int:
        """Everything that is there, to its end; how many messages."""
        count = 0
        while step := sum(self._step(place) for place in self._stages):
            count += step
        return count

    def _step(self, place: Place) -> int:
        records = self._bus.records[place][self._next[place] :]
        for record in records:
            self._send(self._stages[place].take(record.value))
        self._next[place] += len(records)
        return len(records)

    def _send(self, sent: list[Sent] | tuple[Sent, ...]) -> None:
        writer = self._bus.writer()
        for one in sent:
            writer.send(Place(LAYOUT.topic(one.lane), one.partition), key=b"", value=one.message)
        writer.flush()


def open_recording(folder: Path, recording: Path, bus: MemoryBus | None) -> Site:
    settings = SETTINGS if bus is not None else Settings()
    return open_demonstration(DataFolder(folder), recording, settings, bus=bus)


def carry_through(site: Site, workers: Workers) -> None:
    """The whole recording, and all that was decided of it."""
    recording = site.recording
    assert recording is not None
    while not recording.finished:
        site.pipeline.round()
        workers.run()
    recording.end()
    end_of(site, workers)


def end_of(site: Site, workers: Workers) -> None:
    """What still waits, to the end."""
    while site.pipeline.round():
        workers.run()
    site.pipeline.finish()
    for _ in range(1000):
        workers.run()
        site.pipeline.finish()
        if site.centre.judge.settled >= NEVER:
            return
    raise AssertionError(f"never ended: {site.centre.judge.settled - BEGINNING}")


def crash(site: Site) -> None:
    """As if the process were killed: nothing in memory is written any more."""
    site.owner.release()
    site.database.close()
    site.index.close()
