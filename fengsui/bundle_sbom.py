"""The software bill of materials of a bundle: CycloneDX 1.6, from what is really in it.

Every wheel with its SHA-256 (and SM3 as a property, since CycloneDX knows no SM3) and the licence
its own metadata names; the Rust crates compiled into the native wheel, by their lock; what the
pages were built with, by theirs. Deterministic: no time, no serial number.
Raises ``fengsui.bundle.wheels`` for a wheel that cannot be read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import tomllib
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec

from crypto import sm3
from fengsui.bundle_file import CHUNK_BYTES
from schema.errors import FengsuiError

# The longest metadata here has 60 KB, its readme included.
METADATA_BYTES_MAX: Final = 4 * 1024**2
LICENCE_CHARS_MAX: Final = 200
# What the built page holds of other people's JavaScript; all else in that lock are tools.
_IN_THE_PAGE: Final = frozenset(
    {"vue", "@vue/runtime-dom", "@vue/runtime-core", "@vue/reactivity", "@vue/shared"}
)


def sbom(wheels: list[Path], *, version: str, source: Path) -> bytes:
    """The bill of these wheels, and of the two locks below ``source`` where they are."""
    components = [_of_wheel(wheel) for wheel in wheels]
    if any(wheel.name.startswith("fengsui_native-") for wheel in wheels):
        components += _crates(source / "native" / "Cargo.lock")
    components += _pages(source / "ui" / "package-lock.json")
    components.sort(key=lambda one: str(one["bom-ref"]))
    bill = {
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {"component": {
            "type": "application", "name": "fengsui", "version": version,
            "bom-ref": f"fengsui@{version}", "licenses": [{"license": {"id": "Apache-2.0"}}],
        }},
        "components": components,
    }  # fmt: skip
    return msgspec.json.format(msgspec.json.encode(bill, order="sorted"), indent=1) + b"\n"


def _of_wheel(wheel: Path) -> dict[str, Any]:
    fields = metadata_of(wheel)
    name, version = fields["Name"].lower().replace("_", "-"), fields["Version"]
    sha256, three = digests(wheel)
    found: dict[str, Any] = {
        "type": "library", "bom-ref": wheel.name, "name": name, "version": version,
        "purl": f"pkg:pypi/{name}@{quote(version)}?file_name={quote(wheel.name)}",
        "hashes": [{"alg": "SHA-256", "content": sha256}],
        "properties": [{"name": "fengsui:sm3", "value": three}],
    }  # fmt: skip
    licences = _licences(fields)
    return {**found, "licenses": licences} if licences else found


def metadata_of(wheel: Path) -> Message:
    """A wheel's own metadata; raises ``fengsui.bundle.wheels``."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            name = next(one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
            with archive.open(name) as file:
                text = file.read(METADATA_BYTES_MAX).decode("utf-8")
    except (zipfile.BadZipFile, StopIteration, UnicodeDecodeError, OSError) as error:
        raise FengsuiError("fengsui.bundle.wheels", f"{wheel.name} is no wheel: {error}") from error
    fields = HeaderParser().parsestr(text)
    if not fields["Name"] or not fields["Version"]:
        raise FengsuiError("fengsui.bundle.wheels", f"{wheel.name} names no package")
    return fields


def _licences(fields: Message) -> list[dict[str, Any]]:
    """What the metadata says, and nothing where it says nothing."""
    if expression := fields["License-Expression"]:
        return [{"expression": expression}]
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in fields.get_all("Classifier", [])
        if line.startswith("License :: ")
    ]
    # Some put the whole licence there; its first line names it.
    named = (fields["License"] or "").strip().partition("\n")[0]
    names = classifiers or ([named] if named and named != "UNKNOWN" else [])
    return [{"license": {"name": name[:LICENCE_CHARS_MAX]}} for name in names]


def _crates(lock: Path) -> list[dict[str, Any]]:
    if not lock.exists():
        return []
    return [
        {
            "type": "library", "bom-ref": f"crate:{one['name']}@{one['version']}",
            "name": one["name"], "version": one["version"],
            "purl": f"pkg:cargo/{one['name']}@{quote(one['version'])}",
            "hashes": [{"alg": "SHA-256", "content": one["checksum"]}],
        }
        for one in tomllib.loads(lock.read_text("utf-8")).get("package", [])
        if "checksum" in one
    ]  # fmt: skip


def _pages(lock: Path) -> list[dict[str, Any]]:
    if not lock.exists():
        return []
    return list(_npm(msgspec.json.decode(lock.read_bytes())))


def _npm(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for place, one in tree.get("packages", {}).items():
        name = place.rpartition("node_modules/")[2]
        if name not in _IN_THE_PAGE:
            continue
        version = one["version"]
        found: dict[str, Any] = {
            "type": "library", "bom-ref": f"npm:{place}@{version}", "name": name,
            "version": version, "purl": f"pkg:npm/{quote(name)}@{quote(version)}",
        }  # fmt: skip
        if hashed := _sha512(one.get("integrity", "")):
            found["hashes"] = [{"alg": "SHA-512", "content": hashed}]
        if "license" in one:
            found["licenses"] = [{"expression": one["license"]}]
        yield found


def _sha512(integrity: str) -> str | None:
    kind, _, text = integrity.partition("-")
    if kind != "sha512":
        return None
    try:
        return base64.b64decode(text, validate=True).hex()
    except binascii.Error:
        return None


def digests(path: Path) -> tuple[str, str]:
    """SHA-256 and SM3 of a file, read once in parts."""
    first, second = hashlib.sha256(), sm3.new()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            first.update(chunk)
            second.update(chunk)
    return first.hexdigest(), second.hexdigest()
