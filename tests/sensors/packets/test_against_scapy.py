"""Our own reading of packets against scapy's: two programs that share no line must agree."""

from __future__ import annotations

import random
import warnings
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import made_packets as made
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sensors.packets.dns import RECORDS_MAX, answer, question
from sensors.packets.flows import Flows
from sensors.packets.frame import TCP, UDP, packet
from sensors.packets.handshake import ClientHello, ServerHello, hello

with warnings.catch_warnings():
    # scapy names ciphers that cryptography has set aside; nothing of ours.
    warnings.simplefilter("ignore")
    from scapy.layers.dns import DNS, DNSQR, DNSRR, dns_compress
    from scapy.layers.inet import IP
    from scapy.layers.inet import TCP as SCAPY_TCP
    from scapy.layers.inet import UDP as SCAPY_UDP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import Dot1Q, Ether
    from scapy.layers.tls.extensions import (
        ServerName,
        TLS_Ext_ServerName,
        TLS_Ext_SupportedVersion_CH,
        TLS_Ext_SupportedVersion_SH,
    )
    from scapy.layers.tls.handshake import TLSClientHello, TLSServerHello
    from scapy.layers.tls.record import TLS
    from scapy.packet import Raw

ports = st.integers(1, 65535)
label = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_", min_size=1, max_size=20)
names = st.lists(label, min_size=1, max_size=6).map(".".join)
CODES = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"]
TYPES = {1: "A", 2: "NS", 5: "CNAME", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV"}


def ether() -> Any:
    # With both addresses: scapy would ask the network for what is left out.
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")


def ip(six: bool) -> Any:
    if six:
        return IPv6(src="2001:db8::1", dst="2001:db8::2")
    return IP(src="10.20.3.24", dst="10.30.5.8")


@given(
    six=st.booleans(), vlans=st.integers(0, 2), sport=ports, dport=ports,
    seq=st.integers(0, 2**32 - 1), ack=st.integers(0, 2**32 - 1), flags=st.integers(0, 63),
    options=st.sampled_from([[], [("MSS", 1460)], [("Timestamp", (1, 2))]]),
    payload=st.binary(max_size=64),
)  # fmt: skip
def test_segments_that_scapy_writes_are_read_as_they_were_meant(
    six: bool, vlans: int, sport: int, dport: int, seq: int, ack: int, flags: int,
    options: list[Any], payload: bytes,
) -> None:  # fmt: skip
    frame = ether()
    for number in range(vlans):
        frame /= Dot1Q(vlan=number + 1)
    tcp = SCAPY_TCP(sport=sport, dport=dport, seq=seq, ack=ack, flags=flags, options=options)
    raw = bytes(frame / ip(six) / tcp / Raw(payload))
    ours = packet(raw)
    assert ours is not None
    assert (ours.protocol, ours.source_port, ours.destination_port) == (TCP, sport, dport)
    assert (ours.flags & 63, ours.sequence, ours.acknowledged) == (flags, seq, ack)
    assert (ours.payload, ours.length) == (payload, len(payload))
    assert str(ours.source) == ("2001:db8::1" if six else "10.20.3.24")


@given(edits=st.lists(st.tuples(st.integers(12, 60), st.integers(0, 255)), max_size=4))
def test_of_mutated_frames_whatever_we_read_scapy_reads_alike(
    edits: list[tuple[int, int]],
) -> None:
    raw = bytearray(made.tcp(b"payload", flags=made.ACK, sequence=7, acknowledged=9))
    for at, byte in edits:
        raw[at] = byte
    ours = packet(bytes(raw))
    assume(ours is not None and ours.protocol == TCP)
    assert ours is not None
    theirs = Ether(bytes(raw))
    assume(SCAPY_TCP in theirs)
    seen = theirs[SCAPY_TCP]
    assert (ours.source_port, ours.destination_port) == (seen.sport, seen.dport)
    assert (ours.sequence, ours.acknowledged) == (seen.seq, seen.ack)
    assert ours.flags == int(seen.flags) & 255


@given(name=names, kind=st.sampled_from(sorted(TYPES)), six=st.booleans())
def test_a_question_that_scapy_writes_has_its_name_and_type(
    name: str, kind: int, six: bool
) -> None:
    assume(len(name) < 250)
    asked = DNS(id=7, rd=1, qd=DNSQR(qname=name, qtype=kind))
    ours = packet(bytes(ether() / ip(six) / SCAPY_UDP(sport=40000, dport=53) / asked))
    assert ours is not None
    assert ours.protocol == UDP
    found = question(ours.payload)
    assert found is not None
    assert (found.name, found.type) == (name.lower(), TYPES[kind])


@given(name=names)
def test_an_answer_is_no_question(name: str) -> None:
    assume(len(name) < 250)
    answer = DNS(qr=1, qd=DNSQR(qname=name), an=DNSRR(rrname=name, rdata="192.0.2.1"))
    assert question(bytes(answer)) is None


@given(
    name=names, aliases=st.lists(names, max_size=3),
    addresses=st.lists(st.ip_addresses(), max_size=4), code=st.integers(0, 5),
)  # fmt: skip
def test_an_answer_that_scapy_writes_has_its_code_names_and_addresses(
    name: str, aliases: list[str], addresses: list[IPv4Address | IPv6Address], code: int
) -> None:
    assume(all(len(one) < 250 for one in (name, *aliases)))
    records = [DNSRR(rrname=name, type="CNAME", rdata=one) for one in aliases]
    records += [
        DNSRR(rrname=name, type="A" if one.version == 4 else "AAAA", rdata=str(one))
        for one in addresses
    ]
    said = DNS(qr=1, rcode=code, qd=DNSQR(qname=name), an=records)
    for written in (bytes(said), bytes(dns_compress(said))):
        found = answer(written)
        assert found is not None
        assert (found.question.name, found.question.type) == (name.lower(), "A")
        assert found.code == CODES[code]
        given_ones = [*(one.lower() for one in aliases), *map(str, addresses)]
        assert list(found.data) == list(dict.fromkeys(given_ones))
        assert list(found.addresses) == list(dict.fromkeys(map(str, addresses)))


@given(edits=st.lists(st.tuples(st.integers(0, 80), st.integers(0, 255)), max_size=4))
def test_of_mutated_answers_whatever_addresses_we_read_scapy_reads_alike(
    edits: list[tuple[int, int]],
) -> None:
    alias, address = b"\1b\xc0\x10", bytes((203, 0, 113, 9))
    raw = bytearray(made.answered("www.ecert.example.gov.cn", (5, alias), (1, address)))
    for at, byte in edits:
        raw[at % len(raw)] = byte
    found = answer(bytes(raw))
    assume(found is not None and len(found.addresses))
    assert found is not None
    theirs = DNS(bytes(raw))
    assert theirs.qr == 1
    read = [one.rdata for one in theirs.an[:RECORDS_MAX] if one.type in (1, 28)]
    assert set(found.addresses) <= {str(one) for one in read}


@given(edits=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=4))
def test_of_mutated_questions_whatever_we_read_scapy_reads_alike(
    edits: list[tuple[int, int]],
) -> None:
    raw = bytearray(made.query("www.ecert.example.gov.cn"))
    for at, byte in edits:
        raw[at % len(raw)] = byte
    found = question(bytes(raw))
    assume(found is not None and "\\" not in found.name)
    assert found is not None
    theirs = DNS(bytes(raw))
    assert theirs.qr == 0
    asked = theirs.qd[0]
    assert asked.qname.decode("latin-1").lower().rstrip(".") == found.name.rstrip(".")
    assert TYPES.get(asked.qtype, found.type) == found.type


