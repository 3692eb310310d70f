"""Links are slow, cut or half open: what was acknowledged stays, and work goes on once healed."""

from __future__ import annotations

import time

import pytest
from carrying import Carrier, check_kept, everything, numbers
from test_brokers import access_to, make_topic

from collector.bus.confluent_bus import ConfluentReader, ConfluentWriter
from collector.bus.reading import BEGINNING
from schema.errors import FengsuiError

DELAY_MS = 200
FAULT_SECONDS = 8
"""Longer than one request may take, so that connections are given up meanwhile."""
ACKNOWLEDGE_SECONDS = 6.0


def delay(proxy):
    proxy.delay(DELAY_MS, jitter_ms=DELAY_MS // 2)


def cut(proxy):
    proxy.cut()


def half_open(proxy):
    proxy.half_open()


def deaf(proxy):
    """The broker hears everything and its answers are lost: the worst for "nothing twice"."""
    proxy.half_open("down")


def in_long_rounds(fault):
    return pytest.param(fault, marks=pytest.mark.long)


@pytest.fixture
def way(kafka, link):
    ports = kafka.ports[0]
    proxy = link(ports.proxied, port=ports.advertised)
    return proxy, access_to(kafka.proxied_address)


@pytest.mark.parametrize("fault", [delay, deaf, *map(in_long_rounds, (cut, half_open))])
def test_a_writer_behind_a_failing_link_loses_and_doubles_nothing_it_was_promised(
    kafka, own_prefix, way, measures, fault
):
    proxy, access = way
    places = make_topic(access_to(kafka.address), own_prefix, replication=1)
    carrier = Carrier(
        lambda: ConfluentWriter(access, acknowledge_seconds=ACKNOWLEDGE_SECONDS), numbers(places)
    )
    carrier.start()
    carrier.wait_for(3)
    fault(proxy)
    if fault is delay:
        carrier.wait_for(5)
        assert not carrier.codes
    else:
        time.sleep(FAULT_SECONDS)
    proxy.heal()
    recovered = carrier.wait_for(3)
    carrier.stop()
    found = everything(lambda starts: ConfluentReader(access_to(kafka.address), starts), places)
    twice = check_kept(carrier, found)
    measures.add(
        f"link between writer and broker: {fault.__name__}",
        recovered_seconds=recovered,
        lost=0,
        twice_on_the_bus=twice,
    )


@pytest.mark.parametrize("fault", [cut, in_long_rounds(half_open)])
def test_a_reader_behind_a_failing_link_goes_on_where_it_was(
    kafka, own_prefix, way, measures, fault
):
    proxy, access = way
    direct = access_to(kafka.address)
    places = make_topic(direct, own_prefix, replication=1)
    carrier = Carrier(lambda: ConfluentWriter(direct), numbers(places))
    carrier.start()
    reader = ConfluentReader(access, dict.fromkeys(places, BEGINNING))
    found = []

    def read_for(seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                found.extend(reader.read(records_max=1000, wait_seconds=0.2))
            except FengsuiError as error:
                assert error.code == "schema.bus.unreachable"  # noqa: PT017 - meant to fail

    read_for(2)
    assert found
    fault(proxy)
    read_for(FAULT_SECONDS)
    carrier.stop()
    standing = len(found)
    proxy.heal()
    begun = time.monotonic()
    while len(found) == standing:
        read_for(0.2)
        assert time.monotonic() - begun < 60
    recovered = time.monotonic() - begun
    while any(reader.lag().values()):
        read_for(0.2)
    reader.close()
    assert check_kept(carrier, found) == 0
    measures.add(
        f"link between reader and broker: {fault.__name__}",
        recovered_seconds=recovered,
        lost=0,
        twice=0,
    )
