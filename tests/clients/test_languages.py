"""The clients in other languages: built from what their users copy, run against a real service."""

import fcntl
import os
from contextlib import contextmanager

import pytest
from client_ground import CACHE, CHECKED, CLIENTS, build, self_check, tool

BOUNCY_CASTLE = ("1.70", "1.81")
"""The last for Java 5 to 8 by name, and the newest tried."""


@contextmanager
def placed(name, *sources):
    """A build folder with the sources in it, held by one process at a time."""
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for source in sources:
            target = folder / source
            target.parent.mkdir(parents=True, exist_ok=True)
            content = (CLIENTS / name / source).read_bytes()
            if not target.exists() or target.read_bytes() != content:
                target.write_bytes(content)
        yield folder


def test_go(signing_service, tmp_path):
    go = tool("go")
    with placed("go", "go.mod", "go.sum", "fengsui.go", "check/main.go") as folder:
        build(go, "vet", "./...", folder=folder)
        build(go, "build", "-o", str(tmp_path / "check"), "./check", folder=folder)
    found = self_check(signing_service, str(tmp_path / "check"), folder=tmp_path)
    assert found == {"client": "go", "bearer": CHECKED, "signed": CHECKED}


@pytest.mark.parametrize("version", BOUNCY_CASTLE)
def test_java(signing_service, tmp_path, version):
    javac, mvn = tool("javac"), tool("mvn")
    kind = "jdk15on" if version == "1.70" else "jdk18on"
    with placed("java", "FengsuiClient.java", "Check.java") as folder:
        jar = folder / f"bcprov-{kind}-{version}.jar"
        if not jar.exists():
            build(
                mvn, "-q", "-B", "dependency:copy",
                f"-Dartifact=org.bouncycastle:bcprov-{kind}:{version}", "-DoutputDirectory=.",
                folder=folder,
            )  # fmt: skip
        build(
            javac, "--release", "8", "-Xlint:all,-options", "-Werror", "-cp", str(jar),
            "-d", str(tmp_path), "FengsuiClient.java", "Check.java", folder=folder,
        )  # fmt: skip
    path = os.pathsep.join((str(tmp_path), str(jar)))
    found = self_check(
        signing_service, "java", "-XX:+UseSerialGC", "-cp", path, "Check", folder=tmp_path
    )
    assert found == {"client": "java", "bearer": CHECKED, "signed": CHECKED}


def test_javascript(signing_service):
    node, npm = tool("node"), tool("npm")
    with placed("javascript", "package.json", "package-lock.json", "fengsui.mjs") as folder:
        if not (folder / "node_modules/.package-lock.json").exists():
            build(npm, "ci", "--ignore-scripts", "--silent", folder=folder)
    found = self_check(signing_service, node, "fengsui.mjs", folder=folder)
    assert found == {"client": "javascript", "bearer": CHECKED, "signed": CHECKED}


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_curl(signing_service, tmp_path, shell):
    for name in ("curl", "openssl"):
        tool(name)
    script = str(CLIENTS / "curl/fengsui.sh")
    found = self_check(signing_service, tool(shell), script, "check", folder=tmp_path)
    assert found == {"client": "curl", "bearer": CHECKED, "signed": CHECKED}
