"""An installation is alone, fits the machine, and makes good what a power cut left half done."""

import fcntl
from dataclasses import replace
from pathlib import Path

import pytest

from fengsui import bundle_install
from fengsui.bundle_file import Manifest, Signed
from fengsui.bundle_install import Installation, Place, check_machine
from schema.errors import FengsuiError

MANIFEST = Manifest(
    format=1, product="fengsui", version="0.2.0", made_at="", python="3.11", updates_from="0.1.0",
    state=1, keystore=1, requirement="fengsui==0.2.0", architectures=("aarch64", "x86_64"),
    carries={}, members=(),
)  # fmt: skip
SIGNED = Signed(manifest=MANIFEST, payload=b"", point="", signature="")


def installation(tmp_path: Path) -> Installation:
    (tmp_path / "bundle").write_bytes(b"no bundle")
    place = Place(root=tmp_path / "opt")
    return Installation(bundle=tmp_path / "bundle", place=place, tell=lambda step: None)


def run(one: Installation) -> str:
    with pytest.raises(FengsuiError) as caught:
        one.run(SIGNED, prove=lambda _: None, before_switch=lambda _: None)
    return caught.value.code


def test_a_second_installation_at_the_same_time_is_refused(tmp_path: Path) -> None:
    one = installation(tmp_path)
    one.place.root.mkdir()
    with (one.place.root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run(one) == "fengsui.bundle.busy"


def test_a_failed_unpacking_leaves_nothing(tmp_path: Path) -> None:
    one = installation(tmp_path)
    assert run(one) == "fengsui.bundle.step_failed"
    assert list((one.place.root / "versions").iterdir()) == []
    assert one.place.installed() is None


@pytest.mark.parametrize(
    "changed", [{"architectures": ("riscv64",)}, {"python": "3.10"}, {"architectures": ()}]
)
def test_a_bundle_for_another_machine_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(FengsuiError) as caught:
        check_machine(replace(MANIFEST, **changed))
    assert caught.value.code == "fengsui.bundle.machine"


def test_too_little_disk_is_told_before_anything_is_written(tmp_path: Path) -> None:
    one = installation(tmp_path)
    with one.bundle.open("wb") as file:
        file.truncate(1 << 42)
    assert run(one) == "fengsui.bundle.space"
    assert list((one.place.root / "versions").iterdir()) == []


def test_what_a_power_cut_left_is_taken_away_and_a_finished_one_never(tmp_path: Path) -> None:
    (tmp_path / "0.2.0" / "bin").mkdir(parents=True)
    assert bundle_install._free(tmp_path, "0.2.0") == tmp_path / "0.2.0"
    assert not (tmp_path / "0.2.0").exists()
    (tmp_path / "0.2.0").mkdir()
    (tmp_path / "0.2.0" / "installed.json").write_text("{}")
    assert bundle_install._free(tmp_path, "0.2.0") == tmp_path / "0.2.0-2"
    assert (tmp_path / "0.2.0" / "installed.json").exists()


def test_pip_is_kept_from_the_machines_own_python_and_from_every_index() -> None:
    told = bundle_install._clean_environment()
    assert told["PIP_REQUIRE_VIRTUALENV"] == "1"
    assert told["PIP_CONFIG_FILE"] == "/dev/null"
    assert not [name for name in told if name.startswith("PIP_INDEX")]
