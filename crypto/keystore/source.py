"""Which source a reference names: ``file``, ``credential:NAME``, ``env:NAME``, ``sdf:INDEX``.

CryptoError: ``crypto.master.reference``, and those of the device for ``sdf``.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from crypto import keys
from crypto.errors import CryptoError
from crypto.keystore.hsm import DeviceMaster
from crypto.keystore.master import CredentialMaster, EnvironmentMaster, FileMaster, MasterSource
from crypto.sdf.library import Device

__all__ = ["CREDENTIALS", "MasterReference", "device_password"]

CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
"""Where systemd says its credentials are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterReference:
    """Names a master key's source; holds no secret."""

    text: str = "file"
    device: str = ""
    """The device's library, for ``sdf:INDEX``; ``sdf:INDEX:LIBRARY`` names it itself."""
    device_password_file: str = ""

    @contextmanager
    def open(self, folder: Path, environment: Mapping[str, str]) -> Iterator[MasterSource]:
        """Yield the source; ``folder`` is where its files lie, beside the store."""
        kind, _, rest = self.text.partition(":")
        if self.text == "file":
            yield FileMaster(folder / "master.key")
        elif kind == "credential" and rest and "/" not in rest:
            yield CredentialMaster(Path(environment.get(CREDENTIALS, "/nowhere")), rest)
        elif kind == "env" and rest:
            yield EnvironmentMaster(environment, rest)
        elif kind == "sdf":
            index, _, named = rest.partition(":")
            library = named or self.device
            if not index.isdecimal() or not library or not self.device_password_file:
                raise self._malformed()
            with Device(Path(library)) as device, device.session() as session:
                yield DeviceMaster(
                    folder / "master.sdf",
                    session,
                    index=int(index),
                    password=lambda: device_password(self.device_password_file),
                )
        else:
            raise self._malformed()

    def _malformed(self) -> CryptoError:
        return CryptoError(
            "crypto.master.reference",
            f"{self.text!r} names no master key: file, credential:NAME, env:NAME, or sdf:INDEX "
            "with the device's library and a file with its password.",
            {"reference": self.text},
        )


def device_password(path: str | os.PathLike[str]) -> bytes:
    """Return the first line of the password's file, which must be for its owner only."""
    return keys.read(Path(path)).split(b"\n")[0].rstrip(b"\r")
