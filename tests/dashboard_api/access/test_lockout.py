import pytest
from standin import START

from dashboard_api.access import lockout
from schema.errors import FengsuiError
from schema.times import SECOND


def fail(site, name, now):
    return site.database.write(lambda state: lockout.failed(state, name, now))


def check(site, name, now):
    with site.database.read() as state:
        lockout.check(state, name, now)


def test_the_fifth_failure_closes_the_name_for_ten_minutes(site):
    assert [fail(site, "zhang", START) for _ in range(5)] == [False] * 4 + [True]
    with pytest.raises(FengsuiError) as caught:
        check(site, "zhang", START + 1)
    assert caught.value.code == "dashboard_api.login.locked"
    assert caught.value.params["retry_seconds"] == 600
    check(site, "zhang", START + lockout.LOCKED_US)


def test_another_name_stays_open(site):
    for _ in range(5):
        fail(site, "zhang", START)
    check(site, "wang", START)


def test_failures_far_apart_do_not_add_up(site):
    for number in range(10):
        assert not fail(site, "zhang", START + number * lockout.LOCKED_US)


def test_signing_in_forgets_the_failures(site):
    for _ in range(4):
        fail(site, "zhang", START)
    site.database.write(lambda state: lockout.cleared(state, "zhang"))
    assert not fail(site, "zhang", START)


def test_guessing_names_does_not_fill_the_disk(site, monkeypatch):
    monkeypatch.setattr(lockout, "NAMES_MAX", 10)
    for number in range(30):
        fail(site, f"name{number}", START + number * SECOND)
    with site.database.read() as state:
        assert state.execute("SELECT count(*) FROM login_failures").fetchone()[0] == 10


def test_what_was_typed_as_a_name_is_not_stored(site):
    fail(site, "my-password-in-the-name-field", START)
    wal = site.database.path.with_name("state.db-wal").read_bytes()
    assert b"my-password" not in wal + site.database.path.read_bytes()
