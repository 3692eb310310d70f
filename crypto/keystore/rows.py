"""Rows of the key store's tables and the words they stand for; no decision is taken here."""

import sqlite3

from crypto.errors import CryptoError
from crypto.keystore.model import Key, Policy, State, Use, Version, refused

__all__ = ["find", "find_all", "insert_key", "insert_version", "replace_sealed", "set_state"]


def find_all(connection: sqlite3.Connection) -> list[Key]:
    """Return every key, tombstones too, by id."""
    rows = connection.execute("SELECT * FROM keys ORDER BY id").fetchall()
    return [_key(connection, row) for row in rows]


def find(connection: sqlite3.Connection, key_id: str) -> Key:
    """Return a key; raises ``crypto.key.unknown``."""
    row = connection.execute("SELECT * FROM keys WHERE id = ?", (key_id,)).fetchone()
    if row is None:
        raise refused("unknown", key_id, "is not in this store")
    return _key(connection, row)


def insert_key(connection: sqlite3.Connection, key: Key) -> None:
    """Add a key without its versions; raises ``crypto.key.exists``."""
    try:
        connection.execute(
            "INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key.id,
                key.use.value,
                key.policy.to_text(),
                key.state.value,
                key.created_at_us,
                key.destroy_at_us,
                key.destroyed_at_us,
                key.module,
            ),
        )
    except sqlite3.IntegrityError:
        raise refused(
            "exists", key.id, "exists already (a destroyed one keeps its name): take another id"
        ) from None


def insert_version(
    connection: sqlite3.Connection, key_id: str, version: Version, sealed: bytes | None
) -> None:
    """Add a version."""
    connection.execute(
        "INSERT INTO key_versions VALUES (?, ?, ?, ?, ?)",
        (key_id, version.number, version.created_at_us, version.public, sealed),
    )


def replace_sealed(
    connection: sqlite3.Connection, key_id: str, version: int, sealed: bytes
) -> None:
    """Put another sealing in a version's place."""
    connection.execute(
        "UPDATE key_versions SET sealed = ? WHERE id = ? AND version = ?",
        (sealed, key_id, version),
    )


def set_state(
    connection: sqlite3.Connection,
    key_id: str,
    state: State,
    *,
    destroy_at_us: int | None = None,
    destroyed_at_us: int | None = None,
) -> None:
    """Move a key to another state; destroying wipes the secrets of all versions."""
    connection.execute(
        "UPDATE keys SET state = ?, destroy_at = ?, destroyed_at = ? WHERE id = ?",
        (state.value, destroy_at_us, destroyed_at_us, key_id),
    )
    if state is State.DESTROYED:
        connection.execute("UPDATE key_versions SET sealed = NULL WHERE id = ?", (key_id,))


def _key(connection: sqlite3.Connection, row: sqlite3.Row) -> Key:
    versions = connection.execute(
        "SELECT version, created_at, public FROM key_versions WHERE id = ? ORDER BY version",
        (row["id"],),
    ).fetchall()
    try:
        return Key(
            id=row["id"],
            use=Use(row["use"]),
            policy=Policy.from_text(row["policy"]),
            state=State(row["state"]),
            created_at_us=row["created_at"],
            destroy_at_us=row["destroy_at"],
            destroyed_at_us=row["destroyed_at"],
            versions=tuple(
                Version(
                    number=one["version"], created_at_us=one["created_at"], public=one["public"]
                )
                for one in versions
            ),
            module=row["module"],
        )
    except ValueError as error:
        raise CryptoError(
            "crypto.key.tampered",
            f"The row of key {row['id']} is not one this program wrote: {error}.",
            {"id": row["id"]},
        ) from None
