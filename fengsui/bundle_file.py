"""BundleFile: the one file that installs or updates a site, written and read member by member.

A plain tar, uncompressed (wheels are compressed already, so nothing in it can swell):
``manifest.json`` and ``manifest.sig`` first, then the members in the manifest's order. Order,
times, modes and owners are fixed, so the same inputs make the same bytes. Who reads it knows the
size and digest of each member before its first byte, and never holds one whole.

This module also runs before anything of Fengsui is installed: the standard library alone.
Raises ``fengsui.bundle.malformed``, ``.too_large``, ``.changed``.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final, Protocol

from schema.errors import FengsuiError

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
# The whole set for two architectures has about 0.5 GB; four times that leaves room for geo data.
BUNDLE_BYTES_MAX: Final = 4 * 1024**3
# The largest wheel has some 40 MB; a country's geo data some hundred.
MEMBER_BYTES_MAX: Final = 1024**3
# Some 160 wheels and as many data files again; each costs a line of the manifest.
MEMBERS_MAX: Final = 4096
# 4096 members of about 400 bytes each, twice over.
MANIFEST_BYTES_MAX: Final = 4 * 1024**2
# A signature of at most 72 bytes and a point of 65, in hexadecimal, with their names.
SIGNATURE_BYTES_MAX: Final = 4096
NAME_CHARS_MAX: Final = 200
CHUNK_BYTES: Final = 1 << 20
ARCHITECTURES: Final = ("x86_64", "aarch64")
_END_BYTES: Final = 2 * tarfile.BLOCKSIZE

# One to six parts of plain names: no absolute place, no "..", nothing hidden, no odd bytes.
_NAME: Final = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9._+!-]*(/[A-Za-z0-9_][A-Za-z0-9._+!-]*){0,5}$")
_VERSION: Final = re.compile(r"^\d{1,5}(\.\d{1,5}){1,3}$")
_DIGEST: Final = re.compile(r"^[0-9a-f]{64}$")


class Digest(Protocol):
    """A running digest."""

    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of the bundle. ``sm3`` is the signed proof; ``sha256`` is what pip asks for."""

    name: str
    size: int
    sm3: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a bundle is: everything but the members' bytes, and the part that is signed."""

    format: int
    product: str
    version: str
    made_at: str
    python: str
    updates_from: str
    """The oldest version this one may follow directly."""
    state: int
    """Number of the last migration of the state of record this version knows."""
    keystore: int
    requirement: str
    """What pip installs, with extras and exact version."""
    architectures: tuple[str, ...]
    carries: dict[str, str]
    """What is in it and where, and what is absent and why: a line for people each."""
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The manifest as read, its very bytes, and the signature nobody has checked yet."""

    manifest: Manifest
    payload: bytes
    point: str
    signature: str


def release(version: str) -> tuple[int, ...]:
    """A version as numbers to compare: releases only, such as ``0.2.1``."""
    if not _VERSION.fullmatch(version):
        raise FengsuiError(
            "fengsui.bundle.malformed",
            f"{version!r} is no released version (such as 0.2.1): a bundle carries releases only",
        )
    numbers = tuple(int(part) for part in version.split("."))
    return numbers + (0,) * (4 - len(numbers))


def encode(manifest: Manifest) -> bytes:
    """The manifest's bytes: keys sorted, so that equal manifests are equal bytes."""
    text = json.dumps(asdict(manifest), sort_keys=True, ensure_ascii=False, indent=1)
    return text.encode("utf-8") + b"\n"


def decode(payload: bytes) -> Manifest:
    """The manifest of its bytes, every field and limit checked."""
    try:
        tree = json.loads(payload)
        members = tuple(Member(**one) for one in tree.pop("members"))
        architectures = tuple(tree.pop("architectures"))
        manifest = Manifest(members=members, architectures=architectures, **tree)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _malformed(f"its manifest is not understood: {error}") from error
    _check(manifest)
    return manifest


