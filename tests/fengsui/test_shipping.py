"""A real sensor process ships straight to a real broker, and the broker goes away meanwhile."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from collector.bus.access import Access
from collector.bus.kafka_bus import KafkaPythonReader, KafkaPythonWriter
from collector.bus.reading import BEGINNING
from crypto import keys, sm2
from deploy.services import Kafka
from fengsui.cluster import Users, init
from fengsui.settings import BusSettings
from fengsui.shipping import Spool, over_bus
from schema import batch as batches
from schema import heartbeat
from schema.batch import Batch, Chain
from schema.bus import Place, partition_of
from schema.disk import PosixDisk
from schema.errors import FengsuiError
from schema.log import Cursor, Reader
from schema.receipt import Head, Receipt, sign_receipt
from sensors.enrol import IDENTITY_FILE, KEY_FILE, Enrolment

SENSOR = "gate-1"
RECEIPT_KEY = sm2.PrivateKey.generate()
LINE = '10.0.0.{n} - - [20/Nov/2026:08:00:{n:02d} +0800] "GET /{n} HTTP/1.1" 200 5 "-" "x"\n'
CHAIN = Chain(realm="duty", sensor=SENSOR, enrolment=1)


class Machine:
    """An enrolled sensor over one log file, and the settings of its bus."""

    def __init__(self, folder: Path, kafka: Kafka, prefix: str) -> None:
        self.data = folder / "sensor"
        (self.data / "keys").mkdir(parents=True, mode=0o700)
        self.key = keys.load_or_create(self.data / KEY_FILE)
        self.identity = Enrolment(
            sensor=SENSOR,
            enrolment=1,
            realm="duty",
            receipt_public_key=RECEIPT_KEY.public.point.hex(),
            last_batch=0,
        )
        (self.data / IDENTITY_FILE).write_bytes(msgspec.json.encode(self.identity))
        self.log = folder / "access.log"
        self.log.touch()
        (self.data / "settings.toml").write_text(
            "[sensor]\ninventory = false\nbatch_events = 4\n"
            f'[[sensor.watch]]\nname = "web"\npath = "{self.log}"\nformat = "nginx_access"\n'
        )
        self.bus = folder / "bus.toml"
        self.bus.write_text(f'[bus]\nbrokers = ["{kafka.address}"]\nprefix = "{prefix}"\n')
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "fengsui", "sensor", "run"]
        command += ["--bus", str(self.bus), "--data", str(self.data)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def stop(self, number: int) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    def write(self, first: int, count: int) -> None:
        with self.log.open("a") as file:
            for n in range(first, first + count):
                file.write(LINE.format(n=n))

    def sealed(self) -> list[Batch]:
        return Reader(self.data / "segments" / SENSOR, Cursor(number=0), PosixDisk()).read(1000)

    def receipted(self) -> int:
        path = self.data / "receipt.json"
        if not path.exists():
            return 0
        return msgspec.json.decode(path.read_bytes(), type=Receipt).head.number


class Centre:
    """Reads batches and answers with receipts, as the centre does."""

    def __init__(self, access: Access, settings: BusSettings) -> None:
        partition = partition_of(SENSOR, settings.partitions)
        self.batches, self.receipts, self.beats = (
            Place(f"{settings.prefix}.{name}", partition)
            for name in ("batches", "receipts", "heartbeats")
        )
        self.reader = KafkaPythonReader(access, {self.batches: BEGINNING})
        self.writer = KafkaPythonWriter(access)
        self.chain = CHAIN
        self.taken: list[bytes] = []

    def work(self) -> None:
        try:
            for record in self.reader.read(records_max=100, wait_seconds=0.3):
                self._take(record.key, record.value)
        except FengsuiError as error:
            if not error.code.startswith("schema.bus.un"):
                raise

    def _take(self, key: bytes, value: bytes) -> None:
        one = batches.from_bytes(value)
        assert key == SENSOR.encode()
        if one.header.number <= self.chain.number:
            assert value in self.taken, "a repeat is exact"
            return
        assert batches.verify_link(one, self.chain)
        self.chain = self.chain.after(one)
        self.taken.append(value)
        head = Head(
            sensor=SENSOR,
            enrolment=1,
            number=self.chain.number,
            events=self.chain.next_sequence,
            hash=self.chain.hash,
        )
        receipt = msgspec.json.encode(sign_receipt(head, 0, RECEIPT_KEY))
        self.writer.send(self.receipts, key=key, value=receipt)
        self.writer.flush()

    def close(self) -> None:
        self.reader.close()
        self.writer.close()


@pytest.fixture
def settings(own_prefix: str) -> BusSettings:
    return BusSettings(prefix=own_prefix)


@pytest.fixture
def access(kafka: Kafka, settings: BusSettings) -> Access:
    made = Access(brokers=tuple(kafka.address.split(",")))
    init(made, settings, Users())
    return made


@pytest.fixture
def machine(tmp_path: Path, kafka: Kafka, own_prefix: str, access: Access) -> Iterator[Machine]:
    made = Machine(tmp_path, kafka, own_prefix)
    yield made
    made.stop(signal.SIGKILL)


@pytest.fixture
def centre(access: Access, settings: BusSettings) -> Iterator[Centre]:
    made = Centre(access, settings)
    yield made
    made.close()


def until(done: Callable[[], bool], work: Callable[[], None], *, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not come to pass in time"
        work()


def events(raw: list[bytes]) -> int:
    return sum(batches.from_bytes(one).header.count for one in raw)


def test_nothing_is_lost_or_doubled_while_the_broker_is_away_and_the_sensor_is_killed(
    kafka: Kafka, machine: Machine, centre: Centre
) -> None:
    machine.write(0, 10)
    machine.start()
    until(lambda: events(centre.taken) >= 10, centre.work)
    until(lambda: machine.receipted() == centre.chain.number, centre.work)
    kafka.kill(1)
    machine.write(10, 10)
    time.sleep(5)
    machine.stop(signal.SIGKILL)
    machine.write(20, 10)
    machine.start()
    time.sleep(3)
    kafka.restart(1)
    until(lambda: events(centre.taken) >= 30, centre.work)
    until(lambda: machine.receipted() == centre.chain.number, centre.work)
    machine.stop(signal.SIGTERM)
    assert [batches.to_bytes(one) for one in machine.sealed()] == centre.taken
    assert events(centre.taken) == 30


def test_an_idle_sensor_is_heard_on_the_bus(
    access: Access, machine: Machine, centre: Centre
) -> None:
    machine.start()
    reader = KafkaPythonReader(access, {centre.beats: BEGINNING})
    beats: list[bytes] = []

    def read() -> None:
        beats.extend(one.value for one in reader.read(records_max=9, wait_seconds=0.5))

    until(lambda: len(beats) >= 2, read)
    reader.close()
    signed = msgspec.json.decode(beats[0], type=heartbeat.Signed)
    assert heartbeat.verify(signed, machine.key.public).sensor == SENSOR


def test_no_way_at_all_is_named(machine: Machine) -> None:
    from fengsui.clock import SystemClock, SystemEntropy

    spool = Spool(
        identity=machine.identity,
        folder=machine.data,
        receipt_file=machine.data / "receipt.json",
        heartbeat=lambda: heartbeat.Signed(payload=b"", signature=b""),
    )
    with pytest.raises(FengsuiError, match="no way to the platform is named") as raised:
        over_bus(BusSettings(), spool, clock=SystemClock(), entropy=SystemEntropy())
    assert raised.value.code == "fengsui.sensor.way"
