"""Rows: an application is read as it was registered, and what is not understood gives nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.state.database import Database
from dashboard_api.applications.model import NO_KEY, OWN_KEYS, Application, Operation, Quota
from dashboard_api.applications.rows import load

ROWS = """
INSERT INTO applications VALUES ('payments', '支付', 'u1', 1, NULL, 5, 6, 7);
INSERT INTO applications VALUES ('closed', '已停', 'u2', 1, 2, 1000, 0, 600);
INSERT INTO application_credentials VALUES
    ('payments', 'aa', 'token', x'01', NULL, 1, 9, NULL),
    ('payments', 'bb', 'sm2', NULL, x'04', 1, NULL, NULL),
    ('payments', 'cc', 'token', x'02', NULL, 1, NULL, 3);
INSERT INTO application_grants VALUES ('payments', '*', 'sign'), ('payments', '*', 'verify'),
    ('payments', '-', 'digest'), ('payments', 'identity.root', 'verify'),
    ('payments', '*', 'teleport'), ('closed', 'identity.root', 'teleport');
"""


@pytest.fixture
def applications(tmp_path: Path) -> Iterator[dict[str, Application]]:
    Database(tmp_path / "state.db").close()
    connection = sqlite3.connect(tmp_path / "state.db")
    connection.executescript(ROWS)
    yield load(connection)
    connection.close()


def test_an_application_is_read_whole(applications: dict[str, Application]) -> None:
    found = applications["payments"]
    assert (found.id, found.name, found.unit, found.disabled) == ("payments", "支付", "u1", False)
    assert found.quota == Quota(per_second=5, per_day=6, opens_per_minute=7)
    assert found.grants == {
        OWN_KEYS: {Operation.SIGN, Operation.VERIFY},
        NO_KEY: {Operation.DIGEST},
        "identity.root": {Operation.VERIFY},
    }
    assert found.may(Operation.SIGN, "payments.receipt")
    assert not found.may(Operation.SIGN, "identity.root")


def test_a_credential_taken_back_is_not_among_them(applications: dict[str, Application]) -> None:
    token, key = applications["payments"].credentials
    assert (token.id, token.token_hash, token.public, token.expires_at) == ("aa", b"\1", None, 9)
    assert (key.id, key.token_hash, key.public, key.expires_at) == ("bb", None, b"\4", None)


def test_a_disabled_application_is_known_as_such(applications: dict[str, Application]) -> None:
    assert applications["closed"].disabled
    assert applications["closed"].credentials == ()


def test_an_operation_of_another_version_is_not_granted(
    applications: dict[str, Application],
) -> None:
    assert applications["closed"].grants == {}


def test_there_is_nobody_else(applications: dict[str, Application]) -> None:
    assert sorted(applications) == ["closed", "payments"]
