"""The checks of fault tests can fail: loss, repeats nobody asked for, and disorder are seen."""

from __future__ import annotations

import pytest
from carrying import Carrier, Item, check_kept, everything

from collector.bus.memory_bus import MemoryBus
from schema.bus import Place

PLACE = Place("topic", 0)


@pytest.fixture
def carried():
    bus = MemoryBus({"topic": 1})
    carrier = Carrier(bus.writer, (Item(PLACE, b"", b"%d" % number) for number in range(50)))
    carrier.start()
    carrier.join(10)
    return carrier, everything(bus.reader, [PLACE])


def test_what_arrived_as_it_was_sent_is_in_order(carried):
    carrier, found = carried
    assert check_kept(carrier, found) == 0
    assert len(carrier.acknowledged) == 50


def test_an_acknowledged_record_that_is_missing_is_seen(carried):
    carrier, found = carried
    with pytest.raises(AssertionError, match="acknowledged and lost: 1"):
        check_kept(carrier, found[:-1])


def test_a_record_that_stands_twice_without_having_been_sent_twice_is_seen(carried):
    carrier, found = carried
    with pytest.raises(AssertionError, match="twice"):
        check_kept(carrier, [*found, found[0]])


def test_a_record_sent_twice_after_a_failed_flush_may_stand_twice(carried):
    carrier, found = carried
    carrier.doubtful.add(found[0].value)
    assert check_kept(carrier, [*found, found[0]]) == 1


def test_records_out_of_order_are_seen(carried):
    carrier, found = carried
    with pytest.raises(AssertionError):
        check_kept(carrier, [found[1], found[0], *found[2:]])