def _check(manifest: Manifest) -> None:
    texts: tuple[Any, ...] = (
        manifest.product, manifest.version, manifest.made_at, manifest.python,
        manifest.updates_from, manifest.requirement, *manifest.carries.values(),
        *manifest.architectures,
    )  # fmt: skip
    numbers: tuple[Any, ...] = (manifest.state, manifest.keystore)
    if manifest.format != FORMAT:
        raise _malformed(f"its format is {manifest.format}, this version reads {FORMAT}")
    if not all(isinstance(text, str) for text in texts) or not all(
        isinstance(number, int) for number in numbers
    ):
        raise _malformed("a field of its manifest is of another type")
    release(manifest.version)
    release(manifest.updates_from)
    if len(manifest.members) > MEMBERS_MAX:
        raise _too_large(f"more than {MEMBERS_MAX} members")
    for member in manifest.members:
        _check_member(member)
    names = [member.name for member in manifest.members]
    if names != sorted(set(names)):
        raise _malformed("its members are not in order, or one stands twice")
    # Two names that are one on a file system that folds case would overwrite each other.
    if len({name.casefold() for name in names}) != len(names):
        raise _malformed("two of its members differ in upper and lower case only")
    if sum(member.size for member in manifest.members) > BUNDLE_BYTES_MAX:
        raise _too_large(f"more than {BUNDLE_BYTES_MAX} bytes")


def _check_member(member: Member) -> None:
    fields: tuple[Any, ...] = (member.name, member.sm3, member.sha256)
    if not all(isinstance(field, str) for field in fields) or type(member.size) is not int:
        raise _malformed("a member of its manifest is of another type")
    if len(member.name) > NAME_CHARS_MAX or not _NAME.fullmatch(member.name):
        raise _malformed(f"a member names no place inside: {member.name[:NAME_CHARS_MAX]!r}")
    if member.name in {MANIFEST, SIGNATURE}:
        raise _malformed(f"{member.name} stands in the manifest itself")
    if not 0 <= member.size <= MEMBER_BYTES_MAX:
        raise _too_large(f"{member.name} has {member.size} bytes, over {MEMBER_BYTES_MAX}")
    if not (_DIGEST.fullmatch(member.sm3) and _DIGEST.fullmatch(member.sha256)):
        raise _malformed(f"a digest of {member.name} is malformed")


def write(file: IO[bytes], signed: Signed, contents: Mapping[str, Path]) -> None:
    """Write a bundle: the manifest, its signature, then every member from its file."""
    proof = {"point": signed.point, "signature": signed.signature}
    _write_whole(file, MANIFEST, signed.payload)
    _write_whole(file, SIGNATURE, json.dumps(proof, sort_keys=True).encode() + b"\n")
    for member in signed.manifest.members:
        file.write(_head(member.name, member.size))
        with contents[member.name].open("rb") as source:
            for chunk in _checked(source, member, hashlib.sha256(), "sha256"):
                file.write(chunk)
        file.write(bytes(-member.size % tarfile.BLOCKSIZE))
    file.write(bytes(_END_BYTES))


def _write_whole(file: IO[bytes], name: str, data: bytes) -> None:
    file.write(_head(name, len(data)) + data + bytes(-len(data) % tarfile.BLOCKSIZE))


def _head(name: str, size: int) -> bytes:
    head = tarfile.TarInfo(name)
    # No time, owner or mode of the machine it was made on: the same inputs, the same bytes.
    head.size, head.mtime, head.mode = size, 0, 0o644
    # GNU's form: some wheels' names are over the 100 characters of the oldest one.
    return head.tobuf(tarfile.GNU_FORMAT)


def read_head(file: IO[bytes]) -> Signed:
    """The manifest of an opened bundle and its unchecked signature; the members come next."""
    payload = _whole(file, MANIFEST, MANIFEST_BYTES_MAX)
    proof = _whole(file, SIGNATURE, SIGNATURE_BYTES_MAX)
    try:
        tree = json.loads(proof)
        point, signature = tree["point"], tree["signature"]
        bytes.fromhex(point), bytes.fromhex(signature)
    except (ValueError, TypeError, KeyError) as error:
        raise FengsuiError(
            "fengsui.bundle.unsigned", "the bundle carries no signature: it is not for a site"
        ) from error
    return Signed(manifest=decode(payload), payload=payload, point=point, signature=signature)


