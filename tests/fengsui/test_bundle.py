"""A site takes versions of its one publisher only, none older; a failed step changes nothing."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from small_bundle import small

from collector.state.database import Database
from crypto import sm2
from fengsui import bundle_file
from fengsui.bundle import DOMAIN, Trust, fingerprint, install, verify
from fengsui.bundle_file import ARCHITECTURES
from fengsui.bundle_install import Place
from fengsui.folder import DataFolder
from schema.errors import FengsuiError


@pytest.fixture(scope="module")
def key() -> sm2.PrivateKey:
    return sm2.PrivateKey.generate()


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory, key: sm2.PrivateKey) -> Path:
    return small(tmp_path_factory.mktemp("second"), "0.2.0", key)[0]


def site(tmp_path: Path, key: sm2.PrivateKey, *, version: str | None = "0.1.0") -> Trust:
    """A place with the publisher pinned and, unless None, a version installed."""
    place = Place(root=tmp_path / "opt")
    place.root.mkdir()
    place.publisher.write_bytes(key.public.to_pem())
    if version is not None:
        folder = place.root / "versions" / version
        folder.mkdir(parents=True)
        (folder / "installed.json").write_text(json.dumps({"version": version}))
        place.current.symlink_to(Path("versions") / version)
    return Trust(place=place)


def refused(bundle: Path, trust: Trust, **asked: bool) -> str:
    with pytest.raises(FengsuiError) as caught:
        verify(bundle, trust, **asked)
    return caught.value.code


def test_a_signed_newer_version_passes(second: Path, tmp_path: Path, key: sm2.PrivateKey) -> None:
    signed, publisher = verify(second, site(tmp_path, key))
    assert (signed.manifest.version, publisher) == ("0.2.0", key.public)
    assert signed.manifest.architectures == tuple(sorted(ARCHITECTURES))
    assert "absent" in signed.manifest.carries["native engine aarch64"]


def test_an_unknown_publisher_is_nobody(second: Path, tmp_path: Path, key: sm2.PrivateKey) -> None:
    nobody = Place(root=tmp_path)
    assert refused(second, Trust(place=nobody)) == "fengsui.bundle.no_key"
    right, wrong = fingerprint(key.public), fingerprint(sm2.PrivateKey.generate().public)
    assert refused(second, Trust(place=nobody, fingerprint=wrong)) == "fengsui.bundle.other_key"
    verify(second, Trust(place=nobody, fingerprint=f"{right[:32]} {right[32:].upper()}"))


def test_a_publisher_given_by_file_counts_until_one_is_pinned(
    second: Path, tmp_path: Path, key: sm2.PrivateKey
) -> None:
    (tmp_path / "publisher.pem").write_bytes(key.public.to_pem())
    given = Trust(place=Place(root=tmp_path / "none"), key=tmp_path / "publisher.pem")
    assert verify(second, given)[1] == key.public
    pinned = site(tmp_path, sm2.PrivateKey.generate()).place
    both = Trust(place=pinned, key=tmp_path / "publisher.pem")
    assert refused(second, both) == "fengsui.bundle.other_key"


def test_another_key_than_the_pinned_one_is_refused(
    tmp_path: Path, key: sm2.PrivateKey, second: Path
) -> None:
    other = sm2.PrivateKey.generate()
    trust = site(tmp_path, other)
    assert refused(second, trust) == "fengsui.bundle.other_key"
    # A pin is not replaced by a fingerprint somebody brings along.
    brought = Trust(place=trust.place, fingerprint=fingerprint(key.public))
    assert refused(second, brought) == "fengsui.bundle.other_key"


def resigned(bundle: Path, target: Path, signature: str, point: str) -> Path:
    """The same members under another signature."""
    data = bundle.read_bytes()
    with bundle.open("rb") as file:
        signed = bundle_file.read_head(file)
        rest = file.tell()
    proof = json.dumps({"point": point, "signature": signature}).encode()
    with target.open("wb") as out:
        bundle_file._write_whole(out, "manifest.json", signed.payload)
        bundle_file._write_whole(out, "manifest.sig", proof)
        out.write(data[rest:])
    return target


def test_a_signature_of_another_domain_is_worth_nothing(
    second: Path, tmp_path: Path, key: sm2.PrivateKey
) -> None:
    with second.open("rb") as file:
        payload = bundle_file.read_head(file).payload
    point = key.public.point.hex()
    good, bad = (key.sign(payload, domain=one).hex() for one in (DOMAIN, "fengsui/batch/1"))
    verify(resigned(second, tmp_path / "a", good, point), site(tmp_path, key))
    assert refused(resigned(second, tmp_path / "b", bad, point), Trust(
        place=Place(root=tmp_path / "opt"))) == "fengsui.bundle.invalid"  # fmt: skip


@pytest.mark.parametrize("proof", [b"", b"{}", b"[]", b'{"point":"0","signature":1}', b"null"])
def test_an_unsigned_bundle_is_refused(
    second: Path, tmp_path: Path, key: sm2.PrivateKey, proof: bytes
) -> None:
    with second.open("rb") as file:
        payload = bundle_file.read_head(file).payload
    with (tmp_path / "unsigned").open("wb") as out:
        bundle_file._write_whole(out, "manifest.json", payload)
        if proof:
            bundle_file._write_whole(out, "manifest.sig", proof)
        out.write(bytes(1024))
    assert refused(tmp_path / "unsigned", site(tmp_path, key)) in {
        "fengsui.bundle.unsigned", "fengsui.bundle.malformed"}  # fmt: skip


def test_a_changed_member_is_named(second: Path, tmp_path: Path, key: sm2.PrivateKey) -> None:
    data = bytearray(second.read_bytes())
    data[data.index(b"raise SystemExit(main())")] ^= 1
    (tmp_path / "changed").write_bytes(data)
    with pytest.raises(FengsuiError, match=r"install/__main__\.py is not as it was signed"):
        verify(tmp_path / "changed", site(tmp_path, key))


@pytest.mark.parametrize(
    ("installed", "code"),
    [("0.3.0", "downgrade"), ("0.2.0", "same"), ("0.0.9", "gap"), ("0.10.0", "downgrade")],
)
def test_only_a_version_that_may_follow_passes(
    second: Path, tmp_path: Path, key: sm2.PrivateKey, installed: str, code: str
) -> None:
    trust = site(tmp_path, key, version=installed)
    assert refused(second, trust) == f"fengsui.bundle.{code}"


def test_the_same_version_passes_when_asked_for_but_never_an_older_one(
    second: Path, tmp_path: Path, key: sm2.PrivateKey
) -> None:
    verify(second, site(tmp_path, key, version="0.2.0"), allow_same=True)
    (tmp_path / "newer").mkdir()
    newer = site(tmp_path / "newer", key, version="0.2.1")
    assert refused(second, newer, allow_same=True) == "fengsui.bundle.downgrade"


def data_folder(tmp_path: Path, *, state: int | None = None) -> DataFolder:
    folder = DataFolder(tmp_path / "data")
    (folder.segments / "collector").mkdir(parents=True)
    Database(folder.state).close()
    if state is not None:
        with closing(sqlite3.connect(folder.state)) as database:
            database.execute(f"PRAGMA user_version={state}")
    return folder


def test_data_of_a_newer_version_is_left_alone(
    second: Path, tmp_path: Path, key: sm2.PrivateKey
) -> None:
    data = data_folder(tmp_path, state=9999)
    with pytest.raises(FengsuiError) as caught:
        install(second, site(tmp_path, key), data=data, now=0, tell=lambda step: None)
    assert caught.value.code == "fengsui.bundle.data_newer"


def bootstrap(
    bundle: Path, root: Path, *, sha256: str, fingerprint: str
) -> "subprocess.CompletedProcess[str]":
    """The program of the bundle itself, run by a bare Python without anything of ours."""
    subprocess.run(
        ["tar", "xf", str(bundle), "-C", str(root.parent), "install"], check=True, timeout=60
    )
    command = [
        sys._base_executable, "-I", str(root.parent / "install"), str(bundle), "--root", str(root),
        "--sha256", sha256, "--fingerprint", fingerprint,
    ]  # fmt: skip
    # Where the machine lets us, without any network but its own loopback, which is down.
    if subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0:
        command = ["unshare", "-n", *command]
    closed = "http://127.0.0.1:9"
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300,
        env={"PATH": "/usr/bin:/bin", "HTTPS_PROXY": closed, "HTTP_PROXY": closed},
    )  # fmt: skip


def test_a_site_is_installed_and_updated_without_a_network(
    tmp_path: Path, key: sm2.PrivateKey
) -> None:
    geo = tmp_path / "made-up-geo"
    geo.mkdir()
    (geo / "places.csv").write_text("network,place\n192.0.2.0/24,nowhere\n")
    first, made = small(tmp_path, "0.1.0", key, data={"geo": geo})
    root = tmp_path / "opt"
    name = fingerprint(key.public)

    wrong = bootstrap(first, root, sha256="0" * 64, fingerprint=name)
    assert wrong.returncode == 2
    assert "fengsui.bundle.changed" in wrong.stderr
    other = bootstrap(first, root, sha256=made.sha256, fingerprint="0" * 64)
    assert "'signature' failed" in other.stderr
    assert "nothing was installed" in other.stderr
    assert not (root / "publisher.pem").exists()
    assert list((root / "versions").iterdir()) == []

    done = bootstrap(first, root, sha256=made.sha256, fingerprint=name)
    assert (done.returncode, done.stderr.split("…")[-2].strip()) == (0, "switch"), done.stderr
    place = Place(root=root)
    assert place.installed() == "0.1.0"
    assert (place.current / "data" / "geo" / "places.csv").read_text().endswith("nowhere\n")
    again = bootstrap(first, root, sha256=made.sha256, fingerprint=name)
    assert "fengsui.bundle.installed" in again.stderr

    newer, _ = small(tmp_path, "0.2.0", key)
    trust, data, steps = Trust(place=place), data_folder(tmp_path), []
    before = os.umask(0o077)
    try:
        install(newer, trust, data=data, now=0, tell=steps.append)
    finally:
        os.umask(before)
    assert place.installed() == "0.2.0"
    # A careful administrator's umask does not keep the service's user out.
    assert (place.current / "bin" / "fengsui").stat().st_mode & 0o555 == 0o555
    assert (place.current / "manifest.json").stat().st_mode & 0o444 == 0o444
    assert (root / "versions" / "0.1.0" / "bin" / "fengsui").exists()
    assert [one.name for one in (data.root / "before-updates").iterdir()] == [
        "0.2.0-19700101T000000.tar.gz"
    ]
    assert steps == [
        "unpack", "environment", "packages", "signature", "self-test", "backup", "switch"
    ]  # fmt: skip
    # What is started by the link runs from its own version's folder, also after the next switch.
    started = (place.current / "bin" / "fengsui").read_text().splitlines()[0]
    assert started == f"#!{root / 'versions' / '0.2.0' / 'bin' / 'python'}"

    liar, _ = small(tmp_path, "0.3.0", key, tells="0.2.9")
    with pytest.raises(FengsuiError, match=r"'self-test' failed.*0\.2\.0 is still in use"):
        install(liar, trust, data=data, now=0, tell=steps.append)
    assert place.installed() == "0.2.0"
    assert sorted(one.name for one in (root / "versions").iterdir()) == ["0.1.0", "0.2.0"]
