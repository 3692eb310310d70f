"""Install a bundle: a new version beside the old one, tried, then switched to in one step.

    ROOT/publisher.pem         the publisher's key, pinned at the first installation
    ROOT/versions/0.2.0/       one whole environment for each version, with its manifest and data
    ROOT/current               names the version in use

Every step before the switch leaves what was installed as it is; a failed one is undone and named.
No step asks a network. This module also runs before anything of Fengsui is installed: the
standard library alone.
Raises ``fengsui.bundle.step_failed``, ``.busy``, ``.downgrade``, ``.same``, ``.gap``, ``.machine``,
``.space``, and what ``bundle_file`` raises.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fengsui import bundle_file
from fengsui.bundle_file import Manifest, Signed, release
from schema.errors import FengsuiError

# Unpacked wheels take about four times their size, and the wheels themselves stand beside them.
SPACE_FACTOR: Final = 6
# A cold disk takes minutes for some 150 packages; longer means something waits for ever.
STEP_SECONDS_MAX: Final = 1800
CURRENT: Final = "current"
VERSIONS: Final = "versions"
PUBLISHER: Final = "publisher.pem"
_COMPLETE: Final = "installed.json"
_OUTPUT_CHARS_MAX: Final = 2000
# Repeated installations of one version stand beside each other under numbered names.
_REPEATS_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where Fengsui's versions stand on a machine."""

    root: Path

    @property
    def current(self) -> Path:
        """The link to the version in use."""
        return self.root / CURRENT

    @property
    def publisher(self) -> Path:
        """The pinned key of who may give this site its versions."""
        return self.root / PUBLISHER

    def installed(self) -> str | None:
        """The version in use, None before the first."""
        try:
            record = json.loads((self.current / _COMPLETE).read_text("utf-8"))
        except FileNotFoundError:
            return None
        return str(record["version"])


def check_order(manifest: Manifest, installed: str | None, *, allow_same: bool) -> None:
    """Raise unless this version may follow the installed one."""
    new = release(manifest.version)
    if installed is None:
        return
    old = release(installed)
    if new < old:
        raise FengsuiError(
            "fengsui.bundle.downgrade",
            f"the bundle has {manifest.version}, installed is {installed}: an older version is "
            "never installed over a newer one (it may bring back a closed hole)",
            version=manifest.version,
        )
    if new == old and not allow_same:
        raise FengsuiError(
            "fengsui.bundle.same",
            f"{installed} is installed already: --allow-same installs it anew",
            version=manifest.version,
        )
    if old < release(manifest.updates_from):
        raise FengsuiError(
            "fengsui.bundle.gap",
            f"{manifest.version} follows {manifest.updates_from} or newer, installed is "
            f"{installed}: install a version between first",
            version=manifest.version,
        )


def check_machine(manifest: Manifest) -> str:
    """This machine's architecture; raises ``fengsui.bundle.machine`` where it cannot run here."""
    machine = platform.machine().lower().replace("amd64", "x86_64").replace("arm64", "aarch64")
    if machine not in manifest.architectures:
        raise FengsuiError(
            "fengsui.bundle.machine",
            f"this machine is {machine}, the bundle is for {', '.join(manifest.architectures)}",
        )
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if here != manifest.python or sys.platform != "linux":
        raise FengsuiError(
            "fengsui.bundle.machine",
            f"the bundle is for Python {manifest.python} on Linux, this is Python {here} on "
            f"{sys.platform}: run it with python{manifest.python}",
        )
    return machine


