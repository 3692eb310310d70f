"""Where the master key comes from: a 0600 file, or a credential of the environment.

A source may hold two keys for a moment, the present one and the next: the store's check value says
which one its rows are sealed under. Changing the master key is therefore three steps, each of which
may be the last before a crash: the next key is written durably, all rows are sealed anew in one
transaction, the next key becomes the present one.

CryptoError: ``crypto.master.missing`` · ``.malformed`` · ``.no_next`` (a credential for the next
key is to be set first) · ``crypto.key.exposed`` and others of ``crypto.keys`` for a file
"""

import contextlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from crypto import keys
from crypto.errors import CryptoError
from crypto.keystore.sealing import MASTER_SIZE
from crypto.ports import Entropy

__all__ = ["CredentialMaster", "EnvironmentMaster", "FileMaster", "MasterSource", "next_path"]

_NEXT: Final = ".next"
# 64 digits and a line end; the rest is room for a stray space.
_CREDENTIAL_SIZE_MAX: Final = 256


class MasterSource(Protocol):
    """Gives the master key, and the next one when it is to be changed."""

    def describe(self) -> str:
        """Return where it is, never what it is."""

    def candidates(self) -> list[bytearray]:
        """Return the present key and, during a change, the next one; wiped by the caller."""

    def make(self, entropy: Entropy) -> bytearray:
        """Make the first key; raises ``crypto.key.exists`` when there is one already."""

    def next(self, entropy: Entropy) -> bytearray:
        """Return the key to change to, on stable storage before it is returned."""

    def settle(self, present: bytearray) -> None:
        """Make ``present`` the one key of this source, whichever of the two it is."""


class FileMaster:
    """64 hexadecimal digits in a file of mode 0600, checked each time it is read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def describe(self) -> str:
        return f"file {self._path}"

    def candidates(self) -> list[bytearray]:
        paths = [path for path in (self._path, next_path(self._path)) if os.path.lexists(path)]
        found = [_decode(keys.read(path), str(path)) for path in paths]
        if not found:
            raise _missing(self.describe())
        return found

    def make(self, entropy: Entropy) -> bytearray:
        secret = bytearray(entropy.take(MASTER_SIZE))
        keys.create(self._path, _encode(secret))
        return secret

    def next(self, entropy: Entropy) -> bytearray:
        path = next_path(self._path)
        # Left by a change that never reached the store: rows are under the present key still.
        path.unlink(missing_ok=True)
        secret = bytearray(entropy.take(MASTER_SIZE))
        keys.create(path, _encode(secret))
        return secret

    def settle(self, present: bytearray) -> None:
        path = next_path(self._path)
        if not os.path.lexists(path):
            return
        if _decode(keys.read(path), str(path)) == present:
            path.replace(self._path)
        else:
            path.unlink()
        keys.sync_folder(self._path.parent)


class CredentialMaster:
    """A file in systemd's credential folder (``LoadCredential=``): 64 digits, or 32 bytes.

    The service manager owns it, so this program never writes it: the next key is the credential
    ``NAME.next``, and after the change the operator gives that one under the plain name.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name

    def describe(self) -> str:
        return f"credential {self._name}"

    def candidates(self) -> list[bytearray]:
        found = [self._read(name) for name in (self._name, self._name + _NEXT) if self._has(name)]
        if not found:
            raise _missing(self.describe())
        return found

    def make(self, entropy: Entropy) -> bytearray:  # noqa: ARG002 - given, not made here
        return self.candidates()[0]

    def next(self, entropy: Entropy) -> bytearray:  # noqa: ARG002 - given, not made here
        if not self._has(self._name + _NEXT):
            raise _no_next(f"credential {self._name}{_NEXT}")
        return self._read(self._name + _NEXT)

    def settle(self, present: bytearray) -> None:
        """Nothing to do: the service manager holds the credential."""

    def _has(self, name: str) -> bool:
        return (self._folder / name).exists()

    def _read(self, name: str) -> bytearray:
        path = self._folder / name
        try:
            mode = path.stat().st_mode
            # systemd hands credentials out as 0400 or 0440 of a group of its own.
            if not stat.S_ISREG(mode) or mode & 0o007:
                raise CryptoError(
                    "crypto.key.exposed",
                    f"Credential {name} has mode {stat.S_IMODE(mode):04o}: others may read it.",
                    {"name": name},
                )
            with path.open("rb") as file:
                content = file.read(_CREDENTIAL_SIZE_MAX)
        except OSError as error:
            raise CryptoError(
                "crypto.key.unreadable",
                f"Credential {name} cannot be read: {error.strerror}.",
                {"name": name},
            ) from error
        return bytearray(content) if len(content) == MASTER_SIZE else _decode(content, name)


class EnvironmentMaster:
    """64 hexadecimal digits in a variable: for containers that have nothing better.

    Every child process inherits it and the owner may read it in ``/proc``; a file or a credential
    is the better place.
    """

    def __init__(self, environment: Mapping[str, str], name: str) -> None:
        self._environment = environment
        self._name = name

    def describe(self) -> str:
        return f"environment variable {self._name}"

    def candidates(self) -> list[bytearray]:
        names = (self._name, self._name + "_NEXT")
        found = [
            _decode(self._environment[name].encode(), name) for name in names if self._is(name)
        ]
        if not found:
            raise _missing(self.describe())
        return found

    def make(self, entropy: Entropy) -> bytearray:  # noqa: ARG002 - given, not made here
        return self.candidates()[0]

    def next(self, entropy: Entropy) -> bytearray:  # noqa: ARG002 - given, not made here
        name = self._name + "_NEXT"
        if not self._is(name):
            raise _no_next(f"environment variable {name}")
        return _decode(self._environment[name].encode(), name)

    def settle(self, present: bytearray) -> None:
        """Nothing to do: the environment is the operator's."""

    def _is(self, name: str) -> bool:
        return bool(self._environment.get(name))


def next_path(path: Path) -> Path:
    """Return where the next key of a file stands during a change."""
    return path.with_name(path.name + _NEXT)


def _encode(secret: bytearray) -> bytes:
    return secret.hex().encode() + b"\n"


def _decode(content: bytes, where: str) -> bytearray:
    with contextlib.suppress(ValueError):
        secret = bytearray.fromhex(content.decode("ascii"))
        if len(secret) == MASTER_SIZE:
            return secret
    raise CryptoError(
        "crypto.master.malformed",
        f"The master key in {where} is not {2 * MASTER_SIZE} hexadecimal digits.",
        {"where": where},
    )


def _missing(where: str) -> CryptoError:
    return CryptoError(
        "crypto.master.missing",
        f"There is no master key in {where}; without it no key of the store opens.",
        {"where": where},
    )


def _no_next(where: str) -> CryptoError:
    return CryptoError(
        "crypto.master.no_next",
        f"The master key is changed to the one in {where}: set that first.",
        {"where": where},
    )
