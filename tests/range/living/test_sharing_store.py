"""What the exchange may ask of its store, whichever it is: the one in memory and PostgreSQL."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from district.calendar import SECOND_US
from district.sharing.catalogue import ITEMS
from district.sharing.exchange import DOMAIN, Exchange, Request
from district.sharing.parties import Parties
from district.sharing.store import SEEN_US, InMemory, Store
from district.town import Town

from crypto.sm2 import PublicKey

if TYPE_CHECKING:
    from living.sharing.store import Postgres

TOWN = Town(1)
PARTIES = Parties(TOWN)
CALLER = PARTIES.narrow[0]
NOW = 1_794_900_000 * SECOND_US
BEFORE = "aa" * 32
"""Came a minute before the store was handed over."""


def key_of(requester: str) -> PublicKey:
    return PARTIES.by_name[requester].key.public


def filled() -> InMemory:
    memory = InMemory()
    PARTIES.fill(memory, TOWN)
    assert memory.first_time(BEFORE, NOW - 60 * SECOND_US)
    return memory


@contextlib.contextmanager
def postgres(port: int) -> Iterator[Postgres]:
    """The same in a fresh database."""
    import pg8000.dbapi
    from living.sharing.store import Postgres

    def connect(database: str) -> pg8000.dbapi.Connection:
        return pg8000.dbapi.connect(user="postgres", host="127.0.0.1", port=port, database=database)

    with contextlib.closing(connect("postgres")) as admin:
        admin.autocommit = True
        admin.cursor().execute("drop database if exists sharing_contract")
        admin.cursor().execute("create database sharing_contract")
    with contextlib.closing(connect("sharing_contract")) as connection:
        store = Postgres(connection)
        store.take_over(filled(), key_of)
        yield store


@pytest.fixture(params=["memory", pytest.param("postgresql", marks=pytest.mark.service)])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield filled()
        return
    with postgres(request.getfixturevalue("postgres_port")) as made:
        yield made


def test_an_application_is_known_with_its_key_or_not_at_all(store: Store) -> None:
    found = store.application(CALLER.requester)
    assert found is not None
    assert (found.requester, found.unit) == (CALLER.requester, CALLER.unit.code)
    assert (found.key_id, found.system) == (CALLER.key_id, CALLER.system)
    assert found.key == CALLER.key.public
    assert store.application("rid-nobody-1") is None
    assert store.application("rid' or '1'='1") is None


def test_a_grant_is_found_with_its_fields_in_their_order(store: Store) -> None:
    item = CALLER.items[0]
    found = store.granted(CALLER.requester, item.service)
    assert found is not None
    assert found.fields == item.approved
    assert found.grant.startswith("G-")
    other = next(one for one in ITEMS if one not in (*CALLER.items, PARTIES.ended(CALLER)))
    assert store.granted(CALLER.requester, other.service) is None


def test_a_request_is_new_once_until_it_is_forgotten(store: Store) -> None:
    digest = "bb" * 32
    assert store.first_time(digest, NOW)
    assert not store.first_time(digest, NOW)
    assert not store.first_time(digest, NOW + SEEN_US - 1)
    assert store.first_time(digest, NOW + SEEN_US)
    assert not store.first_time(digest, NOW + SEEN_US + 1)


def test_a_request_that_came_before_the_store_was_handed_over_is_remembered(store: Store) -> None:
    assert not store.first_time(BEFORE, NOW)
    assert store.first_time(BEFORE, NOW + SEEN_US)


def test_only_persons_on_file_are_known(store: Store) -> None:
    assert store.knows(TOWN.citizens[7].number)
    assert store.knows(PARTIES.decoys[0])
    assert not store.knows("110099190001010019")


def test_the_exchange_answers_alike_over_either_store(store: Store) -> None:
    text = (
        f'{{"rid":"{CALLER.requester}","sid":"{CALLER.items[0].service}",'
        f'"rtime":{NOW // 1000},"subject":"{TOWN.citizens[3].number}"}}'
    )
    request = Request(
        text=text, signature=CALLER.key.sign(text.encode(), domain=DOMAIN), address="10.30.11.11"
    )
    exchange = Exchange(store)
    codes = [
        exchange.handle(request, NOW, node="dx-1", stamp="t", trace="x").code for _ in range(2)
    ]
    assert codes == [0, 4105]


@pytest.mark.service
def test_a_transaction_that_fails_leaves_nothing_in_postgresql(postgres_port: int) -> None:
    with postgres(postgres_port) as made:

        def broken() -> None:
            with made.transaction():
                assert made.first_time("cc" * 32, NOW)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            broken()
        assert made.first_time("cc" * 32, NOW)


@pytest.mark.service
def test_what_is_forgotten_leaves_the_table_and_pages_are_in_order(postgres_port: int) -> None:
    with postgres(postgres_port) as made:
        made.forget(NOW + SEEN_US)
        assert made.first_time(BEFORE, NOW)
        numbers = made.page(0, 100)
        assert numbers == sorted(numbers)
        assert len(numbers) == 100
        assert made.page(100, 1)[0] > numbers[-1]
