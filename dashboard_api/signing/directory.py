"""Directory: the applications as the state file has them, seen anew as soon as they change.

A signing process reads them whole into memory and asks before each group of calls one number only.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from dashboard_api.applications import rows
from dashboard_api.applications.model import Application
from dashboard_api.signing import changes
from schema.errors import FengsuiError

_BUSY_SECONDS: Final = 1.0
"""Readers of a WAL file wait for nobody but a recovery after a crash."""


def open_read_only(path: Path) -> sqlite3.Connection:
    """A connection to the state file that cannot write; raises ``sqlite3.Error``."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS, isolation_level=None
    )
    connection.execute("PRAGMA query_only=ON")
    return connection


class StateDirectory:
    """The applications of one state file, for the thread that opened the connection."""

    def __init__(self, state: sqlite3.Connection) -> None:
        """Takes a connection as ``open_read_only`` makes it; ``refresh`` comes before use."""
        self._state = state
        self._seen = -1
        self._applications: dict[str, Application] = {}

    def refresh(self) -> None:
        """See every change committed before now.

        Raises ``dashboard_api.signing.busy`` where the file cannot be read: then nobody may be
        believed, since a credential may have been taken back.
        """
        try:
            if changes.number(self._state) != self._seen:
                self._load()
        except sqlite3.Error as error:
            raise FengsuiError(
                "dashboard_api.signing.busy",
                "the applications cannot be read just now: nothing of this call was done; send it "
                "again in 1 s",
                retry_seconds=1,
            ) from error

    def application(self, application_id: str) -> Application | None:
        return self._applications.get(application_id)

    def _load(self) -> None:
        # One transaction, so that the number is of the very rows that are read.
        self._state.execute("BEGIN")
        try:
            seen = changes.number(self._state)
            self._applications = rows.load(self._state)
            self._seen = seen
        finally:
            self._state.execute("ROLLBACK")
