"""Steady rates for ``bench cluster``: what an event costs each component, one stage at a time.

Everything is real and lies on one machine, so the stages run one after another in CPU seconds of
the process that works: a busy machine makes that slower by a share, not by a factor. The workers
are a process of their own and work beside the rest.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from bench import _cluster_ground as grounds
from bench import _cluster_stages
from bench._cluster_ground import Enrolled, Ground, Watched
from collector.bus.access import Access
from collector.bus.topics import ACCEPTED, BATCHES
from fengsui import bus as buses
from fengsui.memory import settle
from fengsui.pipeline import INTAKE_BATCHES_AFAR_MAX
from fengsui.settings import BusSettings, Settings
from fengsui.wiring import Site

SENSORS: Final = 4
WAIT_SECONDS: Final = 180.0


@dataclass(slots=True)
class Costs:
    """Microseconds of CPU an event by component, bytes an event by place."""

    cpu: dict[str, float] = field(default_factory=dict)
    size: dict[str, float] = field(default_factory=dict)


class Stopwatch:
    """CPU seconds of this process, by what it did."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def on(self, what: str) -> Iterator[None]:
        """Count what happens inside."""
        begun = time.process_time()
        try:
            yield
        finally:
            spent = time.process_time() - begun
            self.seconds[what] = self.seconds.get(what, 0.0) + spent

    def wrap(self, owner: Any, method: str, what: str) -> None:
        """Count each call of a method."""
        inner: Callable[..., Any] = getattr(owner, method)

        def timed(*arguments: Any, **named: Any) -> Any:
            with self.on(what):
                return inner(*arguments, **named)

        setattr(owner, method, timed)


def measure(ground: Ground, events: int) -> Costs:
    """One round of that many events through everything."""
    settings = ground.settings()
    name = f"round-{uuid.uuid4().hex[:6]}"
    folder = ground.folder / name
    site = grounds.site_on(folder / "centre", settings)
    try:
        enrolled = grounds.enrol(site, [f"gate-{number}" for number in range(SENSORS)])
        site.pipeline.round()
        with worker(folder / "worker", settings.bus) as process:
            lag = Lag(settings.bus)
            grounds.until(lambda: lag.behind() == 0, "the worker's start", WAIT_SECONDS)
            found = _through(ground, site, enrolled, process, events, folder)
            lag.close()
    finally:
        site.close()
    return found


def _through(
    ground: Ground,
    site: Site,
    enrolled: Sequence[Enrolled],
    process: subprocess.Popen[bytes],
    events: int,
    folder: Path,
) -> Costs:
    settings, watch = site.settings, Stopwatch()
    given = grounds.lines(events)
    sensors = [grounds.watch(folder / one.name, settings, one) for one in enrolled]
    for number, one in enumerate(sensors):
        one.file.write_bytes(b"".join(given[number::SENSORS]))
    kafka, search = grounds.cpu_of(ground.kafka_pids), grounds.cpu_of(ground.search_pids)
    working = grounds.cpu_of([process.pid])
    settle()
    with watch.on("sensor_to_bus"):
        sealed = sum(_ship(one) for one in sensors)
    costs = Costs()
    costs.cpu["kafka_write"] = grounds.cpu_of(ground.kafka_pids) - kafka
    _collect(site, sealed, watch)
    _searchable(ground, settings)
    lag = Lag(settings.bus)
    grounds.until(lambda: lag.behind() == 0, "the worker's end", WAIT_SECONDS)
    lag.close()
    costs.cpu["worker"] = grounds.cpu_of([process.pid]) - working
    watch.wrap(site.centre.judge._decided, "read", "decided")  # type: ignore[union-attr]
    watch.wrap(site.alerts, "commit", "decided")
    for _ in range(3):
        site.pipeline.round()
        time.sleep(0.3)
    site.pipeline._commit()
    costs.cpu["kafka"] = grounds.cpu_of(ground.kafka_pids) - kafka
    costs.cpu["elasticsearch"] = grounds.cpu_of(ground.search_pids) - search
    costs.cpu |= watch.seconds | _cluster_stages.seconds(folder, settings.bus)
    for name, seconds in costs.cpu.items():
        costs.cpu[name] = seconds / sealed * 1e6
    _sizes(costs, ground, site, sealed, folder)
    for one in sensors:
        one.close()
    return costs


