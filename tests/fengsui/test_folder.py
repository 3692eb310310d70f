"""Everything of a site lies in its folder, and one process owns it at a time."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fengsui.folder import DataFolder, Ownership
from schema.errors import FengsuiError


def test_every_place_lies_inside_the_folder(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    for place in (
        folder.segments,
        folder.index,
        folder.state,
        folder.keys,
        folder.run,
        folder.cache,
        folder.settings,
    ):
        assert place.parent == tmp_path


def test_a_folder_without_segments_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FengsuiError, match="--data") as raised:
        DataFolder(tmp_path).must_exist()
    assert raised.value.code == "fengsui.folder.absent"


def test_a_second_owner_is_refused_and_hears_who_the_first_is(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    owner = Ownership(folder)
    with pytest.raises(FengsuiError, match=str(os.getpid())) as raised:
        Ownership(folder)
    assert raised.value.code == "fengsui.folder.in_use"
    owner.release()
    Ownership(folder).release()


def test_a_crash_leaves_no_lock(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from fengsui.folder import *; "
        "owner = Ownership(DataFolder(Path(sys.argv[1]))); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert done.returncode == -9
    Ownership(DataFolder(tmp_path)).release()


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_data_folder_open_to_others_is_narrowed_with_its_state(tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir(mode=0o755)
    root.chmod(0o755)
    (root / "realm").write_text("duty")
    (root / "state.db").touch(0o644)
    Ownership(DataFolder(root)).release()
    assert (_mode(root), _mode(root / "state.db")) == (0o700, 0o600)
    (root / "later").touch()
    assert _mode(root / "later") == 0o600


def test_a_folder_of_other_things_is_left_alone_and_refused(tmp_path: Path) -> None:
    root = tmp_path / "home"
    root.mkdir()
    root.chmod(0o755)
    (root / "letters").touch()
    with pytest.raises(FengsuiError, match="chmod 700") as raised:
        Ownership(DataFolder(root))
    assert raised.value.code == "fengsui.folder.exposed"
    assert _mode(root) == 0o755
