"""What the feeder writes, in which order, and what a crash or a refusal leaves behind."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from centre_world import LAYOUT, new_bus

from analytics import ruleset
from analytics.engine import BEGINNING
from analytics.memory import NEVER
from analytics.ruleset import RuleSet
from collector.bus.memory_bus import MemoryBus
from collector.state.alerts import Alerts
from collector.state.database import Database
from collector.state.outbox import Outbox
from fengsui.centre.feeder import Codecs, Feeder
from fengsui.centre.hops import Hops
from schema import artefact, feed
from schema.bus import Place
from schema.errors import FengsuiError
from schema.event import AcceptedBatch
from schema.feed import Adopt, Beat, End, Know, Message, Readmit, Require, Taken, Watch

RULES = ruleset.of([])
SENSORS = ("a", "b", "c")


class World:
    """One state of record and one bus; feeders come and go."""

    def __init__(self, database: Database) -> None:
        self.bus = new_bus()
        self.database = database
        self.facts = b"facts"
        self.hops = Hops()

    def feeder(self, rules: RuleSet = RULES, bus: MemoryBus | None = None) -> Feeder:
        codecs = Codecs(
            ruleset=lambda one: one.digest.encode(),
            rows=lambda rows: repr(list(rows)).encode(),
            facts=lambda _: self.facts,
        )
        return Feeder(
            (bus or self.bus).writer(), LAYOUT, Outbox(self.database), codecs=codecs, rules=rules,
            since=0, snapshot=Alerts(self.database).snapshot(), hops=self.hops,
        )  # fmt: skip

    def commit(self, feeder: Feeder) -> None:
        Alerts(self.database).commit((), (), snapshot=feeder.snapshot(), received_at=0)

    def written(self, sensor: str) -> list[Message]:
        """What stands in the sensor's partition."""
        return self.of(LAYOUT.of_sensor("accepted", sensor))

    def of(self, place: Place) -> list[Message]:
        return [feed.decode(one.value) for one in self.bus.records[place]]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(tmp_path / "state.db")
    yield World(database)
    database.close()


def batch(sensor: str, number: int, *, low: int = 0, times: Sequence[int] = (1,)) -> AcceptedBatch:
    count = len(times)
    return AcceptedBatch(
        sensor=sensor, number=number, first_sequence=number, low_watermark=low, received_at=9,
        indexes=range(count), ids=[bytes(16)] * count, times=list(times),
        events=[{} for _ in times], enrichment=[{} for _ in times],
    )  # fmt: skip


def kinds(messages: Sequence[Message]) -> list[str]:
    return [type(one).__name__ for one in messages]


def test_control_is_in_every_partition_behind_what_was_fed_before_it(world: World) -> None:
    feeder = world.feeder()
    feeder.feed(batch("a", 1))
    feeder.require("b", 5)
    feeder.feed(batch("b", 1))
    feeder.deliver()
    assert kinds(world.written("a"))[:3] == ["Adopt", "Taken", "Require"]
    for place in LAYOUT.all_of("accepted"):
        numbers = [one.number for one in world.of(place) if isinstance(one, Adopt | Require)]
        assert numbers == [1, 2]


def test_an_artefact_is_on_the_bus_before_the_control_that_names_it(world: World) -> None:
    feeder = world.feeder()
    feeder.know(None)  # type: ignore[arg-type] # these codecs do not look
    feeder.watch("payees", [(("x",), 0, 9)], 7)
    feeder.deliver()
    assembly = artefact.Assembly()
    held = {
        assembly.take(one.key, one.value)[0]  # type: ignore[index] # each is whole
        for one in world.bus.records[LAYOUT.only("artefacts")]
    }
    named = [one.artefact for one in world.written("a") if isinstance(one, Adopt | Know | Watch)]
    assert len(named) == 3
    assert held == set(named)


def test_facts_that_are_as_they_were_are_not_sent_again(world: World) -> None:
    feeder = world.feeder()
    for _ in range(2):
        feeder.know(None)  # type: ignore[arg-type] # these codecs do not look
    world.facts = b"others"
    feeder.know(None)  # type: ignore[arg-type] # these codecs do not look
    feeder.deliver()
    assert kinds(world.written("a")) == ["Adopt", "Know", "Know"]


