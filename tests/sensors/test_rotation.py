"""Rotated files are known by their names and found by what they hold."""

import gzip
import os
from pathlib import Path

import pytest

from sensors import rotation
from sensors.marks import Mark, short_hash


def _mark(data: bytes, *, offset: int, changed: int = 0, inode: int = 0) -> Mark:
    return Mark(
        generation="g",
        offset=offset,
        head_size=len(data[:1024]),
        head=short_hash(data[:1024]),
        tail=short_hash(data[max(0, offset - 256) : offset]),
        device=0,
        inode=inode,
        changed=changed,
        path="",
    )


@pytest.mark.parametrize(
    "suffix",
    [".1", ".12.gz", "-20261123", "-2026-11-23.gz", ".2026-11-23_00", "-1795000000", ".old"],
)
def test_names_that_rotation_gives_are_known(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"app.log{suffix}").write_bytes(b"x")
    assert rotation.base_of(f"/l/app.log{suffix}") == "/l/app.log"
    found = rotation.rotated(str(tmp_path / "app.log"), [])
    assert [one.path.name for one in found] == [f"app.log{suffix}"]


@pytest.mark.parametrize("name", ["app.log", "app.log.bak", "app.log.swp", "app.logger", "other.1"])
def test_other_names_are_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert rotation.rotated(str(tmp_path / "app.log"), []) == []


def test_rotated_files_come_oldest_first_and_without_empty_ones(tmp_path: Path) -> None:
    for age, name in ((3, "a.log.2"), (1, "a.log.1"), (2, "a.log-20261101"), (0, "a.log.3")):
        (tmp_path / name).write_bytes(b"x" if age else b"")
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    found = rotation.rotated(str(tmp_path / "a.log"), [])
    assert [one.path.name for one in found] == ["a.log.2", "a.log-20261101", "a.log.1"]


def test_a_file_still_being_compressed_is_read_uncompressed(tmp_path: Path) -> None:
    (tmp_path / "a.log.1").write_bytes(b"x")
    (tmp_path / "a.log.1.gz").write_bytes(b"half")
    found = rotation.rotated(str(tmp_path / "a.log"), [])
    assert [one.path.name for one in found] == ["a.log.1"]


def test_places_elsewhere_are_patterns(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "yesterday").write_bytes(b"x")
    found = rotation.rotated(str(tmp_path / "a.log"), [str(tmp_path / "o*" / "y*")])
    assert [one.path.name for one in found] == ["yesterday"]


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_is_found_by_its_content(tmp_path: Path, *, packed: bool) -> None:
    data = b"".join(b"line %d\n" % number for number in range(500))
    wanted = tmp_path / ("a.log.1.gz" if packed else "a.log.1")
    wanted.write_bytes(gzip.compress(data) if packed else data)
    (tmp_path / "a.log.2").write_bytes(data[:2000])
    (tmp_path / "a.log.3").write_bytes(b"other" + data)
    found = rotation.find(_mark(data, offset=3000), rotation.rotated(str(tmp_path / "a.log"), []))
    assert found is not None
    found.handle.close()
    assert found.place.path == wanted


def test_a_file_that_begins_alike_but_went_another_way_is_another(tmp_path: Path) -> None:
    data = b"same head\n" * 200 + b"one way\n"
    (tmp_path / "a.log.1").write_bytes(b"same head\n" * 200 + b"another\n")
    places = rotation.rotated(str(tmp_path / "a.log"), [])
    assert rotation.find(_mark(data, offset=len(data)), places) is None


def test_a_copy_is_never_older_than_what_was_read(tmp_path: Path) -> None:
    (tmp_path / "a.log.1").write_bytes(b"data\n")
    os.utime(tmp_path / "a.log.1", (1000, 1000))
    places = rotation.rotated(str(tmp_path / "a.log"), [])
    later = _mark(b"data\n", offset=5, changed=1001 * 10**9)
    assert rotation.find(later, places) is None


def test_a_broken_archive_is_no_match_and_no_crash(tmp_path: Path) -> None:
    data = os.urandom(3000)
    (tmp_path / "a.log.1.gz").write_bytes(gzip.compress(data)[:1000])
    (tmp_path / "a.log.2.gz").write_bytes(b"no archive at all")
    places = rotation.rotated(str(tmp_path / "a.log"), [])
    assert rotation.find(_mark(data, offset=2900), places) is None


def test_a_pattern_matches_in_every_part_of_the_path(tmp_path: Path) -> None:
    for name in ("a/x.log", "b/y.log", "b/z.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = rotation.expand(f"{tmp_path}/*/*.log")
    assert found == [f"{tmp_path}/a/x.log", f"{tmp_path}/b/y.log"]
