"""Rows of the keys inside a cryptographic device."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from crypto.keystore.model import Key, Policy, State, Use, Version

MODULE: Final = "cryptographic device (GM/T 0018)"
"""What an assessor reads of such a key; whether the device is certified its own papers say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceKey:
    """A signing key of the device. Times in microseconds UTC."""

    key: str
    index: int
    public: bytes
    created_at: int
    disabled: bool = False

    def shown(self) -> Key:
        """As keys of the store are shown."""
        return Key(
            id=self.key,
            use=Use.SIGN,
            policy=Policy(decrypt=False),
            state=State.DISABLED if self.disabled else State.ACTIVE,
            created_at_us=self.created_at,
            destroy_at_us=None,
            destroyed_at_us=None,
            versions=(Version(number=1, created_at_us=self.created_at, public=self.public),),
            module=MODULE,
        )


def load(state: sqlite3.Connection) -> list[DeviceKey]:
    """Every key of the device, by id."""
    rows = state.execute(
        "SELECT key, device_index, public, created_at, disabled FROM device_keys ORDER BY key"
    )
    return [
        DeviceKey(key=key, index=index, public=public, created_at=at, disabled=bool(disabled))
        for key, index, public, at, disabled in rows
    ]


def insert(state: sqlite3.Connection, one: DeviceKey) -> None:
    """Name a key of the device; raises ``sqlite3.IntegrityError`` for one that has a name."""
    state.execute(
        "INSERT INTO device_keys VALUES (?, ?, ?, ?, ?)",
        (one.key, one.index, one.public, one.created_at, int(one.disabled)),
    )


def set_disabled(state: sqlite3.Connection, key: str, *, disabled: bool) -> None:
    """Refuse its use, or allow it again."""
    state.execute("UPDATE device_keys SET disabled = ? WHERE key = ?", (int(disabled), key))
