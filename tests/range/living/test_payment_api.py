"""The payment platform over real HTTP: whom it lets in, what it believes, and what it keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import pytest
from district.calendar import MINUTE_US
from district.payment import requests as asked
from district.payment.departments import departments
from district.payment.institutions import Institutions, Transaction, verify
from district.payment.platform import Platform
from district.payment.records import CallBack, Via
from district.payment.store import MemoryStore
from district.town import Town
from living.payment.department_server import DepartmentServer
from living.payment.platform_api import PlatformApi
from living.payment.providers import Institution, RemoteProviders, Words
from living.payment.remote_desk import CASHIER, RemoteDesk
from living.payment.signed import SKEW_MS, Caller, Gate
from living.serving import BODY_BYTES_MAX, Service
from living.signed import NONCES_MAX
from living.web import Reply, Web

from crypto.sm2 import PrivateKey

AT = 1_790_000_000_000_000
PAYER = Via(
    address="127.0.0.7", app="pay-mini-program", user="c000001", device="dev-1", agent="okhttp/4"
)
CLERK = replace(PAYER, app="pay-counter", user="li.wei", unit="110099002")
GUEST = Via(address="127.0.0.9", device="dev-2")


class Clock:
    def __init__(self) -> None:
        self.at = AT

    def now(self) -> int:
        return self.at


class Keys:
    """Programs' keys in memory."""

    def __init__(self, *programs: str) -> None:
        self.private = {name: PrivateKey.generate() for name in programs}

    def sign(self, program: str, text: bytes, *, domain: str) -> bytes:
        return self.private[program].sign(text, domain=domain)


