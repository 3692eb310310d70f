"""Database: the SQLite file of record, written by one thread and read by any.

WAL with ``synchronous=FULL``: a committed transaction survives a power cut. Migrations are
numbered SQL files, forward only; the file is copied aside before one runs.
"""

from __future__ import annotations

import errno
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, closing, contextmanager
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from schema.errors import FengsuiError

T = TypeVar("T")
_BUSY_SECONDS: Final = 10.0
_READERS_IDLE_MAX: Final = 8
_DISK: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})


class Readable(Protocol):
    """A state file that can be read."""

    def read(self) -> AbstractContextManager[sqlite3.Connection]:
        """A connection for reading; what it sees is one consistent state per statement."""


class Database:
    """Open, migrate, read and write one state file.

    ``write`` runs a function inside one transaction on the writer thread and returns its result;
    an exception rolls everything back and reaches the caller.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._jobs: queue.SimpleQueue[
            tuple[Callable[[sqlite3.Connection], Any], Future[Any]] | None
        ]
        self._jobs = queue.SimpleQueue()
        self._idle: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._closed = False
        with closing(self._connect()) as connection:
            # Before anything is written: the journal's mode stands in the file too.
            _refuse_newer(connection, path)
            connection.execute("PRAGMA journal_mode=WAL")
            migrate(connection, path)
        self._thread = threading.Thread(target=self._run, name="state-writer", daemon=True)
        self._thread.start()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, check_same_thread=False)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.row_factory = sqlite3.Row
        return connection

    def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``job`` in one transaction; returns once it is on stable storage."""
        if self._closed:
            raise FengsuiError("collector.state.closed", "the state file is closed")
        done: Future[T] = Future()
        self._jobs.put((job, done))
        return done.result()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading; what it sees is one consistent state per statement."""
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = self._connect()
        try:
            yield connection
        finally:
            connection.rollback()
            if self._closed or self._idle.qsize() >= _READERS_IDLE_MAX:
                connection.close()
            else:
                self._idle.put(connection)

    def close(self) -> None:
        """Finish queued writes and let go of the file."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        self._thread.join()
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    def _run(self) -> None:
        connection = self._connect()
        while (item := self._jobs.get()) is not None:
            job, done = item
            try:
                connection.execute("BEGIN IMMEDIATE")
                result = job(connection)
                connection.commit()
            except BaseException as error:  # noqa: BLE001 - handed to the caller, not swallowed
                connection.rollback()
                done.set_exception(_plain(error, self.path))
            else:
                done.set_result(result)
        connection.close()


class ReadOnly:
    """The state file of a folder somebody else may own: read, never written or migrated."""

    def __init__(self, path: Path) -> None:
        """Raise ``collector.state.absent`` or ``collector.state.other_version``."""
        if not path.exists():
            raise FengsuiError(
                "collector.state.absent",
                f"{path} is not there: restore it from a backup",
                path=str(path),
            )
        self._connection = sqlite3.connect(
            f"file:{path}?mode=ro", uri=True, timeout=_BUSY_SECONDS, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version != newest_migration():
            self._connection.close()
            raise FengsuiError(
                "collector.state.other_version",
                f"{path} is state {version}, this version reads {newest_migration()}: start the "
                "platform once to bring it up to date, or use the version that wrote it",
                version=version,
            )

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading."""
        yield self._connection

    def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Raise ``collector.state.read_only``."""
        del job
        raise FengsuiError("collector.state.read_only", "this state file is open for reading only")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def _plain(error: BaseException, path: Path) -> BaseException:
    """A full or failing disk as the ``OSError`` it is; anything else unchanged."""
    if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF in _DISK:
        refused = OSError(errno.EIO, f"{path} cannot be written: {error}")
        refused.__cause__ = error
        return refused
    return error


def _scripts() -> list[tuple[int, Traversable]]:
    """The migrations by number."""
    folder = resources.files("collector.state").joinpath("migrations")
    return sorted(
        (
            (int(entry.name.split("_")[0]), entry)
            for entry in folder.iterdir()
            if entry.name.endswith(".sql")
        ),
        key=lambda one: one[0],
    )


def newest_migration() -> int:
    """The number of the last migration this version knows."""
    return _scripts()[-1][0]


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Run the migrations the file has not seen; a copy ``<file>.before-N`` is kept first.

    One copy for all that run now, named after the first of them, on stable storage before it.
    """
    version = _refuse_newer(connection, path)
    missing = [(number, script) for number, script in _scripts() if number > version]
    if missing and version:
        _keep_aside(connection, Path(f"{path}.before-{missing[0][0]}"))
    for number, script in missing:
        connection.executescript(
            f"BEGIN;\n{script.read_text('utf-8')}\nPRAGMA user_version={number};\nCOMMIT;"
        )


def _keep_aside(connection: sqlite3.Connection, copy: Path) -> None:
    # A crash may have left one behind; only the copy of what is migrated now counts.
    copy.unlink(missing_ok=True)
    connection.execute("VACUUM INTO ?", (str(copy),))
    # SQLite leaves it to the system when such a copy reaches the disk; the migration must not win.
    with copy.open("rb+") as file:
        os.fsync(file.fileno())


def _refuse_newer(connection: sqlite3.Connection, path: Path) -> int:
    """The file's version; raises ``collector.state.newer``."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > newest_migration():
        raise FengsuiError(
            "collector.state.newer",
            f"{path} was written by a newer version (state {version}, this one knows "
            f"{newest_migration()}): install that version or restore a backup",
            version=version,
        )
    return version
