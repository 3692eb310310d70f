"""The district's payment platform: what it accepts, refuses and writes down."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from district.calendar import DAY_US, HOUR_US, MINUTE_US
from district.payment.departments import departments
from district.payment.institutions import Institutions, Transaction, verify
from district.payment.platform import Platform
from district.payment.records import CallBack, Via
from district.payment.requests import (
    Answer,
    CloseOrder,
    CreateOrder,
    IssueNotice,
    IssueReceipt,
    QueryNotice,
    RefundOrder,
    Request,
    TellPayment,
    VoidNotice,
)
from district.payment.store import MemoryStore
from district.town import Town

NOON = 1_790_000_000_000_000 // DAY_US * DAY_US + 4 * HOUR_US
"""Noon in Beijing."""
HOME = Via(address="198.18.0.3", app="pay-mini-program", user="c000001")
DESK = Via(address="10.20.2.21", user="li.wei", unit="110099002")


class World:
    """A platform with its institutions, and the lines it wrote."""

    def __init__(self) -> None:
        self.lines: list[dict[str, object]] = []
        self.departments = departments(Town(1))
        self.institutions = Institutions(self.departments)
        self.store = MemoryStore()
        self.platform = Platform(
            self.store, lambda _, line: self.lines.append(json.loads(line)), verify, "110099"
        )

    def ask(self, request: Request) -> Answer:
        return self.platform.handle(request, NOON + MINUTE_US)

    def notice(self, due_fen: int = 12_000) -> str:
        server = self.departments["102"].server()
        asked = IssueNotice(via=server, dept="102", due_fen=due_fen, payer="x")
        return self.platform.handle(asked, NOON).number

    def order(self, notice: str, amount_fen: int = 12_000, **more: bool) -> Answer:
        asked = CreateOrder(
            via=HOME,
            notice=notice,
            amount_fen=amount_fen,
            channel="wechat",
            return_host="pay.shili.example",
            **more,
        )
        return self.platform.handle(asked, NOON)

    def collect(self, order: str) -> Transaction:
        found = self.store.order(order)
        assert found is not None
        account = self.departments["102"].accounts[0]
        self.institutions.collect(NOON + MINUTE_US, found, account=account, payer="oQ1")
        made = self.institutions.transaction(order)
        assert made is not None
        return made

    def paid(self) -> tuple[str, CallBack]:
        order = self.order(self.notice()).number
        told = self.institutions.tell(self.collect(order))
        assert self.ask(TellPayment(told=told)).ok
        return order, told

    def status(self, order: str) -> str:
        found = self.store.order(order)
        assert found is not None
        return found.status


@pytest.fixture
def world() -> World:
    return World()


def test_a_notice_is_found_by_its_number_and_an_unknown_one_is_not(world: World) -> None:
    notice = world.notice()
    assert len(notice) == 20
    assert world.ask(QueryNotice(via=HOME, notice=notice)).ok
    assert world.ask(QueryNotice(via=HOME, notice="11009926000000000000")).code == "40401"
    world.ask(VoidNotice(via=DESK, notice=notice))
    assert world.ask(QueryNotice(via=HOME, notice=notice)).code == "40401"


def test_an_order_must_be_for_what_is_due_except_by_the_old_interface(world: World) -> None:
    notice = world.notice()
    assert world.order(notice, 1).code == "40001"
    tampered = world.order(notice, 1, old_interface=True)
    assert tampered.ok
    assert (world.lines[-1]["amt"], world.lines[-1]["due"]) == ("0.01", "120.00")


def test_a_signed_call_back_pays_the_order_and_a_receipt_follows(world: World) -> None:
    order, _ = world.paid()
    assert world.status(order) == "3"
    assert world.ask(IssueReceipt(order=order)).ok
    assert world.status(order) == "4"
    assert [line["op"] for line in world.lines] == [
        "NOTICE_ISSUE", "ORDER_CREATE", "PAY_CALLBACK", "RECEIPT_ISSUE",
    ]  # fmt: skip


def test_a_repeated_call_back_is_answered_the_same_and_changes_nothing(world: World) -> None:
    order, told = world.paid()
    world.ask(IssueReceipt(order=order))
    assert world.ask(TellPayment(told=told)).ok
    assert world.status(order) == "4"
    assert world.lines[-1]["msg"] == "duplicate"


def test_a_call_back_without_a_right_signature_changes_nothing(world: World) -> None:
    order = world.order(world.notice()).number
    told = world.institutions.tell(world.collect(order))
    for wrong in (replace(told, amount_fen=1), replace(told, signature="0" * 64)):
        assert world.ask(TellPayment(told=wrong)).code == "40101"
        assert world.lines[-1]["sign_ok"] is False
    assert world.status(order) == "1"


def test_a_call_back_of_no_order_or_of_a_used_transaction_is_refused(world: World) -> None:
    _, told = world.paid()
    other = world.order(world.notice()).number
    assert world.ask(TellPayment(told=replace(told, order="ZF0"))).code == "40402"
    assert world.ask(TellPayment(told=replace(told, order=other))).code == "40903"
    assert world.status(other) == "1"


def test_a_second_order_closes_the_first_and_its_money_is_refused(world: World) -> None:
    notice = world.notice()
    first = world.order(notice).number
    told = world.institutions.tell(world.collect(first))
    second = world.order(notice).number
    assert world.status(first) == "12"
    assert world.ask(TellPayment(told=told)).code == "40904"
    assert world.status(second) == "1"


def test_two_nodes_that_do_not_see_each_other_take_the_money_twice(world: World) -> None:
    notice = world.notice()
    orders = [world.order(notice).number, world.order(notice, other_node=True).number]
    for order in orders:
        told = world.institutions.tell(world.collect(order))
        assert world.ask(TellPayment(told=told, other_node=True)).ok
    assert [world.status(order) for order in orders] == ["3", "3"]


def test_a_paid_notice_takes_no_further_order(world: World) -> None:
    order, _ = world.paid()
    found = world.store.order(order)
    assert found is not None
    assert world.order(found.notice).code == "40902"


def test_a_part_given_back_leaves_the_order_paid_and_the_rest_ends_it(world: World) -> None:
    order, _ = world.paid()
    assert world.ask(RefundOrder(via=DESK, order=order, amount_fen=5_000)).ok
    assert world.status(order) == "3"
    assert world.lines[-1]["payee_acct"] == "oQ1"
    assert world.ask(RefundOrder(via=DESK, order=order, amount_fen=7_001)).code == "40906"
    assert world.ask(RefundOrder(via=DESK, order=order, amount_fen=7_000)).ok
    assert world.status(order) == "6"


def test_nothing_is_given_back_of_what_was_not_paid(world: World) -> None:
    order = world.order(world.notice()).number
    assert world.ask(RefundOrder(via=DESK, order=order, amount_fen=1)).code == "40906"
    assert world.ask(IssueReceipt(order=order)).code == "40905"
    assert world.ask(CloseOrder(order=order)).ok
    assert world.ask(CloseOrder(order=order)).code == "40905"
