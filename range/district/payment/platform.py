"""Platform: the district's payment service, its rules, and the business log it writes.

A notice says what is owed; an order pays it; the payment institution tells the outcome by a signed
call-back, which is answered the same however often it is repeated; a receipt follows. A refund is
a record of its own: a part given back leaves the order as it is. Requests and their times are
passed in; what the platform keeps stands behind :class:`~district.payment.store.Store`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import Final, assert_never

from district.calendar import SECOND_US, ZONE
from district.payment.records import CallBack, Notice, Order, Status, Via
from district.payment.requests import (
    Answer,
    ChangePayee,
    CloseOrder,
    CreateOrder,
    EnterNotice,
    IssueNotice,
    IssueReceipt,
    PayResult,
    QueryNotice,
    RefundOrder,
    Request,
    SetStatus,
    TellPayment,
    VoidNotice,
)
from district.payment.store import Store

__all__ = ["Platform", "clock"]

ALREADY_TOLD: Final = "duplicate"
_PAID: Final = ("3", "4", "6")


def clock(now: int) -> dt.datetime:
    """The moment by the clock of China."""
    return dt.datetime.fromtimestamp(now // SECOND_US, ZONE).replace(microsecond=now % SECOND_US)


class Platform:
    """The service. ``verify`` checks an institution's signature."""

    def __init__(
        self,
        store: Store,
        write: Callable[[int, str], None],
        verify: Callable[[CallBack], bool],
        region: str,
        numbers: int = 0,
    ) -> None:
        self._store, self._write, self._verify = store, write, verify
        self._region = region
        self.numbers = numbers
        """Given out so far."""

    def handle(self, request: Request, now: int) -> Answer:
        """Answer a request that comes at a time, and write what was done."""
        match request:
            case IssueNotice():
                return self._issue(now, request)
            case EnterNotice():
                return self._enter(request)
            case VoidNotice():
                return self._void(request)
            case QueryNotice():
                return self._query(now, request)
            case CreateOrder():
                return self._create(now, request)
            case PayResult():
                return self._result(now, request)
            case TellPayment():
                return self._told(now, request)
            case IssueReceipt():
                return self._receipt(now, request)
            case CloseOrder():
                return self._close(now, request.order)
            case RefundOrder():
                return self._refund(now, request)
            case SetStatus():
                return self._correct(now, request)
            case ChangePayee():
                return self._change_payee(now, request)
        assert_never(request)

    def _issue(self, now: int, asked: IssueNotice) -> Answer:
        moment = clock(now)
        body = f"{self._region}{moment:%y}{self._next():011d}"
        no = body + str(sum(int(digit) * (2 - at % 2) for at, digit in enumerate(body)) % 10)
        self._store.save(Notice(no=no, dept=asked.dept, due_fen=asked.due_fen))
        self._log(
            now, "NOTICE_ISSUE", "0", asked.via, notice=no, dept=asked.dept,
            due=_yuan(asked.due_fen), payer_id=asked.payer,
        )  # fmt: skip
        return Answer("0", no)

    def _query(self, now: int, asked: QueryNotice) -> Answer:
        notice, via = asked.notice, asked.via
        found = self._store.notice(notice)
        if found is None or found.state == "void":
            self._log(now, "NOTICE_QUERY", "40401", via, notice=notice, msg="notice not found")
            return Answer("40401")
        due = _yuan(found.due_fen)
        self._log(now, "NOTICE_QUERY", "0", via, notice=notice, dept=found.dept, due=due)
        return Answer("0", notice)

    def _create(self, now: int, asked: CreateOrder) -> Answer:
        notice, via, channel = asked.notice, asked.via, asked.channel
        amount_fen, return_host = asked.amount_fen, asked.return_host
        found = self._store.notice(notice)
        told = {"notice": notice, "amt": _yuan(amount_fen), "ch": channel}
        refusal = ""
        if found is None or found.state == "void":
            refusal = "40401"
        elif found.state == "paid" and not asked.other_node:
            refusal = "40902"
        elif amount_fen != found.due_fen and not asked.old_interface:
            refusal = "40001"
        if refusal or found is None:
            self._log(now, "ORDER_CREATE", refusal, via, **told, return_host=return_host)
            return Answer(refusal)
        before = self._store.order(found.order)
        if before is not None and before.status == "1" and not asked.other_node:
            self._close(now, before.id)
        order = Order(
            id=f"ZF{clock(now):%Y%m%d}{self._next():08d}",
            notice=notice,
            dept=found.dept,
            amount_fen=amount_fen,
            channel=channel,
        )
        found.order = order.id
        self._store.save(found)
        self._store.save(order)
        due = _yuan(found.due_fen)
        self._log(
            now, "ORDER_CREATE", "0", via, order=order.id, **told, due=due, dept=found.dept,
            return_host=return_host, st="1",
        )  # fmt: skip
        return Answer("0", order.id)

    def _result(self, now: int, asked: PayResult) -> Answer:
        order, refusal = asked.order, asked.refusal
        found = self._found(order)
        code = "0" if not refusal else "50201"
        self._log(
            now, "PAY_RESULT", code, asked.via, order=order, notice=found.notice, dept=found.dept,
            amt=_yuan(found.amount_fen), ch=found.channel, msg=refusal,
        )  # fmt: skip
        return Answer(code, order)

    def _told(self, now: int, asked: TellPayment) -> Answer:
        told = asked.told
        signed = self._verify(told)
        order = self._store.order(told.order)
        before = self._store.order_of(told.transaction)
        message = ""
        if not signed:
            code, message = "40101", "bad signature"
        elif order is None:
            code, message = "40402", "order not found"
        elif before is not None and before.id != told.order:
            code, message = "40903", "transaction used"
        elif order.transaction == told.transaction:
            code, message = "0", ALREADY_TOLD
        elif order.status != "1" or (self._notice(order).state == "paid" and not asked.other_node):
            code, message = "40904", "order closed"
        else:
            code = "0"
            self._pay(now, order, told)
        self._log(
            now, "PAY_CALLBACK", code, Via(address=told.address), order=told.order,
            notice=order.notice if order else "", dept=order.dept if order else "",
            trans=told.transaction, amt=_yuan(told.amount_fen), ch=told.channel, bank=told.bank,
            payee_acct=told.payee_account, payer_acct=told.payer_account, sign_ok=signed,
            acct_date=told.business_date, st=order.status if order and code == "0" else "",
            msg=message,
        )  # fmt: skip
        return Answer(code, told.order)

    def _receipt(self, now: int, asked: IssueReceipt) -> Answer:
        order = asked.order
        found = self._found(order)
        if found.status != "3":
            return Answer("40905")
        self._set(found, "4")
        number = f"PJ{self._next():010d}"
        self._log(
            now, "RECEIPT_ISSUE", "0", None, order=order, notice=found.notice, dept=found.dept,
            receipt=number, amt=_yuan(found.amount_fen), st="4",
        )  # fmt: skip
        return Answer("0", number)

    def _close(self, now: int, order: str) -> Answer:
        found = self._found(order)
        if found.status != "1":
            return Answer("40905")
        self._set(found, "12")
        self._log(now, "ORDER_STATUS", "0", None, order=order, notice=found.notice, st="12")
        return Answer("0", order)

    def _refund(self, now: int, asked: RefundOrder) -> Answer:
        order, amount_fen = asked.order, asked.amount_fen
        found = self._found(order)
        if found.status not in _PAID or amount_fen > found.amount_fen - found.refunded_fen:
            return Answer("40906")
        number = f"TK{clock(now):%Y%m%d}{self._next():08d}"
        found.refunded_fen += amount_fen
        found.refunds.append(number)
        # The state of a paid order changes only once nothing of it is left.
        if found.refunded_fen == found.amount_fen:
            found.status = "6"
        self._store.save(found)
        self._log(
            now, "REFUND", "0", asked.via, order=order, notice=found.notice, dept=found.dept,
            trans=found.transaction, refund=number, amt=_yuan(amount_fen), ch=found.channel,
            payee_acct=asked.to_account or found.payer_account, st=found.status,
        )  # fmt: skip
        return Answer("0", number)

    def _correct(self, now: int, asked: SetStatus) -> Answer:
        order, status = asked.order, asked.status
        found = self._found(order)
        if status == "3":
            found.paid_at = now
            self._mark_paid(found)
        self._set(found, status)
        self._log(
            now, "ORDER_STATUS", "0", asked.via, order=order, notice=found.notice, dept=found.dept,
            amt=_yuan(found.amount_fen), ch=found.channel, st=status,
            acct_date=clock(now).date().isoformat() if status == "3" else "",
        )  # fmt: skip
        return Answer("0", order)

    def _change_payee(self, now: int, asked: ChangePayee) -> Answer:
        self._log(
            now, "PAYEE_CHANGE", "0", asked.via, dept=asked.dept, payee_acct=asked.account
        )  # fmt: skip
        return Answer("0")

    def _enter(self, asked: EnterNotice) -> Answer:
        """Without a line: the order that follows at once has one."""
        if self._store.notice(asked.notice) is not None:
            return Answer("40901")
        self._store.save(Notice(no=asked.notice, dept=asked.dept, due_fen=asked.due_fen))
        return Answer("0", asked.notice)

    def _void(self, asked: VoidNotice) -> Answer:
        """Without a line: the department's own system does it in the database both share."""
        found = self._store.notice(asked.notice)
        if found is None or found.state != "open":
            return Answer("40401")
        found.state = "void"
        self._store.save(found)
        return Answer("0")

    def _pay(self, now: int, order: Order, told: CallBack) -> None:
        order.transaction, order.payer_account = told.transaction, told.payer_account
        order.paid_at = now
        self._mark_paid(order)
        self._set(order, "3")

    def _mark_paid(self, order: Order) -> None:
        notice = self._notice(order)
        notice.state = "paid"
        self._store.save(notice)

    def _set(self, order: Order, status: Status) -> None:
        order.status = status
        self._store.save(order)

    def _found(self, order: str) -> Order:
        found = self._store.order(order)
        assert found is not None, order
        return found

    def _notice(self, order: Order) -> Notice:
        found = self._store.notice(order.notice)
        assert found is not None, order.notice
        return found

    def _next(self) -> int:
        self.numbers += 1
        return self.numbers

    def _log(self, now: int, op: str, code: str, via: Via | None, **told: str | bool) -> None:
        moment = clock(now)
        head: dict[str, str | bool] = {
            "time": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+08:00",
            "level": "INFO" if code == "0" else "WARN",
            "op": op,
            "req": f"{self._next():012x}",
        }
        who = _who(via) if via else {}
        rest = {name: value for name, value in told.items() if value != ""}
        body = {**head, **who, **rest, "ret": code}
        self._write(now, json.dumps(body, ensure_ascii=False, separators=(",", ":")))


def _who(via: Via) -> Mapping[str, str]:
    found = {
        "ip": via.address,
        "ua": via.agent,
        "app": via.app,
        "key": via.key,
        "uid": via.user,
        "unit": via.unit,
        "dev": via.device,
    }
    return {name: value for name, value in found.items() if value}


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
