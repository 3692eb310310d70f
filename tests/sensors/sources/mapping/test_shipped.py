"""Each shipped mapping of what districts send reads its lines, and any bytes without fail."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema import times
from schema.event import Fields
from sensors.mask import Masker
from sensors.sources import Context, open_format
from sensors.sources.mapping.description import shipped

NOW = times.from_text("2026-11-26T04:00:00.000000Z")
CONTEXT = Context(host="h", utc_offset_minutes=480, now=lambda: NOW)
TOKEN = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"
APISIX = json.dumps(
    {
        "service_id": "grid",
        "route_id": "cert-query",
        "consumer": {"username": "hall-app"},
        "client_ip": "10.20.3.4",
        "start_time": 1795665600123,
        "latency": 23.99,
        "upstream": "10.20.9.1:8080",
        "request": {
            "method": "GET",
            "uri": "/cert/query?no=1",
            "url": "http://api.gov.example:9080/cert/query?no=1",
            "size": 120,
            "querystring": {"no": "1"},
            "headers": {
                "host": "api.gov.example",
                "user-agent": "okhttp/4.9",
                "authorization": f"Bearer {TOKEN}",
                "cookie": "sid=5f2a9c7d",
            },
        },
        "response": {"status": 200, "size": 412, "headers": {"server": "APISIX/3.9"}},
        "server": {"hostname": "gw-01", "version": "3.9.0"},
    }
)
FULL = {
    "firewall_cef": (
        ("CEF:0|V|FW|1|1|traffic|3|rt=1795665600000 act=Deny src=10.1.1.1 spt=5 dst=8.8.8.8 dpt=53"
        " proto=UDP deviceDirection=1"),
        {"event.action": "deny", "network.direction": "outbound", "network.transport": "udp"},
    ),
    "firewall_pairs": (
        ("time=\"2026-11-26 12:00:00\" devname=fw action=permit src=10.1.1.1 sport=5 dst=10.2.2.2"
        " dport=443 proto=6 sent=10 rcvd=20"),
        {"event.action": "allow", "network.transport": "tcp", "destination.port": 443},
    ),
    "firewall_admin": (
        ('date=2026-11-26 time=12:00:00 devname="fw" logid="0100032002" type="event"'
        ' subtype="system" logdesc="Admin login failed" user="admin" srcip=10.9.9.9'
        ' action="login" status="failed" reason="passwd_invalid" msg="Administrator admin login'
        ' failed from https(10.9.9.9)"'),
        {"event.action": "admin_login", "event.outcome": "failure", "source.ip": "10.9.9.9"},
    ),
    "waf_cef": (
        ("CEF:0|V|WAF|1|981|SQL injection|High|src=10.9.9.9 act=Blocked requestMethod=GET"
        " request=https://x.example/a?id\\=1 dhost=x.example"),
        {"event.action": "blocked", "event.severity": 8, "url.path": "/a", "rule.id": "981"},
    ),
    "waf_pairs": (
        ('time="2026-11-26 12:00:00" device=waf src_ip=10.9.9.9 action=阻断 severity=高'
        ' attack_type="SQL注入" host=x.example uri="/a?id=1" method=GET status=403'),
        {"event.action": "blocked", "event.severity": 8, "url.path": "/a"},
    ),
    "vpn_delimited": (
        "2026-11-26 12:00:00|vpn-1|c000001|10.9.9.9|172.16.0.9|登录|失败|密码错误",
        {"event.action": "vpn_login", "event.outcome": "failure", "user.id": "c000001"},
    ),
    "vpn_cef": (
        "CEF:0|V|VPN|1|1|login|3|act=login outcome=success src=10.9.9.9 suser=c000001",
        {"event.action": "vpn_login", "event.outcome": "success"},
    ),
    "bastion_cef": (
        ("CEF:0|V|PAM|1|1|command|3|act=command outcome=ok src=10.9.9.9 dst=10.1.1.1 suser=ops1"
        " duser=root cs1=cat /etc/passwd"),
        {"event.action": "command", "process.command_line": "cat /etc/passwd"},
    ),
    "gateway_apisix": (
        APISIX,
        {"gov.app.id": "hall-app", "url.path": "/cert/query", "url.query": "no=1",
         "http.response.status_code": 200, "event.outcome": "success"},
    ),
}  # fmt: skip


def read(name: str, line: str) -> Fields:
    return open_format(f"mapping:{name}").parse([line.encode()], CONTEXT)[0]


@pytest.mark.parametrize("name", FULL)
def test_a_line_of_its_kind_is_read(name: str) -> None:
    line, expected = FULL[name]
    fields = read(name, line)
    assert {field: fields.get(field) for field in expected} == expected
    assert fields["event.dataset"] == shipped()[name].dataset
    assert str(fields["@timestamp"])[:16] == "2026-11-26T04:00"


def test_no_token_and_no_cookie_leaves_with_the_gateways_log() -> None:
    events = [read("gateway_apisix", APISIX)]
    Masker(bytes(32)).mask(events)
    assert TOKEN not in json.dumps(events)
    assert "5f2a9c7d" not in json.dumps(events)
    assert len(str(events[0]["gov.auth.token_hmac"])) == 64


@pytest.mark.parametrize("name", sorted(shipped()))
@settings(max_examples=25)
@given(data=st.binary(max_size=400))
def test_any_bytes_are_one_event(name: str, data: bytes) -> None:
    form = open_format(f"mapping:{name}")
    for raw in (data, b"CEF:0|a|b|c|d|e|f|" + data, b'{"start_time":1,"a":"' + data + b'"}'):
        (fields,) = form.parse([raw], CONTEXT)
        assert fields["event.dataset"] == form.dataset
