"""Backup and restore of what a site is, but for its keys: those are never in a backup.

A backup is one compressed tar file: ``state.db`` (a consistent copy), the control chain's
segments, the realm's mark, settings (they hold no secrets, only paths to them), imported rules and
descriptions of registers; with ``segments`` the evidence of every sensor and the journals of the
signing processes too. ``manifest.json`` with the SM3 of each stands last, since every member is
read once, in parts, and digested on the way. The index is not in it: it is rebuilt.

Segments are copied after the state: they only grow, so they hold at least what the state knows of.
A restored folder appears whole or not at all.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, Final

import msgspec

from collector.state.form import detach
from crypto import sm3
from dashboard_api.signing.journal_verify import slots
from fengsui.folder import DataFolder
from schema.errors import FengsuiError
from schema.times import to_text

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
MEMBER_BYTES_MAX: Final = 16 * 1024**3
# Segments of 64 MB: a million of them are 64 TB, more than one machine holds.
MEMBERS_MAX: Final = 1_000_000
# A million members of about 150 bytes each.
MANIFEST_BYTES_MAX: Final = 256 * 1024**2
CHUNK_BYTES: Final = 1 << 20
CONTROL: Final = "collector"
_FILES: Final = ("realm", "settings.toml")
_FOLDERS: Final = ("rules", "registers", "geo")
# What may stand in a backup at all: one that names keys/ or run/ is no backup of ours.
_PLACES: Final = frozenset({"state.db", "segments", "signing", *_FILES, *_FOLDERS})
# What is large in a sensor's folder; the little beside it, such as what stands for expired
# segments, always comes along.
_EVIDENCE: Final = frozenset({".seg", ".ids"})
_SCRATCH: Final = ".restoring"


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a backup holds: SM3 (hex) by member name."""

    format: int
    made_at: str
    members: dict[str, str]


def backup(folder: DataFolder, target: Path, now: int, *, segments: bool = False) -> Manifest:
    """Write a backup, with all evidence where ``segments`` is set.

    Raises ``fengsui.backup.exists`` rather than overwrite one, and ``fengsui.folder.stateless``.
    """
    folder.must_exist()
    if not folder.state.exists():
        raise FengsuiError(
            "fengsui.folder.stateless",
            f"{folder.root} has segments but no state of record: restore it from a backup",
            path=str(folder.root),
        )
    if target.exists():
        raise FengsuiError(
            "fengsui.backup.exists", f"{target} exists already: name a new file", path=str(target)
        )
    fresh = target.with_name(target.name + ".new")
    try:
        manifest = _write(folder, fresh, now, segments=segments)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    return manifest


def _write(folder: DataFolder, fresh: Path, now: int, *, segments: bool) -> Manifest:
    digests: dict[str, str] = {}
    # For its owner only: it holds password hashes, notes and alerts.
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        with (
            tarfile.open(fileobj=file, mode="w|gz") as archive,
            tempfile.TemporaryDirectory(dir=fresh.parent, prefix=".backup-") as scratch,
        ):
            copy = Path(scratch) / "state.db"
            with closing(sqlite3.connect(folder.state)) as source:
                source.execute("VACUUM INTO ?", (str(copy),))
            digests["state.db"] = _add(archive, "state.db", copy)
            for path in _sources(folder, segments=segments):
                name = path.relative_to(folder.root).as_posix()
                # A segment that expired a moment ago is none of what the site holds any more.
                with suppress(FileNotFoundError):
                    digests[name] = _add(archive, name, path)
            manifest = Manifest(format=FORMAT, made_at=to_text(now), members=digests)
            told = Path(scratch) / MANIFEST
            told.write_bytes(msgspec.json.encode(manifest))
            _add(archive, MANIFEST, told)
        file.flush()
        os.fsync(descriptor)
    return manifest


def _sources(folder: DataFolder, *, segments: bool) -> Iterator[Path]:
    """Every file but the state; links are left out, they point to what is not the site's."""
    for name in _FILES:
        if (folder.root / name).is_file():
            yield folder.root / name
    for name in (*_FOLDERS, "segments"):
        for path in sorted((folder.root / name).rglob("*")):
            evidence = path.suffix in _EVIDENCE and path.parent != folder.segments / CONTROL
            if path.is_file() and not path.is_symlink() and (segments or not evidence):
                yield path
    if segments:
        for _, slot in slots(folder.signing):
            # Heads first: the journals only grow, so they hold at least what their heads name.
            for path in (slot / "heads.jsonl", *sorted((slot / "journal").glob("*.log"))):
                if path.is_file() and not path.is_symlink():
                    yield path


