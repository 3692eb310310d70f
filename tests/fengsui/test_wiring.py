"""Wiring joins the parts of one folder; realms never mix and two processes never share it."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from machine import SENSOR, Machine, access, now, until

from fengsui.clock import SystemEntropy
from fengsui.demo import recording_folder
from fengsui.folder import DataFolder
from fengsui.keyring import subject_key
from fengsui.settings import Settings
from fengsui.wiring import open_demonstration, open_site
from schema.errors import FengsuiError


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_demonstration_folder_is_never_opened_as_duty(evening: Path, tmp_path: Path) -> None:
    open_demonstration(DataFolder(tmp_path), evening).close()
    with pytest.raises(FengsuiError, match="never mix") as raised:
        open_site(DataFolder(tmp_path), Settings())
    assert raised.value.code == "fengsui.folder.other_realm"
    # The refusal leaves no lock behind.
    open_demonstration(DataFolder(tmp_path), evening).close()


def test_a_duty_folder_is_never_opened_as_a_demonstration(machine: Machine) -> None:
    machine.open().close()
    with pytest.raises(FengsuiError, match="never mix"):
        open_demonstration(DataFolder(machine.data), recording_folder())


def test_a_folder_in_use_is_refused(machine: Machine) -> None:
    site = machine.open()
    try:
        with pytest.raises(FengsuiError) as raised:
            open_site(DataFolder(machine.data), Settings(), watch_host=False)
    finally:
        site.close()
    assert raised.value.code == "fengsui.folder.in_use"


def test_another_process_cannot_run_on_a_folder_in_use(machine: Machine) -> None:
    site = machine.open()
    try:
        command = [sys.executable, "-m", "fengsui", "demo", "--data", str(machine.data)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    finally:
        site.close()
    assert done.returncode == 3
    assert "is in use by process" in done.stderr
    assert "Traceback" not in done.stderr


def test_keys_are_for_the_owner_only(machine: Machine) -> None:
    machine.open().close()
    keys = list((machine.data / "keys").iterdir())
    assert len(keys) >= 6
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
    assert stat.S_IMODE((machine.data / "keys").stat().st_mode) == 0o700


def test_a_folder_opened_again_goes_on_with_the_same_keys_and_events(machine: Machine) -> None:
    machine.write("nginx-access", access("/1", at=now(5)))
    site = machine.open()
    until(site, lambda: site.status_of(SENSOR).events == 1)
    key = site.keyring.sensor.public.key_id
    site.close()
    machine.write("nginx-access", access("/2", at=now(5)))
    site = machine.open()
    try:
        assert site.keyring.sensor.public.key_id == key
        until(site, lambda: site.status_of(SENSOR).events == 2)
    finally:
        site.close()


def test_without_host_there_is_no_sensor_of_this_machine(tmp_path: Path) -> None:
    site = open_site(DataFolder(tmp_path), Settings(), watch_host=False)
    try:
        assert list(site.sensors) == []
        until(site, lambda: site.status_of("collector").events)
        assert {one.name for one in site.intake.status() if one.events} == {"collector"}
    finally:
        site.close()


class DyingEntropy:
    """The process ends while the key is made."""

    def take(self, size: int) -> bytes:
        raise KeyboardInterrupt(size)


def test_a_start_cut_short_leaves_no_half_key_that_later_ones_refuse(tmp_path: Path) -> None:
    path = tmp_path / "subject.key"
    with pytest.raises(KeyboardInterrupt):
        subject_key(path, DyingEntropy())
    assert not path.exists()
    assert len(subject_key(path, SystemEntropy())) == 32


def test_the_mark_of_the_realm_is_put_in_place_whole_for_the_owner_only(machine: Machine) -> None:
    machine.open().close()
    mark = machine.data / "realm"
    assert mark.read_text() == "duty"
    assert stat.S_IMODE(mark.stat().st_mode) == 0o600
    assert not list(machine.data.glob(".realm*"))