def read_members(
    file: IO[bytes], manifest: Manifest, *, digest: Callable[[], Digest], proof: str
) -> Iterator[tuple[Member, Iterator[bytes]]]:
    """Each member with its bytes in parts; ``proof`` names the field ``digest`` must match.

    A member must be read to its end before the next. One that is not as the manifest says raises
    at its last part, so what was written of it is to be thrown away.
    """
    for member in manifest.members:
        head = _head(member.name, member.size)
        if file.read(len(head)) != head:
            raise _changed(f"{member.name} is not where the manifest has it")
        yield member, _padded(file, member, digest(), proof)
    if file.read(_END_BYTES + 1) != bytes(_END_BYTES):
        raise _changed("something stands behind its last member")


def _padded(file: IO[bytes], member: Member, running: Digest, proof: str) -> Iterator[bytes]:
    yield from _checked(file, member, running, proof)
    _read_padding(file, member.name, member.size)


def _checked(file: IO[bytes], member: Member, running: Digest, proof: str) -> Iterator[bytes]:
    left = member.size
    while left:
        chunk = file.read(min(left, CHUNK_BYTES))
        if not chunk:
            raise _changed(f"it ends inside {member.name}")
        left -= len(chunk)
        running.update(chunk)
        yield chunk
    if running.hexdigest() != getattr(member, proof):
        raise _changed(f"{member.name} is not as it was signed")


def _whole(file: IO[bytes], name: str, bytes_max: int) -> bytes:
    """A member in front of the manifest's order: its size stands in its own head alone."""
    block = file.read(tarfile.BLOCKSIZE)
    try:
        head = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeError) as error:
        raise _malformed(f"{name} is not in its place") from error
    if head.name != name:
        code = "unsigned" if name == SIGNATURE else "malformed"
        raise FengsuiError(f"fengsui.bundle.{code}", f"this is no bundle: it has no {name}")
    if head.size > bytes_max:
        raise _too_large(f"{name} has {head.size} bytes, over {bytes_max}")
    # A head that is written as ours alone: no link, no extension, nothing two readers read apart.
    if head.size < 0 or block != _head(name, head.size):
        raise _malformed(f"the head of {name} is not as we write it")
    data = file.read(head.size)
    if len(data) < head.size:
        raise _changed(f"it ends inside {name}")
    _read_padding(file, name, head.size)
    return data


def _read_padding(file: IO[bytes], name: str, size: int) -> None:
    padding = -size % tarfile.BLOCKSIZE
    if file.read(padding) != bytes(padding):
        raise _changed(f"something stands behind {name}")


def extract(file: IO[bytes], manifest: Manifest, target: Path, *, wanted: Sequence[str]) -> None:
    """Put the members below one of the ``wanted`` places into a new folder, SHA-256 checked.

    All members are read and checked. Times and modes are those of the folder's maker.
    """
    for member, chunks in read_members(file, manifest, digest=hashlib.sha256, proof="sha256"):
        if not member.name.startswith(tuple(wanted)):
            for _ in chunks:
                pass
            continue
        place = target / member.name
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as out:
            for chunk in chunks:
                out.write(chunk)


def _malformed(why: str) -> FengsuiError:
    return FengsuiError("fengsui.bundle.malformed", f"this is no bundle of ours: {why}")


def _too_large(why: str) -> FengsuiError:
    return FengsuiError("fengsui.bundle.too_large", f"the bundle is over its limit: {why}")


def _changed(why: str) -> FengsuiError:
    return FengsuiError(
        "fengsui.bundle.changed", f"the bundle was changed or cut: {why}; fetch it again"
    )
