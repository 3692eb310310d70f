"""Shipping against a platform that keeps a chain as the real one does."""

from __future__ import annotations

import struct
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import sm2
from schema import batch as batches
from schema import heartbeat
from schema.batch import Batch, Chain
from schema.errors import FengsuiError
from schema.heartbeat import Heartbeat, Signed
from schema.log import Writer
from schema.receipt import Head, Receipt, sign_receipt
from schema.times import SECOND
from sensors import patience, ship
from sensors.ship import Shipper
from sensors.transport import Answer

KEY = sm2.PrivateKey.generate()
RECEIPT_KEY = sm2.PrivateKey.generate()
GENESIS = Chain(realm="duty", sensor="web-1", enrolment=1)


class Platform:
    """The door: verifies link after link, answers with receipts or problems."""

    def __init__(self, chain: Chain = GENESIS) -> None:
        self.chain = chain
        self.stored: list[Batch] = []
        self.beats: list[Heartbeat] = []
        self.requests: list[list[int]] = []
        self.down = False
        self.answers_lost = 0
        self.key = RECEIPT_KEY
        self.refuse: tuple[int, int, str] | None = None
        """Status and code with which that batch is refused."""

    def post(self, path: str, body: bytes, *, media_type: str) -> Answer:
        if self.down:
            raise ConnectionRefusedError("nobody listens")
        if path == "v1/heartbeats":
            self.beats.append(heartbeat.verify(msgspec.json.decode(body, type=Signed), KEY.public))
            return Answer(status=204, body=b"")
        answer = self.take(body)
        if self.answers_lost:
            self.answers_lost -= 1
            raise ConnectionResetError("the answer was lost")
        return answer

    def take(self, body: bytes) -> Answer:
        receipts, at = [], 0
        self.requests.append([])
        while at < len(body):
            (size,) = struct.unpack_from("<I", body, at)
            one = batches.from_bytes(body[at + 4 : at + 4 + size])
            at += 4 + size
            number = one.header.number
            self.requests[-1].append(number)
            if self.refuse and self.refuse[0] == number:
                return self.problem(self.refuse[1], self.refuse[2])
            try:
                batches.verify_signature(one, KEY.public)
                if batches.verify_link(one, self.chain):
                    self.stored.append(one)
                    self.chain = self.chain.after(one)
            except FengsuiError as error:
                return self.problem(409, error.code)
            receipts.append(self.receipt())
        return Answer(status=200, body=msgspec.json.encode({"receipts": receipts}))

    def receipt(self) -> Receipt:
        head = Head(
            sensor=self.chain.sensor,
            enrolment=self.chain.enrolment,
            number=self.chain.number,
            events=self.chain.next_sequence,
            hash=self.chain.hash,
        )
        return sign_receipt(head, 0, self.key)

    def problem(self, status: int, code: str) -> Answer:
        params = {"expected": self.chain.number + 1}
        body = msgspec.json.encode({"code": code, "detail": "no", "params": params})
        return Answer(status=status, body=body)

    def close(self) -> None:
        pass


class Machine:
    """A sensor's spool and the shipper over it."""

    def __init__(self, folder: Path, platform: Platform, chain: Chain = GENESIS) -> None:
        self.folder, self.platform, self.chain, self.base = folder, platform, chain, chain.number
        # Two or three batches a segment.
        self.writer = Writer(folder / "web-1", segment_bytes_max=1500)
        self.sealed: list[Batch] = []
        self.request_bytes_max = ship.REQUEST_BYTES_MAX
        self.restart()

    def restart(self) -> None:
        self.shipper = Shipper(
            self.folder / "web-1",
            self.folder / "receipt.json",
            enrolment=self.chain.enrolment,
            base_number=self.base,
            receipt_key=RECEIPT_KEY.public,
            transport=self.platform,
            heartbeat=self.beat,
            entropy=HalfEntropy(),
            request_bytes_max=self.request_bytes_max,
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

    def run(self, steps: int = 50) -> list[int]:
        return [self.shipper.step() for _ in range(steps)]

    def segments(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "web-1").iterdir())


class HalfEntropy:
    def take(self, size: int) -> bytes:
        return b"\x80" + bytes(size - 1)


