"""What a packet view tells of frames."""

from __future__ import annotations

import tomllib
from pathlib import Path

import made_packets as made
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_packets import ACK, FIN, RST, SYN, back, tcp

from schema import times
from schema.event import Fields
from sensors.packets.dns import RECORDS_MAX
from sensors.packets.flows import FLOWS_MAX, Flows
from sensors.packets.frame import Frame
from sensors.packets.terms import View, network, system
from sensors.packets.view import Reader

ROOT = Path(__file__).parents[3]
AT = 1_795_000_000 * times.SECOND
TERMS = View(
    name="span",
    host="probe-1",
    systems=(system("ecert-api", made.SERVER, 443),),
    internal=(network("10.0.0.0/8"),),
)


def read(*frames: bytes, reader: Reader | None = None) -> list[Fields]:
    reader = reader or Reader(TERMS)
    found: list[Fields] = []
    for number, raw in enumerate(frames):
        found += reader.read(Frame(AT + number, raw))
    return found


def test_a_tlcp_handshake_tells_version_suite_service_and_double_certificate() -> None:
    answer = made.record(
        made.server_hello(0xE013, 0x0101), made.certificates(600, 610), version=0x0101
    )
    (event,) = read(tcp(made.client_hello(version=0x0101)), back(answer))
    assert event == {
        "@timestamp": times.to_text(AT + 1),
        "destination.ip": made.SERVER,
        "destination.port": 443,
        "event.action": "tls_handshake",
        "event.dataset": "packet.tls",
        "event.outcome": "success",
        "gov.crypto.alg": "SM2",
        "host.name": "probe-1",
        "labels.double_certificate": "true",
        "network.transport": "tcp",
        "observer.name": "probe-1",
        "service.name": "ecert-api",
        "source.ip": made.CLIENT,
        "source.port": 50000,
        "tls.cipher": "ECC_SM4_CBC_SM3",
        "tls.client.server_name": "ecert.example.gov.cn",
        "tls.version": "TLCP1.1",
    }


def test_a_single_certificate_is_noted_even_where_it_is_cut() -> None:
    answer = made.record(made.server_hello(0xE011, 0x0101), made.certificates(900), version=0x0101)
    (event,) = read(tcp(made.client_hello(version=0x0101)), back(answer[:300]))
    assert event["labels.double_certificate"] == "false"
    assert event["tls.cipher"] == "ECDHE_SM4_CBC_SM3"


