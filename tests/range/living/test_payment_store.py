"""The store of the payment platform: the same promises in memory and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from district.payment.records import Notice, Order
from district.payment.store import MemoryStore, Store

if TYPE_CHECKING:
    from living.payment.postgres import PostgresStore

NOTICE = Notice(no="11009926000000000017", dept="102", due_fen=12_000)
AT = 1_790_000_000_000_000
OPEN = Order(id="ZF1", notice=NOTICE.no, dept="102", amount_fen=12_000, channel="wechat")
PAID = replace(
    OPEN, id="ZF2", status="3", transaction="4200002X", payer_account="o'Q\\1", paid_at=AT
)


@pytest.fixture
def in_postgres(fresh_database: Callable[[], object]) -> Callable[[], PostgresStore]:
    """Makes empty stores in databases of their own."""
    from living.payment.postgres import PostgresStore

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
        for record in (NOTICE, OPEN, PAID):
            store.save(record)
        assert store.notice(NOTICE.no) == NOTICE
        assert store.order("ZF1") == OPEN
        assert store.order("ZF2") == PAID
        assert store.order_of("4200002X") == PAID

    def test_what_was_never_saved_is_not_there(self, store: Store) -> None:
        store.save(NOTICE)
        store.save(OPEN)
        assert store.notice("1") is None
        assert store.order("ZF9") is None
        assert store.order_of("4200002X") is None
        assert store.order_of("") is None
        assert store.paid("102", 0) == []

    def test_a_record_that_is_saved_again_is_changed(self, store: Store) -> None:
        store.save(NOTICE)
        store.save(OPEN)
        notice = store.notice(NOTICE.no)
        order = store.order("ZF1")
        assert notice is not None
        assert order is not None
        notice = replace(notice, state="paid", order="ZF1")
        order = replace(
            order, status="6", transaction="T", paid_at=AT, refunded_fen=12_000,
            refunds=["TK1", "TK2"],
        )  # fmt: skip
        store.save(notice)
        store.save(order)
        assert store.notice(NOTICE.no) == notice
        assert store.order("ZF1") == order
        assert store.order_of("T") == order

    def test_paid_orders_of_a_department_come_newest_first_and_not_from_before(
        self, store: Store
    ) -> None:
        store.save(NOTICE)
        for place in range(4):
            order = replace(PAID, id=f"ZF{place}", transaction=f"T{place}", paid_at=AT + place)
            store.save(replace(order, dept="104") if place == 2 else order)
        store.save(replace(OPEN, id="ZF8"))
        assert [one.id for one in store.paid("102", AT + 1)] == ["ZF3", "ZF1"]
        assert [one.id for one in store.paid("104", 0)] == ["ZF2"]


@pytest.mark.service
def test_a_database_takes_over_all_that_memory_held(
    in_postgres: Callable[[], PostgresStore],
) -> None:
    memory = MemoryStore()
    for record in (NOTICE, OPEN, PAID, replace(PAID, id="ZF3", transaction="T\t3", paid_at=AT + 1)):
        memory.save(record)
    database = in_postgres()
    assert database.load(memory.records()) == 4
    assert database.notice(NOTICE.no) == NOTICE
    assert database.order("ZF1") == OPEN
    assert database.paid("102", 0) == memory.paid("102", 0)


@pytest.mark.service
def test_a_request_that_fails_leaves_nothing_behind(
    in_postgres: Callable[[], PostgresStore],
) -> None:
    database = in_postgres()

    def failing() -> None:
        with database.transaction():
            database.save(NOTICE)
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert database.notice(NOTICE.no) is None