def delivered(machine: Machine) -> bool:
    return [one.hash for one in machine.platform.stored] == [one.hash for one in machine.sealed]


def test_every_batch_arrives_once_in_order_and_is_receipted(tmp_path: Path) -> None:
    machine = Machine(tmp_path, Platform())
    machine.seal(40)
    machine.run(3)
    assert delivered(machine)
    assert [len(numbers) for numbers in machine.platform.requests] == [32, 8]
    assert machine.shipper.receipted == 40
    assert machine.shipper.counters.batches == 40


def test_receipted_segments_are_freed_but_never_the_newest_header_and_its_receipt(
    tmp_path: Path,
) -> None:
    machine = Machine(tmp_path, Platform())
    machine.seal(20)
    names = machine.segments()
    assert len(names) > 3
    machine.run()
    assert machine.segments() == names[-1:]
    assert machine.shipper.counters.freed_segments == len(names) - 1
    kept = msgspec.json.decode((tmp_path / "receipt.json").read_bytes(), type=Receipt)
    assert kept.head.number == 20
    head = Writer(tmp_path / "web-1").head
    assert head is not None
    assert head.hash == kept.head.hash


def test_nothing_is_freed_before_its_receipt(tmp_path: Path) -> None:
    machine = Machine(tmp_path, Platform())
    machine.seal(20)
    names = machine.segments()
    machine.platform.answers_lost = 1
    machine.run(1)
    assert len(machine.platform.stored) == 20
    assert machine.segments() == names
    assert machine.shipper.receipted == 0


def test_an_idle_sensor_sends_a_heartbeat_each_second(tmp_path: Path) -> None:
    machine = Machine(tmp_path, Platform())
    machine.seal(1)
    assert machine.run(3) == [0, SECOND, SECOND]
    assert [beat.head for beat in machine.platform.beats] == [machine.chain.hash] * 2


def test_a_platform_that_is_down_is_tried_more_and_more_rarely_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    machine = Machine(tmp_path, Platform())
    machine.seal(5)
    machine.platform.down = True
    delays = machine.run(12)
    assert delays == sorted(delays)
    assert delays[0] < SECOND
    assert patience.BACKOFF_MAX_US / 2 < delays[-1] <= patience.BACKOFF_MAX_US
    assert machine.shipper.problem.startswith("sensors.ship.unreachable")
    machine.platform.down = False
    machine.seal(5)
    machine.run(3)
    assert delivered(machine)
    assert machine.shipper.problem == ""


def test_a_lost_answer_is_made_good_by_the_number_the_platform_expects(tmp_path: Path) -> None:
    machine = Machine(tmp_path, Platform())
    machine.seal(6)
    machine.platform.answers_lost = 1
    machine.run(6)
    assert delivered(machine)
    assert machine.shipper.receipted == 6
    assert machine.platform.requests[-1] == [6]


def test_a_restarted_shipper_goes_on_behind_the_receipt(tmp_path: Path) -> None:
    machine = Machine(tmp_path, Platform())
    machine.seal(5)
    machine.run(2)
    machine.restart()
    machine.seal(2)
    machine.run(2)
    assert machine.platform.requests == [[1, 2, 3, 4, 5], [6, 7]]


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff", None])
def test_a_lost_or_damaged_receipt_file_costs_no_batch(
    tmp_path: Path, damage: bytes | None
) -> None:
    machine = Machine(tmp_path, Platform())
    machine.seal(12)
    machine.run(2)
    path = tmp_path / "receipt.json"
    path.unlink() if damage is None else path.write_bytes(damage)
    machine.seal(3)
    machine.restart()
    machine.run(8)
    assert delivered(machine)
    assert machine.shipper.receipted == 15


def test_a_platform_set_back_to_an_older_state_is_sent_again_what_is_still_here(
    tmp_path: Path,
) -> None:
    machine = Machine(tmp_path, Platform())
    machine.seal(2)
    machine.run(2)
    machine.platform.stored, machine.platform.chain = [], GENESIS
    machine.seal(1)
    machine.run(6)
    assert delivered(machine)


def test_a_platform_that_asks_for_freed_batches_is_named_and_not_stormed(tmp_path: Path) -> None:
    machine = Machine(tmp_path, Platform())
    machine.seal(20)
    machine.run(3)
    machine.platform.stored, machine.platform.chain = [], GENESIS
    machine.seal(1)
    delays = machine.run(12)
    assert machine.shipper.problem
    assert delays[-1] > 10 * SECOND
    assert sum(delay == 0 for delay in delays) <= 1


