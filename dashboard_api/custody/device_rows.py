"""Rows of keys inside a cryptographic device; every change tells the signing processes."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from crypto.keystore.model import Key, Policy, State, Use, Version
from dashboard_api.signing import changes


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceKey(Key):
    """A key of the device, by the index it has there; there is one version of it."""

    index: int


def every(state: sqlite3.Connection) -> dict[str, DeviceKey]:
    """All of them, by id."""
    rows = state.execute("SELECT * FROM device_keys ORDER BY id")
    names = [one[0] for one in rows.description]
    found = (_of(dict(zip(names, row, strict=True))) for row in rows)
    return {one.id: one for one in found}


def add(state: sqlite3.Connection, key: DeviceKey) -> None:
    """Note a key; raises ``sqlite3.IntegrityError`` where its id or its index is taken."""
    state.execute(
        "INSERT INTO device_keys (id, use, device_index, public, module, policy, state, "
        "created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            key.id, key.use.value, key.index, key.latest.public, key.module,
            key.policy.to_text(), key.state.value, key.created_at_us,
        ),
    )  # fmt: skip
    changes.raise_in(state)


def set_state(state: sqlite3.Connection, key_id: str, new: State) -> None:
    """Enable or disable one."""
    state.execute("UPDATE device_keys SET state = ? WHERE id = ?", (new.value, key_id))
    changes.raise_in(state)


def _of(row: dict[str, str | int | bytes]) -> DeviceKey:
    created, public = row["created_at"], row["public"]
    assert isinstance(created, int)
    assert isinstance(public, bytes)
    return DeviceKey(
        id=str(row["id"]),
        use=Use(row["use"]),
        policy=Policy.from_text(str(row["policy"])),
        state=State(row["state"]),
        created_at_us=created,
        destroy_at_us=None,
        destroyed_at_us=None,
        versions=(Version(number=1, created_at_us=created, public=public),),
        module=str(row["module"]),
        index=int(row["device_index"]),
    )
