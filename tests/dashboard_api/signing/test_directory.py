"""Directory: a signing process sees every change of an application before its next call."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.state.database import Database
from dashboard_api.applications.model import Operation
from dashboard_api.signing import changes
from dashboard_api.signing.directory import StateDirectory, open_read_only
from schema.errors import FengsuiError

ROWS = """
INSERT INTO applications VALUES ('payments', '支付', 'u1', 1, NULL, 5, 6, 7);
INSERT INTO application_grants VALUES ('payments', '*', 'sign');
INSERT INTO application_credentials VALUES
    ('payments', 'aa', 'token', x'01', NULL, 1, NULL, NULL);
"""


@pytest.fixture
def state(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    Database(tmp_path / "state.db").close()
    connection = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    connection.executescript(ROWS)
    yield connection
    connection.close()


@pytest.fixture
def reader(state: sqlite3.Connection, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_read_only(tmp_path / "state.db")
    yield connection
    connection.close()


@pytest.fixture
def directory(reader: sqlite3.Connection) -> StateDirectory:
    made = StateDirectory(reader)
    made.refresh()
    return made


def change(state: sqlite3.Connection, sql: str) -> None:
    state.execute("BEGIN")
    state.execute(sql)
    changes.raise_in(state)
    state.execute("COMMIT")


def test_an_application_is_known(directory: StateDirectory) -> None:
    found = directory.application("payments")
    assert found is not None
    assert found.may(Operation.SIGN, "payments.receipt")
    assert [one.id for one in found.credentials] == ["aa"]


def test_nobody_else_is_known(directory: StateDirectory) -> None:
    assert directory.application("nobody") is None


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE application_credentials SET revoked_at = 5 WHERE application = 'payments'",
        "DELETE FROM application_grants",
        "UPDATE applications SET disabled_at = 5",
        "UPDATE applications SET per_second = 1",
        "INSERT INTO applications VALUES ('payroll', 'n', 'u', 1, NULL, 1, 0, 1)",
    ],
)
def test_a_change_is_seen_at_the_next_refresh_and_not_before(
    state: sqlite3.Connection, directory: StateDirectory, sql: str
) -> None:
    names = ("payments", "payroll")
    before = [directory.application(name) for name in names]
    change(state, sql)
    assert [directory.application(name) for name in names] == before
    directory.refresh()
    assert [directory.application(name) for name in names] != before


def test_without_a_change_one_number_is_read_and_nothing_else(
    state: sqlite3.Connection, reader: sqlite3.Connection, directory: StateDirectory
) -> None:
    asked: list[str] = []
    reader.set_trace_callback(asked.append)
    directory.refresh()
    assert asked == ["SELECT n FROM signing_changes"]
    reader.set_trace_callback(None)


def test_a_change_that_is_not_committed_is_not_seen(
    state: sqlite3.Connection, directory: StateDirectory
) -> None:
    state.execute("BEGIN")
    state.execute("DELETE FROM application_grants")
    changes.raise_in(state)
    before = directory.application("payments")
    directory.refresh()
    assert directory.application("payments") is before
    state.execute("COMMIT")
    directory.refresh()
    assert directory.application("payments") != before


def test_a_file_that_cannot_be_read_lets_nobody_be_believed(
    state: sqlite3.Connection, directory: StateDirectory
) -> None:
    change(state, "ALTER TABLE applications RENAME TO elsewhere")
    for _ in range(2):
        with pytest.raises(FengsuiError) as caught:
            directory.refresh()
        assert caught.value.code == "dashboard_api.signing.busy"
        assert caught.value.params["retry_seconds"] == 1
    change(state, "ALTER TABLE elsewhere RENAME TO applications")
    directory.refresh()
    assert directory.application("payments") is not None


def test_the_connection_cannot_write(reader: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM applications")