def test_a_sensor_set_back_to_an_older_state_is_named(tmp_path: Path) -> None:
    platform = Platform()
    ahead = Machine(tmp_path / "ahead", platform)
    ahead.seal(9)
    ahead.run(2)
    behind = Machine(tmp_path / "behind", platform)
    behind.seal(3)
    behind.run(2)
    assert "sensors.ship.chain_apart" in behind.shipper.problem


def test_a_refused_batch_holds_up_itself_only_and_is_said_so(tmp_path: Path) -> None:
    machine = Machine(tmp_path, Platform())
    machine.seal(9)
    machine.platform.refuse = (6, 403, "schema.batch.root_mismatch")
    machine.run(8)
    assert [one.header.number for one in machine.platform.stored] == [1, 2, 3, 4, 5]
    assert machine.shipper.receipted == 5
    assert machine.shipper.problem.startswith("schema.batch.root_mismatch")
    machine.platform.refuse = None
    machine.run(3)
    assert delivered(machine)


def test_a_receipt_of_another_key_counts_for_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path, Platform())
    machine.seal(8)
    names = machine.segments()
    machine.platform.key = sm2.PrivateKey.generate()
    machine.run(4)
    assert machine.shipper.receipted == 0
    assert machine.segments() == names
    assert not (tmp_path / "receipt.json").exists()


def test_a_receipt_over_another_header_counts_for_nothing(tmp_path: Path) -> None:
    class Lying(Platform):
        def receipt(self) -> Receipt:
            head = Head(sensor="web-1", enrolment=1, number=99, events=1, hash="0" * 64)
            return sign_receipt(head, 0, RECEIPT_KEY)

    machine = Machine(tmp_path, Lying())
    machine.seal(8)
    machine.run(4)
    assert machine.shipper.receipted == 0
    assert "schema.receipt.foreign" in machine.shipper.problem


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"receipts":[]}', b'{"receipts":[1]}'])
@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_an_odd_answer_is_no_receipt(tmp_path: Path, status: int, body: bytes) -> None:
    class Odd(Platform):
        def take(self, body_: bytes) -> Answer:
            return Answer(status=status, body=body)

    machine = Machine(tmp_path, Odd())
    machine.seal(1)
    delays = machine.run(8)
    assert all(delays)
    assert machine.shipper.receipted == 0
    assert machine.shipper.problem


def test_a_sensor_enrolled_anew_begins_behind_the_last_accepted_batch(tmp_path: Path) -> None:
    chain = Chain(realm="duty", sensor="web-1", enrolment=2, number=41)
    machine = Machine(tmp_path, Platform(chain), chain)
    machine.seal(3)
    machine.platform.answers_lost = 1
    machine.run(6)
    assert [one.header.number for one in machine.platform.stored] == [42, 43, 44]
    assert machine.shipper.receipted == 44


def test_a_request_stays_under_the_platforms_limit(tmp_path: Path) -> None:
    machine = Machine(tmp_path, Platform())
    machine.request_bytes_max = 1500
    machine.restart()
    machine.seal(10)
    machine.run(10)
    assert delivered(machine)
    assert 1 < len(machine.platform.requests[0]) < 10


faults = st.lists(st.sampled_from(["seal", "step", "lose answer", "down", "up", "restart"]))


@given(faults)
@settings(max_examples=40, deadline=None)
def test_whatever_fails_on_the_way_each_batch_arrives_once(
    tmp_path_factory: pytest.TempPathFactory, actions: list[str]
) -> None:
    machine = Machine(tmp_path_factory.mktemp("ship"), Platform())
    for action in actions:
        if action == "seal":
            machine.seal(3)
        elif action == "step":
            machine.shipper.step()
        elif action == "lose answer":
            machine.platform.answers_lost += 1
        elif action == "restart":
            machine.restart()
        else:
            machine.platform.down = action == "down"
    machine.platform.down, machine.platform.answers_lost = False, 0
    machine.run(12)
    assert delivered(machine)
    assert machine.shipper.receipted == len(machine.sealed)
