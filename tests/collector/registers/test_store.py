"""A register keeps what was said for ever, and each version is sealed before long."""

import sqlite3
from pathlib import Path

import pytest
from collected import Site

from collector.registers import description
from collector.registers.store import RegisterStore
from collector.state.database import Database
from schema.batch import unpack_body
from schema.errors import FengsuiError
from schema.event import Fields, decode
from schema.log import Cursor, Reader
from schema.registers import Draft, pack_fields, pack_key

KEY = ("01", "acct")


def drafts(*values: str) -> list[Draft]:
    return [Draft(pack_key(("01", value)), pack_fields({"bank": value}), 0) for value in values]


def store_of(site: Site) -> RegisterStore:
    return RegisterStore(site.database, description.load(), clock=site.clock)


def say(store: RegisterStore, *values: str) -> None:
    proposed = store.propose("payees", drafts(*values), whole=True, source="p.csv", by="zhang")
    store.apply("payees", proposed.number, by="li")


def sealed(site: Site) -> list[Fields]:
    """The control log's records about registers."""
    batches = Reader(site.segments / "collector", Cursor(number=0)).read(1000)
    bodies = [unpack_body(batch.body, batch.header.count) for batch in batches]
    events = [decode(payload) for body in bodies for payload in body.payloads if payload]
    return [one for one in events if one["event.action"] == "register_changed"]


def test_another_opening_of_the_folder_knows_the_same(site: Site) -> None:
    first = store_of(site)
    say(first, "a", "b")
    say(first, "b", "c")
    again = store_of(site)
    now = site.clock.now() + 10
    for known in (site.clock.now(), now):
        assert list(again.view().rows("payees", now, known)) == list(
            first.view().rows("payees", now, known)
        )
    assert again.versions("payees") == first.versions("payees")


def test_a_view_taken_before_does_not_change(site: Site) -> None:
    store = store_of(site)
    before = store.view()
    say(store, "a")
    assert before.members("payees", 5) == frozenset()
    assert store.view().members("payees", 5) == {("01", "a")}


def test_a_proposal_on_a_version_that_is_no_longer_the_last_is_refused(site: Site) -> None:
    store = store_of(site)
    say(store, "a")
    proposed = store.propose("payees", drafts("b"), whole=True, source="p", by="zhang")
    site.database.write(
        lambda state: state.execute(
            "UPDATE register_versions SET base = 0 WHERE number = ?", (proposed.number,)
        )
    )
    with pytest.raises(FengsuiError, match="propose it again"):
        store.apply("payees", proposed.number, by="li")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE register_statements SET fields = x'7b7d'",
        "DELETE FROM register_statements",
        "UPDATE register_versions SET digest = '00'",
        "UPDATE register_versions SET effective_at = 1",
        "DELETE FROM register_versions",
    ],
)
def test_what_an_approved_version_said_cannot_be_changed(site: Site, statement: str) -> None:
    say(store_of(site), "a")
    with pytest.raises(sqlite3.IntegrityError):
        site.database.write(lambda state: state.execute(statement))


def test_a_version_changed_behind_our_back_is_named(site: Site) -> None:
    store = store_of(site)
    for values in ("a", "ab", "b"):
        say(store, *values)
    store.verify("payees")

    def tamper(state: sqlite3.Connection) -> None:
        state.execute("DROP TRIGGER register_statements_are_not_changed")
        state.execute("UPDATE register_statements SET fields = x'7b7d' WHERE version = 2")

    site.database.write(tamper)
    with pytest.raises(FengsuiError, match="version 2 of payees is not what was approved"):
        store.verify("payees")


def test_an_end_is_a_version_of_its_own(site: Site) -> None:
    store = store_of(site)
    say(store, "a", "b")
    ended = store.propose_end("payees", ("01", "a"), by="zhang")
    since = store.apply("payees", ended.number, by="li").effective_at
    assert store.view().members("payees", since) == {("01", "b")}
    assert store.view().members("payees", since - 1) == {("01", "a"), ("01", "b")}
    with pytest.raises(FengsuiError, match="nothing to change"):
        store.propose_end("payees", ("01", "a"), by="zhang")


def test_each_approved_version_is_sealed_once(site: Site) -> None:
    store = store_of(site)
    say(store, "a")
    say(store, "b")
    for _ in range(2):
        store.note(site.control)
    versions = list(reversed(store.versions("payees")))
    assert [
        (one["labels.register"], one["labels.version"], one["gov.batch.hash"])
        for one in sealed(site)
    ] == [("payees", str(one.number), one.digest) for one in versions]


def test_what_a_crash_kept_from_the_control_log_is_sealed_at_the_next_start(site: Site) -> None:
    say(store_of(site), "a")
    assert sealed(site) == []
    store_of(site).note(site.control)
    assert len(sealed(site)) == 1


def test_a_key_that_changes_too_often_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.registers.store.STATEMENTS_PER_KEY_MAX", 3)
    store = store_of(site)
    one = Draft(pack_key(KEY), pack_fields({"bank": "d"}))
    for value in "abc":
        before = one._replace(fields=pack_fields({"bank": value}))
        proposed = store.propose("payees", [before], whole=True, source="p", by="zhang")
        store.apply("payees", proposed.number, by="li")
    with pytest.raises(FengsuiError, match="changed too often"):
        store.propose("payees", [one], whole=True, source="p", by="zhang")


def test_a_state_file_from_before_registers_is_migrated(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db")
    with database.read() as state:
        assert state.execute("PRAGMA user_version").fetchone()[0] >= 7
    database.close()


def test_a_first_version_may_be_empty_and_a_later_one_says_something(site: Site) -> None:
    store = store_of(site)
    with pytest.raises(FengsuiError, match="nothing to change"):
        store.propose("payees", [], whole=False, source="f", by="zhang")
    first = store.propose("payees", [], whole=True, source="f", by="zhang")
    store.apply("payees", first.number, by="li")
    assert "payees" in store.view().tables
    with pytest.raises(FengsuiError, match="nothing to change"):
        store.propose("payees", [], whole=True, source="f", by="zhang")
    store.verify("payees")
