"""Data of an earlier version opens: kept aside first, migrated, proven, with its alerts."""

import io
import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import journey
import pytest
import zstandard

from collector.state.database import Database, newest_migration
from crypto import keys, sm2, sm3
from fengsui import evidence
from fengsui.bundle import rehearse
from fengsui.folder import DataFolder
from fengsui.settings import Settings
from fengsui.wiring import open_demonstration
from schema.errors import FengsuiError
from schema.filter import parse
from schema.times import from_text

PREVIOUS = Path(__file__).parent / "previous_release"
START, END = "2026-11-20T19:00:00Z", "2026-11-20T19:20:00Z"
NAME = "district-hour"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recording")
    journey.cut(folder, name=NAME, start=START, end=END)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    root = tmp_path / "data"
    (root / "keys").mkdir(parents=True, mode=0o700)
    root.chmod(0o700)
    raw = zstandard.ZstdDecompressor().decompress((PREVIOUS / "folder.tar.zst").read_bytes())
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        archive.extractall(root, filter="data")
    for name in ("sensor", "collector", "push", "receipt", "audit"):
        scalar = sm3.digest(f"previous release, made up: {name}".encode())
        keys.create(root / "keys" / f"{name}.pem", sm2.PrivateKey.from_scalar(scalar).to_pem())
    subject = sm3.digest(b"previous release, made up: subject")
    keys.create(root / "keys" / "subject.key", subject)
    return DataFolder(root)


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as state:
        found: int = state.execute("PRAGMA user_version").fetchone()[0]
    return found


def test_it_opens_and_goes_on_with_its_proofs_alerts_and_search(
    folder: DataFolder, recording: Path
) -> None:
    told = (PREVIOUS / "alerts.jsonl").read_bytes().splitlines()
    assert version(folder.state) == 2
    site = open_demonstration(folder, recording, Settings())
    try:
        for _ in range(10):
            site.pipeline.round()
        page = site.index.search(
            parse("event.outcome:failure"),
            start=from_text("2026-11-20T19:00:00.000000Z"),
            end=from_text("2026-11-20T19:20:00.000000Z"),
            limit=20,
        )
    finally:
        site.close()
    assert len(page.hits) == 20
    assert version(folder.state) == newest_migration()
    assert journey.final(folder.root) == told
    report = evidence.verify_folder(folder)
    assert report.findings == []
    assert report.events_of[NAME] == journey.records(recording) == 1221


def test_what_was_there_is_kept_aside_whole_before_the_first_change(folder: DataFolder) -> None:
    with closing(sqlite3.connect(folder.state)) as state:
        before = list(state.iterdump())
    Database(folder.state).close()
    (copy,) = folder.root.glob("state.db.before-*")
    assert (copy.name, version(copy)) == ("state.db.before-3", 2)
    with closing(sqlite3.connect(copy)) as state:
        assert list(state.iterdump()) == before


def test_an_older_state_takes_in_again_what_was_sealed_since(
    folder: DataFolder, recording: Path
) -> None:
    for turn in ("upgraded", "gone back"):
        if turn == "gone back":
            for name in ("state.db", "state.db-wal", "state.db-shm"):
                (folder.root / name).unlink(missing_ok=True)
            shutil.copy(folder.root / "state.db.before-3", folder.state)
        site = open_demonstration(folder, recording, Settings())
        try:
            for _ in range(10):
                site.pipeline.round()
        finally:
            site.close()
        assert evidence.verify_folder(folder).findings == []
    assert journey.final(folder.root) == (PREVIOUS / "alerts.jsonl").read_bytes().splitlines()


def test_where_no_copy_can_be_kept_nothing_is_changed(folder: DataFolder) -> None:
    (folder.root / "state.db.before-3").mkdir()
    with pytest.raises(OSError, match=r"before-3"):
        Database(folder.state)
    assert version(folder.state) == 2


def test_a_migration_is_tried_on_a_copy_without_touching_the_folder(
    folder: DataFolder, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    shutil.copy(folder.state, copy)
    assert rehearse(copy) == newest_migration()
    assert version(folder.state) == 2


def test_data_of_a_newer_version_is_refused_untouched(folder: DataFolder, recording: Path) -> None:
    with closing(sqlite3.connect(folder.state)) as state:
        state.execute(f"PRAGMA user_version={newest_migration() + 1}")
    before = folder.state.read_bytes()
    with pytest.raises(FengsuiError) as caught:
        open_demonstration(folder, recording, Settings())
    assert caught.value.code == "collector.state.newer"
    assert "install that version or restore a backup" in str(caught.value)
    assert folder.state.read_bytes() == before
