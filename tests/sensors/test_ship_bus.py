"""Shipping over a bus: what is sealed arrives once in a chain, whatever stops in between."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.bus.memory_bus import MemoryBus
from collector.bus.reading import BEGINNING
from crypto import sm2
from schema import batch as batches
from schema import heartbeat
from schema.batch import Batch, Chain
from schema.bus import Place
from schema.errors import FengsuiError
from schema.heartbeat import Heartbeat, Signed
from schema.log import Writer
from schema.receipt import Head, Receipt, sign_receipt
from schema.times import SECOND
from sensors.receipted import Receipted
from sensors.ship_bus import BATCHES_MAX, STUCK_US, BusShipper, Places

KEY = sm2.PrivateKey.generate()
RECEIPT_KEY = sm2.PrivateKey.generate()
GENESIS = Chain(realm="duty", sensor="web-1", enrolment=1)
PLACES = Places(
    batches=Place("s.batches", 0),
    heartbeats=Place("s.heartbeats", 0),
    receipts=Place("s.receipts", 0),
)


class HalfEntropy:
    def take(self, size: int) -> bytes:
        return bytes([0x80]) * size


class Hand:
    """A clock that is set."""

    def __init__(self) -> None:
        self.time = 1000 * SECOND

    def now(self) -> int:
        return self.time


class Platform:
    """The centre: links batch to batch, answers with the newest receipt, or says where it is."""

    def __init__(self, bus: MemoryBus) -> None:
        self.bus = bus
        self.reader = bus.reader({PLACES.batches: BEGINNING})
        self.writer = bus.writer()
        self.chain = GENESIS
        self.stored: list[Batch] = []
        self.read = 0
        self.drop = 0
        """So many of the next records are lost on the way."""

    def work(self) -> None:
        for record in self.reader.read(records_max=1000, wait_seconds=0):
            self.read += 1
            if self.drop:
                self.drop -= 1
                continue
            one = batches.from_bytes(record.value)
            assert record.key == b"web-1"
            # Others out of order: sent again, or one is missing before them.
            if one.header.number == self.chain.number + 1:
                assert batches.verify_link(one, self.chain)
                self.stored.append(one)
                self.chain = self.chain.after(one)
            if self.chain.number:
                self.say(self.receipt())

    def say(self, receipt: Receipt, *, key: bytes = b"web-1") -> None:
        self.writer.send(PLACES.receipts, key=key, value=msgspec.json.encode(receipt))
        self.writer.flush()

    def receipt(self, **changed: object) -> Receipt:
        fields = {
            "sensor": "web-1",
            "enrolment": self.chain.enrolment,
            "number": self.chain.number,
            "events": self.chain.next_sequence,
            "hash": self.chain.hash,
        }
        return sign_receipt(Head(**{**fields, **changed}), 0, RECEIPT_KEY)  # type: ignore[arg-type]


class Machine:
    """A sensor's spool and the shipper over it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.chain = folder, GENESIS
        self.bus = MemoryBus({"s.batches": 1, "s.heartbeats": 1, "s.receipts": 1})
        self.clock = Hand()
        self.writer = Writer(folder / "web-1", segment_bytes_max=1500)
        self.sealed: list[Batch] = []
        self.restart()

    def restart(self) -> None:
        self.shipper = BusShipper(
            self.folder / "web-1",
            Receipted(
                self.folder / "web-1",
                self.folder / "receipt.json",
                enrolment=1,
                base_number=0,
                receipt_key=RECEIPT_KEY.public,
            ),
            sensor="web-1",
            places=PLACES,
            writer=self.bus.writer(),
            receipts=self.bus.reader({PLACES.receipts: BEGINNING}),
            heartbeat=self.beat,
            clock=self.clock,
            entropy=HalfEntropy(),
            hear_seconds=0,
        )

    def beat(self) -> Signed:
        return heartbeat.sign(
            Heartbeat(
                realm="duty",
                sensor="web-1",
                enrolment=1,
                key_id=KEY.public.key_id,
                head=self.chain.hash,
                time=0,
                low_watermark=0,
            ),
            KEY,
        )

    def seal(self, count: int) -> None:
        for _ in range(count):
            contents = batches.Contents(
                payloads=[b"{}"], min_time=0, max_time=0, low_watermark=0, positions={}
            )
            one = batches.seal(self.chain, contents, key=KEY, boot_id="b", salts=bytes(16))
            self.writer.append(one)
            self.chain = self.chain.after(one)
            self.sealed.append(one)

    def records(self, place: Place) -> list[bytes]:
        return [record.value for record in self.bus.records[place]]

    def segments(self) -> int:
        return len(list((self.folder / "web-1").iterdir()))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def platform(machine: Machine) -> Platform:
    return Platform(machine.bus)


def numbers(stored: list[Batch]) -> list[int]:
    return [one.header.number for one in stored]


def test_a_record_is_a_batch_byte_for_byte_under_the_sensors_name(machine: Machine) -> None:
    machine.seal(3)
    assert machine.shipper.step() == 0
    assert machine.records(PLACES.batches) == [batches.to_bytes(one) for one in machine.sealed]


def test_sending_does_not_wait_for_receipts_and_freeing_does(
    machine: Machine, platform: Platform
) -> None:
    for _ in range(3):
        machine.seal(BATCHES_MAX)
        machine.shipper.step()
    assert len(machine.records(PLACES.batches)) == 3 * BATCHES_MAX
    assert machine.shipper.receipted == 0
    before = machine.segments()
    platform.work()
    machine.shipper.step()
    assert machine.shipper.receipted == 3 * BATCHES_MAX
    assert 1 <= machine.segments() < before


