"""Notifications of WeChat's government payments (微信非税), as a caller logs them: JSON lines.

A department that is told of its payments logs what it was told. The state of an order is 1 while
it is unpaid, 3 or 4 once it is paid (4 with its electronic receipt); it stays so when a part is
given back, so that a refund is known by ``refund_order_id`` alone. ``fee`` is in fen. Accounts
are keyed by the sensor's mask. Limits: an order that names no time of its own is at the time of
the line before.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

import msgspec

from schema.event import Fields
from sensors.sources import record
from sensors.sources.clock import in_zone
from sensors.sources.contract import Context

_PAID: Final = frozenset({"3", "4"})
_INTEGER_MAX: Final = 2**63
_COMPACT: Final = "%Y%m%d%H%M%S"


class _Line(msgspec.Struct, frozen=True):
    """The keys we read; programs write numbers as numbers or as texts."""

    payment_notice_no: str = ""
    department_code: str | int = ""
    region_code: str | int = ""
    fee: str | int = ""
    order_id: str = ""
    trans_id: str = ""
    status: str | int = ""
    bank_id: str | int = ""
    bank_account: str = ""
    openid: str = ""
    refund_order_id: str = ""
    pay_finish_time: str = ""
    notify_time: str = ""
    """When the caller was told, which it adds itself; else the payment's own time counts."""


_decoder: Final = msgspec.json.Decoder(_Line)


class WechatNontax(record.LineFormat):
    """Payment and refund notifications; a line without an order is none."""

    dataset = "wechat.nontax"

    def _line(self, line: str, context: Context) -> Fields | None:
        try:
            told = _decoder.decode(line)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return None
        time = _moment(told.notify_time or told.pay_finish_time, context.utc_offset_minutes)
        if not time or not told.order_id:
            return None
        self._last_time = time
        status = str(told.status)
        fields: Fields = {
            "@timestamp": time,
            "event.dataset": self.dataset,
            "event.action": _action(told, status),
            "event.original": line,
            "host.name": context.host,
            "gov.pay.channel": "wechat",
            "gov.pay.order_id": told.order_id,
        }
        if status in _PAID:
            fields["event.outcome"] = "success"
        texts = {
            "gov.pay.notice_no": told.payment_notice_no,
            "gov.pay.dept_code": str(told.department_code),
            "gov.region.code": str(told.region_code),
            "gov.pay.trans_id": told.trans_id,
            "gov.pay.status": status,
            "gov.pay.bank_id": str(told.bank_id),
            "gov.pay.payee_hmac": told.bank_account,
            "gov.pay.payer_hmac": told.openid,
            "gov.pay.refund_id": told.refund_order_id,
            "gov.pay.business_date": _day(told.pay_finish_time, context.utc_offset_minutes),
        }
        fields.update({name: text for name, text in texts.items() if text})
        fee = _fen(told.fee)
        if fee is not None:
            fields["gov.pay.amount_fen"] = fee
        return record.scrubbed(fields)


def _action(told: _Line, status: str) -> str:
    if told.refund_order_id:
        return "refund"
    return "pay_callback" if status in _PAID else "order_status"


def _fen(fee: str | int) -> int | None:
    """Whole fen, or None for what is no amount."""
    text = str(fee)
    if not (text.isascii() and text.isdecimal() and len(text) < len(str(_INTEGER_MAX))):
        return None
    return int(text)


@lru_cache(maxsize=record.CACHE_MAX)
def _moment(text: str, offset_minutes: int) -> str:
    """RFC 3339, a date and a clock, or fourteen digits, as UTC; nothing for what is no time."""
    moment = _read(text)
    if moment is None:
        return ""
    if moment.tzinfo is None:
        return in_zone(moment, offset_minutes)
    try:
        return in_zone(moment.astimezone(UTC).replace(tzinfo=None), 0)
    except OverflowError:
        return ""


def _day(text: str, offset_minutes: int) -> str:
    """The day on which the money counts: that of the payment, by the source's own clock."""
    moment = _read(text)
    if moment is None or not _moment(text, offset_minutes):
        return ""
    try:
        if moment.tzinfo is not None:
            moment = moment.astimezone(timezone(timedelta(minutes=offset_minutes)))
    except OverflowError:
        return ""
    return moment.date().isoformat()


def _read(text: str) -> datetime | None:
    try:
        if len(text) == len("20260101000000"):
            # A zone comes from the caller's setting.
            return datetime.strptime(text, _COMPACT)  # noqa: DTZ007
        return datetime.fromisoformat(text) if len(text) > len("2026-01-01") else None
    except ValueError:
        return None
