"""Certificates as a signing process sees them, read anew as soon as the state file's change."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from dashboard_api.custody import certificate_rows as rows
from dashboard_api.signing import changes
from schema.errors import FengsuiError

CHAINS_MAX: Final = 4096
"""Of keys in use, some KiB each; beyond, all are dropped and read again when needed."""


class StateCertificates:
    """The port ``keycache.Certificates`` over one state file, for the thread that opened it."""

    def __init__(self, state: sqlite3.Connection) -> None:
        """Takes a connection as ``directory.open_read_only`` makes it."""
        self._state = state
        self._seen = -1
        self._anchors: Sequence[bytes] = ()
        self._lists: Sequence[bytes] = ()
        self._chains: dict[tuple[str, int], tuple[bytes, ...]] = {}

    def refresh(self) -> bool:
        """See every change committed before now; whether there was one.

        Raises ``dashboard_api.signing.busy`` where the file cannot be read.
        """
        try:
            if changes.number(self._state) == self._seen:
                return False
            self._load()
        except sqlite3.Error as error:
            raise FengsuiError(
                "dashboard_api.signing.busy",
                "the signing service is busy: try again in a moment",
                retry_seconds=1,
            ) from error
        return True

    def chain_of(self, key_id: str, version: int) -> tuple[bytes, ...]:
        """DER of a key's certificate and of those above it; empty without one."""
        chain = self._chains.get((key_id, version))
        if chain is None:
            found = rows.newest(self._state, key_id, version)
            chain = () if found is None else _chain(found)
            if len(self._chains) >= CHAINS_MAX:
                self._chains.clear()
            self._chains[key_id, version] = chain
        return chain

    def anchors(self) -> Sequence[bytes]:
        """DER of what the site trusts as roots."""
        return self._anchors

    def revocation_lists(self) -> Sequence[bytes]:
        """DER of the lists at hand."""
        return self._lists

    def _load(self) -> None:
        # One transaction, so that the number is of the very rows that are read.
        self._state.execute("BEGIN")
        try:
            seen = changes.number(self._state)
            self._anchors, self._lists = rows.anchors(self._state), rows.lists(self._state)
            self._chains.clear()
            self._seen = seen
        finally:
            self._state.execute("ROLLBACK")


def _chain(found: rows.Filed) -> tuple[bytes, ...]:
    return (found.certificate.der, *(one.der for one in found.above))
