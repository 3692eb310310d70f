"""The real disk: appends, takes back what did not fit, replaces files in one step."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from schema.disk import PosixDisk, replace_file


def test_bytes_are_added_at_the_end_and_read_back_in_parts(tmp_path: Path) -> None:
    disk, path = PosixDisk(), tmp_path / "log" / "web-1" / "a.seg"
    disk.append(path, b"one ")
    disk.append(path, b"two")
    disk.sync(path)
    assert disk.read(path, 0, 100) == b"one two"
    assert disk.read(path, 4, 2) == b"tw"
    assert disk.read(path, 99, 5) == b""
    assert disk.names(path.parent) == ["a.seg"]
    assert disk.names(tmp_path / "none") == []


def test_only_the_owner_may_read_what_is_written(tmp_path: Path) -> None:
    disk, path = PosixDisk(), tmp_path / "a.seg"
    disk.append(path, b"x")
    replace_file(tmp_path / "b", b"y")
    for written in (path, tmp_path / "b"):
        assert written.stat().st_mode & 0o777 == 0o600


def test_appending_goes_on_behind_a_cut(tmp_path: Path) -> None:
    disk, path = PosixDisk(), tmp_path / "a.seg"
    disk.append(path, b"one two")
    disk.truncate(path, 4)
    disk.append(path, b"three")
    assert path.read_bytes() == b"one three"


def test_another_disk_may_sync_what_it_does_not_write(tmp_path: Path) -> None:
    path = tmp_path / "a.seg"
    PosixDisk().append(path, b"x")
    PosixDisk().sync(path)
    with pytest.raises(FileNotFoundError):
        PosixDisk().sync(tmp_path / "none")


def test_a_closed_file_can_be_appended_to_again(tmp_path: Path) -> None:
    disk, path = PosixDisk(), tmp_path / "a.seg"
    disk.append(path, b"one")
    disk.close(path)
    disk.close(path)
    disk.append(path, b"two")
    assert path.read_bytes() == b"onetwo"


FULL = """
import resource, signal, sys
from pathlib import Path
from schema.disk import PosixDisk
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
disk, path = PosixDisk(), Path(sys.argv[1])
disk.append(path, b"whole")
resource.setrlimit(resource.RLIMIT_FSIZE, (8, 8))
try:
    disk.append(path, b"too much")
except OSError as error:
    print(type(error).__name__)
disk.append(path, b"fit")
"""


def test_what_does_not_fit_is_taken_back(tmp_path: Path) -> None:
    # A file-size limit stands for a full disk: the kernel writes a part and refuses the rest.
    path = tmp_path / "a.seg"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "OSError"
    assert path.read_bytes() == b"wholefit"


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "new" / "cursor.json"
    replace_file(path, b"one")
    held = path.open("rb")
    with held:
        replace_file(path, b"two", mode=0o640)
        assert held.read() == b"one"
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o640 & ~_umask()
    assert [one.name for one in path.parent.iterdir()] == ["cursor.json"]


def test_a_replacement_that_was_cut_short_is_in_nobodys_way(tmp_path: Path) -> None:
    path = tmp_path / "cursor.json"
    path.write_bytes(b"old")
    (tmp_path / "cursor.json.new").write_bytes(b"half of a longer text")
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
