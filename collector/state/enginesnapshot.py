"""The engine's snapshot in the state of record: up to a million entries, read as they are asked."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping
from typing import Final

from collector.state.database import Readable

KEEP_ENTRY: Final = (
    "INSERT INTO engine_snapshot (name, value) VALUES (?, ?) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)


class EngineSnapshot(Mapping[str, bytes]):
    """Entries by name, as last committed. A walk through them sees one moment."""

    def __init__(self, database: Readable) -> None:
        self._database = database

    def __getitem__(self, name: str) -> bytes:
        with self._database.read() as state:
            row = state.execute(
                "SELECT value FROM engine_snapshot WHERE name = ?", (name,)
            ).fetchone()
        if row is None:
            raise KeyError(name)
        return bytes(row["value"])

    def __iter__(self) -> Iterator[str]:
        with self._database.read() as state:
            for row in state.execute("SELECT name FROM engine_snapshot"):
                yield row["name"]

    def __len__(self) -> int:
        with self._database.read() as state:
            return int(state.execute("SELECT count(*) FROM engine_snapshot").fetchone()[0])

    def items(self) -> ItemsView[str, bytes]:
        """Names and entries, in one walk."""
        return _Items(self)

    def rows(self) -> Iterator[tuple[str, bytes]]:
        """What :meth:`items` walks through."""
        with self._database.read() as state:
            for row in state.execute("SELECT name, value FROM engine_snapshot"):
                yield row["name"], row["value"]


class _Items(ItemsView[str, bytes]):
    _mapping: EngineSnapshot

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        return self._mapping.rows()
