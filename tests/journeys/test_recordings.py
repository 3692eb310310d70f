"""The same sealed events give the same final alerts, byte for byte, however they are read."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from journey import EVENING_NAME, final, final_alerts, records, replayed, tuned

from analytics.engine import Engine
from fengsui import demo
from fengsui.folder import DataFolder
from fengsui.wiring import open_demonstration
from schema.alert import Alert, canonical
from schema.event import AcceptedBatch
from schema.times import SECOND


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
