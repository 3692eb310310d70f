"""The shipped mappings of payments: a platform's log, a bank's file and a treasury's, in GBK."""

from __future__ import annotations

import json

from schema.event import Fields
from sensors.sources import Context, open_format

CONTEXT = Context(host="pay-01", utc_offset_minutes=480, now=lambda: 1_790_000_000_000_000)
ORDER = {
    "time": "2026-11-23T10:21:26.250+08:00",
    "level": "INFO",
    "op": "ORDER_CREATE",
    "req": "000000012f16",
    "ip": "198.18.0.3",
    "ua": "MicroMessenger",
    "app": "pay-mini-program",
    "uid": "c000628",
    "dev": "dev-59945527aeab",
    "order": "ZF2026112300077589",
    "notice": "11009926000000775859",
    "amt": "1194.23",
    "ch": "wechat",
    "due": "1194.23",
    "dept": "107",
    "return_host": "Housing.shili.example",
    "st": "1",
    "ret": "0",
}


def read(name: str, line: str, encoding: str = "utf-8") -> Fields:
    (fields,) = open_format(f"mapping:{name}").parse([line.encode(encoding)], CONTEXT)
    assert fields.pop("event.original") == line
    assert fields.pop("host.name") == "pay-01"
    return fields


def test_an_order_carries_both_amounts_in_fen_and_who_made_it() -> None:
    assert read("payment_platform", json.dumps(ORDER)) == {
        "@timestamp": "2026-11-23T02:21:26.250000Z",
        "event.dataset": "payment.platform",
        "event.action": "order_create",
        "event.outcome": "success",
        "http.request.id": "000000012f16",
        "source.ip": "198.18.0.3",
        "user_agent.original": "MicroMessenger",
        "gov.app.id": "pay-mini-program",
        "user.id": "c000628",
        "gov.auth.device_id": "dev-59945527aeab",
        "url.domain": "housing.shili.example",
        "gov.pay.notice_no": "11009926000000775859",
        "gov.pay.order_id": "ZF2026112300077589",
        "gov.pay.amount_fen": 119_423,
        "gov.pay.notice_amount_fen": 119_423,
        "gov.pay.status": "1",
        "gov.pay.dept_code": "107",
        "gov.pay.channel": "wechat",
        "labels.level": "INFO",
    }


def test_a_call_back_carries_its_signature_accounts_and_day() -> None:
    told = {
        **ORDER,
        "op": "PAY_CALLBACK",
        "ret": "40101",
        "msg": "bad signature",
        "sign_ok": False,
        "trans": "4200002",
        "bank": "9101",
        "payee_acct": "11099001070000417",
        "payer_acct": "oQ1",
        "acct_date": "2026-11-23",
    }
    fields = read("payment_platform", json.dumps(told))
    assert (fields["event.action"], fields["event.outcome"]) == ("pay_callback", "failure")
    assert fields["event.reason"] == "bad signature"
    assert fields["gov.crypto.sig_valid"] is False
    assert fields["gov.pay.payee_hmac"] == "11099001070000417"
    assert fields["gov.pay.payer_hmac"] == "oQ1"
    assert fields["gov.pay.business_date"] == "2026-11-23"


def test_a_row_of_a_settlement_file_is_at_the_files_time_for_its_business_day() -> None:
    row = (
        "2026-11-20|9102|alipay|P|9102000202611200000000009359|ZF2026112000074770|"
        "11009926000000747672|108|11099001080000417|示例区市场监管局|480.07|20261123031236"
    )
    assert read("payment_bank", row, "gb18030") == {
        "@timestamp": "2026-11-22T19:12:36.000000Z",
        "event.dataset": "payment.bank",
        "event.action": "settled",
        "gov.pay.business_date": "2026-11-20",
        "gov.pay.bank_id": "9102",
        "gov.pay.channel": "alipay",
        "gov.pay.trans_id": "9102000202611200000000009359",
        "gov.pay.order_id": "ZF2026112000074770",
        "gov.pay.notice_no": "11009926000000747672",
        "gov.pay.dept_code": "108",
        "gov.pay.payee_hmac": "11099001080000417",
        "gov.pay.amount_fen": 48_007,
        "labels.payee_name": "示例区市场监管局",
    }
    assert read("payment_bank", row.replace("|P|", "|R|"), "gb18030")["event.action"] == (
        "settled_refund"
    )


def test_a_receipt_of_the_treasury_is_read_by_its_places() -> None:
    row = (
        "2026-11-2020261123101425GK202611230000000001"
        f"{'102':<6}{'11099001020000417':<25}{'示例区公安分局':<20}{'1250.00':>16}{2:>6}"
    )
    assert read("payment_treasury", row, "gb18030") == {
        "@timestamp": "2026-11-23T02:14:25.000000Z",
        "event.dataset": "payment.treasury",
        "event.action": "received",
        "gov.pay.business_date": "2026-11-20",
        "gov.pay.receipt_no": "GK202611230000000001",
        "gov.pay.dept_code": "102",
        "gov.pay.payee_hmac": "11099001020000417",
        "gov.pay.amount_fen": 125_000,
        "labels.unit_name": "示例区公安分局",
        "labels.count": "2",
    }