class Database(MemoryStore):
    """In memory; what goes wrong half-way is tried on PostgreSQL."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        yield


class Altered:
    """Somebody on the way who changes headers or asks everything twice."""

    def __init__(self, web: Web) -> None:
        self.web = web
        self.changes: dict[str, str] = {}
        self.repeats = False

    def request(
        self,
        method: str,
        url: str,
        *,
        source: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Reply:
        sent = {**(headers or {}), **self.changes}
        # The town's own addresses exist in its namespace alone.
        here = source if source.startswith("127.") else "127.0.0.2"
        reply = self.web.request(method, url, source=here, headers=sent, body=body)
        if self.repeats:
            reply = self.web.request(method, url, source=here, headers=sent, body=body)
        return reply


class World:
    """All services on loopback."""

    def __init__(self) -> None:
        self.lines: list[dict[str, object]] = []
        self.told: list[dict[str, object]] = []
        self.clock, self.store, self.web = Clock(), Database(), Web()
        self.on_the_way = Altered(self.web)
        programs = ("pay-mini-program", "pay-counter", CASHIER.app, "k-mch-102", "stranger")
        self.keys = Keys(*programs)
        known = {
            ("mch-102" if name.startswith("k-") else name, name if name.startswith("k-") else ""):
            private.public
            for name, private in self.keys.private.items() if name != "stranger"
        }  # fmt: skip
        platform = Platform(
            self.store, lambda _, line: self.lines.append(json.loads(line)), verify, "110099"
        )
        gate = Gate(known, self.clock)
        self.nodes = [
            Service(
                "127.0.0.1", 0,
                PlatformApi(platform, self.store, gate, self.clock, other_node=late).handle,
            ).start()
            for late in (False, True)
        ]  # fmt: skip
        self.caller = Caller(self.on_the_way, self.keys, self.clock)
        self.desk = RemoteDesk(
            self.caller, base=self.nodes[0].base, other_base=self.nodes[1].base
        )  # fmt: skip
        self.departments = departments(Town(1))
        self.books = Institutions(self.departments)

    def ask(self, request: asked.Request) -> asked.Answer:
        return self.desk.handle(request, 0)

    def notice(self, due_fen: int = 12_000) -> str:
        via = replace(self.departments["102"].server(), address="127.0.0.5")
        issued = asked.IssueNotice(via=via, dept="102", due_fen=due_fen, payer="x")
        return self.ask(issued).number

    def order(self, notice: str, **more: bool) -> str:
        return self.ask(
            asked.CreateOrder(
                via=PAYER, notice=notice, amount_fen=12_000, channel="wechat",
                return_host="pay.shili.example", **more,
            )
        ).number  # fmt: skip

    def collected(self, order: str) -> Transaction:
        found = self.store.order(order)
        assert found is not None
        account = self.departments["102"].accounts[0]
        self.books.collect(AT + MINUTE_US, found, account=account, payer="oQ1")
        made = self.books.transaction(order)
        assert made is not None
        return made

    def call_back(self, order: str) -> CallBack:
        return replace(self.books.tell(self.collected(order)), address="127.0.0.11")


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.web.close()
    for node in made.nodes:
        node.stop()


def test_a_payment_goes_from_notice_to_receipt_over_the_wire(world: World) -> None:
    notice = world.notice()
    assert world.ask(asked.QueryNotice(via=PAYER, notice=notice)).ok
    order = world.order(notice)
    assert world.ask(asked.PayResult(via=PAYER, order=order)).ok
    assert world.ask(asked.TellPayment(told=world.call_back(order))).ok
    assert world.ask(asked.IssueReceipt(order=order)).ok
    assert [(line["op"], line["ret"]) for line in world.lines] == [
        ("NOTICE_ISSUE", "0"), ("NOTICE_QUERY", "0"), ("ORDER_CREATE", "0"), ("PAY_RESULT", "0"),
        ("PAY_CALLBACK", "0"), ("RECEIPT_ISSUE", "0"),
    ]  # fmt: skip
    assert world.desk.order(order) == world.store.order(order)
    assert [one.id for one in world.desk.paid("102", AT)] == [order]


def test_the_log_holds_who_asks_and_the_address_of_the_connection(world: World) -> None:
    world.ask(asked.QueryNotice(via=PAYER, notice=world.notice()))
    issued, looked = world.lines
    assert (issued["ip"], issued["app"], issued["key"]) == ("127.0.0.5", "mch-102", "k-mch-102")
    told = {"ip": "127.0.0.7", "ua": "okhttp/4", "app": PAYER.app, "uid": "c000001", "dev": "dev-1"}
    assert {name: looked[name] for name in told} == told


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-user", "c000002"),
        ("x-app", "stranger"),
        ("x-app", "pay-counter"),
        ("x-nonce", "another"),
        ("x-timestamp", str(AT // 1000 + 1)),
        ("x-signature", "AAAA"),
        ("x-signature", "no base64"),
        ("x-device", "d" * 300),
    ],
)
def test_a_request_that_was_changed_on_its_way_is_refused_before_anything_is_done(
    world: World, name: str, value: str
) -> None:
    notice = world.notice()
    world.on_the_way.changes = {name: value}
    with pytest.raises(RuntimeError, match="401"):
        world.order(notice)
    assert len(world.lines) == 1


def test_a_signed_request_counts_once_and_in_its_own_minutes(world: World) -> None:
    notice = world.notice()
    world.on_the_way.repeats = True
    with pytest.raises(RuntimeError, match="401"):
        world.order(notice)
    assert [line["op"] for line in world.lines] == ["NOTICE_ISSUE", "ORDER_CREATE"]
    world.on_the_way.repeats = False
    world.on_the_way.changes = {"x-timestamp": str(AT // 1000 - SKEW_MS - 1)}
    with pytest.raises(RuntimeError, match="401"):
        world.order(notice)
    assert NONCES_MAX > SKEW_MS // 1000


def test_a_guest_may_pay_and_nothing_else(world: World) -> None:
    entered = asked.EnterNotice(via=GUEST, notice="11009999000000000001", dept="102", due_fen=50)
    assert world.ask(entered).ok
    assert world.ask(asked.QueryNotice(via=GUEST, notice=entered.notice)).ok
    assert "uid" not in world.lines[-1]
    order = world.order(world.notice())
    for request in (
        asked.RefundOrder(via=GUEST, order=order, amount_fen=1),
        asked.SetStatus(via=GUEST, order=order, status="3"),
        asked.ChangePayee(via=GUEST, dept="102", account="1"),
        asked.IssueNotice(via=GUEST, dept="102", due_fen=1, payer="x"),
        asked.RefundOrder(via=PAYER, order=order, amount_fen=1),
    ):
        with pytest.raises(RuntimeError, match="403"):
            world.ask(request)


def test_a_clerk_gives_back_and_corrects(world: World) -> None:
    order = world.order(world.notice())
    world.ask(asked.TellPayment(told=world.call_back(order)))
    assert world.ask(asked.RefundOrder(via=CLERK, order=order, amount_fen=5_000)).ok
    assert world.ask(asked.RefundOrder(via=CLERK, order=order, amount_fen=9_000)).code == "40906"
    assert world.ask(asked.SetStatus(via=CLERK, order=order, status="1")).ok
    assert world.ask(asked.ChangePayee(via=CLERK, dept="102", account="7300")).ok
    assert world.lines[-1]["payee_acct"] == "7300"


def test_a_forged_call_back_is_refused_as_the_business_rules_say(world: World) -> None:
    order = world.order(world.notice())
    told = world.call_back(order)
    for wrong in (replace(told, amount_fen=1), replace(told, signature="0" * 64)):
        assert world.ask(asked.TellPayment(told=wrong)).code == "40101"
        assert world.lines[-1]["sign_ok"] is False
        assert world.lines[-1]["ip"] == "127.0.0.11"
    assert world.ask(asked.TellPayment(told=replace(told, order="ZF0"))).code == "40402"
    found = world.store.order(order)
    assert found is not None
    assert found.status == "1"


def test_the_second_node_does_not_see_what_the_first_one_just_wrote(world: World) -> None:
    notice = world.notice()
    world.order(notice)
    world.order(notice, other_node=True)
    assert [line["op"] for line in world.lines] == ["NOTICE_ISSUE", "ORDER_CREATE", "ORDER_CREATE"]
    world.order(notice)
    assert [line["op"] for line in world.lines[3:]] == ["ORDER_STATUS", "ORDER_CREATE"]


def test_what_is_not_understood_is_refused_without_a_line(world: World) -> None:
    base = world.nodes[0].base
    for method, target, body, status in (
        ("POST", "/v2/orders", b'{"notice": 7}', 400),
        ("POST", "/v2/orders", b"not json", 400),
        ("POST", "/v2/counter/notices", b'{"notice":"1","dept":"102","due_fen":0}', 400),
        ("POST", "/v2/orders/ZF1/attempts", b"{}", 404),
        ("GET", "/v2/orders/ZF1", b"", 403),
        ("GET", "/", b"", 403),
        ("PUT", "/v2/orders", b"{}", 404),
        ("POST", "/v2/orders", b"x" * (BODY_BYTES_MAX + 1), 413),
    ):
        try:
            reply = world.web.request(method, base + target, source="127.0.0.9", body=body)
        except (BrokenPipeError, ConnectionResetError):
            # The service hung up while the rest was still coming.
            assert status == 413
        else:
            assert (target, reply.status) == (target, status)
    assert world.lines == []


@pytest.fixture
def server(world: World) -> Iterator[DepartmentServer]:
    made = DepartmentServer(
        "102", "127.0.0.1", 0, world.clock, lambda _, line: world.told.append(json.loads(line))
    )
    yield made
    made.stop()


def test_a_department_logs_what_wechat_signed_and_refuses_what_it_did_not(
    world: World, server: DepartmentServer
) -> None:
    made = world.collected(world.order(world.notice()))
    words = Words(world.desk, world.books, world.on_the_way, {"102": server.base})
    words.to_department(made, 0, address="127.0.0.11")
    assert world.told[0]["trans_id"] == made.id
    assert world.told[0]["fee"] == 12_000
    assert "refund_order_id" not in world.told[0]
    words.to_department(made, 0, address="127.0.0.11", refund="TK1", fen=500)
    assert (world.told[1]["refund_order_id"], world.told[1]["fee"]) == ("TK1", 500)
    # The order is not signed: as with the oldest interface, another one is believed.
    words.to_department(replace(made, order="ZF9"), 0, address="127.0.0.12")
    assert world.told[2]["order_id"] == "ZF9"
    forged = json.dumps({**_notice_of(made), "sign": "0" * 64}).encode()
    target = f"{server.base}/pay/notice"
    assert world.web.request("POST", target, source="127.0.0.12", body=forged).status == 401
    assert world.web.request("POST", target, source="127.0.0.12", body=b"{}").status == 400
    assert len(world.told) == 3


def _notice_of(made: Transaction) -> dict[str, str | int]:
    return {
        "payment_notice_no": made.notice, "department_code": made.dept, "fee": made.fen,
        "order_id": made.order, "trans_id": made.id, "bank_account": made.account,
        "openid": made.payer, "pay_finish_time": "2026-09-21T20:00:00+08:00",
    }  # fmt: skip


def test_an_institution_takes_payers_from_the_cashier_alone(world: World) -> None:
    known = {(CASHIER.app, ""): world.keys.private[CASHIER.app].public}
    institution = Institution(
        world.books, Gate(known, world.clock), world.clock, address="127.0.0.1", port=0, files={}
    )
    try:
        providers = RemoteProviders({"wechat": institution}, world.books, world.caller)
        order = world.store.order(world.order(world.notice()))
        assert order is not None
        providers.collect(0, order, account="1", payer="oQ1", money="kept")
        providers.refund("TK1", order.id, 500)
        made = providers.transaction(order.id)
        assert made is not None
        assert (made.fen, made.money) == (12_000, "kept")
        target = f"{institution.base}/payments"
        assert world.web.request("POST", target, source="127.0.0.1", body=b"{}").status == 403
    finally:
        institution.stop()
