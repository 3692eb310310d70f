"""The shipped mappings of a data exchange, its callers and the gateway before it."""

from __future__ import annotations

from schema.event import Fields
from sensors.mask import Masker
from sensors.sources import Context, open_format

CONTEXT = Context(host="h1", utc_offset_minutes=480, now=lambda: 1_790_000_000_000_000)

CALL = (
    '{"ts":"2026-10-09T09:12:33.123+08:00","node":"dx-1","op":"CALL","trace":"t1",'
    '"rid":"app-civil-1","sid":"svc-marriage","item":"D-101","category":"marriage","level":3,'
    '"rtime":"1791508353100","sign_sm3":"ab12","sig_valid":true,"key_id":"k-civil-1",'
    '"grant":"G-0001","code":0,"msg":"OK","fields":["name","spouse"],"rows":1,"persons":1,'
    '"subject":"110099198001010010","matter":"M-12","case":"C-7","org":"110099003",'
    '"operator":"wang.wei","system":"sys-civil","ip":"10.30.13.11","path":"/share/v1/marriage",'
    '"bytes":420,"ms":12}'
)


def parsed(name: str, line: str) -> Fields:
    (fields,) = open_format(f"mapping:{name}").parse([line.encode()], CONTEXT)
    Masker(bytes(32)).mask([fields])
    return fields


def test_a_call_names_who_asked_for_what_of_whom_and_hides_the_person() -> None:
    fields = parsed("sharing_exchange", CALL)
    assert {name: fields[name] for name in fields if name.startswith("gov.share.")} == {
        "gov.share.requester_id": "app-civil-1",
        "gov.share.service_id": "svc-marriage",
        "gov.share.rtime": "1791508353100",
        "gov.share.sign_sm3": "ab12",
        "gov.share.grant_id": "G-0001",
        "gov.share.catalog_id": "D-101",
        "gov.share.family": "marriage",
        "gov.share.data_level": 3,
        "gov.share.fields": ["name", "spouse"],
        "gov.share.status": "0",
    }
    assert (fields["event.action"], fields["event.outcome"]) == ("share_call", "success")
    assert (fields["observer.name"], fields["source.ip"]) == ("dx-1", "10.30.13.11")
    assert (fields["gov.pii.rows"], fields["gov.crypto.sig_valid"]) == (1, True)
    assert len(str(fields["gov.subject.id_hmac"])) == 64
    assert "110099198001010010" not in str(fields)


def test_a_refusal_is_a_failure_and_says_why() -> None:
    fields = parsed(
        "sharing_exchange", CALL.replace('"code":0,"msg":"OK"', '"code":4103,"msg":"x"')
    )
    assert (fields["event.outcome"], fields["event.reason"]) == ("failure", "x")
    assert fields["gov.share.status"] == "4103"


def test_a_call_back_names_where_the_node_went() -> None:
    fields = parsed(
        "sharing_exchange",
        '{"ts":"2026-10-09T09:12:33.123+08:00","node":"dx-1","op":"CALLBACK","code":0,'
        '"rid":"app-civil-1","callback_url":"http://10.30.13.11:8080/done",'
        '"callback_ip":"10.30.13.11"}',
    )
    assert fields["event.action"] == "share_callback"
    assert (fields["url.domain"], fields["destination.ip"]) == ("10.30.13.11", "10.30.13.11")


def test_a_callers_own_record_is_read_as_the_same_call() -> None:
    fields = parsed(
        "sharing_caller",
        '{"time":"2026-10-09 09:12:33.140","app":"app-civil-1","service":"svc-marriage",'
        '"item":"D-101","category":"marriage","columns":"name,spouse","count":1,"result":"OK",'
        '"error":"","dept":"110099003","idNo":"110099198001010010","cost":18}',
    )
    assert fields["@timestamp"] == "2026-10-09T01:12:33.140000Z"
    assert fields["event.action"] == "share_call"
    assert fields["gov.share.fields"] == ["name", "spouse"]
    assert len(str(fields["gov.subject.id_hmac"])) == 64


def test_a_request_at_the_gateway_has_path_and_query_apart() -> None:
    fields = parsed(
        "gateway_json",
        '{"time":"2026-10-09T09:12:33+08:00","remote_addr":"10.20.3.1","method":"GET",'
        '"uri":"/share/v1/a?x=%27+or","status":500,"bytes":12,"agent":"curl/8","host":"dx.local"}',
    )
    assert (fields["url.path"], fields["url.query"]) == ("/share/v1/a", "x=%27+or")
    assert (fields["http.response.status_code"], fields["event.outcome"]) == (500, "failure")
