"""What a department is told of its payments, and what is no such notification."""

from __future__ import annotations

import json

import pytest

PAID = {
    "payment_notice_no": "11009926000000001231",
    "department_code": "104",
    "region_code": "110099",
    "fee": 120000,
    "order_id": "ZF2026112300000001",
    "trans_id": "4200002611231234567890123456",
    "status": 3,
    "bank_id": "9101",
    "bank_account": "0200099000104001",
    "openid": "oPq7",
    "pay_finish_time": "2026-11-23T13:16:09+08:00",
    "notify_time": "2026-11-23T13:16:12.250+08:00",
}


def line(**changed: object) -> str:
    return json.dumps({**PAID, **changed}, ensure_ascii=False)


def test_a_paid_order_is_a_success_call_back_with_its_accounts_and_day(read) -> None:
    (fields,) = read("wechat_nontax", line())
    original = fields.pop("event.original")
    assert json.loads(str(original)) == PAID
    assert fields == {
        "@timestamp": "2026-11-23T05:16:12.250000Z",
        "event.dataset": "wechat.nontax",
        "event.action": "pay_callback",
        "event.outcome": "success",
        "host.name": "gov-app-01",
        "gov.pay.channel": "wechat",
        "gov.pay.order_id": "ZF2026112300000001",
        "gov.pay.notice_no": "11009926000000001231",
        "gov.pay.dept_code": "104",
        "gov.region.code": "110099",
        "gov.pay.trans_id": "4200002611231234567890123456",
        "gov.pay.status": "3",
        "gov.pay.bank_id": "9101",
        "gov.pay.payee_hmac": "0200099000104001",
        "gov.pay.payer_hmac": "oPq7",
        "gov.pay.business_date": "2026-11-23",
        "gov.pay.amount_fen": 120000,
    }


def test_a_part_given_back_is_a_refund_although_the_order_stays_paid(read) -> None:
    (fields,) = read("wechat_nontax", line(refund_order_id="TK1", fee=5000))
    assert (fields["event.action"], fields["gov.pay.status"]) == ("refund", "3")
    assert fields["gov.pay.refund_id"] == "TK1"


@pytest.mark.parametrize("status", [1, 5, 6, 12])
def test_an_order_that_is_not_paid_is_only_its_state(read, status: int) -> None:
    (fields,) = read("wechat_nontax", line(status=status))
    assert fields["event.action"] == "order_status"
    assert fields["gov.pay.status"] == str(status)
    assert "event.outcome" not in fields


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-11-23T23:59:58+08:00", "2026-11-23"),
        ("2026-11-23 23:59:58", "2026-11-23"),
        ("20261123235958", "2026-11-23"),
        ("2026-11-23T15:59:58Z", "2026-11-23"),
    ],
)
def test_without_the_callers_time_the_payments_counts(read, written: str, day: str) -> None:
    (fields,) = read("wechat_nontax", line(notify_time="", pay_finish_time=written))
    assert fields["@timestamp"] == "2026-11-23T15:59:58.000000Z"
    assert fields["gov.pay.business_date"] == day


def test_the_day_is_that_of_the_sources_own_clock(read) -> None:
    told = line(notify_time="", pay_finish_time="2026-11-22T16:30:00Z")
    (fields,) = read("wechat_nontax", told)
    assert fields["gov.pay.business_date"] == "2026-11-23"


def test_numbers_may_be_texts_and_texts_numbers(read) -> None:
    (fields,) = read("wechat_nontax", line(fee="120000", department_code=104, status="4"))
    assert fields["gov.pay.amount_fen"] == 120000
    assert fields["gov.pay.dept_code"] == "104"
    assert fields["event.action"] == "pay_callback"


@pytest.mark.parametrize("fee", ["12.50", -1, "", "１２", "9" * 30])
def test_what_is_no_amount_in_fen_is_left_out(read, fee: object) -> None:
    (fields,) = read("wechat_nontax", line(fee=fee))
    assert "gov.pay.amount_fen" not in fields
    assert fields["event.action"] == "pay_callback"


@pytest.mark.parametrize(
    "text",
    [
        line(order_id=""),
        line(notify_time="", pay_finish_time=""),
        line(notify_time="tomorrow"),
        line(notify_time="0001-01-01T00:00:00+08:00"),
        line(notify_time="2026-11-23"),
        line(order_id=["a"]),
        "[]",
        '{"order_id": "ZF1"',
    ],
)
def test_what_is_no_notification_is_kept_unparsed(read, text: str) -> None:
    (fields,) = read("wechat_nontax", text)
    assert fields["event.action"] == "unparsed"
    assert fields["event.original"] == text