@pytest.mark.parametrize(
    ("suite", "chosen", "version", "cipher", "algorithm"),
    [
        (0xC02F, 0, "1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "RSA"),
        (0x1301, 0x0304, "1.3", "TLS_AES_128_GCM_SHA256", None),
        (0x00C6, 0x0304, "1.3", "TLS_SM4_GCM_SM3", None),
        (0xABCD, 0, "1.2", "0xabcd", None),
    ],
)
def test_tls_tells_what_the_server_chose(
    suite: int, chosen: int, version: str, cipher: str, algorithm: str | None
) -> None:
    answer = made.record(made.server_hello(suite, chosen=chosen))
    (event,) = read(tcp(made.client_hello()), back(answer))
    assert (event["tls.version"], event["tls.cipher"]) == (version, cipher)
    assert event.get("gov.crypto.alg") == algorithm
    assert "labels.double_certificate" not in event


def test_a_handshake_is_told_once() -> None:
    answer = back(made.record(made.server_hello(0x002F)))
    assert len(read(tcp(made.client_hello()), answer, answer)) == 1


def test_an_answer_without_its_question_is_not_told() -> None:
    assert read(back(made.record(made.server_hello(0x002F)))) == []


def test_a_name_question_is_told() -> None:
    (event,) = read(made.udp(made.query("Pool.Example.COM", 16)))
    assert event["dns.question.name"] == "pool.example.com"
    assert event["dns.question.type"] == "TXT"
    assert (event["source.ip"], event["destination.port"]) == (made.CLIENT, 53)
    assert event["event.action"] == "dns_query"


def test_an_answer_tells_names_and_addresses_and_its_source_is_who_asked() -> None:
    (event,) = read(
        made.udp_back(
            made.answered(
                "Pool.Example.COM",
                (5, b"\4pool\3cdn\xc0\x19"),
                (1, bytes((203, 0, 113, 9))),
                (1, bytes((203, 0, 113, 9))),
                (28, bytes(15) + b"\1"),
                (16, b"\4text"),
            )
        )
    )
    assert event == {
        "@timestamp": times.to_text(AT),
        "destination.ip": made.SERVER,
        "destination.port": 53,
        "dns.answers.data": ["pool.cdn.com", "203.0.113.9", "::1"],
        "dns.question.name": "pool.example.com",
        "dns.question.type": "A",
        "dns.resolved_ip": ["203.0.113.9", "::1"],
        "dns.response_code": "NOERROR",
        "event.action": "dns_answer",
        "event.dataset": "packet.dns",
        "event.outcome": "success",
        "host.name": "probe-1",
        "network.protocol": "dns",
        "network.transport": "udp",
        "observer.name": "probe-1",
        "source.ip": made.CLIENT,
        "source.port": 40000,
    }


def test_a_name_that_does_not_exist_is_a_failure() -> None:
    (event,) = read(made.udp_back(made.answered("a.b", code=3)))
    assert (event["event.outcome"], event["dns.response_code"]) == ("failure", "NXDOMAIN")
    assert "dns.answers.data" not in event


def test_of_an_answer_that_breaks_off_the_whole_records_are_told() -> None:
    whole = made.answered("a.b", (1, b"\xcb\0\x71\1"), (1, b"\xcb\0\x71\2"))
    (event,) = read(made.udp_back(whole[:-1]))
    assert event["dns.resolved_ip"] == ["203.0.113.1"]


@pytest.mark.parametrize(
    "pointer", [b"\xc0\x21", b"\1a\xc0\x21", b"\xc0\xff", b"\xc0\x02", b"\xc0"]
)
def test_a_name_that_goes_round_or_out_of_the_message_is_left_out(pointer: bytes) -> None:
    """Byte 0x21 is where the record's data begins."""
    (event,) = read(made.udp_back(made.answered("a.b", (5, pointer))))
    assert "dns.answers.data" not in event


def test_records_beyond_the_limit_are_left_out() -> None:
    records = [(1, bytes((203, 0, 113, number))) for number in range(40)]
    (event,) = read(made.udp_back(made.answered("a.b", *records)))
    assert len(event["dns.resolved_ip"]) == RECORDS_MAX  # type: ignore[arg-type]


@pytest.mark.parametrize("start", [1000, 2**32 - 10])
def test_bytes_come_from_sequence_numbers(start: int) -> None:
    opened = (
        tcp(flags=SYN, sequence=start),
        back(flags=SYN | ACK, sequence=5, acknowledged=start + 1 & 0xFFFFFFFF),
    )
    ended = (
        tcp(b"bye", flags=FIN | ACK, sequence=(start + 1 + 400) % 2**32),
        back(flags=FIN | ACK, sequence=5 + 1 + 90_000),
    )
    (event,) = read(*opened, *ended)
    assert event["event.dataset"] == "packet.flow"
    assert (event["source.bytes"], event["destination.bytes"]) == (403, 90_000)
    assert event["network.bytes"] == 90_403
    assert (event["network.direction"], event["event.outcome"]) == ("internal", "success")


def test_what_the_other_had_stands_for_an_end_that_was_not_seen() -> None:
    (event,) = read(
        tcp(flags=SYN, sequence=100),
        back(flags=SYN | ACK, sequence=5, acknowledged=101),
        back(flags=FIN | ACK, sequence=5 + 1 + 50, acknowledged=101 + 700),
        back(flags=RST, sequence=5 + 1 + 50 + 1),
    )
    assert (event["source.bytes"], event["destination.bytes"]) == (700, 50)


def test_a_refused_opening_is_a_failure() -> None:
    (event,) = read(tcp(flags=SYN, sequence=9), back(flags=RST | ACK, acknowledged=10))
    assert event["event.outcome"] == "failure"
    assert "network.bytes" not in event


@pytest.mark.parametrize(
    ("source", "destination", "direction"),
    [
        ("10.1.1.1", "203.0.113.9", "outbound"),
        ("203.0.113.9", "10.1.1.1", "inbound"),
        ("203.0.113.9", "198.51.100.1", "external"),
    ],
)
def test_direction_follows_the_internal_networks(
    source: str, destination: str, direction: str
) -> None:
    first = tcp(flags=SYN, source=source, destination=destination)
    (event,) = read(first, tcp(flags=RST, sequence=1, source=source, destination=destination))
    assert event["network.direction"] == direction


def test_an_unanswered_opening_is_told_after_a_minute() -> None:
    reader = Reader(TERMS)
    assert read(tcp(flags=SYN), reader=reader) == []
    assert reader.expire(AT + 59 * times.SECOND) == []
    (event,) = reader.expire(AT + 70 * times.SECOND)
    assert (event["event.dataset"], event["event.outcome"]) == ("packet.flow", "failure")
    assert len(reader.flows) == 0


def test_the_same_ports_anew_end_the_last_connection() -> None:
    (event,) = read(tcp(flags=SYN, sequence=1), tcp(flags=SYN, sequence=77777))
    assert event["event.dataset"] == "packet.flow"


def test_a_repeated_opening_is_the_same_connection() -> None:
    assert read(tcp(flags=SYN, sequence=1), tcp(flags=SYN, sequence=1)) == []


def test_the_table_is_bounded_and_counts_what_it_forgets() -> None:
    reader = Reader(TERMS, Flows(limit=3))
    read(*(tcp(flags=SYN, ports=(port, 443)) for port in range(1000, 1010)), reader=reader)
    assert (len(reader.flows), reader.flows.lost) == (3, 7)
    assert FLOWS_MAX == 65_536


def test_six_is_read_as_four() -> None:
    ends = {"source": "2001:db8::1", "destination": "2001:db8::2"}
    first = tcp(made.client_hello(), **ends)  # type: ignore[arg-type]
    answer = back(
        made.record(made.server_hello(0x002F)), source="2001:db8::2", destination="2001:db8::1"
    )
    (event,) = read(first, answer)
    assert event["source.ip"] == "2001:db8::1"


def test_every_field_is_one_that_rules_may_read() -> None:
    carried = tomllib.loads((ROOT / "analytics/authoring/linting/carried.toml").read_text("utf-8"))
    found = read(
        *SOUND[:4],
        tcp(flags=SYN, ports=(9, 443)),
        tcp(flags=RST, sequence=1, ports=(9, 443)),
    )
    assert {one["event.dataset"] for one in found} == {"packet.tls", "packet.dns", "packet.flow"}
    for event in found:
        known = {*carried["every"], *carried["dataset"][event["event.dataset"]]}
        assert {name for name in event if not name.startswith("labels.")} <= known


SOUND = (
    tcp(made.client_hello()),
    back(made.record(made.server_hello(0xE013, 0x0101), made.certificates(9, 9), version=0x0101)),
    made.udp(made.query("a.example")),
    made.udp_back(made.answered("a.example", (5, b"\1b\xc0\x0e"), (1, bytes(4)))),
    tcp(flags=SYN),
    back(flags=FIN | ACK),
    tcp(made.client_hello(), source="2001:db8::1", destination="2001:db8::2"),
)


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_any_bytes_are_read_without_exception(frames: list[bytes]) -> None:
    assert len(read(*frames)) <= 2 * len(frames)


@given(st.data())
def test_damaged_frames_are_read_without_exception(data: st.DataObject) -> None:
    reader = Reader(TERMS, Flows(limit=4))
    for _ in range(4):
        raw = bytearray(data.draw(st.sampled_from(SOUND)))
        for _ in range(data.draw(st.integers(0, 4))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, len(raw)))
        for event in read(bytes(raw[:cut]), bytes(raw), reader=reader):
            assert all(len(str(value)) <= 1100 for value in event.values())
        assert len(reader.flows) <= 4
