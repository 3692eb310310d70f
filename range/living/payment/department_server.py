"""Department server: a department's own program, which WeChat tells of its payments.

It believes what is signed; as with the oldest interface of such an institution, the order is not,
and so the words about one payment can be told of another. What it believes it logs.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import msgspec
from district.calendar import SECOND_US
from district.payment.departments import CHANNELS
from district.payment.doors import department_line
from district.payment.institutions import Transaction, verify
from district.payment.records import CallBack

from living.payment import wire
from living.serving import Call, Given, Service
from living.signed import TownClock

__all__ = ["DepartmentServer"]

_DECODER = msgspec.json.Decoder(wire.DepartmentNotice)


class DepartmentServer:
    """Listens for payments of one department."""

    def __init__(
        self, dept: str, address: str, port: int, town: TownClock, write: Callable[[int, str], None]
    ) -> None:
        self._dept, self._town, self._write = dept, town, write
        self._serving = Service(address, port, self._handle).start()
        self.base = self._serving.base

    def stop(self) -> None:
        """Listen no more."""
        self._serving.stop()

    def _handle(self, call: Call) -> Given:
        if (call.method, call.target) != ("POST", "/pay/notice"):
            return Given(404)
        try:
            said = _DECODER.decode(call.body)
            done = dt.datetime.fromisoformat(said.pay_finish_time)
        except (msgspec.MsgspecError, ValueError):
            return Given(400)
        if said.department_code != self._dept or not verify(_told(said, done, call.address)):
            return Given(401)
        now = self._town.now()
        self._write(now, department_line(_made(said, done), now, refund=said.refund_order_id))
        return Given(200, b'{"code":"SUCCESS"}')


def _told(said: wire.DepartmentNotice, done: dt.datetime, address: str) -> CallBack:
    return CallBack(
        order=said.order_id, transaction=said.trans_id, amount_fen=said.fee, channel="wechat",
        bank=CHANNELS["wechat"], payee_account=said.bank_account, payer_account=said.openid,
        business_date=done.date().isoformat(), signature=said.sign, address=address,
    )  # fmt: skip


def _made(said: wire.DepartmentNotice, done: dt.datetime) -> Transaction:
    return Transaction(
        id=said.trans_id, order=said.order_id, notice=said.payment_notice_no,
        dept=said.department_code, channel="wechat", account=said.bank_account,
        payer=said.openid, fen=said.fee, business_date=done.date().isoformat(),
        finished_at=int(done.timestamp()) * SECOND_US,
    )  # fmt: skip