def test_an_idle_sensor_beats_once_a_second(machine: Machine) -> None:
    for _ in range(4):
        machine.shipper.step()
        machine.clock.time += SECOND // 2
    beats = machine.records(PLACES.heartbeats)
    assert len(beats) == 2
    heartbeat.verify(msgspec.json.decode(beats[0], type=Signed), KEY.public)


def test_a_bus_that_is_down_is_tried_more_and_more_rarely_and_nothing_is_lost(
    machine: Machine, platform: Platform
) -> None:
    machine.seal(5)
    machine.bus.stopped = True
    delays = [machine.shipper.step() for _ in range(6)]
    assert delays == sorted(delays)
    assert delays[0] < delays[-1]
    assert "schema.bus.unacknowledged" in machine.shipper.problem
    machine.bus.stopped = False
    assert machine.shipper.step() == 0
    platform.work()
    machine.shipper.step()
    assert machine.shipper.problem == ""
    assert numbers(platform.stored) == [1, 2, 3, 4, 5]
    assert platform.read == 5


def test_a_restart_goes_on_behind_the_newest_receipt(machine: Machine, platform: Platform) -> None:
    machine.seal(4)
    machine.shipper.step()
    platform.work()
    machine.shipper.step()
    machine.seal(2)
    machine.restart()
    machine.shipper.step()
    platform.work()
    assert numbers(platform.stored) == [1, 2, 3, 4, 5, 6]
    assert platform.read == 6


def test_a_lost_receipt_file_is_made_up_for_by_the_bus(
    machine: Machine, platform: Platform
) -> None:
    machine.seal(4)
    machine.shipper.step()
    platform.work()
    machine.shipper.step()
    (machine.folder / "receipt.json").unlink()
    machine.restart()
    machine.shipper.step()
    assert machine.shipper.receipted == 4


def test_what_was_lost_on_the_way_is_sent_again_once_the_platform_says_so(
    machine: Machine, platform: Platform
) -> None:
    machine.seal(3)
    machine.shipper.step()
    platform.work()
    machine.shipper.step()
    platform.drop = 1
    machine.seal(3)
    machine.shipper.step()
    platform.work()
    machine.shipper.step()
    assert numbers(platform.stored) == [1, 2, 3]
    machine.clock.time += STUCK_US
    machine.shipper.step()
    machine.shipper.step()
    platform.work()
    assert numbers(platform.stored) == [1, 2, 3, 4, 5, 6]
    assert machine.shipper.counters.resent == 3


def test_repeats_do_not_make_more_repeats(machine: Machine, platform: Platform) -> None:
    machine.seal(4)
    machine.shipper.step()
    machine.restart()
    machine.shipper.step()
    for _ in range(30):
        platform.work()
        machine.seal(1)
        machine.shipper.step()
        machine.clock.time += SECOND
    platform.work()
    assert platform.stored == machine.sealed
    assert platform.read == len(machine.sealed) + 4


def test_a_receipt_over_another_header_is_not_taken(machine: Machine, platform: Platform) -> None:
    machine.seal(2)
    machine.shipper.step()
    platform.say(platform.receipt(number=2, hash="0" * 64))
    assert machine.shipper.step() > 0
    assert "schema.receipt.foreign" in machine.shipper.problem
    assert machine.shipper.receipted == 0


def test_a_platform_ahead_of_this_sensor_is_told(machine: Machine, platform: Platform) -> None:
    machine.seal(2)
    machine.shipper.step()
    platform.say(platform.receipt(number=9))
    machine.shipper.step()
    assert "sensors.ship.chain_apart" in machine.shipper.problem


@pytest.mark.parametrize("value", [b"", b"{}", b"\xff", b'{"head":1}'])
def test_what_is_no_receipt_is_counted_and_passed(
    machine: Machine, platform: Platform, value: bytes
) -> None:
    platform.writer.send(PLACES.receipts, key=b"web-1", value=value)
    platform.writer.flush()
    assert machine.shipper.step() == 0
    assert machine.shipper.counters.foreign_records == 1


def test_receipts_of_other_sensors_and_other_enrolments_say_nothing(
    machine: Machine, platform: Platform
) -> None:
    machine.seal(2)
    machine.shipper.step()
    platform.say(platform.receipt(number=2, hash="0" * 64), key=b"web-2")
    platform.say(platform.receipt(number=2, hash="0" * 64, enrolment=7))
    assert machine.shipper.step() == 0
    assert machine.shipper.receipted == 0


def test_damage_in_the_spool_is_raised(machine: Machine) -> None:
    machine.seal(8)
    first = sorted((machine.folder / "web-1").iterdir())[0]
    raw = bytearray(first.read_bytes())
    raw[len(raw) // 2] ^= 1
    first.write_bytes(raw)
    machine.restart()
    with pytest.raises(FengsuiError, match="damaged"):
        # What lies before the damage is sent first.
        [machine.shipper.step() for _ in range(3)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["seal", "step", "work", "down", "up", "restart", "wait"]), max_size=40
    )
)
def test_whatever_happens_every_batch_is_stored_once_in_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    machine = Machine(tmp_path_factory.mktemp("spool"))
    platform = Platform(machine.bus)
    for step in steps:
        if step == "seal":
            machine.seal(2)
        elif step == "step":
            machine.shipper.step()
        elif step == "work" and not machine.bus.stopped:
            platform.work()
        elif step in ("down", "up"):
            machine.bus.stopped = step == "down"
        elif step == "restart":
            machine.restart()
        elif step == "wait":
            machine.clock.time += 4 * SECOND
    machine.bus.stopped = False
    for _ in range(6):
        machine.shipper.step()
        platform.work()
        machine.clock.time += STUCK_US
    assert platform.stored == machine.sealed
    assert machine.shipper.receipted == len(machine.sealed)
