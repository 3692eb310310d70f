"""Windows events in XML: named as the rules for Windows name them; nothing declared is obeyed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema import event
from schema.event import Fields
from sensors.sources.contract import Context
from sensors.sources.windows_xml import DEPTH_MAX, VALUES_MAX, WindowsXml

CONTEXT = Context(host="collector", utc_offset_minutes=480, now=lambda: 0)
SPACE = "http://schemas.microsoft.com/win/2004/08/events/event"


def made(number: int, data: str, *, channel: str = "Security", keywords: str = "0x80") -> str:
    return (
        f'<Event xmlns="{SPACE}"><System><Provider Name="Made-Up" Guid="{{0}}"/>'
        f"<EventID>{number}</EventID><Keywords>{keywords}</Keywords>"
        '<TimeCreated SystemTime="2026-11-20T08:00:00.1234567Z"/>'
        f"<EventRecordID>77</EventRecordID><Channel>{channel}</Channel>"
        f"<Computer>pc1.example</Computer></System>{data}</Event>"
    )


def data(**texts: str) -> str:
    return (
        "<EventData>"
        + "".join(f'<Data Name="{name}">{text}</Data>' for name, text in texts.items())
        + "</EventData>"
    )


def parsed(text: str) -> Fields:
    (fields,) = WindowsXml().parse([text.encode()], CONTEXT)
    event.encode(fields)
    return fields


def test_a_refused_log_on_names_account_address_and_outcome() -> None:
    texts = data(TargetUserName="zhang", IpAddress="192.0.2.7", IpPort="50123", Status="-")
    found = parsed(made(4625, texts, keywords="0x8010000000000000"))
    wanted: Fields = {
        "@timestamp": "2026-11-20T08:00:00.123456Z",
        "event.dataset": "windows.security",
        "event.action": "logon-failed",
        "event.outcome": "failure",
        "host.name": "pc1.example",
        "source.ip": "192.0.2.7",
        "source.port": 50123,
        "user.target.name": "zhang",
        "winlog.channel": "Security",
        "winlog.event_data.TargetUserName": "zhang",
        "winlog.event_id": "4625",
        "winlog.provider_name": "Made-Up",
        "winlog.record_id": "77",
    }
    assert {name: found.get(name) for name in wanted} == wanted
    assert "winlog.event_data.Status" not in found


def test_a_process_of_sysmon_has_ecs_names_numbers_and_hashes() -> None:
    texts = data(Image="C:\\a.exe", ProcessId="0x1f4", Hashes="SHA256=AB,MD5=CD,OTHER=1")
    found = parsed(made(1, texts, channel="Microsoft-Windows-Sysmon/Operational"))
    assert found["event.dataset"] == "windows.sysmon"
    assert found["process.executable"] == "C:\\a.exe"
    assert found["process.pid"] == 500
    assert (found["process.hash.sha256"], found["process.hash.md5"]) == ("ab", "cd")


def test_a_cleared_log_tells_its_texts_under_user_data() -> None:
    own = '<UserData><LogFileCleared xmlns="x"><SubjectUserName>li</SubjectUserName>'
    found = parsed(made(1102, f"{own}</LogFileCleared></UserData>"))
    assert found["event.action"] == "audit-log-cleared"
    assert found["user.name"] == "li"


def test_texts_without_a_name_are_counted() -> None:
    found = parsed(made(7, "<EventData><Data>a</Data><Data>b</Data></EventData>", channel="X/Y z"))
    assert found["event.dataset"] == "windows.x_y_z"
    assert (found["winlog.event_data.param1"], found["winlog.event_data.param2"]) == ("a", "b")


def test_an_indented_event_is_one_record_and_what_closes_the_file_is_passed_over() -> None:
    form = WindowsXml()
    assert form.begins(b"  <Event xmlns='x'>")
    assert not form.begins(b"    <System>")
    assert not form.begins(b"  <EventData>")
    assert parsed(made(1102, "").replace("><", ">\n<") + "\n</Events>")["event.code"] == "1102"


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE Event [<!ENTITY a "aaaa">]>' + made(4625, data(TargetUserName="&a;")),
        '<!DOCTYPE Event SYSTEM "file:///etc/passwd">' + made(4625, ""),
        '<?xml-stylesheet href="x"?>' + made(4625, ""),
        made(4625, data(TargetUserName="&other;")),
        made(4625, "<a>" * DEPTH_MAX + "</a>" * DEPTH_MAX),
        made(4625, data(**{f"n{at}": "x" for at in range(VALUES_MAX + 1)})),
        made(1, "") + made(2, ""),
        made(1, "").replace("2026-11-20T08", "yesterday"),
        "<Events>",
        "",
    ],
)
def test_what_declares_something_or_is_no_event_stays_unparsed(text: str) -> None:
    found = parsed(text)
    assert found["event.action"] == "unparsed"
    assert found["event.dataset"] == "windows.event"


@given(
    at=st.integers(0, 400),
    put=st.binary(max_size=12)
    | st.sampled_from([b"<", b"]]>", b"&#0;", b"&lt;", b"\xff\xfe", b"\0"]),
)
def test_any_bytes_give_one_event_that_can_be_sealed(at: int, put: bytes) -> None:
    whole = made(4625, data(TargetUserName="x", IpAddress="::1")).encode()
    (found,) = WindowsXml().parse([whole[:at] + put + whole[at + len(put) :]], CONTEXT)
    event.encode(found)
    assert found["@timestamp"]
