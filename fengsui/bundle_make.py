"""Make a bundle of a checkout: wheels, data, the bill of materials, signed as one file.

Two makes from the same inputs and with the same time are equal but for the signature: names,
order and heads are fixed, the lock names every wheel by its hash, and our own wheel is built
reproducibly. Raises ``fengsui.bundle.exists``, ``.lock``, ``.wheels``, ``.data`` and what
``bundle_file`` raises.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from collector.state.database import newest_migration
from crypto import sm2
from fengsui import bundle_file, bundle_wheels
from fengsui.bundle import DOMAIN, fingerprint
from fengsui.bundle_file import ARCHITECTURES, CHUNK_BYTES, FORMAT, Manifest, Member, Signed
from fengsui.bundle_sbom import digests, metadata_of, sbom
from schema.errors import FengsuiError
from schema.times import to_text

PRODUCT: Final = "fengsui"
EXTRAS: Final = ("platform", "cluster", "windows")
# The installer of a machine without Fengsui: these, and the standard library.
_INSTALLER: Final = (
    ("fengsui", ("__init__.py", "bundle_file.py", "bundle_install.py", "bundle_bootstrap.py")),
    ("schema", ("__init__.py", "errors.py")),
)
_START: Final = "from fengsui.bundle_bootstrap import main\n\nraise SystemExit(main())\n"
DATA_KINDS: Final = ("geo", "indicators", "rules", "translations")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be in a bundle."""

    source: Path
    """The checkout: its lock, its code, its bills."""
    updates_from: str
    architectures: tuple[str, ...] = ARCHITECTURES
    native: tuple[Path, ...] = ()
    """Our native wheels, where they could be built."""
    data: dict[str, Path] = field(default_factory=dict)
    """Folders by kind (geo, indicators, rules, translations), carried as they are."""
    pool: Path | None = None
    """Take wheels from this folder alone instead of an index."""
    extras: tuple[str, ...] = EXTRAS
    own: Path | None = None
    """Our own wheel, built already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A bundle as it was written, and what goes on paper."""

    manifest: Manifest
    size: int
    sha256: str
    sm3: str
    fingerprint: str


def make(
    order: Order, target: Path, key: sm2.PrivateKey, *, now: int, tell: Callable[[str], None]
) -> Made:
    """Write the bundle; raises rather than overwrite one."""
    if target.exists():
        raise FengsuiError(
            "fengsui.bundle.exists", f"{target} exists already: name a new file", path=str(target)
        )
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".bundle-") as scratch:
        signed, contents = _collect(order, Path(scratch), key, now=now, tell=tell)
        tell("write")
        fresh = Path(scratch) / "bundle"
        with fresh.open("wb") as file:
            bundle_file.write(file, signed, contents)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
    sha256, three = digests(target)
    return Made(
        manifest=signed.manifest, size=target.stat().st_size, sha256=sha256, sm3=three,
        fingerprint=fingerprint(key.public),
    )  # fmt: skip


def _collect(
    order: Order, scratch: Path, key: sm2.PrivateKey, *, now: int, tell: Callable[[str], None]
) -> tuple[Signed, dict[str, Path]]:
    for kind in order.data:
        if kind not in DATA_KINDS:
            raise FengsuiError(
                "fengsui.bundle.data", f"{kind}: a bundle carries {', '.join(DATA_KINDS)}"
            )
    tree = scratch / "tree"
    tell("own wheel")
    own = order.own or bundle_wheels.own_wheel(order.source, scratch / "own")
    version = bundle_wheels.name_and_version(own)[1]
    requirement = f"{PRODUCT}[{','.join(sorted(order.extras))}]=={version}"
    wheels = _wheels(order, tree, own, requirement, tell=tell)
    tell("bill of materials")
    (tree / "sbom.cdx.json").write_bytes(sbom(wheels, version=version, source=order.source))
    _installer(tree / "install")
    for kind, folder in sorted(order.data.items()):
        # Links are refused below: what is signed must be what lies in the folder.
        shutil.copytree(folder, tree / "data" / kind, symlinks=True)
    contents = dict(_contents(tree))
    manifest = Manifest(
        format=FORMAT, product=PRODUCT, version=version, made_at=to_text(now),
        python=bundle_wheels.PYTHON, updates_from=order.updates_from, state=newest_migration(),
        keystore=_keystore_number(), requirement=requirement,
        architectures=tuple(sorted(order.architectures)), carries=_carries(order, wheels),
        members=tuple(_member(name, path) for name, path in contents.items()),
    )  # fmt: skip
    payload = bundle_file.encode(manifest)
    bundle_file.decode(payload)  # every limit the site will check, before it is signed
    signature = key.sign(payload, domain=DOMAIN).hex()
    signed = Signed(
        manifest=manifest, payload=payload, point=key.public.point.hex(), signature=signature
    )
    return signed, contents


