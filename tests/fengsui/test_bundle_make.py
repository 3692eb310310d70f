"""A bundle is the same bytes from the same inputs, and holds what the lock and the folders say."""

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from small_bundle import NEEDED, small, wheel

from crypto import sm2
from fengsui import bundle_file, bundle_wheels
from fengsui.bundle import Trust, fingerprint, verify
from fengsui.bundle_install import Place
from fengsui.bundle_make import EXTRAS
from fengsui.bundle_sbom import sbom
from fengsui.cli import exit_code
from schema.errors import FengsuiError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def key() -> sm2.PrivateKey:
    return sm2.PrivateKey.generate()


def members(bundle: Path) -> dict[str, bytes]:
    with tarfile.open(bundle) as archive:
        return {one.name: archive.extractfile(one).read() for one in archive}


def test_two_makes_differ_in_their_signature_and_time_alone(
    tmp_path: Path, key: sm2.PrivateKey
) -> None:
    for place in ("a", "b"):
        (tmp_path / place / "geo").mkdir(parents=True)
        for name in ("z.csv", "a.csv") if place == "a" else ("a.csv", "z.csv"):
            (tmp_path / place / "geo" / name).write_text("network,place\n")
    one, two = (
        small(tmp_path / place, "0.2.0", key, data={"geo": tmp_path / place / "geo"})[0]
        for place in ("a", "b")
    )
    first, second = members(one), members(two)
    assert list(first) == list(second)
    assert {name for name in first if first[name] != second[name]} == {"manifest.sig"}
    later = members(small(tmp_path / "b", "0.2.0", key, now=10**6, name="later",
                          data={"geo": tmp_path / "b" / "geo"})[0])  # fmt: skip
    assert {name for name in first if first[name] != later[name]} == {
        "manifest.json", "manifest.sig"}  # fmt: skip


def test_a_bundle_is_not_overwritten(tmp_path: Path, key: sm2.PrivateKey) -> None:
    small(tmp_path, "0.2.0", key)
    with pytest.raises(FengsuiError, match="exists already"):
        small(tmp_path, "0.2.0", key)


@pytest.mark.parametrize("kind", ["link", "unknown"])
def test_data_that_cannot_be_carried_is_refused(
    tmp_path: Path, key: sm2.PrivateKey, kind: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to("/etc/passwd")
    data = {"geo" if kind == "link" else "secrets": folder}
    with pytest.raises(FengsuiError) as caught:
        small(tmp_path, "0.2.0", key, data=data)
    assert caught.value.code == "fengsui.bundle.data"


def test_a_wheel_the_lock_does_not_know_is_not_taken(tmp_path: Path, key: sm2.PrivateKey) -> None:
    small(tmp_path, "0.1.0", key)
    needed = wheel(tmp_path / "other", NEEDED, "2.3.1", code="changed = 1\n")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"{NEEDED}==2.3.1 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(FengsuiError, match="could not fetch"):
        bundle_wheels.fetch(requirements, "x86_64", tmp_path / "out", pool=needed.parent)


def test_the_bill_names_version_hash_and_licence_of_every_wheel(
    tmp_path: Path, key: sm2.PrivateKey
) -> None:
    bundle, made = small(tmp_path, "0.2.0", key)
    bill = json.loads(members(bundle)["sbom.cdx.json"])
    wheels = {
        one.name.rpartition("/")[2]: one for one in made.manifest.members if "wheels/" in one.name
    }
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert {one["bom-ref"] for one in bill["components"]} == set(wheels)
    for one in bill["components"]:
        of = wheels[one["bom-ref"]]
        assert one["hashes"] == [{"alg": "SHA-256", "content": of.sha256}]
        assert one["properties"] == [{"name": "fengsui:sm3", "value": of.sm3}]
        assert one["purl"].startswith(f"pkg:pypi/{one['name']}@{one['version']}?")
    ours = next(one for one in bill["components"] if one["name"] == "fengsui")
    assert ours["licenses"] == [{"expression": "Apache-2.0"}]


def test_the_bill_names_what_the_page_and_the_native_engine_are_made_of(tmp_path: Path) -> None:
    native = wheel(tmp_path, "fengsui_native", "0.1.0", code="")
    bill = json.loads(sbom([native], version="0.1.0", source=ROOT))
    urls = {one["purl"].partition("@")[0] for one in bill["components"]}
    assert {"pkg:npm/vue", "pkg:cargo/pyo3"} <= urls
    assert "pkg:npm/vite" not in urls


def test_the_closure_of_the_lock_leaves_the_tools_out_for_both_machines() -> None:
    pins = bundle_wheels.read_lock(ROOT / "requirements.lock")
    names = {
        machine: {
            pin.name
            for pin in bundle_wheels.closure(
                [Requirement("scikit-learn"), Requirement("typer")], pins, machine
            )
        }
        for machine in bundle_file.ARCHITECTURES
    }
    assert names["x86_64"] == names["aarch64"]
    assert {"scikit-learn", "numpy", "scipy", "rich"} <= names["x86_64"]
    assert not {"pytest", "mypy", "colorama"} & names["x86_64"]
    numpy = [pin for pin in pins if pin.name == "numpy"]
    assert len(numpy) == 2  # one for each Python; the bundle takes that of its own


def test_a_lock_that_lacks_something_is_named() -> None:
    with pytest.raises(FengsuiError, match="the lock has no numpy"):
        bundle_wheels.closure([Requirement("numpy")], [], "x86_64")


@pytest.mark.parametrize("text", ["numpy>=2\n", "numpy==2.0\n", "-e .\n", "numpy @ file:///x\n"])
def test_a_lock_without_versions_and_hashes_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "lock").write_text(text)
    with pytest.raises(FengsuiError) as caught:
        bundle_wheels.read_lock(tmp_path / "lock")
    assert caught.value.code == "fengsui.bundle.lock"


def test_a_step_that_failed_is_no_wrong_input() -> None:
    assert exit_code("fengsui.bundle.step_failed") == 3
    assert exit_code("fengsui.bundle.downgrade") == 2


@pytest.mark.long
def test_the_real_bundle_is_made_of_the_lock_and_runs_without_a_network(
    tmp_path: Path, key: sm2.PrivateKey
) -> None:
    """Some 240 MB from the index for both machines, then a first installation of them."""
    from fengsui.bundle_make import Order, make

    bundle = tmp_path / "real.tar"
    order = Order(source=ROOT, updates_from="0.1.0", extras=EXTRAS)
    made = make(order, bundle, key, now=0, tell=lambda step: None)
    assert made.size < 400 * 1024**2
    place = Place(root=tmp_path / "opt")
    verify(bundle, Trust(place=place, fingerprint=fingerprint(key.public)))
    subprocess.run(["tar", "xf", bundle, "-C", tmp_path, "install"], check=True, timeout=60)
    subprocess.run(
        [
            "unshare", "-n", sys._base_executable, "-I", tmp_path / "install", bundle,
            "--root", place.root, "--sha256", made.sha256, "--fingerprint", made.fingerprint,
        ],
        check=True, timeout=900,
    )  # fmt: skip
    told = subprocess.run(
        [place.current / "bin" / "fengsui", "version"],
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert json.loads(told.stdout)["version"] == made.manifest.version
