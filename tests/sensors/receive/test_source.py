"""Real sockets: what a device sends is polled once, in order, and what is lost is counted."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sender_certificates import issued

from schema import times
from schema.batch import Position
from schema.errors import FengsuiError
from schema.event import Fields
from sensors.receive import Listening, ReceiveSource, Route, split_address
from sensors.receive.listener import CONNECTIONS_OF_ONE_MAX
from sensors.receive.source import GENERATION
from sensors.receive.waiting import Waiting
from sensors.sources import Context

NOW = times.from_text("2026-11-26T04:00:00.000000Z")
SECONDS = 20.0
UDP = Listening(name="syslog", host="127.0.0.1", port=0, transport="udp")
TCP = replace(UDP, transport="tcp")
Open = Callable[..., ReceiveSource]


@pytest.fixture
def opened() -> Iterator[Open]:
    sources: list[ReceiveSource] = []

    def make(terms: Listening, waiting: Waiting | None = None) -> ReceiveSource:
        context = Context(host="collector", utc_offset_minutes=480, now=lambda: NOW)
        sources.append(ReceiveSource(terms, context, waiting=waiting))
        return sources[-1]

    yield make
    for source in sources:
        source.stop()


def polled(source: ReceiveSource, count: int) -> list[Fields]:
    """The next events, as soon as they are there."""
    events: list[Fields] = []
    until = time.monotonic() + SECONDS
    while len(events) < count and time.monotonic() < until:
        events += source.poll(256).events
        time.sleep(0.01)
    return events


def troubled(source: ReceiveSource, kind: str) -> int:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        found = source.poll(1).troubles.get(kind, 0)
        if found:
            return found
        time.sleep(0.01)
    return 0


def heard(context: ssl.SSLContext, port: int) -> bool:
    """Whether a sender under this context gets as far as to wait for an answer."""
    try:
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port))) as stranger:
            stranger.settimeout(SECONDS)
            stranger.sendall(b"<13>a: stranger\n")
            return bool(stranger.recv(1))
    except OSError:
        return False


def messages(events: list[Fields]) -> list[object]:
    return [fields["message"] for fields in events]


def test_datagrams_are_messages_and_nobody_vouches_for_their_sender(opened: Open) -> None:
    source = opened(UDP)
    source.poll(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        for text in (b"<13>a: one\n", b"\n", b"<13>a: two"):
            device.sendto(text, ("127.0.0.1", source.port))
        events = polled(source, 2)
    assert messages(events) == ["one", "two"]
    assert {fields["gov.transit.authenticated"] for fields in events} == {False}
    assert {fields["gov.transit.peer"] for fields in events} == {"127.0.0.1"}


def test_places_are_dense_and_go_on_after_a_restart(opened: Open) -> None:
    source = opened(TCP)
    source.restore(Position(generation=GENERATION, offset=41))
    source.poll(1)
    with socket.create_connection(("127.0.0.1", source.port)) as device:
        device.sendall(b"<13>a: one\n9 <13>a: tw<13>a: three\n")
    places: list[tuple[str, int]] = []
    until = time.monotonic() + SECONDS
    while len(places) < 3 and time.monotonic() < until:
        found = source.poll(2)
        places += found.places
        assert found.position.offset == 41 + len(places)
    assert places == [(GENERATION, 41), (GENERATION, 42), (GENERATION, 43)]


def test_a_stream_waits_where_there_is_no_room_and_loses_nothing(opened: Open) -> None:
    source = opened(TCP, Waiting(messages_max=4))
    source.poll(1)
    sent = b"".join(b"<13>a: %d\n" % at for at in range(500))
    with socket.create_connection(("127.0.0.1", source.port)) as device:
        device.sendall(sent)
    events = polled(source, 500)
    assert messages(events) == [str(at) for at in range(500)]
    assert source.poll(1).troubles == {}


def test_datagrams_without_room_are_counted(opened: Open) -> None:
    source = opened(UDP, Waiting(messages_max=2))
    source.poll(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        for _ in range(50):
            device.sendto(b"<13>a: x", ("127.0.0.1", source.port))
            time.sleep(0.002)
    assert troubled(source, "messages_lost") > 0


def test_what_was_taken_before_a_stop_can_still_be_polled(opened: Open) -> None:
    source = opened(TCP, Waiting(messages_max=1))
    source.poll(1)
    with socket.create_connection(("127.0.0.1", source.port)) as device:
        device.sendall(b"<13>a: one\n<13>a: two\n<13>a: three\n")
        time.sleep(0.3)
        source.stop()
    assert messages(polled(source, 3)) == ["one", "two", "three"]


def test_one_address_cannot_take_all_connections(opened: Open) -> None:
    source = opened(TCP)
    source.poll(1)
    devices = [
        socket.create_connection(("127.0.0.1", source.port))
        for _ in range(CONNECTIONS_OF_ONE_MAX + 1)
    ]
    assert troubled(source, "connections_refused") == 1
    for device in devices:
        device.close()


def test_tls_with_a_certificate_of_the_sender_vouches_for_it(opened: Open, tmp_path: Path) -> None:
    server, client = issued(tmp_path, "server"), issued(tmp_path, "client")
    terms = replace(
        TCP, transport="tls", certificate=server.certificate, key=server.key,
        client_ca=client.certificate,
    )  # fmt: skip
    source = opened(terms)
    source.poll(1)
    context = ssl.create_default_context(cafile=server.certificate)
    context.check_hostname = False
    assert not heard(context, source.port)
    context.load_cert_chain(client.certificate, client.key)
    with context.wrap_socket(socket.create_connection(("127.0.0.1", source.port))) as device:
        device.sendall(b"10 <13>a: one")
        events = polled(source, 1)
    assert messages(events) == ["one"]
    assert events[0]["gov.transit.authenticated"] is True
    assert events[0]["gov.transit.protocol"] == "tls"


def test_tls_without_senders_certificates_hides_but_does_not_vouch(
    opened: Open, tmp_path: Path
) -> None:
    server = issued(tmp_path, "server")
    source = opened(replace(TCP, transport="tls", certificate=server.certificate, key=server.key))
    source.poll(1)
    context = ssl.create_default_context(cafile=server.certificate)
    context.check_hostname = False
    with context.wrap_socket(socket.create_connection(("127.0.0.1", source.port))) as device:
        device.sendall(b"<13>a: one\n")
        events = polled(source, 1)
    assert events[0]["gov.transit.authenticated"] is False


def test_the_watermark_waits_for_what_is_not_polled(opened: Open) -> None:
    source = opened(TCP)
    assert source.poll(1).watermark < NOW
    assert source.poll(1).at_end


def test_an_address_that_is_taken_is_told_by_name(opened: Open) -> None:
    source = opened(TCP)
    with pytest.raises(FengsuiError) as raised:
        opened(replace(TCP, port=source.port))
    assert raised.value.code == "sensors.receive.listen"
    assert str(source.port) in str(raised.value)


@pytest.mark.parametrize("text", ["514", ":514", "0.0.0.0:", "0.0.0.0:99999", "host:a"])
def test_an_address_needs_host_and_port(text: str) -> None:
    with pytest.raises(FengsuiError):
        split_address(text)


def test_addresses_of_both_families_are_split() -> None:
    assert split_address("0.0.0.0:514") == ("0.0.0.0", 514)
    assert split_address("[::]:6514") == ("::", 6514)


def test_terms_that_cannot_be_are_refused() -> None:
    for make in (
        lambda: replace(TCP, transport="tls"),
        lambda: replace(UDP, client_ca=Path("x")),
        lambda: Route(format="x", facility="local9"),
        lambda: Route(format="x", address="10.0.0.0/99"),
        lambda: Route(format="x", app="a" * 200),
    ):
        with pytest.raises(FengsuiError):
            make()
