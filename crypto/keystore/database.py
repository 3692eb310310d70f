"""The key store's SQLite file: opened, checked, migrated; WAL with ``synchronous=FULL``.

A committed transaction survives a power cut. Migrations are numbered SQL files, forward only; the
file is copied aside before one runs. Deleted bytes are overwritten (``secure_delete``) and
``scrub`` empties the log, as far as a file system and a disk keep such promises.
"""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Final

from crypto.errors import CryptoError

__all__ = ["connect", "scrub", "snapshot", "transaction"]

_BUSY_SECONDS: Final = 10.0
_SHARED_BITS: Final = 0o077


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, made first when there is none; its folder is made 0700 if missing.

    Raises ``crypto.keystore.exposed``, ``.newer`` or ``.unreadable``.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Made here and not by SQLite, so that it has its mode from the first moment. SQLite gives
        # the log beside it the same mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) or mode & _SHARED_BITS:
            raise CryptoError(
                "crypto.keystore.exposed",
                f"{path} has mode {stat.S_IMODE(mode):04o}: run chmod 600 on it, and rotate the "
                "master key if others use this machine.",
                {"path": str(path), "mode": f"{stat.S_IMODE(mode):04o}"},
            )
        connection = sqlite3.connect(
            path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            connection.row_factory = sqlite3.Row
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute("PRAGMA secure_delete=ON")
            _migrate(connection, path)
        except BaseException:
            connection.close()
            raise
    except (OSError, sqlite3.DatabaseError) as error:
        raise CryptoError(
            "crypto.keystore.unreadable",
            f"The key store {path} cannot be opened: {error}.",
            {"path": str(path)},
        ) from error
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Run a block as one transaction that sees and writes one state, or nothing at all."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            # A full disk makes SQLite roll back by itself.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    except sqlite3.OperationalError as error:
        raise CryptoError(
            "crypto.keystore.unwritable",
            f"The key store cannot be written: {error}. Nothing was changed.",
        ) from error


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Run a block that reads one state and keeps nobody from writing."""
    connection.execute("BEGIN")
    try:
        yield connection
    finally:
        connection.execute("ROLLBACK")


def scrub(connection: sqlite3.Connection) -> None:
    """Move the log into the file and empty it, so that what was overwritten stands nowhere."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    folder = resources.files("crypto.keystore").joinpath("migrations")
    scripts = sorted(
        (int(entry.name.split("_")[0]), entry)
        for entry in folder.iterdir()
        if entry.name.endswith(".sql")
    )
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > scripts[-1][0]:
        raise CryptoError(
            "crypto.keystore.newer",
            f"{path} was written by a newer version (store {version}, this one knows "
            f"{scripts[-1][0]}): install that version.",
            {"path": str(path), "version": version},
        )
    for number, script in scripts:
        if number <= version:
            continue
        if version:
            connection.execute("VACUUM INTO ?", (f"{path}.before-{number}",))
        _run(connection, number, script.read_text("utf-8"))


def _run(connection: sqlite3.Connection, number: int, script: str) -> None:
    # IMMEDIATE, and the version is read again inside: two programs may start at once.
    connection.execute("BEGIN IMMEDIATE")
    try:
        if connection.execute("PRAGMA user_version").fetchone()[0] < number:
            for statement in _statements(script):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={number}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script: ``executescript`` would end the transaction first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