@dataclass(slots=True, kw_only=True)
class Installation:
    """One installation under way. ``tell`` hears each step's name as it starts."""

    bundle: Path
    place: Place
    tell: Callable[[str], None]
    allow_same: bool = False

    def run(
        self,
        signed: Signed,
        *,
        prove: Callable[[Path], None],
        before_switch: Callable[[Path], None],
    ) -> Path:
        """Install and switch; returns the new version's folder.

        ``prove`` gets the new version's folder once it can run: it raises unless the bundle's
        signature holds, and leaves the publisher's key there. ``before_switch`` keeps the site's
        state aside.
        """
        self.place.root.mkdir(parents=True, exist_ok=True, mode=0o755)
        with _alone(self.place.root), _readable():
            return self._run(signed, prove=prove, before_switch=before_switch)

    def _run(
        self,
        signed: Signed,
        *,
        prove: Callable[[Path], None],
        before_switch: Callable[[Path], None],
    ) -> Path:
        manifest = signed.manifest
        check_order(manifest, self.place.installed(), allow_same=self.allow_same)
        machine = check_machine(manifest)
        versions = self.place.root / VERSIONS
        versions.mkdir(parents=True, exist_ok=True, mode=0o755)
        self._room(versions)
        folder = _free(versions, manifest.version)
        with self._undone_if_failed(folder):
            with self._step("unpack"):
                self._unpack(folder, machine, signed)
            with self._step("environment"):
                _environment(folder)
            with self._step("packages"):
                _packages(folder, machine)
            with self._step("signature"):
                prove(folder)
            with self._step("self-test"):
                _self_test(folder, manifest)
            with self._step("backup"):
                before_switch(folder)
            with self._step("switch"):
                shutil.rmtree(folder / "wheels")
                # All of it on stable storage before the record that says it is whole.
                os.sync()
                _record(folder, manifest)
                self._pin(folder)
                self._switch(folder)
        return folder

    def _room(self, versions: Path) -> None:
        needed = self.bundle.stat().st_size * SPACE_FACTOR
        free = shutil.disk_usage(versions).free
        if free < needed:
            raise FengsuiError(
                "fengsui.bundle.space",
                f"{versions} has {free >> 20} MiB free, the installation may need {needed >> 20}",
            )

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        self.tell(name)
        try:
            yield
        except (FengsuiError, OSError, subprocess.SubprocessError) as error:
            in_use = self.place.installed()
            left = f"{in_use} is still in use" if in_use else "nothing was installed"
            raise FengsuiError(
                "fengsui.bundle.step_failed",
                f"the step {name!r} failed: {error}; it was undone, {left}",
                step=name,
                why=error.code if isinstance(error, FengsuiError) else type(error).__name__,
            ) from error

    @contextmanager
    def _undone_if_failed(self, folder: Path) -> Iterator[None]:
        try:
            yield
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _unpack(self, folder: Path, machine: str, signed: Signed) -> None:
        wanted = (f"wheels/{machine}/", "wheels/any/", "data/", "requirements-", "sbom")
        with self.bundle.open("rb") as file:
            # The very manifest that was checked: the file may have been exchanged since.
            if bundle_file.read_head(file).payload != signed.payload:
                raise FengsuiError("fengsui.bundle.changed", "the bundle changed while in use")
            folder.mkdir(mode=0o755)
            bundle_file.extract(file, signed.manifest, folder, wanted=wanted)
        (folder / bundle_file.MANIFEST).write_bytes(signed.payload)

    def _pin(self, folder: Path) -> None:
        if not self.place.publisher.exists():
            shutil.copyfile(folder / PUBLISHER, self.place.publisher)

    def _switch(self, folder: Path) -> None:
        fresh = self.place.root / f".{CURRENT}.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(Path(VERSIONS) / folder.name)
        # One rename: whoever starts Fengsui at any moment starts the old or the new version whole.
        fresh.replace(self.place.current)
        _sync(self.place.root)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Hold the root for one installation; raises ``fengsui.bundle.busy``."""
    with (root / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FengsuiError(
                "fengsui.bundle.busy", f"another installation is under way in {root}"
            ) from error
        yield


@contextmanager
def _readable() -> Iterator[None]:
    """What is installed is for every user to run, however careful the administrator's shell is."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


def _free(versions: Path, version: str) -> Path:
    """A folder for this version that holds no finished installation."""
    for repeat in range(1, _REPEATS_MAX):
        folder = versions / (version if repeat == 1 else f"{version}-{repeat}")
        if (folder / _COMPLETE).exists():
            continue
        if folder.exists():
            # A power cut left it half done; nothing ever ran from it.
            shutil.rmtree(folder)
        return folder
    raise FengsuiError(
        "fengsui.bundle.space",
        f"{versions} holds {_REPEATS_MAX} installations of {version}: remove those not in use",
    )


def _environment(folder: Path) -> None:
    # The interpreter of the system, not that of an environment this may run in.
    base = getattr(sys, "_base_executable", sys.executable)
    run([base, "-m", "venv", "--symlinks", str(folder)])
    prefix = run([str(folder / "bin" / "python"), "-c", "import sys; print(sys.prefix)"]).strip()
    if Path(prefix) != folder:
        # Else pip would install into the machine's own Python.
        raise FengsuiError(
            "fengsui.bundle.machine", f"{folder} became no environment of its own: {prefix}"
        )


def _packages(folder: Path, machine: str) -> None:
    wheels = [f"--find-links={folder / 'wheels' / place}" for place in (machine, "any")]
    run([
        str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input",
        "--no-index", *wheels, "--only-binary=:all:", "--require-hashes", "--no-cache-dir",
        "--disable-pip-version-check", "-r", str(folder / f"requirements-{machine}.txt"),
    ])  # fmt: skip


def _self_test(folder: Path, manifest: Manifest) -> None:
    told = json.loads(run([str(folder / "bin" / "fengsui"), "version"]))
    if told["version"] != manifest.version:
        raise FengsuiError(
            "fengsui.bundle.changed",
            f"the new version calls itself {told['version']}, the bundle says {manifest.version}",
        )


def _record(folder: Path, manifest: Manifest) -> None:
    record = folder / _COMPLETE
    with record.open("w", encoding="utf-8") as file:
        json.dump({"version": manifest.version, "made_at": manifest.made_at}, file)
        file.flush()
        os.fsync(file.fileno())
    _sync(folder)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def run(command: list[str]) -> str:
    """Run one program to its end; its last words are the error's text."""
    done = subprocess.run(
        command,
        env=_clean_environment(), capture_output=True, text=True, timeout=STEP_SECONDS_MAX,
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-_OUTPUT_CHARS_MAX:]
        raise OSError(f"{Path(command[0]).name} ended with {done.returncode}: {said}")
    return done.stdout


def _clean_environment() -> dict[str, str]:
    """This environment without what would lead pip or Python elsewhere."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "PYTHON", "VIRTUAL_ENV"))
    }
    # No settings of this machine may name an index; as root its warning means nothing here.
    return {
        **kept,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_ROOT_USER_ACTION": "ignore",
        # pip refuses to touch the machine's own Python, whatever went wrong before.
        "PIP_REQUIRE_VIRTUALENV": "1",
    }
