"""A recording on real brokers, from a sensor's batches to alerts judged by a worker process."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import journey
import pytest

from analytics.memory import NEVER
from fengsui import bus as buses
from fengsui import cluster, wiring
from fengsui.clock import SystemClock, SystemEntropy
from fengsui.evidence import verify_folder
from fengsui.folder import DataFolder
from fengsui.keyring import open_keyring
from fengsui.settings import BusSettings, Settings
from fengsui.wiring import DEMONSTRATION, Site
from schema import batch as batches
from schema import log
from schema.bus import Place, partition_of

if TYPE_CHECKING:
    from deploy.services import Kafka

Started = contextlib.AbstractContextManager[Any]
WAIT_SECONDS = 120.0
SENSOR = journey.EVENING_NAME


@contextlib.contextmanager
def _worker(folder: Path, settings: BusSettings) -> Iterator[subprocess.Popen[bytes]]:
    """``fengsui worker run`` as its user starts it."""
    environment = {
        **os.environ,
        "FENGSUI_BUS_BROKERS": ",".join(settings.brokers),
        "FENGSUI_BUS_PREFIX": settings.prefix,
        "FENGSUI_BUS_PARTITIONS": str(settings.partitions),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "fengsui", "worker", "run", "--data", str(folder)], env=environment
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _sealed(folder: Path) -> list[bytes]:
    found = log.Reader(folder / "segments" / SENSOR).read(100_000)
    return [batches.to_bytes(one) for one in found]


def _ship(settings: BusSettings, wires: list[bytes]) -> None:
    writer = buses.Brokers(settings, SystemEntropy()).writer()
    place = Place(f"{settings.prefix}.batches", partition_of(SENSOR, settings.partitions))
    for wire in wires:
        writer.send(place, key=SENSOR.encode(), value=wire)
    writer.flush()
    writer.close()


def _carry_through(site: Site, count: int) -> None:
    assert site.centre is not None
    deadline = time.monotonic() + WAIT_SECONDS
    while site.status_of(SENSOR).last_batch < count or site.pipeline.round():
        assert time.monotonic() < deadline, site.intake.status()
        site.centre.arrivals.step()
        site.pipeline.round()
    while site.centre.judge.settled < NEVER:
        assert time.monotonic() < deadline, site.centre.judge.decided_by
        site.pipeline.finish()
        time.sleep(0.1)


def test_a_recording_through_brokers_and_a_worker_gives_the_alerts_of_one_process(
    tmp_path: Path, evening_folder: Path, kafka: "Kafka", own_prefix: str
) -> None:
    settings = BusSettings(brokers=(kafka.address,), prefix=own_prefix, partitions=4)
    cluster.init(buses.access_of(settings), settings, cluster.Users())
    wires = _sealed(evening_folder)
    data = tmp_path / "centre"
    site = wiring._open(
        DataFolder(data), Settings(bus=settings), realm=DEMONSTRATION, local=None,
        clock=SystemClock(), recording=None,
    )  # fmt: skip
    try:
        key = open_keyring(DataFolder(evening_folder), SystemEntropy()).sensor.public
        site.enrolments.add_local(SENSOR, "unit", key=key)
        _ship(settings, wires)
        with _worker(tmp_path / "worker", settings):
            _carry_through(site, len(wires))
    finally:
        site.close()
    assert journey.final(data) == journey.final(evening_folder)
    assert _sealed(data) == wires
    assert not verify_folder(DataFolder(data)).findings


def test_a_site_whose_brokers_are_away_serves_its_pages_and_says_so_at_readyz(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start_platform: Callable[..., Started]
) -> None:
    with socket.socket() as nobody:
        # Bound and not listening: whoever connects is refused.
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("FENGSUI_BUS_BROKERS", f"127.0.0.1:{nobody.getsockname()[1]}")
        with start_platform("up", data=tmp_path / "site") as platform:
            deadline = time.monotonic() + WAIT_SECONDS
            while not (failures := _failures(platform.base)):
                assert time.monotonic() < deadline
                time.sleep(0.5)
            assert set(failures) <= {"schema.bus.unreachable", "schema.bus.unacknowledged"}
            with urllib.request.urlopen(f"{platform.base}healthz", timeout=10) as answer:
                assert answer.status == 200


def _failures(base: str) -> list[str]:
    try:
        with urllib.request.urlopen(f"{base}readyz", timeout=10) as answer:
            return json.load(answer)["failures"]
    except urllib.error.HTTPError as error:
        with error:
            return json.load(error)["failures"]
