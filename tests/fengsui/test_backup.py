"""A backup comes back whole and runs elsewhere; it holds no keys; a changed one is refused."""

import gzip
import io
import os
import shutil
import sqlite3
import tarfile
import tracemalloc
from contextlib import closing
from pathlib import Path

import journey
import msgspec
import pytest

from crypto import sm3
from fengsui.backup import backup, restore
from fengsui.folder import DataFolder
from fengsui.settings import Settings
from fengsui.wiring import open_demonstration
from schema.errors import FengsuiError
from schema.filter import parse
from schema.times import from_text


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


def made_by_hand(target: Path, members: dict[str, bytes], *, kind: bytes = tarfile.REGTYPE) -> Path:
    """A backup whose manifest is right, of members nobody would write."""
    digests = {name: sm3.digest(data).hex() for name, data in members.items()}
    told = msgspec.json.encode({"format": 1, "made_at": "", "members": digests})
    with tarfile.open(target, "w:gz") as archive:
        for name, data in {**members, "manifest.json": told}.items():
            member = tarfile.TarInfo(name)
            member.size, member.type = len(data), tarfile.REGTYPE
            if name != "manifest.json":
                member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member, io.BytesIO(data))
    return target


@pytest.mark.parametrize(
    "name", ["../up", "/tmp/abs", "keys/receipt.pem", "run/owner", "segments/../keys/a", "."]
)
def test_a_backup_cannot_write_where_none_belongs(tmp_path: Path, name: str) -> None:
    source = made_by_hand(tmp_path / "b.tar.gz", {"state.db": b"", name: b"mine"})
    again = DataFolder(tmp_path / "again")
    with pytest.raises(FengsuiError, match=r"fengsui\.restore\.malformed"):
        restore(source, again)
    assert list(again.root.iterdir()) == []


def test_a_link_in_a_backup_is_refused(tmp_path: Path) -> None:
    source = made_by_hand(tmp_path / "b.tar.gz", {"state.db": b""}, kind=tarfile.SYMTYPE)
    with pytest.raises(FengsuiError, match=r"fengsui\.restore\.malformed"):
        restore(source, DataFolder(tmp_path / "again"))


def test_what_a_cut_backup_held_is_not_left_behind(site: DataFolder, tmp_path: Path) -> None:
    backup(site, tmp_path / "b.tar.gz", now=0)
    data = (tmp_path / "b.tar.gz").read_bytes()
    again = DataFolder(tmp_path / "again")
    for size in range(0, len(data), 97):
        (tmp_path / "b.tar.gz").write_bytes(data[:size])
        with pytest.raises(FengsuiError, match=r"fengsui\.restore\.malformed"):
            restore(tmp_path / "b.tar.gz", again)
    assert list(again.root.iterdir()) == []


def test_a_folder_without_a_state_is_not_backed_up_as_if_it_had_one(
    site: DataFolder, tmp_path: Path
) -> None:
    site.state.unlink()
    with pytest.raises(FengsuiError, match=r"fengsui\.folder\.stateless"):
        backup(site, tmp_path / "b.tar.gz", now=0)
    assert list(tmp_path.glob("b.tar*")) == []


def test_evidence_is_copied_when_asked_for_and_never_whole_in_memory(
    site: DataFolder, tmp_path: Path
) -> None:
    large = site.segments / "host" / "000000000001.seg"
    large.parent.mkdir()
    large.write_bytes(os.urandom(1 << 20) * 48)
    (large.parent / "beside").write_bytes(b"little")
    without = set(backup(site, tmp_path / "a", now=0).members)
    assert "segments/host/000000000001.seg" not in without
    assert "segments/host/beside" in without
    tracemalloc.start()
    manifest = backup(site, tmp_path / "b", now=0, segments=True)
    again = DataFolder(tmp_path / "again")
    restore(tmp_path / "b", again)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "segments/host/000000000001.seg" in manifest.members
    assert (again.segments / "host" / large.name).read_bytes() == large.read_bytes()
    assert most < 16 << 20


def test_signing_journals_are_evidence_and_nonces_are_not(site: DataFolder, tmp_path: Path) -> None:
    slot = site.signing / "0"
    for name in ("journal/0000000000000001.log", "heads.jsonl", "lock", "nonces/1.log"):
        (slot / name).parent.mkdir(parents=True, exist_ok=True)
        (slot / name).write_bytes(name.encode())
    assert not [
        name for name in backup(site, tmp_path / "a", now=0).members if name.startswith("signing")
    ]
    manifest = backup(site, tmp_path / "b", now=0, segments=True)
    kept = {"signing/0/heads.jsonl", "signing/0/journal/0000000000000001.log"}
    assert {name for name in manifest.members if name.startswith("signing")} == kept
    again = DataFolder(tmp_path / "again")
    restore(tmp_path / "b", again)
    assert (again.root / "signing/0/heads.jsonl").read_bytes() == b"heads.jsonl"


def test_settings_and_imported_rules_come_along_and_keys_do_not(
    site: DataFolder, tmp_path: Path
) -> None:
    site.settings.write_text("[site]\nname = '某市'\n", "utf-8")
    (site.rules / "mine").mkdir(parents=True)
    (site.rules / "mine" / "rule.yml").write_text("title: x\n")
    manifest = backup(site, tmp_path / "b", now=0, segments=True)
    assert {"settings.toml", "rules/mine/rule.yml"} <= set(manifest.members)
    assert not [name for name in manifest.members if name.startswith(("keys", "run"))]


def test_a_lost_site_stands_again_elsewhere(
    evening: Path, evening_folder: Path, tmp_path: Path
) -> None:
    """The drill of docs/operator/backup.md: run, back up, lose all, restore, prove, run on."""
    lost, again = tmp_path / "lost", tmp_path / "again"
    journey.copied(evening_folder, lost)
    alerts = journey.final(lost)
    assert alerts
    anchor, packed = str(tmp_path / "heads.json"), str(tmp_path / "site.tar.gz")
    assert journey.fengsui("anchor", "export", anchor, data=lost).returncode == 0
    done = journey.fengsui("backup", packed, "--segments", data=lost)
    assert done.returncode == 0, done.stderr
    shutil.copytree(lost / "keys", tmp_path / "safe")  # kept apart, under lock
    shutil.rmtree(lost)

    done = journey.fengsui("restore", packed, data=again)
    assert done.returncode == 0, done.stderr
    shutil.copytree(tmp_path / "safe", again / "keys")
    proven = journey.fengsui("verify", "--all", "--anchor", anchor, data=again)
    assert proven.returncode == 0, proven.stdout

    site = open_demonstration(DataFolder(again), evening, Settings())
    try:
        while site.pipeline.round():
            pass
        start, end = (from_text(one.replace("Z", ".000000Z")) for one in journey.EVENING)
        found = site.index.search(parse("event.outcome:failure"), start=start, end=end, limit=50)
    finally:
        site.close()
    assert len(found.hits) == 50
    assert journey.final(again) == alerts
    assert journey.fengsui("verify", "--all", "--anchor", anchor, data=again).returncode == 0
