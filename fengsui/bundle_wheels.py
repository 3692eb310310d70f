"""Which wheels a bundle needs, for a machine that is not this one, and how they are fetched.

The closure is followed through the metadata of what is installed here, with the other machine's
markers; versions and hashes are those of ``requirements.lock`` alone, so what is fetched is what
was tested. Raises ``fengsui.bundle.lock`` and ``.wheels``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name, parse_wheel_filename

from schema.errors import FengsuiError

PYTHON: Final = "3.11"
FETCH_SECONDS_MAX: Final = 1800
_LOCK_BYTES_MAX: Final = 16 * 1024**2
# glibc 2.34 is what our own native wheel needs too (Debian 12, openEuler 22.03, Kylin V10 SP3).
_GLIBC: Final = (5, 12, 17, 24, 27, 28, 31, 34)
_PIN: Final = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(?: ; ([^\\]+?))? *\\?$")
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One line of the lock: a version and the hashes of all its files."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]


def read_lock(path: Path) -> list[Pin]:
    """The pins of a lock file."""
    text = path.read_text("utf-8")
    if len(text) > _LOCK_BYTES_MAX:
        raise _lock_error(path, f"it is over {_LOCK_BYTES_MAX} bytes")
    pins: list[Pin] = []
    for block in re.split(r"\n(?=\S)", text):
        head, _, rest = block.partition("\n")
        if not head or head.startswith("#"):
            continue
        found = _PIN.match(head.strip())
        hashes = tuple(_HASH.findall(rest))
        if found is None or not hashes:
            raise _lock_error(path, f"this line is not understood: {head[:200]}")
        name, version, marker = found.groups()
        pins.append(Pin(name=name, version=version, marker=marker or "", hashes=hashes))
    return pins


def environment(machine: str) -> dict[str, str]:
    """The markers of Python 3.11 on Linux on that machine."""
    return {
        "implementation_name": "cpython", "implementation_version": f"{PYTHON}.0",
        "os_name": "posix", "platform_machine": machine, "platform_release": "",
        "platform_system": "Linux", "platform_version": "", "python_version": PYTHON,
        "python_full_version": f"{PYTHON}.0", "platform_python_implementation": "CPython",
        "sys_platform": "linux", "extra": "",
    }  # fmt: skip


def closure(roots: list[Requirement], pins: list[Pin], machine: str) -> list[Pin]:
    """The pins that ``roots`` need on that machine; raises where the lock lacks one."""
    here = environment(machine)
    by_name = {
        canonicalize_name(pin.name): pin
        for pin in pins
        if not pin.marker or Marker(pin.marker).evaluate(here)
    }
    asked: set[tuple[NormalizedName, str]] = set()
    queue = [(one, "") for one in roots]
    while queue:
        requirement, extra = queue.pop()
        if requirement.marker and not requirement.marker.evaluate({**here, "extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        if name not in by_name:
            raise FengsuiError(
                "fengsui.bundle.lock", f"the lock has no {name} for {machine}: write it anew"
            )
        for wanted in ("", *requirement.extras):
            if (name, wanted) not in asked:
                asked.add((name, wanted))
                queue += [(one, wanted) for one in _needs(name)]
    return [by_name[name] for name in sorted({name for name, _ in asked})]


def _needs(name: NormalizedName) -> list[Requirement]:
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError as error:
        raise FengsuiError(
            "fengsui.bundle.wheels",
            f"{name} is not installed here, so its own needs are unknown: run `make install` first",
        ) from error
    return [Requirement(line) for line in lines]


def requirements_text(pins: list[Pin], own: list[str]) -> str:
    """What pip is given: every pin with its hashes, without markers, and our own wheels' lines."""
    lines = [
        f"{pin.name}=={pin.version} " + " ".join(f"--hash=sha256:{one}" for one in pin.hashes)
        for pin in pins
    ]
    return "\n".join([*lines, *own]) + "\n"


def fetch(requirements: Path, machine: str, target: Path, *, pool: Path | None) -> None:
    """Let pip put that machine's wheels into ``target``, from ``pool`` alone where it is given."""
    target.mkdir(parents=True, exist_ok=True)
    tags = [f"--platform=manylinux_2_{minor}_{machine}" for minor in reversed(_GLIBC)]
    older = ["2014", "2010", "1"] if machine == "x86_64" else ["2014"]
    tags += [f"--platform=manylinux{one}_{machine}" for one in older]
    source = [] if pool is None else ["--no-index", f"--find-links={pool}"]
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps",
        "--disable-pip-version-check", "--only-binary=:all:", "--require-hashes", *tags, *source,
        f"--python-version={PYTHON}", "--implementation=cp", "--abi=cp311", "--abi=abi3",
        "--abi=none", f"--dest={target}", f"--requirement={requirements}",
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=FETCH_SECONDS_MAX, check=False
    )
    if done.returncode != 0:
        raise FengsuiError(
            "fengsui.bundle.wheels",
            f"pip could not fetch the wheels for {machine}: {done.stderr.strip()[-1000:]}",
        )


def own_wheel(source: Path, target: Path) -> Path:
    """Build our own wheel of a checkout; the build asks no network."""
    target.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [
            sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index",
            "--no-build-isolation", "--disable-pip-version-check", f"--wheel-dir={target}", "./",
        ],
        cwd=source, capture_output=True, text=True, timeout=FETCH_SECONDS_MAX, check=False,
    )  # fmt: skip
    wheels = sorted(target.glob("fengsui-*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        raise FengsuiError(
            "fengsui.bundle.wheels",
            f"our own wheel could not be built of {source}: {done.stderr.strip()[-1000:]}",
        )
    return wheels[0]


def share_common(folder: Path, machines: tuple[str, ...]) -> None:
    """Move wheels that run on any machine to ``any``, once; the rest stays with its machine."""
    common = folder / "any"
    common.mkdir(exist_ok=True)
    for machine in machines:
        for wheel in sorted((folder / machine).glob("*-none-any.whl")):
            shutil.move(wheel, common / wheel.name)


def name_and_version(wheel: Path) -> tuple[str, str]:
    """Name and version of a wheel, by its file's name."""
    name, version, _, _ = parse_wheel_filename(wheel.name)
    return name, str(version)


def _lock_error(path: Path, why: str) -> FengsuiError:
    return FengsuiError("fengsui.bundle.lock", f"{path} is no lock of ours: {why}")
