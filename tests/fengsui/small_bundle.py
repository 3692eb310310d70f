"""A small product in a bundle: real wheels of a few hundred bytes, made in the test, no network."""

import hashlib
import sys
import zipfile
from pathlib import Path

from crypto import sm2
from fengsui.bundle_make import Made, Order, make

# An installed package without needs of its own, so that the closure is followed for real.
NEEDED = "iniconfig"


def wheel(folder: Path, name: str, version: str, *, code: str, metadata: str = "") -> Path:
    """A wheel that pip installs, with one module and a command of the same name."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    record = "".join(f"{one},,\n" for one in [*files, f"{info}/RECORD"])
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for one, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(zipfile.ZipInfo(one), text)
    return path


def product(folder: Path, version: str, *, tells: str | None = None) -> Path:
    """Our wheel in small: tells its version, and hands `bundle` commands to the real one."""
    code = (
        "import json, os, sys\n\n\ndef main():\n"
        "    if sys.argv[1] == 'version':\n"
        f"        print(json.dumps({{'version': {tells or version!r}}}))\n"
        "        return\n"
        f"    os.execv({sys.executable!r}, [{sys.executable!r}, '-m', 'fengsui', *sys.argv[1:]])\n"
    )
    metadata = f"License-Expression: Apache-2.0\nRequires-Dist: {NEEDED}\n"
    return wheel(folder, "fengsui", version, code=code, metadata=metadata)


def small(
    folder: Path,
    version: str,
    key: sm2.PrivateKey,
    *,
    now: int = 0,
    updates_from: str = "0.1.0",
    tells: str | None = None,
    data: dict[str, Path] | None = None,
    name: str = "bundle",
) -> tuple[Path, Made]:
    """A signed bundle of that version."""
    own = product(folder / f"own-{version}-{tells}", version, tells=tells)
    pool = folder / "pool"
    needed = wheel(pool, NEEDED, "2.3.1", code="def main():\n    pass\n")
    digest = hashlib.sha256(needed.read_bytes()).hexdigest()
    lock = folder / "requirements.lock"
    lock.write_text(f"{NEEDED}==2.3.1 \\\n    --hash=sha256:{digest}\n")
    target = folder / f"{name}-{version}.tar"
    order = Order(
        source=folder, updates_from=updates_from, pool=pool, extras=(), own=own, data=data or {}
    )
    return target, make(order, target, key, now=now, tell=lambda step: None)
