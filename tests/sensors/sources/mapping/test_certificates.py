"""The shipped mappings of an e-certificate platform and of a certificate desk."""

from __future__ import annotations

from schema.event import Fields
from sensors.mask import Masker
from sensors.sources import Context, open_format

CONTEXT = Context(host="h1", utc_offset_minutes=480, now=lambda: 1_790_000_000_000_000)
NUMBER = "110099198001010010"

FETCH = (
    '{"ts":"2026-10-09T09:12:33.123+08:00","node":"ecert-2","op":"FETCH","code":"0","msg":"",'
    '"http":200,"app":"app-civil-1","operator":"wei.wang","unit":"110099003","ip":"10.20.3.25",'
    '"item":"E-0102","licence":"1.2.156.3005.2.E0102.7","ver":"1","state":"VALID",'
    '"idNo":"' + NUMBER + '","matter":"M-0301","caseNo":"C20261009-000017","consent":"",'
    '"sm3":"' + "ab" * 32 + '","bytes":182044}'
)
VERIFY = (
    '{"ts":"2026-10-09T09:12:33.123+08:00","node":"ecert-1","op":"VERIFY","code":"3021",'
    '"msg":"seal not valid","http":200,"app":"app-verify","operator":"","unit":"110099012",'
    '"ip":"198.18.0.7","issuer":"110099002","sealOk":false,"sealKey":"seal-police"}'
)
DESK = (
    'time="2026-10-09 09:12:33.123" service=ca-sign event=CERT_ISSUE outcome=Success '
    "req=R20261009-0004 officer=na.li approver=lei.chen profile=clerk-sign "
    'subject="CN=min.xu,OU=civil" serial=4FA0C1 alg=SM2'
)


def parsed(name: str, line: str) -> Fields:
    (fields,) = open_format(f"mapping:{name}").parse([line.encode()], CONTEXT)
    Masker(bytes(32)).mask([fields])
    return fields


def test_a_fetch_names_who_asked_for_which_certificate_and_hides_the_person() -> None:
    fields = parsed("certificate_platform", FETCH)
    told = {
        "@timestamp": "2026-10-09T01:12:33.123000Z",
        "event.action": "certificate_fetch",
        "event.dataset": "certificate.platform",
        "event.outcome": "success",
        "gov.app.id": "app-civil-1",
        "gov.case.no": "C20261009-000017",
        "gov.cert.item_code": "E-0102",
        "gov.cert.license_code": "1.2.156.3005.2.E0102.7",
        "gov.cert.status": "valid",
        "gov.matter.code": "M-0301",
        "http.response.status_code": 200,
        "organization.id": "110099003",
        "user.id": "wei.wang",
    }
    assert {name: fields[name] for name in told} == told
    assert fields["gov.subject.id_hmac"]
    assert "gov.consent.id" not in fields
    assert NUMBER not in str(fields)


def test_a_failed_seal_belongs_to_the_body_that_issued_it() -> None:
    fields = parsed("certificate_platform", VERIFY)
    assert fields["organization.id"] == "110099002"
    assert fields["gov.crypto.sig_valid"] is False
    assert (fields["event.outcome"], fields["event.reason"]) == ("failure", "seal not valid")


def test_the_desk_says_who_asked_who_approved_and_which_serial_was_issued() -> None:
    fields = parsed("certificate_ca", DESK)
    assert fields["event.action"] == "certificate_issue"
    assert fields["@timestamp"] == "2026-10-09T01:12:33.123000Z"
    assert (fields["user.id"], fields["gov.ca.approver"]) == ("na.li", "lei.chen")
    assert (fields["gov.ca.serial"], fields["gov.ca.request_id"]) == ("4fa0c1", "R20261009-0004")
    assert fields["user.target.name"] == "CN=min.xu,OU=civil"
