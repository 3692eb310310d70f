"""Ground for ``bench cluster``: real brokers, a real search node, a site and its sensors."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import psutil
import zstandard

from crypto import sm2
from fengsui import bus as buses
from fengsui import cluster, host
from fengsui.clock import SystemClock, SystemEntropy
from fengsui.folder import DataFolder
from fengsui.settings import (
    BusSettings,
    SearchSettings,
    SensorSettings,
    Settings,
    WatchSettings,
)
from fengsui.shipping import Spool, Way, over_bus
from fengsui.wiring import DUTY, Site, open_site
from schema import log
from schema.errors import FengsuiError
from sensors.agent import Identity, Sensor
from sensors.enrol import Enrolment
from sensors.mask import Masker

ROOT: Final = Path(__file__).resolve().parent.parent
RECORDING: Final = ROOT / "range" / "recordings" / "district-day" / "nginx-access.log.zst"
PARTITIONS: Final = 4
UNIT: Final = "unit"
SUBJECT_KEY: Final = bytes(range(32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Services that run, and where their data lies."""

    folder: Path
    brokers: str
    search: Sequence[str]
    kafka_pids: Sequence[int]
    search_pids: Sequence[int]

    def settings(self) -> Settings:
        """A new site's settings, with its topics made."""
        prefix = f"b{uuid.uuid4().hex[:8]}"
        bus = BusSettings(
            brokers=tuple(self.brokers.split(",")), prefix=prefix, partitions=PARTITIONS
        )
        cluster.init(buses.access_of(bus), bus, cluster.Users())
        search = SearchSettings(hosts=tuple(self.search), prefix=prefix, replicas=0)
        return Settings(bus=bus, search=search)

    def topic_bytes(self, topic: str) -> int:
        """What a topic takes on the brokers' disks, in one copy."""
        folders = list(self.folder.glob(f"kafka/**/{topic}-[0-9]*"))
        return sum(path.stat().st_size for one in folders for path in one.glob("*.log"))


@contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    """One broker and one search node in this folder; raises ``fengsui.bench.unavailable``."""
    try:
        from deploy.services import Elasticsearch, Kafka, MissingToolError
    except ImportError as error:
        raise FengsuiError("fengsui.bench.unavailable", f"no checkout here: {error}") from error
    try:
        kafka = Kafka(folder / "kafka")
        search = Elasticsearch(folder / "search", heap="512m")
    except MissingToolError as error:
        raise FengsuiError("fengsui.bench.unavailable", f"no services: {error}") from error
    with kafka, search:
        kafka.start()
        search.start()
        yield Ground(
            folder=folder,
            brokers=kafka.address,
            search=search.urls,
            kafka_pids=[one.pid for one in kafka.programs],
            search_pids=[one.pid for one in search.programs],
        )


def cpu_of(pids: Iterable[int]) -> float:
    """CPU seconds of these processes and what they started, so far."""
    spent = 0.0
    for pid in pids:
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            times = process.cpu_times()
            spent += times.user + times.system
    return spent


def memory_of(pids: Iterable[int]) -> float:
    """MiB these processes and what they started hold in memory, shared parts counted each time."""
    held = 0
    for pid in pids:
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            held += process.memory_info().rss
    return held / (1 << 20)


def lines(count: int) -> list[bytes]:
    """True lines of a web server, those of the shipped recording, over and over."""
    with RECORDING.open("rb") as packed:
        found = zstandard.ZstdDecompressor().stream_reader(packed).read().splitlines(keepends=True)
    return (found * -(-count // len(found)))[:count]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One sensor: the file it follows, what seals and what ships."""

    file: Path
    sensor: Sensor
    way: Way
    writer: log.Writer

    def close(self) -> None:
        """Let go of bus and file."""
        self.way.close()
        self.writer.close_segment()


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """What a sensor's process is told of its enrolment."""

    name: str
    receipt_key: str
    secret: bytes


def enrol(site: Site, names: Sequence[str]) -> list[Enrolled]:
    """Enrol sensors with fresh keys."""
    found = []
    for name in names:
        secret = b"\0" + os.urandom(31)
        key = sm2.PrivateKey.from_scalar(secret)
        site.enrolments.add_local(name, UNIT, key=key.public)
        receipts = site.keyring.receipt.public.point.hex()
        found.append(Enrolled(name=name, receipt_key=receipts, secret=secret))
    return found


def watch(folder: Path, settings: Settings, one: Enrolled) -> Watched:
    """A sensor as ``fengsui sensor run`` puts it together, over the bus, one file to follow."""
    folder.mkdir(parents=True)
    file, spool = folder / "in.log", folder / "spool"
    file.touch()
    clock, entropy = SystemClock(), SystemEntropy()
    told = SensorSettings(
        watch=(WatchSettings(name="gate", path=str(file), format="nginx_access"),),
        inventory=False,
        utc_offset_minutes=480,
    )
    writer = log.Writer(spool)
    sensor = Sensor(
        Identity(realm=DUTY, sensor=one.name, enrolment=1, boot_id=host.boot_id()),
        key=sm2.PrivateKey.from_scalar(one.secret),
        writer=writer,
        sources=host.sources(told, clock, spool),
        masker=Masker(SUBJECT_KEY).mask,
        clock=clock,
        entropy=entropy,
    )
    identity = Enrolment(
        sensor=one.name, enrolment=1, realm=DUTY, receipt_public_key=one.receipt_key, last_batch=0
    )
    chain = Spool(
        identity=identity,
        folder=spool,
        receipt_file=folder / "receipt.json",
        heartbeat=sensor.heartbeat,
    )
    way = over_bus(settings.bus, chain, clock=clock, entropy=entropy)
    return Watched(file=file, sensor=sensor, way=way, writer=writer)


def site_on(folder: Path, settings: Settings) -> Site:
    """A centre that watches nothing of its own machine."""
    return open_site(DataFolder(folder), settings, watch_host=False)


def until(holds: Callable[[], object], what: str, seconds: float = 120.0) -> None:
    """Wait until the callable holds; raises ``TimeoutError`` naming what never came."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come in {seconds:.0f} s")
        time.sleep(0.1)


def size_of(folder: Path, *patterns: str) -> int:
    """Bytes of the files below a folder that match."""
    return sum(path.stat().st_size for one in patterns for path in folder.rglob(one))
