"""What the cipher commands read and write: keys of any form, long inputs in parts, whole outputs.

``-`` is standard input or output. An output appears whole or not at all.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import typer

from crypto.errors import CryptoError
from schema.errors import FengsuiError

if TYPE_CHECKING:
    from crypto.sm2 import PrivateKey, PublicKey

CHECK_FAILED: Final = 1
CHUNK_BYTES: Final = 1 << 20
# A key is under 1 KiB; a bundle of certificates, with text between, some hundred.
KEY_BYTES_MAX: Final = 1 << 20
_STANDARD: Final = Path("-")


@contextmanager
def checking(*prefixes: str) -> Iterator[None]:
    """Turn a refusal that is the answer to the question asked into one line and exit code 1."""
    try:
        yield
    except CryptoError as error:
        if not error.code.startswith(prefixes):
            raise
        typer.echo(f"fengsui: {error}", err=True)
        raise typer.Exit(CHECK_FAILED) from error


def chunks(path: Path) -> Iterator[bytes]:
    """Yield a file, or standard input, in parts."""
    with _source(path) as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def read(path: Path, *, bytes_max: int, what: str) -> bytes:
    """Return a file, or standard input; raises ``fengsui.crypto.too_long``."""
    with _source(path) as file:
        content = file.read(bytes_max + 1)
    if len(content) > bytes_max:
        raise FengsuiError(
            "fengsui.crypto.too_long",
            f"{path} is longer than {bytes_max} bytes, so it is no {what}",
            path=str(path),
        )
    return content


def write(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file whole, or standard output; an existing file is replaced at the end."""
    if path == _STANDARD:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    if path.exists() and not path.is_file():
        # A device or a pipe the user named, such as /dev/null: written, never replaced.
        path.write_bytes(content)
        return
    fresh = path.with_name(f".{path.name}.{os.urandom(8).hex()}.new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        fresh.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            fresh.unlink()
        raise


def must_be_new(path: Path) -> None:
    """Raise ``crypto.key.exists`` when there is a file already."""
    if os.path.lexists(path):
        raise CryptoError(
            "crypto.key.exists",
            f"{path} exists already, and a key is never overwritten: name a new file.",
            {"path": str(path)},
        )


def password(path: Path | None) -> bytes | None:
    """Return the first line of a password's file, which must be for its owner only."""
    if path is None:
        return None
    from crypto import keys

    return keys.read(path).split(b"\n")[0].rstrip(b"\r")


def private_key(path: Path, password_file: Path | None) -> PrivateKey:
    """Return a private key in PEM or DER; says so when others may read the file."""
    from crypto.sm2 import PrivateKey

    content = read(path, bytes_max=KEY_BYTES_MAX, what="key")
    key = PrivateKey.from_pem(content, password(password_file))
    if path.is_file() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        typer.echo(f"fengsui: warning: {path} may be read by others; run chmod 600", err=True)
    return key


def public_key(path: Path, password_file: Path | None) -> PublicKey:
    """Return the key of a public key, a certificate (the first of a bundle) or a private key.

    A certificate is taken for its key alone: its period and issuer are ``cert verify``'s matter.
    """
    from crypto.sm2 import PrivateKey, PublicKey
    from crypto.x509 import certificate

    content = read(path, bytes_max=KEY_BYTES_MAX, what="key")
    if b"-----BEGIN CERTIFICATE-----" in content:
        return certificate.load_all(content)[0].public
    if b"-----BEGIN PUBLIC KEY-----" in content:
        return PublicKey.from_pem(content)
    if b"-----BEGIN " not in content:
        with suppress(ValueError):
            return certificate.read_public(content)
        with suppress(CryptoError):
            return certificate.Certificate.from_der(content).public
    return PrivateKey.from_pem(content, password(password_file)).public


@contextmanager
def _source(path: Path) -> Iterator[IO[bytes]]:
    if path == _STANDARD:
        yield sys.stdin.buffer
        return
    with path.open("rb") as file:
        yield file
