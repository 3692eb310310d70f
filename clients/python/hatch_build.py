"""Build hook: the product's ``crypto`` package goes into the client as ``fengsui_client._crypto``.

There is one implementation of SM2 and SM3, and this copies it: only imports are rewritten. A source
distribution carries the copy, and a wheel made from one takes it as it stands.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MODULES: Final = (
    "_asn1",
    "_der.py",
    "_identity.py",
    "_oid.py",
    "_pbes2.py",
    "engines",
    "errors.py",
    "keys.py",
    "pkcs8.py",
    "sm2.py",
    "sm3.py",
    "sm4.py",
)
"""What keys, signatures, ciphertexts and digests need; no certificates, key store or devices."""
PACKAGE: Final = "fengsui_client/_crypto"
DOC: Final = (
    '"""SM2, SM3 and SM4: a copy of the product\'s own ``crypto``, made when this was built."""\n'
)

_IMPORT: Final = re.compile(r"^(\s*)(from|import) crypto\b", re.MULTILINE)


def rewritten(source: str) -> str:
    """The source with its absolute imports of ``crypto`` pointing into the client."""
    return _IMPORT.sub(rf"\1\2 {PACKAGE.replace('/', '.')}", source)


def gather(crypto: Path, target: Path) -> list[Path]:
    """Write the modules into ``target``; return their paths below it."""
    found = [Path("__init__.py")]
    (target / found[0]).write_text(DOC, "utf-8")
    for name in MODULES:
        one = crypto / name
        for path in sorted(one.rglob("*.py")) if one.is_dir() else [one]:
            below = path.relative_to(crypto)
            (target / below).parent.mkdir(parents=True, exist_ok=True)
            (target / below).write_text(rewritten(path.read_text("utf-8")), "utf-8")
            found.append(below)
    return found


class CryptoHook(BuildHookInterface):  # type: ignore[type-arg]
    """Put the copy into whatever is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Gather the copy, unless the sources are a source distribution that holds it."""
        self._made: str | None = None
        root = Path(self.root)
        if (root / PACKAGE).is_dir():
            return
        crypto = root.parent.parent / "crypto"
        if not (crypto / "sm2.py").is_file():
            raise FileNotFoundError(f"no crypto package at {crypto}: build from a whole checkout")
        self._made = tempfile.mkdtemp(prefix="fengsui-client-")
        for below in gather(crypto, Path(self._made)):
            build_data["force_include"][f"{self._made}/{below}"] = f"{PACKAGE}/{below}"

    def finalize(self, *_: object) -> None:
        """Take the gathered copy away again."""
        if self._made is not None:
            shutil.rmtree(self._made)
