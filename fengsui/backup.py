"""Backup and restore of the state of record and the control log. Keys are never in a backup.

A backup is one tar file: ``manifest.json`` (what, when, SM3 of every member), ``state.db`` (a
consistent copy, with the holds in it), the control chain's segments and every chain's tombstones.
Evidence segments are copied as files, since they only grow; the index is rebuilt.
"""

from __future__ import annotations

import io
import os
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from collector.state.form import detach
from crypto import sm3
from fengsui.folder import DataFolder
from schema import tombstone
from schema.errors import FengsuiError
from schema.times import to_text

FORMAT: Final = 1
MEMBER_BYTES_MAX: Final = 16 * 1024**3
CONTROL: Final = "collector"


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a backup holds: SM3 (hex) by member name."""

    format: int
    made_at: str
    members: dict[str, str]


def backup(folder: DataFolder, target: Path, now: int) -> Manifest:
    """Write a backup; raises ``fengsui.backup.exists`` rather than overwrite one."""
    folder.must_exist()
    if target.exists():
        raise FengsuiError(
            "fengsui.backup.exists", f"{target} exists already: name a new file", path=str(target)
        )
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        copy = Path(scratch) / "state.db"
        with closing(sqlite3.connect(folder.state)) as source:
            source.execute("VACUUM INTO ?", (str(copy),))
        members = {"state.db": copy}
        for path in sorted((folder.segments / CONTROL).glob("*.seg")):
            members[f"segments/{CONTROL}/{path.name}"] = path
        for path in sorted(folder.segments.glob(f"*/{tombstone.FILE}")):
            members[f"segments/{path.parent.name}/{path.name}"] = path
        contents = {name: path.read_bytes() for name, path in members.items()}
    manifest = Manifest(
        format=FORMAT,
        made_at=to_text(now),
        members={name: sm3.digest(data).hex() for name, data in contents.items()},
    )
    fresh = target.with_name(target.name + ".new")
    # For its owner only: it holds password hashes, notes and alerts.
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        os.fchmod(descriptor, 0o600)
        _add(archive, "manifest.json", msgspec.json.encode(manifest))
        for name, data in contents.items():
            _add(archive, name, data)
    fresh.replace(target)
    return manifest


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o600
    archive.addfile(member, io.BytesIO(data))


def restore(source: Path, folder: DataFolder) -> Manifest:
    """Put a backup into an empty data folder, once every member matches the manifest.

    Raises ``fengsui.restore.not_empty``, ``.malformed`` or ``.changed``. Keys and evidence
    segments are put back from their own copies.
    """
    if folder.state.exists():
        raise FengsuiError(
            "fengsui.restore.not_empty",
            f"{folder.root} has a state already: restore into an empty folder",
            path=str(folder.root),
        )
    try:
        with tarfile.open(source, "r:gz") as archive:
            contents = {
                member.name: _read(archive, member) for member in archive if member.isfile()
            }
        manifest = msgspec.json.decode(contents.pop("manifest.json"), type=Manifest)
    except (tarfile.TarError, OSError, KeyError, EOFError, msgspec.MsgspecError) as error:
        raise FengsuiError(
            "fengsui.restore.malformed", f"{source} is not a backup: {error}", path=str(source)
        ) from error
    if manifest.members != {name: sm3.digest(data).hex() for name, data in contents.items()}:
        raise FengsuiError(
            "fengsui.restore.changed",
            f"{source} is not as it was written: a member is missing, added or changed",
            path=str(source),
        )
    for name, data in contents.items():
        path = _inside(folder.root, name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_bytes(data)
        path.chmod(0o600)
    detach(folder.state)
    return manifest


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    if file is None or member.size > MEMBER_BYTES_MAX:
        raise tarfile.ReadError(f"member {member.name} cannot be read")
    return file.read()


def _inside(root: Path, name: str) -> Path:
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise FengsuiError(
            "fengsui.restore.malformed", f"the backup names a place outside the folder: {name}"
        )
    return path
