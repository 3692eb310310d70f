"""Every source gives the right master key back, a wrong one is refused, and a change is safe."""

import os
import stat

import pytest

from crypto.keystore.master import CredentialMaster, EnvironmentMaster, FileMaster, next_path
from crypto.keystore.model import Use

OLD, NEW = os.urandom(32), os.urandom(32)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "credentials"
    path.mkdir()
    return path


def put(path, content, mode=0o400):
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


# File


def test_the_first_start_makes_a_private_file(opened, place):
    opened()
    path = place.with_name("master.key")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(bytes.fromhex(path.read_text())) == 32


def test_a_missing_file_is_not_replaced_once_the_store_has_keys(opened, place, refused):
    opened().create("a", Use.MAC)
    place.with_name("master.key").unlink()
    refused("crypto.master.missing", opened)
    assert not place.with_name("master.key").exists()


def test_a_wrong_master_key_is_said_to_be_wrong(opened, place, refused):
    opened().create("a", Use.MAC)
    put(place.with_name("master.key"), NEW.hex().encode(), 0o600)
    error = refused("crypto.master.wrong", opened)
    assert NEW.hex() not in str(error)


@pytest.mark.parametrize("content", [b"", b"xyz", b"00" * 31, b"00" * 33, b"\xff" * 64])
def test_a_malformed_file_is_refused(opened, place, refused, content):
    place.parent.mkdir(mode=0o700)
    put(place.with_name("master.key"), content, 0o600)
    refused("crypto.master.malformed", opened)


def test_an_exposed_file_is_refused_at_every_start(opened, place, refused):
    opened()
    place.with_name("master.key").chmod(0o640)
    refused("crypto.key.exposed", opened)


def test_a_change_replaces_the_file_and_every_key_opens(opened, place, refused):
    store = opened()
    store.create("a", Use.SEAL)
    store.rotate("a")
    before = place.with_name("master.key").read_bytes()
    sealed = store.sealing("a").seal(b"x", b"")
    assert store.rotate_master() == 2
    assert place.with_name("master.key").read_bytes() != before
    assert not next_path(place.with_name("master.key")).exists()
    assert store.sealing("a").open(sealed, b"") == b"x"
    assert opened().sealing("a").open(sealed, b"") == b"x"
    put(place.with_name("master.key"), before, 0o600)
    refused("crypto.master.wrong", opened)


def test_a_crash_before_the_rows_changed_keeps_the_old_key(opened, place, dice):
    store = opened()
    store.create("a", Use.MAC)
    code = store.mac("a").mac(b"x")
    path = place.with_name("master.key")
    FileMaster(path).next(dice)
    opened().mac("a").check(code, b"x")
    assert not next_path(path).exists()


def test_a_crash_after_the_rows_changed_takes_the_new_key(opened, place):
    store = opened()
    store.create("a", Use.MAC)
    code = store.mac("a").mac(b"x")

    class Killed(FileMaster):
        armed = False

        def next(self, entropy):
            self.armed = True
            return super().next(entropy)

        def settle(self, present):
            if self.armed:
                raise SystemError("killed here")

    path = place.with_name("master.key")
    dying = opened(Killed(path))
    with pytest.raises(SystemError, match="killed here"):
        dying.rotate_master()
    fresh = next_path(path).read_bytes()
    opened().mac("a").check(code, b"x")
    assert path.read_bytes() == fresh
    assert not next_path(path).exists()
    # The one that was open all along goes on as well.
    store.mac("a").check(code, b"x")


# Credential


@pytest.mark.parametrize(
    "content",
    [OLD, OLD.hex().encode(), OLD.hex().encode() + b"\n"],
    ids=["bytes", "digits", "line"],
)
def test_a_credential_may_be_text_or_bytes(opened, folder, content):
    put(folder / "fengsui-master", content)
    source = CredentialMaster(folder, "fengsui-master")
    opened(source).create("a", Use.MAC)
    assert [key.id for key in opened(source).all_keys()] == ["a"]


def test_a_missing_or_exposed_credential_is_refused(opened, folder, refused):
    source = CredentialMaster(folder, "fengsui-master")
    refused("crypto.master.missing", lambda: opened(source))
    put(folder / "fengsui-master", OLD, 0o404)
    refused("crypto.key.exposed", lambda: opened(source))


def test_a_credential_is_changed_by_giving_the_next_one(opened, folder, refused):
    put(folder / "m", OLD)
    store = opened(CredentialMaster(folder, "m"))
    store.create("a", Use.MAC)
    code = store.mac("a").mac(b"x")
    refused("crypto.master.no_next", store.rotate_master)
    put(folder / "m.next", OLD)
    refused("crypto.master.no_next", store.rotate_master)
    put(folder / "m.next", NEW)
    store.rotate_master()
    # Before and after the operator gives the new one under the plain name.
    opened(CredentialMaster(folder, "m")).mac("a").check(code, b"x")
    put(folder / "m", NEW)
    (folder / "m.next").unlink()
    opened(CredentialMaster(folder, "m")).mac("a").check(code, b"x")


# Environment


def test_a_variable_gives_the_key_and_the_next_one(opened, refused):
    environment = {"MASTER": OLD.hex()}
    source = EnvironmentMaster(environment, "MASTER")
    store = opened(source)
    store.create("a", Use.MAC)
    code = store.mac("a").mac(b"x")
    refused("crypto.master.no_next", store.rotate_master)
    environment["MASTER_NEXT"] = NEW.hex()
    store.rotate_master()

    def give(**environment):
        return opened(EnvironmentMaster(environment, "MASTER"))

    give(MASTER=NEW.hex()).mac("a").check(code, b"x")
    refused("crypto.master.wrong", lambda: give(MASTER=OLD.hex()))
    refused("crypto.master.missing", give)
    refused("crypto.master.malformed", lambda: give(MASTER="ä"))


def test_no_source_shows_its_key(folder, place):
    put(folder / "m", OLD)
    sources = (
        CredentialMaster(folder, "m"),
        EnvironmentMaster({"M": OLD.hex()}, "M"),
        FileMaster(place),
    )
    for source in sources:
        assert OLD.hex() not in source.describe() + repr(source)
