"""What messages become: by route, by CEF, or as they are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schema import event, limits, times
from schema.event import Fields
from sensors.receive.reading import DATASET, Reader
from sensors.receive.terms import Listening, Route
from sensors.receive.waiting import Message
from sensors.sources import Context

NOW = times.from_text("2026-11-26T04:00:00.000000Z")


def reader(*routes: Route) -> Reader:
    terms = Listening(name="syslog", host="127.0.0.1", port=0, transport="udp", routes=routes)
    return Reader(terms, Context(host="collector", utc_offset_minutes=480, now=lambda: NOW))


def fields(text: str | bytes, *routes: Route, peer: str = "10.1.0.5") -> Fields:
    raw = text if isinstance(text, bytes) else text.encode()
    return reader(*routes).read(Message(raw, peer, NOW))


def test_a_message_nobody_routes_is_kept_with_its_head() -> None:
    line = "<134>Nov 26 11:30:00 fw-01 mgr[7]: 管理员登录"
    assert fields(line) == {
        "@timestamp": "2026-11-26T03:30:00.000000Z",
        "event.dataset": DATASET,
        "event.action": "logged",
        "event.original": line,
        "message": "管理员登录",
        "host.name": "fw-01",
        "gov.transit.authenticated": False,
        "gov.transit.protocol": "udp",
        "gov.transit.peer": "10.1.0.5",
        "log.syslog.appname": "mgr",
        "log.syslog.facility.name": "local0",
        "log.syslog.hostname": "fw-01",
        "log.syslog.procid": "7",
        "log.syslog.severity.name": "info",
    }


def test_without_a_time_or_a_host_the_receipt_and_the_address_stand_for_them() -> None:
    found = fields("<134>mgr: hello")
    assert found["@timestamp"] == times.to_text(NOW)
    assert found["gov.time.assumed"] is True
    assert found["host.name"] == "10.1.0.5"


def test_routes_pick_by_facility_program_host_and_address() -> None:
    route = Route(
        format="nginx_access", facility="local7", app="ng*", host="web-?", address="10.1.0.0/16"
    )
    line = '10.9.9.9 - - [26/Nov/2026:11:30:00 +0800] "GET /a HTTP/1.1" 200 5 "-" "curl"'
    head = "<190>Nov 26 11:30:00 web-1 nginx: "
    found = fields(head + line, route)
    assert found["event.dataset"] == "nginx.access"
    assert found["host.name"] == "web-1"
    assert found["event.original"] == head + line
    for other, peer in (
        (f"<134>Nov 26 11:30:00 web-1 nginx: {line}", "10.1.0.5"),
        (f"<190>Nov 26 11:30:00 web-1 apache: {line}", "10.1.0.5"),
        (f"<190>Nov 26 11:30:00 web-10 nginx: {line}", "10.1.0.5"),
        (head + line, "10.2.0.5"),
    ):
        assert fields(other, route, peer=peer)["event.dataset"] == DATASET


def test_what_its_format_cannot_read_is_unparsed_at_the_heads_time() -> None:
    found = fields("<190>Nov 26 11:30:00 web-1 nginx: ???", Route(format="nginx_access"))
    assert found["event.action"] == "unparsed"
    assert found["@timestamp"] == "2026-11-26T03:30:00.000000Z"


def test_authentication_messages_of_both_standards_are_read_alike() -> None:
    text = "Failed password for root from 10.9.9.9 port 22 ssh2"
    route = Route(format="syslog_auth")
    old = fields(f"<38>Nov 26 11:30:00 gate sshd[7]: {text}", route)
    new = fields(f"<38>1 2026-11-26T11:30:00+08:00 gate sshd 7 - - {text}", route)
    assert old["event.action"] == new["event.action"] != "unparsed"
    assert old["source.ip"] == new["source.ip"] == "10.9.9.9"
    assert old["@timestamp"] == new["@timestamp"]
    assert str(new["event.original"]).startswith("<38>1 ")


def test_cef_is_read_without_a_route() -> None:
    found = fields(
        "<134>Nov 26 11:30:00 waf CEF:0|V|WAF|1|100|SQL injection|8|src=10.9.9.9 act=Blocked"
    )
    assert found["source.ip"] == "10.9.9.9"
    assert found["event.action"] == "blocked"
    assert found["event.severity"] == 8
    assert found["rule.name"] == "SQL injection"
    assert found["@timestamp"] == "2026-11-26T03:30:00.000000Z"


def test_structured_data_stands_in_labels() -> None:
    found = fields('<134>1 2026-11-26T11:30:00Z h a - - [x@1 zone="dmz"] text')
    assert found["labels.x@1.zone"] == "dmz"


def test_a_long_message_is_cut_under_the_events_limit() -> None:
    found = fields(b"<134>Nov 26 11:30:00 h a: " + b"\x01x" * 30_000)
    assert len(event.encode(found)) <= limits.EVENT_BYTES_MAX
    assert found["gov.line.bytes"] == 60_026


@given(st.binary(max_size=300))
def test_any_bytes_are_one_event(data: bytes) -> None:
    one = reader(
        Route(format="syslog_auth", facility="auth"), Route(format="nginx_access", app="n")
    )
    for before in (b"", b"<38>", b"<13>1 - - n - - - ", b"<13>CEF:0|"):
        found = one.read(Message(before + data, "10.1.0.5", NOW))
        assert event.decode(event.encode(found)) == found