class _Digesting:
    """A file that is digested as it is read; the part it had at the start, if it grows."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = sm3.new()

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


def _add(archive: tarfile.TarFile, name: str, path: Path) -> str:
    with path.open("rb") as file:
        member = tarfile.TarInfo(name)
        member.size, member.mode = os.fstat(file.fileno()).st_size, 0o600
        reading = _Digesting(file)
        archive.addfile(member, reading)  # type: ignore[arg-type]  # it reads, no more
    return reading.digest.hexdigest()


def restore(source: Path, folder: DataFolder) -> Manifest:
    """Put a backup into an empty data folder, once every member matches the manifest.

    Raises ``fengsui.restore.not_empty``, ``.malformed`` or ``.changed``. Keys, and evidence where
    it is not in the backup, are put back from their own copies.
    """
    if folder.state.exists():
        raise FengsuiError(
            "fengsui.restore.not_empty",
            f"{folder.root} has a state already: restore into an empty folder",
            path=str(folder.root),
        )
    folder.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = folder.root / _SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        scratch.mkdir(mode=0o700)
        manifest = _unpack(source, scratch)
        if "state.db" in manifest.members:
            detach(scratch / "state.db")
        for name in manifest.members:
            if (folder.root / name).exists():
                raise FengsuiError(
                    "fengsui.restore.not_empty",
                    f"{folder.root / name} is there already: restore into an empty folder",
                    path=str(folder.root),
                )
        # The state last: a folder cut short in between has none, and is restored again.
        for name in sorted(manifest.members, key=lambda one: (one == "state.db", one)):
            place = folder.root / name
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            (scratch / name).replace(place)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return manifest


def _unpack(source: Path, scratch: Path) -> Manifest:
    digests: dict[str, str] = {}
    manifest: Manifest | None = None
    try:
        with tarfile.open(source, "r|gz") as archive:
            for member in archive:
                if member.name == MANIFEST:
                    manifest = _read_manifest(archive, member)
                else:
                    digests[member.name] = _extract(archive, member, scratch)
                if len(digests) > MEMBERS_MAX:
                    raise tarfile.ReadError(f"more than {MEMBERS_MAX} members")
        if manifest is None:
            raise tarfile.ReadError("it has no manifest")
        if manifest.format != FORMAT:
            raise tarfile.ReadError(f"its format is {manifest.format}, this version reads {FORMAT}")
    except (tarfile.TarError, zlib.error, EOFError, msgspec.MsgspecError) as error:
        raise FengsuiError(
            "fengsui.restore.malformed", f"{source} is not a backup: {error}", path=str(source)
        ) from error
    if manifest.members != digests or "state.db" not in digests:
        raise FengsuiError(
            "fengsui.restore.changed",
            f"{source} is not as it was written: a member is missing, added or changed",
            path=str(source),
        )
    return manifest


def _read_manifest(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Manifest:
    file = archive.extractfile(member)
    if file is None or member.size > MANIFEST_BYTES_MAX:
        raise tarfile.ReadError("its manifest cannot be read")
    return msgspec.json.decode(file.read(), type=Manifest)


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, scratch: Path) -> str:
    """Write one member in parts; its SM3."""
    file = archive.extractfile(member) if member.isreg() else None
    if file is None or member.size > MEMBER_BYTES_MAX:
        raise tarfile.ReadError(f"member {member.name} cannot be read")
    path = _inside(scratch, member.name)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    running = sm3.new()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        while chunk := file.read(CHUNK_BYTES):
            running.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(descriptor)
    return running.hexdigest()


def _inside(root: Path, name: str) -> Path:
    parts = Path(name).parts
    if not parts or parts[0] not in _PLACES or ".." in parts:
        raise FengsuiError(
            "fengsui.restore.malformed", f"the backup names a place that is not its own: {name}"
        )
    return root / name