def _ship(one: Watched) -> int:
    """Read, seal and ship all of a file; how many events that were."""
    sensor, shipper = one.sensor, one.way.shipper
    while sensor.step() is not None:
        continue
    while shipper.counters.batches < sensor.counters.batches:  # type: ignore[attr-defined]
        shipper.step()
        if shipper.problem:
            raise RuntimeError(shipper.problem)
    return sensor.counters.sealed


def _collect(site: Site, sealed: int, watch: Stopwatch) -> None:
    """From the bus into segments and search nodes, and on to the workers, batch by batch."""
    centre, taken = site.centre, 0
    assert centre is not None
    watch.wrap(site.index, "insert", "index_client")
    until = time.monotonic() + WAIT_SECONDS
    while taken < sealed:
        with watch.on("collector"):
            centre.arrivals.step()
        while True:
            with watch.on("collector"):
                accepted = site.intake.step(INTAKE_BATCHES_AFAR_MAX)
            site.pipeline._sources.follow()
            with watch.on("publish"):
                for one in accepted:
                    if one.sensor.startswith("gate-"):
                        centre.judge.feed(one)
                        taken += len(one.ids)
                centre.judge._feeder.deliver()
            if not accepted:
                break
        if time.monotonic() > until:
            raise TimeoutError(f"{taken} of {sealed} events were taken in")


def _searchable(ground: Ground, settings: Settings) -> None:
    """Have the search node show and keep everything: what that costs is part of storing."""
    from collector.index.elastic_mapping import events_alias
    from collector.index.elastic_nodes import Connection, Nodes

    nodes = Nodes(Connection(hosts=ground.search))
    for verb in ("_refresh", "_flush"):
        nodes.ask("POST", f"/{events_alias(settings.search.prefix)}/{verb}")
    nodes.close()


def _sizes(costs: Costs, ground: Ground, site: Site, events: int, folder: Path) -> None:
    from collector.index.elastic_nodes import Connection, Nodes

    prefix = site.settings.bus.prefix
    nodes = Nodes(Connection(hosts=ground.search))
    asked = {"filter_path": "_all.primaries.store.size_in_bytes"}
    stats = nodes.ask("GET", f"/{prefix}-*/_stats/store", params=asked)
    nodes.close()
    bus = ground.topic_bytes
    segments = folder / "centre" / "segments"
    sizes = {
        "bus_batches": bus(BATCHES.full_name(prefix)),
        "bus_accepted": bus(ACCEPTED.full_name(prefix)),
        "bus_hits": bus(f"{prefix}.hits"),
        "bus_changelogs": bus(f"changelog__{prefix}*"),
        "segments": grounds.size_of(segments, "*.seg"),
        "ids": grounds.size_of(segments, "*.ids", "*.idx"),
        "index": stats["_all"]["primaries"]["store"]["size_in_bytes"],
    }
    costs.size = {name: size / events for name, size in sizes.items()}


class Lag:
    """How many records the workers have not read yet."""

    def __init__(self, settings: BusSettings) -> None:
        access: Access = buses.access_of(settings)
        group = f"{settings.prefix}.analytics"
        self._asker = Consumer({**access.confluent(), "group.id": group})
        self._places = [
            TopicPartition(f"{settings.prefix}.{lane}", number)
            for lane in ("accepted", "hits")
            for number in range(settings.partitions)
        ]

    def behind(self) -> int:
        """Records; more than none while the brokers do not say."""
        left = 0
        try:
            committed = self._asker.committed(self._places, timeout=10)
            for place in committed:
                _, end = self._asker.get_watermark_offsets(place, timeout=10)
                # A commit marker of a transaction stands behind the last record.
                left += max(0, end - max(0, place.offset) - 1)
        except KafkaException:
            return 1
        return left

    def close(self) -> None:
        """Ask no more."""
        self._asker.close()


@contextmanager
def worker(folder: Path, settings: BusSettings) -> Iterator[subprocess.Popen[bytes]]:
    """``fengsui worker run`` as its user starts it."""
    environment = {
        **os.environ,
        "FENGSUI_BUS_BROKERS": ",".join(settings.brokers),
        "FENGSUI_BUS_PREFIX": settings.prefix,
        "FENGSUI_BUS_PARTITIONS": str(settings.partitions),
    }
    folder.mkdir(parents=True)
    command = [sys.executable, "-W", "ignore", "-m", "fengsui", "worker", "run"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--data", str(folder / "data")], env=environment, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
