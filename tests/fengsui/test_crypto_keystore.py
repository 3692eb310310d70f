"""The key store by its commands: keys live and die, and come back from a sealed backup."""

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from collector.state.database import Database
from fengsui.backup import backup
from fengsui.cli import main
from fengsui.folder import DataFolder


@pytest.fixture
def run(monkeypatch, capfd, tmp_path):
    monkeypatch.chdir(tmp_path)

    def call(*arguments, stdin="", code=0, data="site"):
        command = ["fengsui", "crypto", "keystore", *map(str, arguments)]
        if data is not None:
            command += ["--data", data]
        monkeypatch.setattr(sys, "argv", command)
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capfd.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capfd.readouterr()
        assert caught.value.code == code, (out, err)
        if code:
            assert err.count("\n") == 1, err
        return out + err

    return call


@pytest.fixture
def officers(run):
    run(
        *("recovery-split", "--officer", "张伟", "--officer", "李娜", "--officer", "王芳"),
        *("--needed", "2", "--public", "recovery.pem", "--shares", "shares"),
        data=None,
    )
    return Path("shares")


def test_a_key_lives_and_dies_by_commands(run):
    assert "audit · sign · v1 · active" in run("create", "audit", "--for", "sign")
    assert "not a certified module" in run("list")
    assert "v2" in run("rotate", "audit")
    assert "disabled" in run("disable", "audit")
    run("rotate", "audit", code=2)
    assert "active" in run("enable", "audit")
    assert "destroyed at" in run("delete", "audit", "--after-days", "7")
    assert "disabled" in run("cancel", "audit")
    assert "destroyed: none" in run("purge")
    run("create", "audit", "--for", "mac", code=2)
    run("rotate", "absent", code=2)


def test_the_policy_is_given_at_birth(run):
    line = run("create", "s", "--for", "sign", "--sign-e", "--export", "--no-decrypt", "--days", 9)
    assert "policy/1 sign_e export expires=" in line


def test_the_master_key_changes(run):
    run("create", "a", "--for", "seal")
    before = Path("site/keys/master.key").read_bytes()
    assert "1 rows" in run("rotate-master")
    assert Path("site/keys/master.key").read_bytes() != before
    assert "a · seal" in run("list")


def test_the_shares_are_private_and_the_private_key_is_nowhere(run, officers):
    paths = sorted(officers.iterdir())
    assert [path.name for path in paths] == ["share-1.txt", "share-2.txt", "share-3.txt"]
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    assert "张伟" in paths[0].read_text()
    assert not [p for p in Path().rglob("*") if p.is_file() and b"PRIVATE" in p.read_bytes()]
    again = ("recovery-split", "--officer", "a", "--officer", "b", "--needed", "2")
    run(*again, "--public", "recovery.pem", "--shares", "more", data=None, code=2)
    run(*again, "--public", "new.pem", "--shares", "shares", data=None, code=2)
    assert not Path("new.pem").exists()


def test_a_backup_comes_back_by_two_of_three_shares(run, officers):
    run("create", "a", "--for", "sign")
    run("create", "b", "--for", "seal")
    run("rotate", "a")
    listed = run("list")
    made = run("backup", "keys.bak", "--recovery", "recovery.pem")
    fingerprint = made.split("SM3 ")[1][:64]
    run(
        *("restore", "keys.bak", "--share", "shares/share-3.txt", "--share", "shares/share-1.txt"),
        *("--sm3", fingerprint),
        data="new",
    )
    assert run("list", data="new") == listed
    # And typed in, after the site burned.
    typed = (officers / "share-2.txt").read_text() + (officers / "share-3.txt").read_text() + "\n"
    run("restore", "keys.bak", stdin=typed, data="typed")
    assert run("list", data="typed") == listed
    assert Path("new/keys/master.key").read_bytes() != Path("site/keys/master.key").read_bytes()


