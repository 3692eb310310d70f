"""What sensors ship to the bus goes through the same door, and nothing on it stops the others."""

import errno
import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from centre_world import LAYOUT, SETTINGS, crash, new_bus
from journey import control_records
from machine import RemoteSensor, framed, until

from collector.bus.memory_bus import MemoryBus
from fengsui.folder import DataFolder
from fengsui.serve import _failures
from fengsui.wiring import DUTY, Site, open_site
from schema import batch as batches
from schema import heartbeat
from schema.batch import Batch
from schema.errors import FengsuiError
from schema.receipt import Receipt
from schema.times import SECOND


@pytest.fixture
def bus() -> MemoryBus:
    return new_bus()


@pytest.fixture
def site(tmp_path: Path, bus: MemoryBus) -> Iterator[Site]:
    opened = _open(tmp_path, bus)
    yield opened
    opened.close()


def _open(folder: Path, bus: MemoryBus) -> Site:
    return open_site(DataFolder(folder), SETTINGS, watch_host=False, bus=bus)


def _ship(bus: MemoryBus, sensor: str, *values: Batch | bytes) -> None:
    writer = bus.writer()
    for value in values:
        raw = value if isinstance(value, bytes) else batches.to_bytes(value)
        writer.send(LAYOUT.of_sensor("batches", sensor), key=sensor.encode(), value=raw)
    writer.flush()


def _arrive(site: Site) -> None:
    while site.centre.arrivals.step():
        continue


def _receipts(bus: MemoryBus, sensor: str) -> list[int]:
    records = bus.records[LAYOUT.of_sensor("receipts", sensor)]
    found = [msgspec.json.decode(one.value, type=Receipt) for one in records]
    return [one.head.number for one in found if one.head.sensor == sensor]


def _stored(site: Site, sensor: str) -> bytes:
    files = sorted((site.folder.segments / sensor).glob("*.seg"))
    return b"".join(path.read_bytes() for path in files)


def test_a_batch_on_the_bus_is_stored_receipted_and_committed(site: Site, bus: MemoryBus) -> None:
    sensor = RemoteSensor(site)
    _ship(bus, sensor.name, sensor.seal(["/1"], at=site.clock.now()))
    _arrive(site)
    assert _receipts(bus, sensor.name) == [1]
    assert bus.committed["test.collector"][LAYOUT.of_sensor("batches", sensor.name)] == 1
    until(site, lambda: site.status_of(sensor.name).events == 1)


