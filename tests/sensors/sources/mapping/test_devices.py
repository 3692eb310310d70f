"""Lines of firewall, VPN gateway, bastion host and Windows, read by the mapping files that ship."""

from __future__ import annotations

import pytest

from schema.event import Fields
from sensors.sources import Context, open_format

_CONTEXT = Context(host="collector-01", utc_offset_minutes=480, now=lambda: 0)
_HEAD = (
    'date=2026-09-30 time=10:00:01 devname="fw-01" devid="FG1H0FTB20000001" '
    'eventtime=1790733601123456789 tz="+0800" '
)
_TRAFFIC = (
    _HEAD + 'logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" '
    'srcip=10.20.3.24 srcport=51234 srcintf="lan" srcintfrole="{0}" dstip=203.0.113.40 '
    'dstport=443 dstintf="wan1" dstintfrole="{1}" srccountry="Reserved" '
    'dstcountry="Netherlands" sessionid=4821 proto=6 action="{2}" policyid=5 '
    'policytype="policy" service="HTTPS" trandisp="snat" duration=60 sentbyte=3000 '
    "rcvdbyte=9000 sentpkt=20 rcvdpkt=18"
)
_VPN = (
    _HEAD + 'logid="0101039947" type="event" subtype="vpn" level="information" vd="root" '
    'logdesc="SSL VPN tunnel up" action="{0}" tunneltype="ssl-tunnel" tunnelid=88 '
    'remip=198.19.7.3 tunnelip=10.40.0.10 user="li.na" group="staff" dst_host="N/A" '
    'reason="tunnel established" msg="SSL tunnel established"'
)
_BASTION = (
    '{"time":"2026-09-30T10:00:01+08:00","device":"bastion-01","type":"command",'
    '"session":"5b2e","user":"he.ping","client_ip":"10.20.1.20","asset_ip":"10.30.5.11",'
    '"account":"root","protocol":"ssh","command":"ls -l \\"/data\\""}'
)


def _read(name: str, line: str) -> Fields:
    (fields,) = open_format(f"mapping:{name}").parse([line.encode()], _CONTEXT)
    return fields


def test_a_session_of_the_firewall_tells_who_went_where_with_how_much() -> None:
    fields = _read("firewall_fortigate", _TRAFFIC.format("lan", "wan", "close"))
    wanted = {
        "@timestamp": "2026-09-30T02:00:01.000000Z",
        "event.action": "allow",
        "event.dataset": "firewall.traffic",
        "observer.name": "fw-01",
        "network.direction": "outbound",
        "network.transport": "tcp",
        "source.ip": "10.20.3.24",
        "source.port": 51234,
        "source.bytes": 3000,
        "destination.ip": "203.0.113.40",
        "destination.port": 443,
        "destination.bytes": 9000,
        "destination.geo.country_iso_code": "NL",
    }
    assert {name: fields.get(name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("source", "destination", "direction"),
    [("wan", "dmz", "inbound"), ("lan", "wan", "outbound"), ("lan", "dmz", "internal")],
)
def test_the_direction_follows_from_the_roles_of_the_interfaces(
    source: str, destination: str, direction: str
) -> None:
    fields = _read("firewall_fortigate", _TRAFFIC.format(source, destination, "accept"))
    assert fields["network.direction"] == direction


@pytest.mark.parametrize(
    ("action", "told"), [("deny", "deny"), ("timeout", "allow"), ("client-rst", "allow")]
)
def test_a_session_was_let_through_or_denied(action: str, told: str) -> None:
    fields = _read("firewall_fortigate", _TRAFFIC.format("lan", "wan", action))
    assert fields["event.action"] == told


def test_a_country_without_a_code_is_none() -> None:
    line = _TRAFFIC.format("lan", "dmz", "accept").replace("Netherlands", "Reserved")
    assert "destination.geo.country_iso_code" not in _read("firewall_fortigate", line)


@pytest.mark.parametrize(
    ("action", "told", "outcome"),
    [
        ("tunnel-up", "vpn_login", "success"),
        ("ssl-login-fail", "vpn_login", "failure"),
        ("tunnel-down", "vpn_logout", "success"),
    ],
)
def test_the_vpn_tells_who_came_from_where(action: str, told: str, outcome: str) -> None:
    fields = _read("vpn_fortigate", _VPN.format(action))
    wanted = {
        "event.action": told,
        "event.outcome": outcome,
        "source.ip": "198.19.7.3",
        "user.id": "li.na",
        "user.name": "li.na",
    }
    assert {name: fields.get(name) for name in wanted} == wanted


def test_the_bastion_host_tells_person_account_machine_and_command() -> None:
    fields = _read("bastion_json", _BASTION)
    wanted = {
        "@timestamp": "2026-09-30T02:00:01.000000Z",
        "event.action": "command",
        "event.dataset": "bastion.session",
        "source.ip": "10.20.1.20",
        "destination.ip": "10.30.5.11",
        "user.name": "he.ping",
        "user.target.name": "root",
        "process.command_line": 'ls -l "/data"',
    }
    assert {name: fields.get(name) for name in wanted} == wanted


_WINDOWS = (
    '{"EventTime":"2026-09-30T10:00:01.500000+08:00","Hostname":"WIN-APP01",'
    '"EventType":"AUDIT_SUCCESS","EventID":4688,"RecordNumber":88,'
    '"SourceName":"Microsoft-Windows-Security-Auditing","Channel":"Security",'
    '"SubjectUserName":"he.ping","NewProcessName":"C:\\\\Windows\\\\System32\\\\net.exe",'
    '"CommandLine":"net stop MSSQLSERVER","ParentProcessName":"C:\\\\Windows\\\\cmd.exe"}'
)


def test_windows_tells_who_started_what_on_which_machine() -> None:
    fields = _read("windows_nxlog", _WINDOWS)
    wanted = {
        "@timestamp": "2026-09-30T02:00:01.500000Z",
        "event.dataset": "windows.security",
        "event.action": "created-process",
        "host.name": "WIN-APP01",
        "user.name": "he.ping",
        "winlog.event_id": "4688",
        "process.executable": "C:\\Windows\\System32\\net.exe",
        "process.command_line": "net stop MSSQLSERVER",
        "process.parent.executable": "C:\\Windows\\cmd.exe",
    }
    assert {name: fields.get(name) for name in wanted} == wanted


def test_windows_names_the_group_that_somebody_joined() -> None:
    line = _WINDOWS.replace("4688", "4732").replace(
        '"CommandLine"',
        '"TargetUserName":"Administrators","TargetSid":"S-1-5-32-544","CommandLine"',
    )
    fields = _read("windows_nxlog", line)
    assert fields["group.name"] == "Administrators"
    assert fields["winlog.event_data.TargetSid"] == "S-1-5-32-544"
