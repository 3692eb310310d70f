"""The state file is migrated forward, with a copy from before beside it."""

import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest

from collector.state.database import Database


def _version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return found


@pytest.mark.parametrize("left_behind", [b"", b"half a copy"], ids=["nothing", "half a copy"])
def test_a_migration_cut_short_by_a_crash_is_done_at_the_next_start(
    tmp_path: Path, left_behind: bytes
) -> None:
    path, copy = tmp_path / "state.db", tmp_path / "state.db.before-2"
    first = resources.files("collector.state").joinpath("migrations", "0001_log.sql")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(first.read_text("utf-8"))
        connection.execute("PRAGMA user_version = 1")
    if left_behind:
        copy.write_bytes(left_behind)
    Database(path).close()
    assert _version(path) >= 2
    assert _version(copy) == 1