def test_evidence_is_byte_for_byte_that_of_a_sensor_on_https(
    site: Site, bus: MemoryBus, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sensor = RemoteSensor(site)
    sealed = [sensor.seal([f"/{number}"], at=site.clock.now()) for number in range(5)]
    _ship(bus, sensor.name, *sealed)
    _arrive(site)
    other = _open(tmp_path_factory.mktemp("https"), new_bus())
    try:
        other.enrolments.add_local(sensor.name, "unit", key=sensor.key.public)
        other.intake.accept(framed(*sealed))
        assert _stored(other, sensor.name) == _stored(site, sensor.name)
    finally:
        other.close()


def test_a_sensor_moves_between_the_bus_and_https(site: Site, bus: MemoryBus) -> None:
    sensor = RemoteSensor(site)
    first, second, third = (sensor.seal([f"/{n}"], at=site.clock.now()) for n in range(3))
    _ship(bus, sensor.name, first)
    _arrive(site)
    site.intake.accept(framed(second))
    _ship(bus, sensor.name, second, third)
    _arrive(site)
    until(site, lambda: site.status_of(sensor.name).events == 3)
    assert _receipts(bus, sensor.name)[-1] == 3


def test_poison_is_put_aside_with_its_place_and_the_partition_goes_on(
    site: Site, bus: MemoryBus
) -> None:
    sensor, stranger = RemoteSensor(site), RemoteSensor(site, "gateway", enrolled=False)
    unknown = RemoteSensor(site, "nobody", enrolled=False)
    at = site.clock.now()
    good = sensor.seal(["/good"], at=at)
    poison = [b"", b"not a batch", stranger.seal(["/x"], at=at), unknown.seal(["/y"], at=at)]
    _ship(bus, sensor.name, *poison, good)
    _arrive(site)
    until(site, lambda: site.status_of(sensor.name).events == 1)
    notes = [json.loads(path.read_bytes()) for path in site.folder.root.glob("quarantine/*.json")]
    place = LAYOUT.of_sensor("batches", sensor.name)
    assert {(one["topic"], one["partition"]) for one in notes} == {place}
    assert sorted(one["offset"] for one in notes) == [0, 1, 2, 3]
    assert {one["reason"] for one in notes} >= {
        "collector.batch.unenrolled",
        "schema.batch.signature_invalid",
    }
    site.pipeline._commit()
    assert len(control_records(site.folder.root, "batch_quarantined")) == 4


def test_a_batch_whose_predecessor_is_missing_waits_until_the_sensor_sends_both(
    site: Site, bus: MemoryBus
) -> None:
    sensor = RemoteSensor(site)
    first, second, third = (sensor.seal([f"/{n}"], at=site.clock.now()) for n in range(3))
    _ship(bus, sensor.name, first, third)
    _arrive(site)
    assert _receipts(bus, sensor.name)[-1] == 1
    _ship(bus, sensor.name, second, third)
    _arrive(site)
    assert _receipts(bus, sensor.name)[-1] == 3
    assert not list(site.folder.root.glob("quarantine/*"))


def test_a_forked_batch_is_an_alarm_as_it_is_on_https(site: Site, bus: MemoryBus) -> None:
    sensor = RemoteSensor(site)
    before = sensor.chain
    first = sensor.seal(["/1"], at=site.clock.now())
    sensor.chain = before
    other = sensor.seal(["/another"], at=site.clock.now())
    _ship(bus, sensor.name, first, other)
    _arrive(site)
    assert [one.suffix for one in sorted(site.folder.root.glob("quarantine/*forked*"))] == [
        ".bin",
        ".json",
    ]


def test_a_heartbeat_on_the_bus_carries_the_rules_on(site: Site, bus: MemoryBus) -> None:
    sensor = RemoteSensor(site)
    at = site.clock.now() - SECOND
    _ship(bus, sensor.name, sensor.seal(["/1"], at=at))
    _arrive(site)
    until(site, lambda: site.status_of(sensor.name).events == 1)
    beat = heartbeat.Heartbeat(
        realm=DUTY, sensor=sensor.name, enrolment=1, key_id=sensor.key.public.key_id,
        head=sensor.chain.hash, time=site.clock.now(), low_watermark=at + SECOND,
    )  # fmt: skip
    place = LAYOUT.of_sensor("heartbeats", sensor.name)
    writer = bus.writer()
    writer.send(place, key=b"", value=b"not a heartbeat")
    writer.send(place, key=b"", value=msgspec.json.encode(heartbeat.sign(beat, sensor.key)))
    writer.flush()
    _arrive(site)
    until(site, lambda: site.pipeline._stages.engine.watermark == at + SECOND)


def test_a_full_disk_commits_nothing_and_the_batch_comes_once_there_is_room(
    site: Site, bus: MemoryBus
) -> None:
    sensor = RemoteSensor(site)
    _ship(bus, sensor.name, sensor.seal(["/1"], at=site.clock.now()))
    arrivals = site.centre.arrivals
    door, arrivals._door = arrivals._door, _FullDoor()
    with pytest.raises(OSError, match="No space"):
        arrivals.step()
    assert "test.collector" not in bus.committed
    arrivals._door = door
    _arrive(site)
    assert _receipts(bus, sensor.name) == [1]


def test_while_the_disk_is_reserved_nothing_is_read_nor_put_aside(
    site: Site, bus: MemoryBus
) -> None:
    sensor = RemoteSensor(site)
    _ship(bus, sensor.name, sensor.seal(["/1"], at=site.clock.now()))
    site.gate.set(admit=False)
    with pytest.raises(FengsuiError, match=r"collector\.storage\.full"):
        site.centre.arrivals.step()
    site.gate.set(admit=True)
    _arrive(site)
    assert _receipts(bus, sensor.name) == [1]
    assert not list(site.folder.root.glob("quarantine/*"))


def test_a_gate_that_is_shut_leaves_the_bus_unread_says_so_and_goes_on_once_it_opens(
    site: Site, bus: MemoryBus
) -> None:
    sensor = RemoteSensor(site)
    _ship(bus, sensor.name, sensor.seal(["/1"], at=site.clock.now()))
    site.gate.set(admit=False)
    site.centre.arrivals.start()
    _in_time(lambda: site.centre.arrivals.failure)
    # By what /readyz answers with, once though two parts stand still for it.
    assert _failures(site) == ["collector.storage.full"]
    assert "test.collector" not in bus.committed
    assert _receipts(bus, sensor.name) == []
    site.gate.set(admit=True)
    _in_time(lambda: _receipts(bus, sensor.name) == [1] and not site.centre.arrivals.failure)
    assert _failures(site) == []


def _in_time(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class _FullDoor:
    """A door before a disk that is full."""

    def accept(self, raw: bytes) -> list[Receipt]:
        raise OSError(errno.ENOSPC, f"No space left for {len(raw)} bytes")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_crashes_and_refuses_every_batch_is_stored_once(
    tmp_path: Path, bus: MemoryBus, seed: int
) -> None:
    chance = random.Random(seed)
    site = _open(tmp_path, bus)
    sensors = [RemoteSensor(site, f"gateway-{number}") for number in range(3)]
    sealed: dict[str, list[bytes]] = {one.name: [] for one in sensors}
    for _ in range(60):
        sensor = chance.choice(sensors)
        batch = sensor.seal(["/a", "/b"], at=site.clock.now())
        sealed[sensor.name].append(batches.to_bytes(batch))
        again = [batch] if chance.random() < 0.2 else []
        _ship(bus, sensor.name, batch, *again)
        bus.stopped = chance.random() < 0.3
        try:
            site.centre.arrivals.step()
        except FengsuiError as error:
            assert error.code.startswith("schema.bus.")  # noqa: PT017 - refused on purpose
        bus.stopped = False
        if chance.random() < 0.2:
            crash(site)
            site.centre.arrivals.stop()
            site = _open(tmp_path, bus)
    _arrive(site)
    try:
        for name, wires in sealed.items():
            until(site, lambda name=name: site.status_of(name).last_batch == len(sealed[name]))
            stored = _stored(site, name)
            at = [stored.find(wire) for wire in wires]
            assert -1 not in at
            assert at == sorted(at)
            assert all(stored.count(wire) == 1 for wire in wires)
            assert _receipts(bus, name)[-1] == len(wires)
    finally:
        site.close()
