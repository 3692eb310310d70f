import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from crypto import keys
from crypto.errors import CryptoError


def refused(code, call):
    with pytest.raises(CryptoError) as caught:
        call()
    assert caught.value.code == code
    return caught.value


def names(folder):
    return [entry.name for entry in folder.iterdir()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sensor.pem"


def test_a_new_key_file_is_private_and_gives_the_same_key_again(path):
    key = keys.load_or_create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keys.load_or_create(path).public == key.public
    assert keys.load(path).public == key.public
    assert names(path.parent) == [path.name]


def test_the_mode_does_not_depend_on_the_umask(path):
    before = os.umask(0)
    try:
        keys.load_or_create(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o610, 0o660])
def test_a_file_open_to_group_or_others_is_refused_and_left(path, mode):
    keys.load_or_create(path)
    before = path.read_bytes()
    path.chmod(mode)
    for call in (keys.load, keys.load_or_create):
        error = refused("crypto.key.exposed", lambda c=call: c(path))
        assert error.params == {"path": str(path), "mode": f"{mode:04o}"}
        assert "chmod 600" in str(error)
    assert path.read_bytes() == before


def test_a_read_only_key_file_is_fine(path):
    key = keys.load_or_create(path)
    path.chmod(0o400)
    assert keys.load(path).public == key.public


def test_a_missing_file_is_named(path):
    error = refused("crypto.key.missing", lambda: keys.load(path))
    assert error.params == {"path": str(path)}


def test_a_missing_folder_is_not_made(path):
    inside = path / "sensor.pem"
    refused("crypto.key.unwritable", lambda: keys.load_or_create(inside))
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAA"])
def test_a_broken_file_is_refused_by_name_and_never_replaced(path, content):
    path.write_bytes(content)
    path.chmod(0o600)
    error = refused("crypto.key.malformed", lambda: keys.load_or_create(path))
    assert str(path) in str(error)
    assert path.read_bytes() == content


def test_an_encrypted_key_file_is_refused_by_name(path, key):
    path.write_bytes(key.to_pem(b"secret"))
    path.chmod(0o600)
    refused("crypto.key.encrypted", lambda: keys.load(path))


def test_a_folder_a_pipe_and_a_huge_file_are_refused(path):
    folder, pipe = path.with_name("folder"), path.with_name("pipe")
    folder.mkdir(mode=0o700)
    os.mkfifo(pipe, 0o600)
    path.write_bytes(bytes(keys._SIZE_MAX + 1))
    path.chmod(0o600)
    for each in (folder, pipe, path):
        refused("crypto.key.unreadable", lambda p=each: keys.load(p))


def test_a_link_to_nothing_is_not_written_through(path):
    path.symlink_to(path.with_name("elsewhere"))
    refused("crypto.key.missing", lambda: keys.load_or_create(path))
    assert not path.with_name("elsewhere").exists()


def test_a_file_that_came_first_wins(path, key):
    path.write_bytes(key.to_pem())
    path.chmod(0o600)
    keys._create(path, b"the slower one")
    assert keys.load(path).public == key.public
    assert names(path.parent) == [path.name]


def test_programs_that_start_at_once_agree_on_one_key(path):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: keys.load_or_create(path).public, range(8)))
    assert set(made) == {keys.load(path).public}
    assert names(path.parent) == [path.name]


@pytest.mark.parametrize("step", ["fsync", "link"])
def test_a_failure_on_the_way_leaves_no_file(path, step, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    error = refused("crypto.key.unwritable", lambda: keys.load_or_create(path))
    assert "No space left" in str(error)
    assert names(path.parent) == []


def test_a_secret_is_written_once_and_read_back(path):
    keys.create(path, b"secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keys.read(path) == b"secret"
    assert refused("crypto.key.exists", lambda: keys.create(path, b"other")).params == {
        "path": str(path)
    }
    assert keys.read(path) == b"secret"
    assert names(path.parent) == [path.name]


def test_a_secret_in_a_missing_folder_is_said_to_be_unwritable(path):
    refused("crypto.key.unwritable", lambda: keys.create(path / "inside", b"secret"))


def test_a_secret_others_may_read_is_not_read(path):
    keys.create(path, b"secret")
    path.chmod(0o640)
    refused("crypto.key.exposed", lambda: keys.read(path))
    path.unlink()
    refused("crypto.key.missing", lambda: keys.read(path))
