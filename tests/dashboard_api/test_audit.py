import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standin import key

from crypto import sm2
from dashboard_api.audit import (
    ANONYMOUS_MAX,
    DOMAIN,
    NOBODY,
    SEAL_EVERY,
    Act,
    Seal,
    verify_chain,
    verify_state,
)
from schema.errors import FengsuiError

ACT = Act("officer", "alert.acknowledge", "9b1f")


def exported(site):
    """The chain as a file somebody took away: entries and seals."""
    site.audit.seal()
    with site.database.read() as state:
        entries = [(n, raw.encode()) for n, raw in state.execute("SELECT n, entry FROM audit")]
        seals = {
            n: Seal(n=n, key_id=key_id, signature=bytes.fromhex(signature))
            for n, key_id, signature in state.execute("SELECT * FROM audit_seals")
        }
    return entries, seals


def broken_at(entries, seals, by=None):
    with pytest.raises(FengsuiError) as caught:
        verify_chain(entries, seals, key=(by or key("audit")).public)
    assert caught.value.code == "dashboard_api.audit.broken"
    return caught.value.params["n"]


@pytest.fixture
def chain(site):
    for number in range(7):
        site.audit.record(Act("officer", "event.prove", str(number)), "done")
    return exported(site)


def test_an_empty_chain_is_whole(site):
    assert site.audit.verify() == 0


def test_what_was_recorded_is_read_newest_first(site):
    site.audit.record(ACT, "done", "true_positive")
    site.clock.forward(1)
    site.audit.record(Act("officer", "logout"), "done")
    (last, _), (first, first_hash) = site.audit.page(0, 10)
    assert (first.n, first.at, first.actor) == (1, "2026-11-20T08:00:00.000000Z", "officer")
    assert (first.action, first.object, first.result) == ("alert.acknowledge", "9b1f", "done")
    assert (first.detail, first.previous) == ("true_positive", "0" * 64)
    assert (last.n, last.action, last.previous) == (2, "logout", first_hash)
    assert [entry.n for entry, _ in site.audit.page(2, 10)] == [1]


def test_an_act_is_recorded_before_it_is_done_and_when_it_ends(site):
    with site.audit.around(ACT):
        assert site.acts()[-1] == ("officer", "alert.acknowledge", "9b1f", "begun")
    assert site.acts()[-1][-1] == "done"


def test_a_refused_and_a_failed_act_are_recorded_as_such(site):
    with pytest.raises(FengsuiError), site.audit.around(ACT):
        raise FengsuiError("collector.alert.unknown", "a text with what people typed")
    with pytest.raises(ZeroDivisionError), site.audit.around(ACT):
        1 / 0  # noqa: B018
    entries = [entry for entry, _ in site.audit.page(0, 10)]
    assert [entry.result for entry in entries] == ["failed", "begun", "refused", "begun"]
    assert entries[2].detail == "collector.alert.unknown"
    assert entries[0].detail == "ZeroDivisionError"


def test_an_entry_falls_with_the_transaction_it_is_in(site):
    def job(state):
        site.audit.append(state, ACT, "done")
        raise ValueError

    with pytest.raises(ValueError):
        site.database.write(job)
    assert site.audit.verify() == 0


def test_the_head_is_signed_at_every_hundredth_entry(site):
    def job(state):
        for _ in range(SEAL_EVERY + 1):
            site.audit.append(state, ACT, "done")

    site.database.write(job)
    with site.database.read() as state:
        assert [row[0] for row in state.execute("SELECT n FROM audit_seals")] == [SEAL_EVERY]
        assert verify_state(state, key("audit").public) == SEAL_EVERY + 1
    site.audit.close()
    with site.database.read() as state:
        last = state.execute("SELECT max(n) FROM audit_seals").fetchone()[0]
    assert last == SEAL_EVERY + 1


def test_a_changed_entry_is_named(chain):
    entries, seals = chain
    entries[3] = (4, entries[3][1].replace(b"officer", b"mallory"))
    assert broken_at(entries, seals) == 5


def test_a_changed_last_entry_is_named_by_its_signature(chain):
    entries, seals = chain
    entries[-1] = (7, entries[-1][1].replace(b"officer", b"mallory"))
    assert broken_at(entries, seals) == 7


def test_a_missing_a_moved_and_a_cut_entry_are_named(chain):
    entries, seals = chain
    assert broken_at(entries[:2] + entries[3:], seals) == 3
    assert broken_at([entries[1], entries[0], *entries[2:]], seals) == 1
    assert broken_at(entries[:-1], seals) == 7


def test_a_chain_signed_with_another_key_is_refused(chain):
    entries, seals = chain
    assert broken_at(entries, seals, by=sm2.PrivateKey.generate()) == 7
    forged = key("audit").sign(b"{}", domain=DOMAIN)
    assert broken_at(entries, {7: Seal(n=7, key_id="", signature=forged)}) == 7


def test_a_chain_without_signatures_is_refused_past_the_limit(site):
    def job(state):
        for _ in range(SEAL_EVERY + 1):
            site.audit.append(state, ACT, "done")

    site.database.write(job)
    entries, _ = exported(site)
    assert broken_at(entries, {}) == SEAL_EVERY + 1


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=300))
def test_any_bytes_in_place_of_an_entry_are_refused(raw):
    assert broken_at([(1, raw)], {}) == 1


def test_the_database_refuses_to_change_or_delete_an_entry(site):
    site.audit.record(ACT, "done")
    for statement in ("DELETE FROM audit", "UPDATE audit SET entry = ''"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            site.database.write(lambda state, statement=statement: state.execute(statement))
    assert site.audit.verify() == 1


def test_a_flood_of_nobody_is_counted_instead_of_filling_the_disk(site):
    for _ in range(ANONYMOUS_MAX + 5):
        site.audit.record(Act(NOBODY, "login.link"), "refused")
    assert site.audit.verify() == ANONYMOUS_MAX
    site.clock.forward(60)
    site.audit.record(Act(NOBODY, "login.link"), "refused", "x")
    assert site.audit.page(0, 1)[0][0].detail == "x and 5 before"


def test_long_words_are_cut(site):
    site.audit.record(Act("officer", "sensor.token", "x" * 5000), "done", "y" * 5000)
    entry, _ = site.audit.page(0, 1)[0]
    assert len(entry.object) == len(entry.detail) == 200
