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
from typing import Final, NamedTuple

from district.calendar import SECOND_US, ZONE
from district.payment.records import CallBack, Notice, Order, Status, Via
from district.payment.store import Store

__all__ = ["Answer", "Platform", "clock"]

ALREADY_TOLD: Final = "duplicate"
_PAID: Final = ("3", "4", "6")


class Answer(NamedTuple):
    """What a request is answered, and the number of what it made."""

    code: str
    number: str = ""

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return self.code == "0"


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
    ) -> None:
        self._store, self._write, self._verify = store, write, verify
        self._region = region
        self._numbers = 0

    def issue(self, now: int, via: Via, *, dept: str, due_fen: int, payer: str) -> Answer:
        """A department asks somebody for money."""
        moment = clock(now)
        body = f"{self._region}{moment:%y}{self._next():011d}"
        no = body + str(sum(int(digit) * (2 - at % 2) for at, digit in enumerate(body)) % 10)
        self._store.save(Notice(no=no, dept=dept, due_fen=due_fen))
        self._log(
            now, "NOTICE_ISSUE", "0", via, notice=no, dept=dept, due=_yuan(due_fen), payer_id=payer
        )
        return Answer("0", no)

    def query(self, now: int, via: Via, *, notice: str) -> Answer:
        """Somebody looks a notice up."""
        found = self._store.notice(notice)
        if found is None or found.state == "void":
            self._log(now, "NOTICE_QUERY", "40401", via, notice=notice, msg="notice not found")
            return Answer("40401")
        due = _yuan(found.due_fen)
        self._log(now, "NOTICE_QUERY", "0", via, notice=notice, dept=found.dept, due=due)
        return Answer("0", notice)

    def create(
        self,
        now: int,
        via: Via,
        *,
        notice: str,
        amount_fen: int,
        channel: str,
        return_host: str,
        old_interface: bool = False,
        other_node: bool = False,
    ) -> Answer:
        """Somebody wants to pay a notice.

        Version 1 of the interface, which old devices use, takes the amount it is given
        (``old_interface``); a node that read the notice before another one wrote it sees no other
        order (``other_node``).
        """
        found = self._store.notice(notice)
        told = {"notice": notice, "amt": _yuan(amount_fen), "ch": channel}
        refusal = ""
        if found is None or found.state == "void":
            refusal = "40401"
        elif found.state == "paid" and not other_node:
            refusal = "40902"
        elif amount_fen != found.due_fen and not old_interface:
            refusal = "40001"
        if refusal or found is None:
            self._log(now, "ORDER_CREATE", refusal, via, **told, return_host=return_host)
            return Answer(refusal)
        before = self._store.order(found.order)
        if before is not None and before.status == "1" and not other_node:
            self.close(now, before.id)
        order = Order(
            id=f"ZF{clock(now):%Y%m%d}{self._next():08d}",
            notice=notice,
            dept=found.dept,
            amount_fen=amount_fen,
            channel=channel,
        )
        found.order = order.id
        self._store.save(order)
        due = _yuan(found.due_fen)
        self._log(
            now, "ORDER_CREATE", "0", via, order=order.id, **told, due=due, dept=found.dept,
            return_host=return_host, st="1",
        )  # fmt: skip
        return Answer("0", order.id)

    def result(self, now: int, via: Via, *, order: str, refusal: str = "") -> Answer:
        """What the institution answered the payer's attempt at once."""
        found = self._found(order)
        code = "0" if not refusal else "50201"
        self._log(
            now, "PAY_RESULT", code, via, order=order, notice=found.notice, dept=found.dept,
            amt=_yuan(found.amount_fen), ch=found.channel, msg=refusal,
        )  # fmt: skip
        return Answer(code, order)

    def call_back(self, now: int, told: CallBack, *, other_node: bool = False) -> Answer:
        """A payment institution tells of a payment; ``other_node`` as for :meth:`create`."""
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
        elif order.status != "1" or (self._notice(order).state == "paid" and not other_node):
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

    def receipt(self, now: int, *, order: str) -> Answer:
        """The electronic receipt of a paid order."""
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

    def close(self, now: int, order: str) -> Answer:
        """Close an order that was not paid."""
        found = self._found(order)
        if found.status != "1":
            return Answer("40905")
        self._set(found, "12")
        self._log(now, "ORDER_STATUS", "0", None, order=order, notice=found.notice, st="12")
        return Answer("0", order)

    def refund(
        self, now: int, via: Via, *, order: str, amount_fen: int, to_account: str = ""
    ) -> Answer:
        """An operator gives a part or all back, to the payer unless an account is named."""
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
            now, "REFUND", "0", via, order=order, notice=found.notice, dept=found.dept,
            trans=found.transaction, refund=number, amt=_yuan(amount_fen), ch=found.channel,
            payee_acct=to_account or found.payer_account, st=found.status,
        )  # fmt: skip
        return Answer("0", number)

    def set_status(self, now: int, via: Via, *, order: str, status: Status) -> Answer:
        """An operator corrects an order by hand."""
        found = self._found(order)
        if status == "3":
            found.paid_at = now
            self._notice(found).state = "paid"
        self._set(found, status)
        self._log(
            now, "ORDER_STATUS", "0", via, order=order, notice=found.notice, dept=found.dept,
            amt=_yuan(found.amount_fen), ch=found.channel, st=status,
            acct_date=clock(now).date().isoformat() if status == "3" else "",
        )  # fmt: skip
        return Answer("0", order)

    def change_payee(self, now: int, via: Via, *, dept: str, account: str) -> Answer:
        """An operator enters the account a department's money goes to."""
        self._log(now, "PAYEE_CHANGE", "0", via, dept=dept, payee_acct=account)
        return Answer("0")

    def void(self, notice: str) -> None:
        """A department takes a notice back; without a line, as its own system does it."""
        found = self._store.notice(notice)
        if found is not None and found.state == "open":
            found.state = "void"

    def _pay(self, now: int, order: Order, told: CallBack) -> None:
        order.transaction, order.payer_account = told.transaction, told.payer_account
        order.paid_at = now
        self._notice(order).state = "paid"
        self._set(order, "3")

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
        self._numbers += 1
        return self._numbers

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
