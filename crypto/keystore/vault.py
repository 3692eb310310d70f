"""Vault: the store's file and its master key together; here rows are sealed and opened.

A writing transaction keeps every other process from writing and from changing the master key, so
all that touches the master key's source happens inside one. Reading takes a snapshot, checked to be
under the master key at hand.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from crypto.errors import CryptoError
from crypto.keystore import database, rows
from crypto.keystore.master import MasterSource
from crypto.keystore.model import Key, State, Version
from crypto.keystore.sealing import MASTER_SIZE, RowName, check_value, fits, open_row, seal_row
from crypto.ports import Clock, Entropy

__all__ = ["Vault", "wipe"]

# Nobody changes the master key twice while one row is read.
_TRIES_MAX: Final = 4


class Vault:
    """Opens the file, made first when there is none, and its master key with it."""

    def __init__(self, path: Path, source: MasterSource, *, clock: Clock, entropy: Entropy) -> None:
        self._source = source
        self._clock = clock
        self._entropy = entropy
        self._lock = threading.RLock()
        self._master = bytearray()
        # The number and check value of the master key at hand.
        self._at_hand: tuple[int, bytes] = 0, b""
        self._connection = database.connect(path)
        try:
            with self.writing():
                pass
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Forget the master key and let go of the file."""
        with self._lock:
            wipe(self._master)
            self._connection.close()

    def changes(self) -> int:
        """Return SQLite's own number of changes made through other connections."""
        with self._lock:
            found: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
            return found

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, whole or not at all, with the master key at hand."""
        with self._lock, database.transaction(self._connection) as connection:
            self._unlock(connection)
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One state of the file, with the master key it is sealed under at hand."""
        with self._lock:
            for _ in range(_TRIES_MAX):
                with database.snapshot(self._connection) as connection:
                    if _stated(connection) == self._at_hand:
                        yield connection
                        return
                with self.writing():
                    pass
            raise CryptoError(
                "crypto.keystore.busy", "The master key is being changed over and over: try again."
            )

    def seal(
        self,
        connection: sqlite3.Connection,
        key: Key,
        version: Version,
        secret: bytes | bytearray,
    ) -> None:
        """Add a version of a key."""
        sealed = seal_row(self._master, _name(key, version), secret, self._entropy)
        rows.insert_version(connection, key.id, version, sealed)

    def open(self, connection: sqlite3.Connection, key: Key, version: Version) -> bytearray:
        """Return a version's secret, to be wiped; raises ``crypto.key.tampered``."""
        (sealed,) = connection.execute(
            "SELECT sealed FROM key_versions WHERE id = ? AND version = ?",
            (key.id, version.number),
        ).fetchone()
        return open_row(self._master, _name(key, version), sealed or b"")

    def change_master(self) -> int:
        """Seal every row under the source's next master key; returns how many rows there were."""
        with self.writing() as connection:
            fresh = self._source.next(self._entropy)
            if fresh == self._master:
                raise CryptoError(
                    "crypto.master.no_next",
                    f"The next master key in {self._source.describe()} is the present one: set "
                    "another.",
                )
            count = self._reseal(connection, fresh)
            number = self._at_hand[0] + 1
            connection.execute(
                "UPDATE master SET number = ?, check_value = ?, since = ?",
                (number, check_value(fresh, number), self._clock.now()),
            )
            wipe(fresh)
        # The next transaction finds the new key in the source and settles it there.
        with self.writing():
            pass
        self.scrub()
        return count

    def scrub(self) -> None:
        """Leave nothing of what was overwritten in the file or its log."""
        with self._lock:
            database.scrub(self._connection)

    def _unlock(self, connection: sqlite3.Connection) -> None:
        """Have the master key the file is sealed under; another process may have changed it."""
        stated = _stated(connection)
        if stated is None:
            self._begin(connection)
            return
        if stated == self._at_hand:
            return
        candidates = self._source.candidates()
        for candidate in candidates:
            if fits(candidate, *stated):
                self._source.settle(candidate)
                self._take(candidate, *stated)
                break
        else:
            raise CryptoError(
                "crypto.master.wrong",
                f"The master key in {self._source.describe()} is not the one this store is sealed "
                "under: put the right one back, or restore from the sealed backup.",
                {"where": self._source.describe()},
            )
        for candidate in candidates:
            wipe(candidate)

    def _begin(self, connection: sqlite3.Connection) -> None:
        """Take the first master key, made if the source has none."""
        try:
            secret = self._source.candidates()[0]
        except CryptoError as error:
            if error.code != "crypto.master.missing":
                raise
            secret = self._source.make(self._entropy)
        check = check_value(secret, 1)
        connection.execute("INSERT INTO master VALUES (1, 1, ?, ?)", (check, self._clock.now()))
        self._take(secret, 1, check)
        wipe(secret)

    def _take(self, secret: bytearray, number: int, check: bytes) -> None:
        assert len(secret) == MASTER_SIZE
        wipe(self._master)
        self._master = bytearray(secret)
        self._at_hand = number, check

    def _reseal(self, connection: sqlite3.Connection, fresh: bytearray) -> int:
        count = 0
        for key in rows.find_all(connection):
            if key.state is State.DESTROYED:
                continue
            for version in key.versions:
                secret = self.open(connection, key, version)
                sealed = seal_row(fresh, _name(key, version), secret, self._entropy)
                wipe(secret)
                rows.replace_sealed(connection, key.id, version.number, sealed)
                count += 1
        return count


def wipe(secret: bytearray) -> None:
    """Overwrite a secret."""
    secret[:] = bytes(len(secret))


def _stated(connection: sqlite3.Connection) -> tuple[int, bytes] | None:
    row = connection.execute("SELECT number, check_value FROM master").fetchone()
    return None if row is None else (row["number"], row["check_value"])


def _name(key: Key, version: Version) -> RowName:
    return RowName(key.id, version.number, use=key.use, policy=key.policy, public=version.public)
