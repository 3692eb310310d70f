"""Key files: an SM2 private key on disk is whole or absent, and for its owner's eyes only.

A new key is written beside its place, flushed, and linked into place without ever replacing
a file, so a crash leaves no half key and two programs starting at once agree on one key.
The file is plain PKCS#8 PEM; its protection is the file mode and the system below it.
"""

import os
import stat
from pathlib import Path
from typing import Final

from crypto.errors import CryptoError
from crypto.sm2 import PrivateKey

__all__ = ["create", "load", "load_or_create", "read", "sync_folder"]

_MODE: Final = 0o600
_SHARED_BITS: Final = 0o077  # anything for group or others
# A PKCS#8 SM2 key in PEM has about 240 bytes; the rest is room for comments in the file.
_SIZE_MAX: Final = 16 * 1024


def load(path: Path) -> PrivateKey:
    """Return the key of a file; raises what ``read`` and ``PrivateKey.from_pem`` raise."""
    pem = read(path)
    try:
        return PrivateKey.from_pem(pem)
    except CryptoError as error:
        raise CryptoError(
            error.code, f"Key file {path}: {error}", {**error.params, "path": str(path)}
        ) from error


def read(path: Path) -> bytes:
    """Return the content of a secret's file, at most 16 KiB.

    Raises ``crypto.key.missing``, ``crypto.key.exposed`` when group or others may touch the file,
    or ``crypto.key.unreadable``.
    """
    try:
        return _read(path)
    except FileNotFoundError:
        raise CryptoError(
            "crypto.key.missing", f"There is no key file {path}.", {"path": str(path)}
        ) from None
    except OSError as error:
        raise _failed("unreadable", path, error) from error


def create(path: Path, content: bytes) -> None:
    """Put a secret's file in place, whole, mode 0600; the folder must exist.

    Raises ``crypto.key.exists`` rather than replace a file, and ``crypto.key.unwritable``.
    """
    try:
        made = _create(path, content)
    except OSError as error:
        raise _failed("unwritable", path, error) from error
    if not made:
        raise CryptoError(
            "crypto.key.exists",
            f"{path} exists already, and a key is never overwritten: name a new file.",
            {"path": str(path)},
        )


def load_or_create(path: Path) -> PrivateKey:
    """Return the key of a file, made first when there is none; the folder must exist.

    Raises what ``load`` raises, and ``crypto.key.unwritable``.
    """
    # Not "load, else create": a file that exists but cannot be used must never be replaced.
    if not os.path.lexists(path):
        try:
            _create(path, PrivateKey.generate().to_pem())
        except OSError as error:
            raise _failed("unwritable", path, error) from error
    return load(path)


def _read(path: Path) -> bytes:
    # O_NONBLOCK: opening a FIFO put in the key's place must not hang.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        # Checked on the open file, so that no other can be put in its place in between.
        if not stat.S_ISREG(status.st_mode) or status.st_size > _SIZE_MAX:
            raise OSError(f"not a regular file of at most {_SIZE_MAX} bytes")
        if status.st_mode & _SHARED_BITS:
            mode = f"{stat.S_IMODE(status.st_mode):04o}"
            raise CryptoError(
                "crypto.key.exposed",
                f"Key file {path} has mode {mode}, so others may have read it. Run chmod 600 on "
                "it, and replace the key if others use this machine.",
                {"path": str(path), "mode": mode},
            )
        return file.read(_SIZE_MAX)


def _create(path: Path, pem: bytes) -> bool:
    """Put a new file in place, whole; leave a file that came first as it is, and tell so."""
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(descriptor)
        # A link, not a rename: a rename would replace the key of a program that was faster, and
        # whatever that one has signed since could never be verified.
        try:
            os.link(temporary, path)
        except FileExistsError:
            made = False
        else:
            made = True
    finally:
        temporary.unlink()
    sync_folder(path.parent)
    return made


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on stable storage."""
    # The name itself must survive a power cut before anything is signed with the key.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(reason: str, path: Path, error: OSError) -> CryptoError:
    detail = error.strerror or str(error)
    return CryptoError(
        f"crypto.key.{reason}", f"Key file {path} is {reason}: {detail}.", {"path": str(path)}
    )
