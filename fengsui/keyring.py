"""Keyring: the keys of a data folder, made on first use, 0600, never in a backup."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from crypto import keys, sm2
from fengsui.folder import DataFolder
from schema.errors import FengsuiError
from schema.ports import Entropy

SUBJECT_KEY_BYTES: Final = 32
JOURNAL_KEY: Final = "journal.key"
JOURNAL_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """One key, one use. ``subject`` makes the keyed hashes of citizens' numbers."""

    sensor: sm2.PrivateKey
    collector: sm2.PrivateKey
    push: sm2.PrivateKey
    receipt: sm2.PrivateKey
    audit: sm2.PrivateKey
    subject: bytes


def open_keyring(folder: DataFolder, entropy: Entropy, *, subject: bytes = b"") -> Keyring:
    """Load the folder's keys, making those that are missing.

    ``subject`` is a recording's own subject key, for a folder that has none yet.
    """
    folder.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder.keys / "subject.key"
    if subject and not path.exists():
        keys.create(path, _checked(path, subject, SUBJECT_KEY_BYTES))
    return Keyring(
        sensor=keys.load_or_create(folder.keys / "sensor.pem"),
        collector=keys.load_or_create(folder.keys / "collector.pem"),
        push=keys.load_or_create(folder.keys / "push.pem"),
        receipt=keys.load_or_create(folder.keys / "receipt.pem"),
        audit=keys.load_or_create(folder.keys / "audit.pem"),
        subject=subject_key(path, entropy),
    )


def subject_key(path: Path, entropy: Entropy) -> bytes:
    """The site's subject key; raises ``fengsui.key.malformed`` for a file of another length."""
    if not path.exists():
        # Whole or absent: a start cut short must not leave a key that every later one refuses.
        keys.create(path, entropy.take(SUBJECT_KEY_BYTES))
    return _checked(path, path.read_bytes(), SUBJECT_KEY_BYTES)


def journal_key(folder: DataFolder, entropy: Entropy) -> bytes:
    """The key of the signing journals' payload HMACs, made on first use.

    Raises ``fengsui.key.malformed``, and ``crypto.key.exposed`` where others may read it.
    """
    folder.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder.keys / JOURNAL_KEY
    if not path.exists():
        keys.create(path, entropy.take(JOURNAL_KEY_BYTES))
    return read_journal_key(folder)


def read_journal_key(folder: DataFolder) -> bytes:
    """The same where it must be there already; raises ``crypto.key.missing`` too."""
    path = folder.keys / JOURNAL_KEY
    return _checked(path, keys.read(path), JOURNAL_KEY_BYTES)


def _checked(path: Path, key: bytes, size: int) -> bytes:
    if len(key) != size:
        raise FengsuiError(
            "fengsui.key.malformed",
            f"{path} holds {len(key)} bytes, not {size}: put the right file back",
            path=str(path),
        )
    return key
