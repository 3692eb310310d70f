"""A backup comes back whole, holds no keys, and a changed one is refused."""

import gzip
import os
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from fengsui.backup import backup, restore
from fengsui.folder import DataFolder
from schema.errors import FengsuiError


@pytest.fixture
def site(tmp_path: Path) -> DataFolder:
    folder = DataFolder(tmp_path / "site")
    control = folder.segments / "collector"
    control.mkdir(parents=True)
    (control / "000000000001.seg").write_bytes(b"control chain")
    folder.keys.mkdir()
    (folder.keys / "receipt.pem").write_bytes(b"PRIVATE-KEY-BYTES")
    with closing(sqlite3.connect(folder.state)) as state:
        state.execute("CREATE TABLE alerts(id TEXT)")
        state.execute("INSERT INTO alerts VALUES ('a1')")
        state.commit()
    return folder


def test_what_was_backed_up_comes_back(site: DataFolder, tmp_path: Path) -> None:
    backup(site, tmp_path / "b.tar.gz", now=0)
    again = DataFolder(tmp_path / "again")
    restore(tmp_path / "b.tar.gz", again)
    with closing(sqlite3.connect(again.state)) as state:
        assert state.execute("SELECT id FROM alerts").fetchall() == [("a1",)]
    assert (again.segments / "collector" / "000000000001.seg").read_bytes() == b"control chain"


def test_a_backup_holds_no_keys(site: DataFolder, tmp_path: Path) -> None:
    backup(site, tmp_path / "b.tar.gz", now=0)
    with tarfile.open(tmp_path / "b.tar.gz") as archive:
        assert not [name for name in archive.getnames() if "keys" in name]
    assert b"PRIVATE-KEY-BYTES" not in gzip.decompress((tmp_path / "b.tar.gz").read_bytes())


def test_only_its_owner_may_read_a_backup(site: DataFolder, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        backup(site, tmp_path / "b.tar.gz", now=0)
    finally:
        os.umask(before)
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600


def test_an_existing_file_is_not_overwritten(site: DataFolder, tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_bytes(b"mine")
    with pytest.raises(FengsuiError, match="exists"):
        backup(site, tmp_path / "b.tar.gz", now=0)


def test_a_folder_with_a_state_is_not_restored_over(site: DataFolder, tmp_path: Path) -> None:
    backup(site, tmp_path / "b.tar.gz", now=0)
    with pytest.raises(FengsuiError, match="empty folder"):
        restore(tmp_path / "b.tar.gz", site)


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", gzip.compress(b"no tar", mtime=0)],
    ids=["empty", "text", "gzip"],
)
def test_a_file_that_is_no_backup_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.tar.gz").write_bytes(content)
    with pytest.raises(FengsuiError, match="not a backup"):
        restore(tmp_path / "b.tar.gz", DataFolder(tmp_path / "again"))


def test_a_changed_member_is_refused(site: DataFolder, tmp_path: Path) -> None:
    backup(site, tmp_path / "b.tar.gz", now=0)
    raw = bytearray(gzip.decompress((tmp_path / "b.tar.gz").read_bytes()))
    raw[raw.index(b"control chain")] ^= 1
    (tmp_path / "b.tar.gz").write_bytes(gzip.compress(bytes(raw)))
    with pytest.raises(FengsuiError, match="not as it was written"):
        restore(tmp_path / "b.tar.gz", DataFolder(tmp_path / "again"))
