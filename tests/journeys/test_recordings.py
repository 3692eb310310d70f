"""The same sealed events give the same final alerts, byte for byte, however they are read."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from journey import EVENING_NAME, final, final_alerts, records, replayed, taken_in

from analytics import ruleset
from analytics.engine import LATENESS_US, Engine, Output
from fengsui import demo
from fengsui.training import ChildTrainer
from schema.alert import Alert, canonical
from schema.event import SOURCE, AcceptedBatch, Fields


def test_the_whole_recording_gives_at_least_ten_alerts_of_five_rules(day_folder: Path) -> None:
    alerts = final_alerts(day_folder)
    assert len(alerts) >= 10
    assert len({alert.rule_id for alert in alerts}) >= 5


def test_the_whole_recording_is_stored_once_and_found(day_folder: Path) -> None:
    line = (day_folder / "demo.json").read_text("utf-8")
    assert line.count("\n") == 1
    result = json.loads(line)
    assert result["events"] == result["verified"] == records(demo.recording_folder())
    assert (result["quarantined"], result["missed"], result["false"]) == (0, [], 0)


def test_the_short_recording_holds_several_rules(evening_alerts: list[bytes]) -> None:
    assert len({json.loads(alert)["rule_id"] for alert in evening_alerts}) >= 5


def test_a_second_run_in_a_new_folder_gives_the_same(
    evening: Path, evening_alerts: list[bytes], tmp_path: Path
) -> None:
    assert replayed(tmp_path, evening) == evening_alerts


@pytest.mark.parametrize("batch_events", [64, 300])
def test_other_sensor_batches_give_the_same(
    evening: Path, evening_alerts: list[bytes], tmp_path: Path, batch_events: int
) -> None:
    assert replayed(tmp_path, evening, batch_events=batch_events) == evening_alerts


@pytest.mark.parametrize("intake_batches", [1, 3])
def test_other_sizes_read_at_once_give_the_same(
    evening: Path, evening_alerts: list[bytes], tmp_path: Path, intake_batches: int
) -> None:
    found = replayed(tmp_path, evening, batch_events=200, intake_batches=intake_batches)
    assert found == evening_alerts


@pytest.mark.parametrize("partitions", [2, 4])
def test_partitions_give_the_same(
    evening: Path, evening_alerts: list[bytes], tmp_path: Path, partitions: int
) -> None:
    assert replayed(tmp_path, evening, partitions=partitions) == evening_alerts


@pytest.fixture(scope="module")
def accepted(evening_folder: Path) -> list[AcceptedBatch]:
    return taken_in(evening_folder, EVENING_NAME)


def test_the_whole_recording_through_four_partitions_gives_the_same(day_folder: Path) -> None:
    """The model's hours too: six of them must have passed before it says anything."""
    verdicts = Verdicts(Engine(ruleset.load([ruleset.SHIPPED]), partitions=4))
    for batch in taken_in(day_folder, demo.RECORDING):
        verdicts.feed(batch)
    assert verdicts.final() == final(day_folder)


@dataclass(frozen=True)
class Arrival:
    """One event on its way to the rules; its sequence is the one its sensor signed."""

    sensor: str
    sequence: int
    id: bytes
    time: int
    fields: Fields


def _events(accepted: Sequence[AcceptedBatch], sensor: Callable[[Fields], str]) -> list[Arrival]:
    return [
        Arrival(
            sensor=sensor(fields),
            sequence=batch.first_sequence + batch.indexes[place],
            id=batch.ids[place],
            time=batch.times[place],
            fields=fields,
        )
        for batch in accepted
        for place, fields in enumerate(batch.events)
    ]


def _batch(events: Sequence[Arrival], *, number: int, low_watermark: int) -> AcceptedBatch:
    return AcceptedBatch(
        sensor=events[0].sensor,
        number=number,
        first_sequence=0,
        low_watermark=low_watermark,
        received_at=max(one.time for one in events),
        indexes=[one.sequence for one in events],
        ids=[one.id for one in events],
        times=[one.time for one in events],
        events=[one.fields for one in events],
        enrichment=[{} for _ in events],
    )