@given(name=names, version=st.sampled_from([0x0301, 0x0302, 0x0303]), modern=st.booleans())
def test_a_client_hello_that_scapy_writes_has_its_name(
    name: str, version: int, modern: bool
) -> None:
    assume(len(name) < 250)
    extensions: list[Any] = [TLS_Ext_ServerName(servernames=[ServerName(servername=name.encode())])]
    if modern:
        extensions.insert(0, TLS_Ext_SupportedVersion_CH(versions=[0x0304, 0x0303]))
    said = TLSClientHello(version=version, ciphers=[0x1301, 0xC02F], ext=extensions)
    found = hello(bytes(TLS(version=0x0301, msg=[said])))
    assert found == ClientHello(version, name.lower())


@given(suite=st.sampled_from([0x1301, 0x1302, 0xC02F, 0xC030, 0x009C, 0x002F, 0x000A]))
@pytest.mark.parametrize("session", [b"", bytes(32)], ids=["new", "resumed"])
def test_a_server_hello_that_scapy_writes_has_its_version_and_suite(
    suite: int, session: bytes
) -> None:
    modern = suite in (0x1301, 0x1302)
    extensions = [TLS_Ext_SupportedVersion_SH(version=0x0304)] if modern else None
    said = TLSServerHello(version=0x0303, sid=session, cipher=suite, ext=extensions)
    found = hello(bytes(TLS(version=0x0303, msg=[said])))
    assert found == ServerHello(0x0304 if modern else 0x0303, suite, None)


def test_ends_of_connections_that_scapy_writes_tell_their_bytes() -> None:
    dice = random.Random(7)
    for _ in range(50):
        up, down = dice.randrange(5000), dice.randrange(5000)
        first, second = dice.randrange(2**32), dice.randrange(2**32)

        def segment(side: int, flags: str, seq: int, ack: int) -> bytes:
            here, there = ("10.1.1.1", "10.1.1.2") if side == 0 else ("10.1.1.2", "10.1.1.1")
            one, other = (50000, 443) if side == 0 else (443, 50000)
            head = SCAPY_TCP(sport=one, dport=other, flags=flags, seq=seq % 2**32, ack=ack % 2**32)
            return bytes(ether() / IP(src=here, dst=there) / head)

        flows, over = Flows(), []
        client, server = first + 1 + up, second + 1 + down
        for raw in (
            segment(0, "S", first, 0),
            segment(1, "SA", second, first + 1),
            segment(0, "FA", client, server),
            segment(1, "FA", server, client + 1),
        ):
            seen = packet(raw)
            assert seen is not None
            over += flows.note(seen, 1)
        assert [flow.sent for flow in over] == [(up, down)]
