"""Reads the vector files of OpenSSL's tests (evp_test): stanzas of ``Name = value`` lines."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# Beside the checkout, where the project keeps samples that are not its own.
FOLDER = Path(__file__).parents[3] / "shared" / "data" / "sm-vectors"


@dataclass(frozen=True, kw_only=True)
class Stanza:
    kind: str
    name: str
    values: dict[str, str]
    keys: dict[str, bytes] = field(repr=False)
    """The DER of the private keys named so far."""

    def octets(self, name: str) -> bytes:
        """Return a value, written in hexadecimal or as quoted text; none is empty."""
        value = self.values.get(name, "")
        return value[1:-1].encode() if value.startswith('"') else bytes.fromhex(value)


def stanzas(path: Path) -> Iterator[Stanza]:
    keys: dict[str, bytes] = {}
    for block in _blocks(path.read_text(encoding="utf-8")):
        label, _, key = block[0].partition("=")
        if label.strip() in ("PrivateKey", "PublicKey"):
            keys[key.strip()] = base64.b64decode("".join(block[2:-1]))
            continue
        pairs = [line.partition("=")[::2] for line in block]
        values = {name.strip(): value.strip() for name, value in pairs}
        values.pop("Availablein", None)
        kind, name = next(iter(values.items()))
        if kind != "Title":
            yield Stanza(kind=kind, name=name, values=values, keys=keys)


def _blocks(text: str) -> Iterator[list[str]]:
    block: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line.strip() and not line.startswith("#"):
            block.append(line)
        elif not line.strip() and block:
            yield block
            block = []