def _wheels(
    order: Order, tree: Path, own: Path, requirement: str, *, tell: Callable[[str], None]
) -> list[Path]:
    """Fetch every machine's wheels below ``tree``, with the line pip is given on the site."""
    pins = bundle_wheels.read_lock(order.source / "requirements.lock")
    for machine in sorted(order.architectures):
        tell(f"wheels for {machine}")
        roots = list(_own_needs(own, order.extras, machine))
        chosen = bundle_wheels.closure(roots, pins, machine)
        asked = tree / f"requirements-{machine}.txt"
        asked.parent.mkdir(exist_ok=True)
        asked.write_text(bundle_wheels.requirements_text(chosen, []), "utf-8")
        place = tree / "wheels" / machine
        bundle_wheels.fetch(asked, machine, place, pool=order.pool)
        lines = [f"{requirement} --hash=sha256:{_sha256(own)}"]
        for wheel in order.native:
            if wheel.name.endswith(f"_{machine}.whl"):
                shutil.copyfile(wheel, place / wheel.name)
                name, version = bundle_wheels.name_and_version(wheel)
                lines.append(f"{name}=={version} --hash=sha256:{_sha256(wheel)}")
        asked.write_text(bundle_wheels.requirements_text(chosen, lines), "utf-8")
    bundle_wheels.share_common(tree / "wheels", order.architectures)
    shutil.copyfile(own, tree / "wheels" / "any" / own.name)
    return sorted(tree.glob("wheels/*/*.whl"))


def _own_needs(own: Path, extras: tuple[str, ...], machine: str) -> Iterator[Requirement]:
    """Our own wheel's needs on that machine, with these extras."""
    here = bundle_wheels.environment(machine)
    for line in metadata_of(own).get_all("Requires-Dist", []):
        requirement = Requirement(line)
        marker, requirement.marker = requirement.marker, None
        if marker is None or any(marker.evaluate({**here, "extra": one}) for one in ("", *extras)):
            yield requirement


def _installer(target: Path) -> None:
    for package, names in _INSTALLER:
        (target / package).mkdir(parents=True)
        for name in names:
            text = resources.files(package).joinpath(name).read_bytes()
            (target / package / name).write_bytes(text)
    (target / "__main__.py").write_text(_START, "utf-8")


def _contents(tree: Path) -> Iterator[tuple[str, Path]]:
    files: list[tuple[str, Path]] = []
    for path in tree.rglob("*"):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise FengsuiError(
                "fengsui.bundle.data", f"{path.relative_to(tree)} is a link or a device"
            )
        if path.is_file():
            files.append((path.relative_to(tree).as_posix(), path))
    yield from sorted(files)


def _member(name: str, path: Path) -> Member:
    sha256, three = digests(path)
    return Member(name=name, size=path.stat().st_size, sm3=three, sha256=sha256)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        running = hashlib.sha256()
        while chunk := file.read(CHUNK_BYTES):
            running.update(chunk)
    return running.hexdigest()


def _keystore_number() -> int:
    names = resources.files("crypto.keystore").joinpath("migrations").iterdir()
    return max(int(one.name.split("_")[0]) for one in names if one.name.endswith(".sql"))


def _carries(order: Order, wheels: list[Path]) -> dict[str, str]:
    """A line for people on each kind of content, the absent ones too."""
    told = {
        "pages": "in our own wheel (dashboard_api/webui), both languages",
        "shipped rules": "in our own wheel (analytics/rules)",
    }
    for machine in sorted(order.architectures):
        found = [one.name for one in wheels if one.match(f"{machine}/fengsui_native-*.whl")]
        told[f"native engine {machine}"] = (
            found[0] if found else "absent: not built; the system's libcrypto computes, slower"
        )
    for kind in DATA_KINDS:
        told[f"data {kind}"] = f"data/{kind}" if kind in order.data else "absent: none was given"
    return told
