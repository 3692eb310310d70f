"""The store of the e-certificate platform: the same promises in memory and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from district.certificates.records import Case, Certificate, Consent, UseCode
from district.certificates.store import MemoryStore, Store
from living.certificates.postgres import PostgresStore

CARD = Certificate(
    licence="1.2.156.3005.2.E0101.11009900000001", item="E0101", holder="110099195501010017",
    issuer="110099001", version=1, state="VALID", file_sm3="ab" * 32, size=120_000,
)  # fmt: skip
CASE = Case(
    no="C20260622000001", matter="M0101", unit="110099001", operator="wei.wang",
    parties=("110099195501010017",), opened_at=1_790_000_000_000_000,
)  # fmt: skip
CODE = UseCode(code="0901020000012345", licence=CARD.licence, made_at=1_790_000_000_000_000)
CONSENT = Consent(id="SQ20260622000002", holder=CARD.holder, app="app-data-2")


@pytest.fixture
def in_postgres(fresh_database: Callable[[], object]) -> Callable[[], PostgresStore]:
    """Makes empty stores in databases of their own."""
    return lambda: PostgresStore(fresh_database())


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.service)])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return MemoryStore()
    made: Store = request.getfixturevalue("in_postgres")()
    return made


class TestStore:
    """The contract."""

    def test_a_record_comes_back_as_it_was_saved(self, store: Store) -> None:
        for record in (CARD, CASE, CODE, CONSENT):
            store.save(record)
        assert store.certificate(CARD.licence) == CARD
        assert store.held(CARD.holder, CARD.item) == CARD
        assert store.find(Case, CASE.no) == CASE
        assert store.find(UseCode, CODE.code) == CODE
        assert store.find(Consent, CONSENT.id) == CONSENT

    def test_what_was_never_saved_is_not_there(self, store: Store) -> None:
        store.save(CARD)
        assert store.certificate("1.2") is None
        assert store.held(CARD.holder, "E0102") is None
        assert store.find(Case, CODE.code) is None
        assert store.cases_of("wei.wang") == []

    def test_a_record_saved_again_replaces_the_old_one(self, store: Store) -> None:
        anew = replace(CARD, version=2, state="ANNULLED", file_sm3="cd" * 32)
        joined = replace(CASE, parties=(*CASE.parties, "11009919900101001X"), closed_at=7)
        for record in (CARD, CASE, anew, joined, CODE, replace(CODE, used_at=9)):
            store.save(record)
        assert store.certificate(CARD.licence) == store.held(CARD.holder, CARD.item) == anew
        assert store.cases_of("wei.wang") == [joined]
        assert store.find(UseCode, CODE.code) == replace(CODE, used_at=9)

    def test_a_clerks_cases_stand_in_the_order_they_were_opened(self, store: Store) -> None:
        numbers = ["C3", "C1", "C2"]
        for no in numbers:
            store.save(replace(CASE, no=no))
        store.save(replace(CASE, no="C9", operator="na.li"))
        store.save(replace(CASE, no="C3", closed_at=5))
        assert [case.no for case in store.cases_of("wei.wang")] == numbers

    def test_running_numbers_begin_with_one_and_never_come_twice(self, store: Store) -> None:
        assert [store.next_number() for _ in range(3)] == [1, 2, 3]


@pytest.mark.service
def test_a_database_takes_over_all_that_was_in_memory(
    in_postgres: Callable[[], PostgresStore],
) -> None:
    before, after = MemoryStore(), in_postgres()
    for no in ("C3", "C1"):
        before.save(replace(CASE, no=no, parties=("11009919900101001X", CARD.holder)))
    for record in (CARD, CODE, CONSENT):
        before.save(record)
    before.next_number()
    before.next_number()
    assert after.take_over(before.records(), numbers=before.numbers) == 5
    assert after.cases_of("wei.wang") == before.cases_of("wei.wang")
    assert after.held(CARD.holder, CARD.item) == CARD
    assert after.find(UseCode, CODE.code) == CODE
    assert after.find(Consent, CONSENT.id) == CONSENT
    assert after.next_number() == before.next_number() == 3


@pytest.mark.service
def test_a_transaction_that_fails_leaves_nothing(in_postgres: Callable[[], PostgresStore]) -> None:
    store = in_postgres()

    def half() -> None:
        with store.transaction():
            store.save(CARD)
            raise LookupError

    with pytest.raises(LookupError):
        half()
    assert store.certificate(CARD.licence) is None
    with store.transaction():
        store.save(CARD)
    assert store.certificate(CARD.licence) == CARD