def test_heartbeats_come_behind_the_batches_and_only_the_greatest(world: World) -> None:
    feeder = world.feeder()
    feeder.feed(batch("a", 1, low=3))
    for low in (5, 9, 7):
        feeder.heartbeat("a", low)
    feeder.deliver()
    feeder.heartbeat("a", 9)
    feeder.deliver()
    assert world.written("a")[1:] == [
        feed.taken(batch("a", 1, low=3)),
        Beat("a", 9),
    ]


def test_while_the_bus_refuses_control_changes_nothing_and_batches_wait(world: World) -> None:
    feeder = world.feeder()
    feeder.require("a", 1)
    feeder.deliver()
    world.bus.stopped = True
    feeder.feed(batch("a", 1, low=8))
    for act in (lambda: feeder.exclude("a"), feeder.deliver, lambda: feeder.require("b", 1)):
        with pytest.raises(FengsuiError, match=r"schema\.bus\.unacknowledged"):
            act()
    assert world.hops.lags() == {"accepted": 1, "control": 0}
    assert (feeder.required, feeder.excluded) == ({"a"}, set())
    world.bus.stopped = False
    feeder.exclude("a")
    feeder.deliver()
    assert kinds(world.written("a")) == ["Adopt", "Require", "Taken", "Exclude"]
    assert world.hops.lags() == {"accepted": 0, "control": 0}


def test_control_written_and_not_sent_is_sent_first_after_a_crash(world: World) -> None:
    feeder = world.feeder()
    feeder.feed(batch("a", 1))
    feeder.require("a", 1)
    again = world.feeder()
    assert again.required == {"a"}
    again.feed(batch("a", 2))
    again.deliver()
    assert kinds(world.written("a")) == ["Adopt", "Taken", "Require", "Taken"]


def test_after_a_crash_what_was_not_acknowledged_is_read_again(world: World) -> None:
    feeder = world.feeder()
    feeder.feed(batch("a", 1))
    feeder.deliver()
    world.bus.stopped = True
    feeder.feed(batch("a", 2))
    with pytest.raises(FengsuiError):
        feeder.deliver()
    world.commit(feeder)
    assert feeder.cursors == {"a": 2}
    assert world.feeder().cursors == {"a": 1}


def test_a_crash_leaves_no_writer_that_is_behind_what_it_wrote(world: World) -> None:
    """Times it names then must lie behind everything the workers may have judged."""
    feeder = world.feeder()
    feeder.require("a", 1)
    feeder.feed(batch("a", 1, low=100, times=(50, 200)))
    feeder.deliver()
    again = world.feeder()
    assert (again.watermark, again.free_from) == (100, 201)


def test_the_watermark_is_the_least_promise_written_of_those_waited_for(world: World) -> None:
    feeder = world.feeder()
    for sensor in SENSORS:
        feeder.require(sensor, 1)
    feeder.feed(batch("a", 1, low=10))
    feeder.feed(batch("b", 1, low=20))
    feeder.heartbeat("c", 5)
    feeder.deliver()
    assert (feeder.watermark, feeder.holding()) == (5, "c")
    feeder.exclude("c")
    assert feeder.watermark == 10
    feeder.readmit("c", feeder.watermark)
    assert feeder.watermark == 10
    feeder.release("a")
    feeder.release("b")
    feeder.heartbeat("c", 30)
    feeder.deliver()
    assert feeder.watermark == 30


def test_the_last_to_be_excluded_or_released_says_how_far_the_rules_may_go(world: World) -> None:
    feeder = world.feeder()
    for sensor, low in (("a", 10), ("b", 20)):
        feeder.require(sensor, 1)
        feeder.heartbeat(sensor, low)
    feeder.exclude("a")
    feeder.exclude("b")
    feeder.readmit("a", 1)
    feeder.release("a")
    feeder.deliver()
    words = [
        (one.sensor, one.until) for one in world.written("a")
        if isinstance(one, feed.Exclude | feed.Release)
    ]  # fmt: skip
    assert words == [("a", NEVER), ("b", 20), ("a", 20)]


