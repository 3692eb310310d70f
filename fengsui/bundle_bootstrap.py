"""The first installation on a machine without Fengsui: ``python3.11 install BUNDLE …``.

It compares the whole file with the digest on paper, installs, and lets the installed version check
the SM2 signature before anything is switched to. That check proves the signature for the updates
that follow; against a forged first bundle only the digest helps, compared with the system's own
``sha256sum`` before this program is taken out of the bundle (docs/operator/bundle.md).
The standard library alone.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import sys
from pathlib import Path
from typing import Final

from fengsui import bundle_file
from fengsui.bundle_install import Installation, Place, run
from schema.errors import FengsuiError

WRONG_INPUT: Final = 2


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="install", description="首次离线安装 · first installation without a network"
    )
    parser.add_argument("bundle", type=Path, help="离线包 · the bundle")
    parser.add_argument(
        "--root", type=Path, default=Path("/opt/fengsui"), help="安装到 · install in"
    )
    parser.add_argument("--sha256", required=True, help="纸面上的摘要 · the digest on paper")
    parser.add_argument("--fingerprint", required=True, help="发布者公钥指纹 · the publisher's key")
    return parser.parse_args(argv)


def check_digest(bundle: Path, expected: str) -> None:
    """Raise ``fengsui.bundle.changed`` unless the whole file has this SHA-256."""
    with bundle.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not hmac.compare_digest(found.encode(), "".join(expected.lower().split()).encode()):
        raise FengsuiError(
            "fengsui.bundle.changed",
            f"{bundle} has SHA-256 {found}, not the one given: do not use it",
        )


def install_first(bundle: Path, place: Place, *, sha256: str, fingerprint: str) -> Path:
    """Install where nothing is yet; raises ``fengsui.bundle.installed`` where something is."""
    if place.installed() is not None:
        raise FengsuiError(
            "fengsui.bundle.installed",
            f"{place.root} has {place.installed()}: update it with `{place.current}/bin/fengsui "
            "bundle install`, which checks the signature before any code of the bundle runs",
        )
    check_digest(bundle, sha256)

    def prove(folder: Path) -> None:
        run([
            str(folder / "bin" / "fengsui"), "bundle", "verify", str(bundle), "--root",
            str(place.root), "--fingerprint", fingerprint, "--pin", str(folder / "publisher.pem"),
        ])  # fmt: skip

    with bundle.open("rb") as file:
        signed = bundle_file.read_head(file)
    installation = Installation(bundle=bundle, place=place, tell=_tell)
    return installation.run(signed, prove=prove, before_switch=lambda _: None)


def _tell(step: str) -> None:
    sys.stderr.write(f"{step} …\n")


def main(argv: list[str] | None = None) -> int:
    """Run the first installation; the exit code is 0, or 2 with one line that says why."""
    given = _arguments(argv)
    try:
        folder = install_first(
            given.bundle.resolve(),
            Place(root=given.root.resolve()),
            sha256=given.sha256,
            fingerprint=given.fingerprint,
        )
    except (FengsuiError, OSError) as error:
        sys.stderr.write(f"install: {error}\n")
        return WRONG_INPUT
    sys.stdout.write(f"{folder}\n")
    return 0
