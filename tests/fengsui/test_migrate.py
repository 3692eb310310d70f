"""A folder goes from rules in its process to rules on workers and back, and no alert differs."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parent / "centre"))

import journey
from centre_world import (
    PREFIX,
    SETTINGS,
    Workers,
    carry_through,
    end_of,
    new_bus,
    open_recording,
)

from collector.bus.memory_bus import MemoryBus
from fengsui.backup import backup, restore
from fengsui.demo import replay
from fengsui.evidence import verify_folder
from fengsui.folder import DataFolder, Ownership
from fengsui.migrate import migrate
from fengsui.settings import Settings
from fengsui.wiring import Site
from schema.bus import Place
from schema.errors import FengsuiError

TOLD = msgspec.structs.replace(
    SETTINGS, bus=msgspec.structs.replace(SETTINGS.bus, brokers=("127.0.0.1:9092",))
)


@pytest.fixture
def half(tmp_path: Path, evening: Path) -> Path:
    """A folder whose rules ran in its process over the first half of the recording."""
    site = open_recording(tmp_path / "data", evening, None)
    half_of(site, journey.records(evening))
    site.close()
    return tmp_path / "data"


def half_of(site: Site, records: int) -> None:
    while site.pipeline.progress.events < records // 2:
        site.pipeline.round()


def revisions(folder: Path) -> int:
    state = sqlite3.connect(folder / "state.db")
    try:
        return state.execute("SELECT count(*) FROM alert_revisions").fetchone()[0]
    finally:
        state.close()


def test_half_in_the_process_and_half_on_workers_gives_the_same_alerts(
    half: Path, evening: Path, evening_folder: Path
) -> None:
    bus = new_bus()
    before = journey.final(half)
    assert before
    plan = migrate(DataFolder(half), TOLD, "distributed", bus=bus)
    assert (plan.form, plan.to, plan.done) == ("embedded", "distributed", True)
    assert journey.final(half) == before
    site = open_recording(half, evening, bus)
    workers = Workers(bus)
    try:
        carry_through(site, workers)
    finally:
        site.close()
    assert journey.final(half) == journey.final(evening_folder)
    assert not verify_folder(DataFolder(half)).findings


def test_half_on_workers_and_half_in_the_process_gives_the_same_alerts(
    tmp_path: Path, evening: Path, evening_folder: Path
) -> None:
    bus = new_bus()
    workers = Workers(bus)
    site = open_recording(tmp_path, evening, bus)
    records = journey.records(evening)
    while site.pipeline.progress.events < records // 2:
        site.pipeline.round()
        workers.run()
    site.close()
    before = journey.final(tmp_path)
    assert before
    migrate(DataFolder(tmp_path), Settings(), "embedded")
    assert journey.final(tmp_path) == before
    site = open_recording(tmp_path, evening, None)
    try:
        replay(site, site.pipeline.round)
    finally:
        site.close()
    assert journey.final(tmp_path) == journey.final(evening_folder)
    assert not verify_folder(DataFolder(tmp_path)).findings


def test_no_alert_is_shown_twice_after_a_finished_recording_moved(
    evening: Path, evening_folder: Path, tmp_path: Path
) -> None:
    folder = journey.copied(evening_folder, tmp_path / "data")
    before = journey.final(folder), revisions(folder)
    bus = new_bus()
    migrate(DataFolder(folder), TOLD, "distributed", bus=bus)
    site = open_recording(folder, evening, bus)
    try:
        end_of(site, Workers(bus))
    finally:
        site.close()
    assert (journey.final(folder), revisions(folder)) == before


def test_a_dry_run_tells_what_and_how_long_and_changes_nothing(half: Path) -> None:
    before = journey.final(half)
    plan = migrate(DataFolder(half), TOLD, "distributed", dry_run=True, bus=new_bus())
    assert (plan.done, plan.events > 1000, plan.seconds > 0) == (False, True, True)
    assert journey.final(half) == before
    with pytest.raises(FengsuiError, match=r"fengsui\.migrate\.same"):
        migrate(DataFolder(half), Settings(), "embedded")


def test_a_folder_in_use_is_refused(half: Path) -> None:
    owner = Ownership(DataFolder(half))
    try:
        with pytest.raises(FengsuiError, match=r"fengsui\.folder\.in_use"):
            migrate(DataFolder(half), TOLD, "distributed", bus=new_bus())
    finally:
        owner.release()


def test_topics_of_an_earlier_time_are_refused(half: Path) -> None:
    bus = new_bus()
    _write(bus, "accepted")
    with pytest.raises(FengsuiError, match=r"fengsui\.migrate\.topics"):
        migrate(DataFolder(half), TOLD, "distributed", bus=bus)


def test_a_folder_is_not_opened_in_a_form_it_does_not_have(half: Path, evening: Path) -> None:
    with pytest.raises(FengsuiError, match=r"collector\.state\.other_form"):
        open_recording(half, evening, new_bus())


def test_what_was_only_shown_early_is_withdrawn_and_keeps_its_sensors(half: Path) -> None:
    with closing(sqlite3.connect(half / "state.db")) as state:
        state.execute(
            "UPDATE alerts SET state = 'provisional', "
            "body = CAST(replace(CAST(body AS TEXT), 'final', 'provisional') AS BLOB)"
        )
        sensors = state.execute("SELECT count(*) FROM alert_sensors").fetchone()[0]
        state.commit()
    migrate(DataFolder(half), TOLD, "distributed", bus=new_bus())
    with closing(sqlite3.connect(half / "state.db")) as state:
        assert state.execute("SELECT DISTINCT state FROM alerts").fetchall() == [("withdrawn",)]
        assert state.execute("SELECT count(*) FROM alert_sensors").fetchone()[0] == sensors > 0


def test_a_copy_that_was_put_back_does_not_go_on_on_the_topics_it_had(
    tmp_path: Path, evening: Path
) -> None:
    bus = new_bus()
    site = open_recording(tmp_path / "data", evening, bus)
    site.pipeline.round()
    site.close()
    backup(DataFolder(tmp_path / "data"), tmp_path / "copy.tar.gz", now=0)
    again = DataFolder(tmp_path / "again")
    restore(tmp_path / "copy.tar.gz", again)
    with pytest.raises(FengsuiError, match=r"collector\.state\.other_form"):
        open_recording(again.root, evening, bus)
    with pytest.raises(FengsuiError, match=r"fengsui\.migrate\.topics"):
        migrate(again, TOLD, "distributed", bus=bus)


def _write(bus: MemoryBus, name: str) -> None:
    writer = bus.writer()
    writer.send(Place(f"{PREFIX}.{name}", 1), key=b"", value=b"of before")
    writer.flush()