def test_what_does_not_fit_is_not_restored(run, officers):
    run("create", "a", "--for", "sign")
    run("backup", "keys.bak", "--recovery", "recovery.pem")
    run("backup", "keys.bak", "--recovery", "recovery.pem", code=2)
    shares = [path.read_text() for path in sorted(officers.iterdir())]
    line = run("restore", "keys.bak", stdin=shares[0], data="new", code=2)
    assert "1 shares were given, 2 are needed" in line
    words = shares[1].split()
    words[-2] = ("0" if words[-2][0] != "0" else "1") + words[-2][1:]
    assert "李娜" in run(
        "restore", "keys.bak", stdin=shares[0] + " ".join(words), data="new", code=2
    )
    run("restore", "keys.bak", "--sm3", "00" * 32, stdin="".join(shares), data="new", code=2)
    content = Path("keys.bak").read_bytes()
    Path("keys.bak").write_bytes(content[:-1] + bytes((content[-1] ^ 1,)))
    run("restore", "keys.bak", stdin="".join(shares), data="new", code=1)
    Path("keys.bak").write_bytes(content)
    assert not Path("new/keys/keystore.db").exists()
    run("restore", "keys.bak", stdin="".join(shares), code=2)


def test_the_platforms_backup_holds_nothing_of_the_key_store(run, tmp_path):
    run("create", "a", "--for", "sign")
    run("rotate-master")
    site = DataFolder(tmp_path / "site")
    (site.segments / "collector").mkdir(parents=True)
    Database(site.state).close()
    backup(site, tmp_path / "b.tar.gz", now=0)
    with tarfile.open(tmp_path / "b.tar.gz") as archive:
        assert sorted(archive.getnames()) == ["manifest.json", "state.db"]


def test_other_sources_of_the_master_key(run, monkeypatch, tmp_path):
    secret = os.urandom(32)
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "fengsui-master").write_bytes(secret)
    (credentials / "fengsui-master").chmod(0o400)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    monkeypatch.setenv("MASTER", secret.hex())
    run("create", "a", "--for", "mac", "--master", "credential:fengsui-master")
    assert "a · mac" in run("list", "--master", "env:MASTER")
    assert not Path("site/keys/master.key").exists()
    run("list", "--master", "env:ABSENT", code=2)
    run("list", code=2)


@pytest.mark.parametrize(
    "reference", ["", "files", "credential:", "credential:../x", "env:", "sdf:1:/lib.so", "x:y"]
)
def test_a_source_nobody_knows_is_refused(run, reference):
    assert "no master key" in run("list", "--master", reference, code=2)


def test_a_device_that_is_not_there_could_not_run(run, tmp_path):
    (tmp_path / "pw").write_text("12345678\n")
    device = ("--master", "sdf:1:/no/such/lib.so", "--device-password-file", "pw")
    assert "cannot be loaded" in run("list", *device, code=3)
    run("list", "--master", "sdf:x", "--device-password-file", "pw", code=2)


def test_a_device_holds_the_master_key(run, tmp_path):
    if shutil.which("cc") is None or not Path("/usr/include/openssl/evp.h").exists():
        pytest.skip("the stand-in device needs a C compiler and the headers of libssl-dev")
    source = Path(__file__).resolve().parents[1] / "crypto" / "sdf" / "standin.c"
    build = ["cc", "-shared", "-fPIC", "-o", "standin.so", source, "-lcrypto"]
    subprocess.run(build, check=True)
    (tmp_path / "pw").write_text("12345678\n")
    (tmp_path / "pw").chmod(0o600)
    device = ("--master", "sdf:1:standin.so", "--device-password-file", "pw")
    run("create", "a", "--for", "sign", *device)
    assert "a · sign" in run("list", *device)
    (tmp_path / "pw").write_text("wrong\n")
    assert "password of the private key is wrong" in run("list", *device, code=3)
    (tmp_path / "pw").chmod(0o644)
    run("list", *device, code=2)
    assert sorted(path.name for path in Path("site/keys").iterdir()) == [
        "keystore.db",
        "master.sdf",
    ]


def test_every_line_of_the_operators_document_runs(run):
    text = (Path(__file__).resolve().parents[2] / "docs/operator/keys.md").read_text("utf-8")
    blocks = re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line) for block in blocks for line in block.splitlines()]
    assert len(lines) == 12
    places = {"DIR": "site", "NEW": "new"}
    for line in lines:
        assert line[:3] == ["fengsui", "crypto", "keystore"]
        run(*(places.get(word, word) for word in line[3:]), data=None)
    assert run("list", data="new") == run("list")
