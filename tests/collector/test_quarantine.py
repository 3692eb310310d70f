"""What is refused is kept once, within a limit, and never with what may not be kept."""

from pathlib import Path

import pytest
from collected import OTHER_KEY, FakeSensor

from collector import quarantine
from collector.quarantine import Quarantine
from schema import batch as batches


def _kept(folder: Path) -> list[batches.Batch]:
    return [batches.from_bytes(path.read_bytes()) for path in sorted(folder.iterdir())]


def test_a_refused_batch_is_kept_once_under_its_reason(tmp_path: Path, sensor: FakeSensor) -> None:
    batch = sensor.batch()
    kept = Quarantine(tmp_path / "q")
    assert kept.keep(batch, "schema.batch.forked")
    assert not kept.keep(batch, "schema.batch.forked")
    assert not Quarantine(tmp_path / "q").keep(batch, "schema.batch.forked")
    assert [path.name for path in (tmp_path / "q").iterdir()] == ["gate-000000000001-forked.bin"]
    assert _kept(tmp_path / "q") == [batch]


@pytest.mark.parametrize("text", ["11010519491231002X", "机密★20年", "13800138000"])
def test_a_body_with_what_may_not_be_kept_is_left_out(
    tmp_path: Path, sensor: FakeSensor, text: str
) -> None:
    batch = sensor.seal(sensor.events(2) + sensor.events(1, message=f"x {text} y"))
    assert Quarantine(tmp_path / "q").keep(batch, "schema.batch.forked")
    (kept,) = _kept(tmp_path / "q")
    assert (kept.header, kept.body) == (batch.header, b"")


def test_a_body_nobody_can_read_is_left_out(tmp_path: Path, sensor: FakeSensor) -> None:
    batch = sensor.batch()
    broken = batches.Batch(
        header=batch.header,
        header_bytes=batch.header_bytes,
        signature=batch.signature,
        body=b"\0\1\2",
    )
    Quarantine(tmp_path / "q").keep(broken, "schema.batch.body_unreadable")
    assert [one.body for one in _kept(tmp_path / "q")] == [b""]


def test_a_name_that_would_leave_the_folder_does_not(tmp_path: Path) -> None:
    Quarantine(tmp_path / "q").keep(FakeSensor("../../etc/x", OTHER_KEY).batch(), "a.b.unenrolled")
    assert len(list((tmp_path / "q").iterdir())) == 1


def test_a_header_that_names_a_citizen_is_not_kept(tmp_path: Path) -> None:
    batch = FakeSensor("11010519491231002X", OTHER_KEY).batch()
    Quarantine(tmp_path / "q").keep(batch, "a.b.unenrolled")
    names = [path.name for path in (tmp_path / "q").iterdir()]
    assert not any("19491231" in name for name in names)
    assert all(path.read_bytes() == b"" for path in (tmp_path / "q").iterdir())


def test_a_flood_stops_at_the_limit_and_is_counted(tmp_path: Path, sensor: FakeSensor) -> None:
    folder = tmp_path / "q"
    folder.mkdir()
    for number in range(quarantine.FILES_MAX):
        (folder / f"{number}.bin").touch()
    kept = Quarantine(folder)
    assert not kept.keep(sensor.batch(), "a.b.forked")
    assert kept.files_left_out == 1


def test_a_flood_of_batches_nobody_signed_leaves_room_for_a_fork(
    tmp_path: Path, sensor: FakeSensor
) -> None:
    kept = Quarantine(tmp_path / "q")
    forged = FakeSensor("nobody", OTHER_KEY)
    for _ in range(quarantine.FILES_MAX):
        kept.keep(forged.batch(1), "collector.batch.unenrolled")
    assert kept.keep(sensor.batch(), "schema.batch.forked")


def test_a_flood_of_large_batches_stops_at_the_byte_limit(
    tmp_path: Path, sensor: FakeSensor
) -> None:
    folder = tmp_path / "q"
    folder.mkdir()
    with (folder / "large.bin").open("wb") as file:
        file.truncate(quarantine.BYTES_MAX // 2)
    kept = Quarantine(folder)
    forged = FakeSensor("nobody", OTHER_KEY)
    assert not kept.keep(forged.batch(1), "collector.batch.unenrolled")
    assert kept.keep(sensor.batch(), "schema.batch.forked")
    with (folder / "large.bin").open("wb") as file:
        file.truncate(quarantine.BYTES_MAX)
    assert not Quarantine(folder).keep(sensor.batch(), "schema.batch.forked")
    assert kept.files_left_out == 1


def test_a_batch_the_disk_refused_is_kept_when_it_comes_again(
    tmp_path: Path, sensor: FakeSensor
) -> None:
    batch, folder = sensor.batch(), tmp_path / "q"
    kept = Quarantine(folder)
    folder.write_bytes(b"in the way")
    with pytest.raises(OSError, match="q"):
        kept.keep(batch, "schema.batch.forked")
    folder.unlink()
    assert kept.keep(batch, "schema.batch.forked")
