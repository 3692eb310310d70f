"""Decisions are read once each, and none that is missing is passed over."""

from __future__ import annotations

import pytest
from centre_world import LAYOUT, new_bus

from analytics.streaming.messages import Decided as Message
from analytics.streaming.messages import encode
from collector.bus.memory_bus import MemoryBus
from fengsui.centre.decided import Decided
from fengsui.centre.hops import Hops
from schema.errors import FengsuiError

PLACE = LAYOUT.only("decided")


def tell(bus: MemoryBus, origin: str, *numbers: int) -> None:
    writer = bus.writer()
    for number in numbers:
        writer.send(PLACE, key=b"", value=encode(Message(origin, number, number)))
    writer.flush()


def decided(bus: MemoryBus, snapshot: dict[str, bytes]) -> Decided:
    return Decided(bus.reader, LAYOUT, snapshot=snapshot, hops=Hops())


def test_a_decision_that_comes_again_is_read_once() -> None:
    bus = new_bus()
    tell(bus, "hits/0", 1, 2, 1, 2, 3)
    tell(bus, "hits/1", 1)
    one = decided(bus, {})
    assert [(each.origin, each.number) for each in one.read()] == [
        ("hits/0", 1), ("hits/0", 2), ("hits/0", 3), ("hits/1", 1),
    ]  # fmt: skip
    assert decided(bus, one.snapshot()).read() == []


def test_decisions_deleted_before_they_were_read_stop_the_reader_and_are_named() -> None:
    bus = new_bus()
    tell(bus, "hits/0", 1, 2)
    before = decided(bus, {})
    before.read()
    tell(bus, "hits/0", 3, 4)
    bus.delete_before(PLACE, 3)
    one = decided(bus, before.snapshot())
    with pytest.raises(FengsuiError, match=r"schema\.bus\.gone"):
        one.read()
    assert one.read() == []
    for _ in range(2):
        with pytest.raises(FengsuiError, match=r"decisions 3 to 3 of hits/0 .*decided\.gap"):
            one.read()
    assert one.snapshot() == before.snapshot()


def test_hits_that_wait_are_those_of_all_who_told_last() -> None:
    bus = new_bus()
    writer = bus.writer()
    for origin, number, pending in (("hits/0", 1, 70), ("hits/1", 1, 5), ("hits/0", 2, 20)):
        message = Message(origin, number, number, pending=pending)
        writer.send(PLACE, key=b"", value=encode(message))
    writer.flush()
    one = decided(bus, {})
    one.read()
    assert one.pending == 25
    assert decided(bus, one.snapshot()).pending == 25
