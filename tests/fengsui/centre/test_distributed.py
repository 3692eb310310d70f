"""A site on a bus decides what the site in one process decides, and keeps the same evidence."""

import random
import shutil
import sqlite3
from pathlib import Path

import journey
import pytest
from centre_world import Workers, carry_through, crash, end_of, new_bus, open_recording

from fengsui.evidence import verify_folder
from fengsui.folder import DataFolder
from schema.errors import FengsuiError


def test_final_alerts_are_those_of_the_site_in_one_process(
    tmp_path: Path, evening: Path, evening_folder: Path
) -> None:
    bus = new_bus()
    workers = Workers(bus)
    site = open_recording(tmp_path, evening, bus)
    try:
        carry_through(site, workers)
    finally:
        site.close()
    assert journey.final(tmp_path) == journey.final(evening_folder)
    assert coverage(tmp_path) == coverage(evening_folder)
    assert not verify_folder(DataFolder(tmp_path)).findings


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_crashes_and_a_bus_that_refuses_change_no_alert(
    tmp_path: Path, evening: Path, evening_folder: Path, seed: int
) -> None:
    chance = random.Random(seed)
    bus = new_bus()
    workers = Workers(bus)
    site = open_recording(tmp_path, evening, bus)
    rounds = refused = crashes = 0
    while True:
        try:
            site.pipeline.round()
            rounds += 1
        except FengsuiError as error:
            assert error.code.startswith("schema.bus.")  # noqa: PT017 - refused on purpose
            refused += 1
        if chance.random() < 0.8:
            workers.run()
        bus.stopped = chance.random() < 0.3
        if chance.random() < 0.1:
            crashes += 1
            crash(site)
            site = open_recording(tmp_path, evening, bus)
        if site.recording.finished and crashes >= 3 and refused >= 3:
            break
    bus.stopped = False
    site.recording.end()
    end_of(site, workers)
    site.close()
    assert journey.final(tmp_path) == journey.final(evening_folder)
    assert len(journey.final(tmp_path)) >= 5
    assert not verify_folder(DataFolder(tmp_path)).findings
    assert coverage(tmp_path) == coverage(evening_folder)


def coverage(folder: Path) -> list[tuple[object, ...]]:
    """What was judged, by minute; lag and lateness depend on when it was read."""
    state = sqlite3.connect(folder / "state.db")
    try:
        return state.execute(
            "SELECT minute, sensor, dataset, rule, events, too_late, unkeyed FROM coverage "
            "WHERE events OR too_late OR unkeyed ORDER BY 1, 2, 3, 4"
        ).fetchall()
    finally:
        state.close()


def test_an_older_copy_of_the_folder_stops_where_control_was_sent_behind_it(
    tmp_path: Path, evening: Path
) -> None:
    bus = new_bus()
    workers = Workers(bus)
    site = open_recording(tmp_path / "site", evening, bus)
    for _ in range(5):
        site.pipeline.round()
        workers.run()
    site.pipeline._commit()
    crash(site)
    shutil.copytree(tmp_path / "site", tmp_path / "copy")

    site = open_recording(tmp_path / "site", evening, bus)
    site.centre.judge.require("another", 0)
    site.pipeline.round()
    workers.run()
    site.pipeline.round()
    site.close()

    copy = open_recording(tmp_path / "copy", evening, bus)
    with pytest.raises(FengsuiError, match=r"fengsui\.feeder\.another"):
        copy.pipeline.round()
    copy.close()
