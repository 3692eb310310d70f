"""The master key under a device's own key: an SDF device decrypts it at each start.

The file holds the master key encrypted by SM2 to the device's encryption key of one index; without
the device and the password of that index it says nothing. The opened master key is in this
process's memory, since GM/T 0018-2012 has no SM4-GCM: the device guards it at rest, not in use.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from crypto import keys
from crypto.errors import CryptoError
from crypto.keystore.master import next_path
from crypto.keystore.sealing import MASTER_SIZE
from crypto.ports import Entropy
from crypto.sdf.port import DecryptionKeys

__all__ = ["DeviceMaster"]

_TAG: Final = b"fengsui-master-sdf/1\n"


class DeviceMaster:
    """A file beside the store, and the device that opens it."""

    def __init__(
        self,
        path: Path,
        session: DecryptionKeys,
        *,
        index: int,
        password: Callable[[], bytes],
    ) -> None:
        """``password`` is asked for each time, so that it need not be kept here."""
        self._path = path
        self._session = session
        self._index = index
        self._password = password

    def describe(self) -> str:
        return f"device key {self._index} and file {self._path}"

    def candidates(self) -> list[bytearray]:
        paths = [path for path in (self._path, next_path(self._path)) if os.path.lexists(path)]
        if not paths:
            raise CryptoError(
                "crypto.master.missing",
                f"There is no master key in {self.describe()}; without it no key of the store "
                "opens.",
                {"where": self.describe()},
            )
        return [self._open(path) for path in paths]

    def make(self, entropy: Entropy) -> bytearray:
        return self._write(self._path, entropy)

    def next(self, entropy: Entropy) -> bytearray:
        next_path(self._path).unlink(missing_ok=True)
        return self._write(next_path(self._path), entropy)

    def settle(self, present: bytearray) -> None:
        path = next_path(self._path)
        if not os.path.lexists(path):
            return
        if self._open(path) == present:
            path.replace(self._path)
        else:
            path.unlink()
        keys.sync_folder(self._path.parent)

    def _write(self, path: Path, entropy: Entropy) -> bytearray:
        secret = bytearray(entropy.take(MASTER_SIZE))
        # Encrypted here and not by the device: the point is the device's, the text is ours.
        public = self._session.encryption_public(self._index)
        keys.create(path, _TAG + public.encrypt(bytes(secret)).hex().encode() + b"\n")
        # Opened once before anything is sealed under it: a device that cannot is found out now.
        if self._open(path) != secret:
            raise CryptoError(
                "crypto.sdf.malformed", "The device does not give back what was encrypted to it."
            )
        return secret

    def _open(self, path: Path) -> bytearray:
        content = keys.read(path)
        try:
            if not content.startswith(_TAG):
                raise ValueError("another form")
            ciphertext = bytes.fromhex(content.removeprefix(_TAG).decode("ascii"))
        except ValueError:
            raise _malformed(path) from None
        with self._session.access(self._index, self._password()):
            secret = bytearray(self._session.decrypt(self._index, ciphertext))
        if len(secret) != MASTER_SIZE:
            raise _malformed(path)
        return secret


def _malformed(path: Path) -> CryptoError:
    return CryptoError(
        "crypto.master.malformed",
        f"{path} does not hold a master key for a device.",
        {"where": str(path)},
    )
