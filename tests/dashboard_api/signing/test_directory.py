"""Directory: a signing process sees every change of an application before its next call."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard_api.applications.model import NO_KEY, OWN_KEYS, Operation, Quota
from dashboard_api.signing import changes
from dashboard_api.signing.directory import StateDirectory, open_read_only
from schema.errors import FengsuiError

TABLES = """
CREATE TABLE signing_changes (one INTEGER PRIMARY KEY CHECK (one = 1), n INTEGER NOT NULL);
INSERT INTO signing_changes VALUES (1, 0);
CREATE TABLE applications (id TEXT PRIMARY KEY, name TEXT, unit TEXT, created_at INTEGER,
    disabled_at INTEGER, per_second INTEGER, per_day INTEGER, opens_per_minute INTEGER);
CREATE TABLE application_credentials (id TEXT, application TEXT REFERENCES applications (id),
    kind TEXT CHECK (kind IN ('token', 'sm2')), token_hash BLOB, public BLOB, created_at INTEGER,
    expires_at INTEGER, revoked_at INTEGER, PRIMARY KEY (application, id));
CREATE TABLE application_grants (application TEXT, key TEXT, operation TEXT,
    PRIMARY KEY (application, key, operation));
INSERT INTO applications VALUES ('payments', '支付', 'u1', 1, NULL, 5, 6, 7);
INSERT INTO applications VALUES ('closed', '已停', 'u2', 1, 2, 1000, 0, 600);
INSERT INTO application_credentials VALUES ('aa', 'payments', 'token', x'01', NULL, 1, 9, NULL);
INSERT INTO application_credentials VALUES ('bb', 'payments', 'sm2', NULL, x'04', 1, NULL, NULL);
INSERT INTO application_credentials VALUES ('cc', 'payments', 'token', x'02', NULL, 1, NULL, 3);
INSERT INTO application_grants VALUES ('payments', '*', 'sign'), ('payments', '*', 'verify'),
    ('payments', '-', 'digest'), ('payments', 'identity.root', 'verify'),
    ('payments', '*', 'teleport');
"""


@pytest.fixture
def state(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(TABLES)
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


def test_an_application_is_read_whole(directory: StateDirectory) -> None:
    found = directory.application("payments")
    assert found is not None
    assert (found.id, found.name, found.unit, found.disabled) == ("payments", "支付", "u1", False)
    assert found.quota == Quota(per_second=5, per_day=6, opens_per_minute=7)
    assert found.grants == {
        OWN_KEYS: {Operation.SIGN, Operation.VERIFY},
        NO_KEY: {Operation.DIGEST},
        "identity.root": {Operation.VERIFY},
    }
    assert found.may(Operation.SIGN, "payments.receipt")
    assert not found.may(Operation.SIGN, "identity.root")
    token, key = found.credentials
    assert (token.id, token.token_hash, token.public, token.expires_at) == ("aa", b"\1", None, 9)
    assert (key.id, key.token_hash, key.public, key.expires_at) == ("bb", None, b"\4", None)


def test_a_disabled_application_is_known_as_such(directory: StateDirectory) -> None:
    found = directory.application("closed")
    assert found is not None
    assert found.disabled
    assert found.credentials == ()
    assert found.grants == {}


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
