"""The state file is migrated forward, with a copy from before beside it."""

import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest

from collector.state import database
from collector.state.database import Database, ReadOnly
from schema.errors import FengsuiError


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


def test_a_state_of_another_version_is_not_read_as_if_it_were_this_one(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with pytest.raises(FengsuiError, match=r"collector\.state\.absent"):
        ReadOnly(path)
    Database(path).close()
    ReadOnly(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 5")
    with pytest.raises(FengsuiError, match=r"start the platform once"):
        ReadOnly(path)


def test_what_is_open_for_reading_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    Database(path).close()
    with closing(ReadOnly(path)) as state:
        with pytest.raises(FengsuiError, match=r"collector\.state\.read_only"):
            state.write(lambda connection: connection.execute("DELETE FROM chains"))
        with state.read() as connection, pytest.raises(sqlite3.OperationalError):
            connection.execute("DELETE FROM chains")


def test_security_administrators_without_a_unit_get_every_unit_once_units_mean_something(
    tmp_path: Path,
) -> None:
    path = tmp_path / "state.db"
    people = {
        "new": ("security_admin", []),
        "of tax": ("security_admin", ["tax"]),
        "auditor": ("audit_admin", []),
    }
    with closing(sqlite3.connect(path)) as connection:
        for number, script in database._scripts():
            if number < 14:
                connection.executescript(script.read_text("utf-8"))
        connection.execute("PRAGMA user_version = 13")
        for name, (role, units) in people.items():
            connection.execute("INSERT INTO users VALUES (?, ?, '', NULL, 1, NULL)", (name, name))
            connection.execute("INSERT INTO user_roles VALUES (?, ?)", (name, role))
            connection.executemany(
                "INSERT INTO user_units VALUES (?, ?)", [(name, unit) for unit in units]
            )
        connection.commit()
    with closing(Database(path)) as opened, opened.read() as state:
        found = [tuple(row) for row in state.execute("SELECT * FROM user_units ORDER BY user_id")]
    assert found == [("new", "*"), ("of tax", "tax")]