def test_other_rules_after_a_start_follow_behind_everything_written(world: World) -> None:
    feeder = world.feeder()
    feeder.require("a", 1)
    feeder.feed(batch("a", 1, low=100, times=(200,)))
    feeder.deliver()
    world.commit(feeder)
    others = ruleset.of([], refused=(ruleset.Refusal(path="x", reason="y"),))
    if others.digest == RULES.digest:
        others = RuleSet(rules=(), refused=(), digest="another")
    again = world.feeder(others)
    again.deliver()
    adopts = [one for one in world.written("a") if isinstance(one, Adopt)]
    assert [(one.number, one.since) for one in adopts] == [(1, BEGINNING), (3, 201)]
    with pytest.raises(FengsuiError, match=r"rules_late"):
        again.adopt(RULES, 201)


def test_the_end_releases_all_and_deadlines_fall_as_far_as_was_promised(world: World) -> None:
    feeder = world.feeder()
    feeder.require("a", 1)
    feeder.feed(batch("a", 1, low=10, times=(70,)))
    feeder.end()
    feeder.end()
    assert world.written("a")[-1] == End(3, 70)
    assert feeder.watermark == NEVER


def test_of_one_sensor_the_next_batch_goes_once_the_one_before_is_acknowledged(
    world: World,
) -> None:
    """A send that fails half may never leave a later batch without the one before it."""
    writer = _HalfWriter(world.bus)
    feeder = world.feeder()
    feeder.deliver()
    feeder._writer = writer
    for number in range(1, 6):
        feeder.feed(batch("a", number))
    for _ in range(10):
        try:
            feeder.deliver()
        except FengsuiError:
            continue
    numbers = [one.number for one in world.written("a") if isinstance(one, Taken)]
    first = [number for place, number in enumerate(numbers) if number not in numbers[:place]]
    assert first == [1, 2, 3, 4, 5]
    assert all(after <= before + 1 for before, after in pairwise(numbers))


class _HalfWriter:
    """Drops the first record of every other flush, keeps the rest, and says that it failed."""

    def __init__(self, bus: MemoryBus) -> None:
        self._inner = bus.writer()
        self._waiting: list[tuple[Place, bytes, bytes]] = []
        self._flushes = 0

    def send(self, place: Place, *, key: bytes, value: bytes) -> None:
        self._waiting.append((place, key, value))

    def flush(self) -> None:
        self._flushes += 1
        waiting, self._waiting = self._waiting, []
        fails = self._flushes % 2 == 1
        for place, key, value in waiting[1:] if fails else waiting:
            self._inner.send(place, key=key, value=value)
        self._inner.flush()
        if fails:
            raise FengsuiError("schema.bus.unacknowledged", "half of it")

    def close(self) -> None:
        self.flush()


def test_what_the_feeder_sends_is_what_it_was_told(world: World) -> None:
    feeder = world.feeder()
    feeder.require("a", 4)
    feeder.exclude("a")
    feeder.readmit("a", 6)
    feeder.deliver()
    assert world.written("b")[1] == Require(2, "a", 4)
    assert world.written("b")[3] == Readmit(4, "a", 6)


def test_control_of_another_writer_is_noticed(world: World, tmp_path: Path) -> None:
    one = world.feeder()
    one.require("a", 5)
    one.deliver()
    marks = [
        (control.number, feed.mark_of(record.value))
        for record in world.bus.records[LAYOUT.all_of("accepted")[0]]
        if isinstance(control := feed.decode(record.value), Adopt | Require)
    ]
    for number, mark in marks:
        one.know_again(number, mark)
    with pytest.raises(FengsuiError, match=r"control 3 .*fengsui\.feeder\.another"):
        one.know_again(3, bytes(8))
    # An older copy of the folder goes on with a number that was taken.
    database = Database(tmp_path / "copy.db")
    copy = World(database).feeder()
    copy.require("b", 7)
    with pytest.raises(FengsuiError, match=r"fengsui\.feeder\.another"):
        copy.know_again(*marks[1])
    database.close()


def test_what_is_too_large_to_be_sent_is_not_kept_to_be_sent(world: World) -> None:
    feeder = world.feeder()
    feeder.deliver()
    world.facts = bytes(artefact.PARTS_MAX * artefact.PART_BYTES_MAX + 1)
    with pytest.raises(FengsuiError, match=r"schema\.artefact\.too_large"):
        feeder.know(None)  # type: ignore[arg-type] # these codecs do not look
    assert Outbox(world.database).waiting() == []
    world.facts = b"fewer"
    feeder.know(None)  # type: ignore[arg-type] # these codecs do not look
    feeder.deliver()
    assert kinds(world.written("a")) == ["Adopt", "Know"]
