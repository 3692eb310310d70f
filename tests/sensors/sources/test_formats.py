"""Laws every log format keeps, on any bytes and on the recordings."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import sm3
from schema import event, limits, times
from schema.fields import catalogue
from sensors.mask import Masker
from sensors.sources import FORMATS, Context

NOW = times.from_text("2026-11-23T12:00:00.000000Z")
CONTEXT = Context(host="h", utc_offset_minutes=480, now=lambda: NOW)
RECORDINGS = Path(__file__).parents[3] / "range" / "recordings"
RECORDED = {
    "nginx-access.log.zst": "nginx_access",
    "nginx-error.log.zst": "nginx_error",
    "postgresql.log.zst": "postgresql_text",
    "postgresql-share.json.zst": "postgresql_json",
    "sshd.log.zst": "syslog_auth",
}
GOOD = {
    "nginx_access": b"1.2.3.4 - bob [23/Nov/2026:13:16:12 +0800] "
    b'"GET /a?b=%41 HTTP/1.1" 200 5 "-" "x"',
    "nginx_error": b"2026/11/23 13:16:12 [error] 2#2: *3 m, client: 1.2.3.4, server: , "
    b'request: "GET /u H"',
    "postgresql_text": b"2026-11-23 13:16:22.179 CST [2] pay@db/app 1.2.3.4 LOG:  "
    b"statement: SELECT 1",
    "postgresql_csv": b'2026-11-23 13:16:22.179 CST,"a","b",2,"1.2.3.4:5",6b.6,2,"S",'
    b'2026-11-23 13:16:22 CST,3/5,0,LOG,00000,"statement: SELECT 1",,,,,,,,,"","client backend",,0',
    "postgresql_json": b'{"timestamp":"2026-11-23 13:16:22.179 CST","error_severity":"LOG",'
    b'"message":"m"}',
    "keycloak": b'{"timestamp":"2026-11-23T05:16:03.24267324Z","loggerName":"org.keycloak.events",'
    b'"level":"WARN","message":"type=\\"LOGIN_ERROR\\", userId=\\"null\\", ipAddress=\\"1.2.3.4\\"'
    b', error=\\"user_not_found\\", username=\\"x\\""}',
    "openldap": b'6b03cc1c.104c5d56 0x7fa86ffff6c0 conn=1001 op=0 BIND dn="cn=a,dc=b" method=128',
    "wechat_nontax": b'{"order_id":"ZF1","status":3,"fee":100,"notify_time":"2026-11-23 13:16:12"}',
    "windows_xml": b"<Event><System><EventID>4625</EventID><TimeCreated SystemTime="
    b'"2026-11-23T05:16:12.1234567Z"/><Channel>Security</Channel><Computer>h</Computer></System>'
    b'<EventData><Data Name="TargetUserName">bob</Data></EventData></Event>',
    "xroad_operational": b'{"monitoringDataTs":1795410972,"requestInTs":1795410972000,'
    b'"serviceCode":"getRandom","succeeded":true,"messageUserId":"x"}',
    "syslog_auth": b"Nov 23 13:16:12 h sshd[2]: Failed password for bob from 1.2.3.4 port 5 ssh2",
    "step_ca": b'{"fields.time":"2026-11-23T13:16:22+08:00","path":"/1.0/sign","status":201}',
}
EXTRA = {"labels.repeated", "labels.remote_host"}


def pieces(name: str) -> st.SearchStrategy[bytes]:
    """Parts of a good line, shuffled among any bytes: deeper than random bytes get."""
    good = GOOD[name]
    cuts = st.tuples(st.integers(0, len(good)), st.integers(0, len(good)))
    part = cuts.map(lambda ends: good[min(ends) : max(ends)])
    return st.one_of(
        st.binary(max_size=80),
        st.lists(st.one_of(part, st.binary(max_size=4)), max_size=5).map(b"".join),
        st.tuples(st.just(good), st.binary(max_size=20)).map(b"".join),
        st.tuples(st.integers(0, len(good)), st.binary(max_size=6)).map(
            lambda pair: good[: pair[0]] + pair[1] + good[pair[0] :]
        ),
    )


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=150)
@given(data=st.data())
def test_any_records_give_one_good_event_each(name: str, data: st.DataObject) -> None:
    records = data.draw(st.lists(pieces(name), max_size=5))
    events = FORMATS[name]().parse(records, CONTEXT)
    assert len(events) == len(records)
    for fields in events:
        family = FORMATS[name]().dataset.partition(".")[0]
        assert str(fields["event.dataset"]).partition(".")[0] == family
        times.from_text(str(fields["@timestamp"]))
        assert event.decode(event.encode(fields)) == fields
        assert "\0" not in "".join(value for value in fields.values() if isinstance(value, str))
        for field, value in fields.items():
            _check_type(field, value)


def _check_type(field: str, value: event.Value) -> None:
    if field in EXTRA or field.startswith("winlog.event_data."):
        return
    kind = catalogue()[field].type
    expected = {"integer": int, "boolean": bool, "keywords": list}.get(kind, str)
    assert type(value) is expected, (field, value)
    if expected is int:
        assert -(2**63) <= int(str(value)) < 2**63


@pytest.mark.parametrize("name", FORMATS)
@given(data=st.data())
def test_framing_never_fails_and_loses_no_byte(name: str, data: st.DataObject) -> None:
    form = FORMATS[name]()
    for line in data.draw(
        st.lists(pieces(name).map(lambda raw: raw.replace(b"\n", b"")), max_size=8)
    ):
        assert form.begins(line) in {True, False}


@pytest.mark.parametrize("name", FORMATS)
def test_a_good_line_is_parsed_and_begins_a_record(name: str) -> None:
    assert FORMATS[name]().begins(GOOD[name])
    (fields,) = FORMATS[name]().parse([GOOD[name]], CONTEXT)
    assert fields["event.action"] != "unparsed"
    assert str(fields["@timestamp"]).startswith("2026-11-23T05:16:")
    assert fields["event.original"] == GOOD[name].decode()
    assert fields["host.name"] == "h"


@pytest.mark.parametrize("name", FORMATS)
def test_a_record_of_another_form_has_the_last_known_time(name: str) -> None:
    form = FORMATS[name]()
    first, good, after = form.parse(
        [
            b"\xff nonsense",
            GOOD[name],
            b"",
        ],
        CONTEXT,
    )
    assert first["@timestamp"] == times.to_text(NOW)
    assert (first["event.action"], first["gov.time.assumed"]) == ("unparsed", True)
    assert first["gov.line.undecodable"] is True
    assert first["event.original"] == "\\xff nonsense"
    assert after["@timestamp"] == good["@timestamp"]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "filler", [b"a", b"\x01", b"\xff", "中".encode(), b'"', b"\\", b"%", b" = "]
)
def test_a_mebibyte_line_is_cut_to_the_limit_and_named_by_its_hash(
    name: str, filler: bytes
) -> None:
    good = GOOD[name]
    raw = good[:-2] + filler * (1024 * 1024 // len(filler)) + good[-2:]
    started = time.process_time()
    (fields,) = FORMATS[name]().parse([raw], CONTEXT)
    assert time.process_time() - started < 2
    assert len(event.encode(fields)) < limits.EVENT_BYTES_MAX
    assert fields["gov.line.bytes"] == len(raw)
    assert fields["gov.line.sm3"] == sm3.digest(raw).hex()


@pytest.mark.parametrize("name", FORMATS)
def test_no_half_number_is_left_where_a_long_line_is_cut(name: str) -> None:
    for shift in range(24):
        head = b"," * (8192 - len(GOOD[name]) - shift)
        line = GOOD[name][:-2] + head + b"350502199003071236 " + b"x" * 9000
        (fields,) = FORMATS[name]().parse([line], CONTEXT)
        Masker(b"k" * 32).mask([fields])
        assert "3505021990" not in str(fields["event.original"])


@pytest.mark.parametrize("name", FORMATS)
def test_a_marking_behind_the_cut_still_hides_the_line(name: str) -> None:
    events = FORMATS[name]().parse([GOOD[name] + b"x" * 9000 + "秘密★".encode()], CONTEXT)
    Masker(b"k" * 32).mask(events)
    assert events[0]["event.original"] == "<<classified>>"


@pytest.mark.parametrize("name", FORMATS)
def test_gbk_and_nul_are_readable_and_wrong_bytes_escaped(name: str) -> None:
    form = FORMATS[name]()
    gbk, nul, wrong = form.parse(
        ["登录失败：用户张三".encode("gbk"), b"a\0b", b"caf\xe9 ol\xe9 \xc0\xaf"], CONTEXT
    )
    assert gbk["event.original"] == "登录失败：用户张三"
    assert "gov.line.undecodable" not in gbk
    assert nul["event.original"] == "a\\x00b"
    assert wrong["event.original"] == "caf\\xe9 ol\\xe9 \\xc0\\xaf"
    assert wrong["gov.line.undecodable"] is True


@pytest.mark.parametrize("file", RECORDED)
def test_every_recorded_line_is_parsed_and_told_apart_from_a_mere_log(file: str, read) -> None:
    for path in RECORDINGS.glob(f"*/{file}"):
        with path.open("rb") as packed:
            raw = zstandard.ZstdDecompressor().stream_reader(packed).read(2_000_000)
        lines = raw.split(b"\n")[:-1]
        events = read(RECORDED[file], *lines)
        actions = [fields["event.action"] for fields in events]
        assert "unparsed" not in actions
        # The rest are parameters, checkpoints and the like.
        assert actions.count("log") < 0.45 * len(actions)