class Verdicts:
    """Alerts by id through all their revisions, as the store keeps them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._trainer = ChildTrainer()
        self._alerts: dict[str, Alert] = {}
        self.revisions = 0

    def feed(self, batch: AcceptedBatch) -> None:
        self._engine.feed(batch)
        self._take(self._engine.advance)

    def _take(self, step: Callable[[], Output]) -> None:
        while True:
            output = step()
            for alert in output.alerts:
                self.revisions += alert.id in self._alerts
                self._alerts[alert.id] = alert
            if not output.training:
                return
            for request in output.training:
                self._engine.install(self._trainer.train(request))

    def final(self) -> list[bytes]:
        self._take(self._engine.finish)
        return sorted(canonical(one) for one in self._alerts.values() if one.state == "final")


def _shuffled(events: Sequence[Arrival], chance: random.Random) -> list[Arrival]:
    """In an order in which each comes less than the lateness budget behind its time."""
    delay = {one.id: chance.randrange(LATENESS_US) for one in events}
    return sorted(events, key=lambda one: one.time + delay[one.id])


@pytest.mark.parametrize("promises", ["everything", "what is true"])
@pytest.mark.parametrize("seed", [1, 2])
def test_events_shuffled_inside_the_lateness_budget_give_the_same(
    accepted: list[AcceptedBatch], evening_alerts: list[bytes], seed: int, promises: str
) -> None:
    """``everything``: the sensor calls all read that it has sent, so most come late."""
    events = _shuffled(_events(accepted, lambda fields: EVENING_NAME), random.Random(seed))
    verdicts = Verdicts(Engine(ruleset.load([ruleset.SHIPPED])))
    low = 0
    for number, start in enumerate(range(0, len(events), 200), 1):
        some, rest = events[start : start + 200], events[start + 200 :]
        # Nothing after this batch is further behind than the budget.
        ahead = max(one.time for one in events[: start + 200])
        true = min((one.time for one in rest), default=ahead)
        low = max(low, ahead if promises == "everything" else true)
        verdicts.feed(_batch(some, number=number, low_watermark=low))
    assert verdicts.final() == evening_alerts
    assert (verdicts.revisions > 0) == (promises == "everything")


def _sources(accepted: Sequence[AcceptedBatch]) -> dict[str, list[AcceptedBatch]]:
    """The same events as if each log had a sensor of its own."""
    events = _events(accepted, lambda fields: str(fields[SOURCE]))
    found: dict[str, list[AcceptedBatch]] = {}
    for name in sorted({one.sensor for one in events}):
        own = [one for one in events if one.sensor == name]
        found[name] = [
            _batch(own[start : start + 64], number=number, low_watermark=own[start].time)
            for number, start in enumerate(range(0, len(own), 64), 1)
        ]
    return found


def test_five_sensors_in_any_order_give_the_same(
    accepted: list[AcceptedBatch], evening_alerts: list[bytes]
) -> None:
    found = []
    for seed in range(4):
        chance = random.Random(seed)
        waiting = _sources(accepted)
        engine = Engine(
            ruleset.load([ruleset.SHIPPED]), required=waiting, partitions=chance.choice((1, 2, 4))
        )
        verdicts = Verdicts(engine)
        while waiting:
            name = chance.choice(sorted(waiting))
            for _ in range(chance.randrange(1, 20)):
                if waiting[name]:
                    verdicts.feed(waiting[name].pop(0))
            if not waiting[name]:
                del waiting[name]
        found.append(verdicts.final())
    assert found == [found[0]] * 4
    assert [_rule_and_entity(one) for one in found[0]] == [
        _rule_and_entity(one) for one in evening_alerts
    ]


def _rule_and_entity(alert: bytes) -> tuple[str, str]:
    fields = json.loads(alert)
    return fields["rule_id"], fields["entity"]
