"""The shelf in a Quix Streams state: fails where that library changes what it keeps to itself."""

from __future__ import annotations

import time

import pytest
from quixstreams import Application
from quixstreams.state.rocksdb import RocksDBStorePartition

from analytics.streaming.runner.quix import PartitionsLost, _Application
from analytics.streaming.runner.quix_state import QuixShelf


class Reversing:
    """A cover one can see through."""

    def seal(self, topic, key, value):
        return topic.encode() + key + value[::-1]

    def open(self, topic, key, value):
        bound = topic.encode() + key
        assert value.startswith(bound)
        return value[len(bound) :][::-1]


@pytest.fixture
def partition(tmp_path):
    opened = RocksDBStorePartition(str(tmp_path / "state"))
    yield opened
    opened.close()


def shelf(transaction, key=b"sensor", cover=None):
    return QuixShelf(transaction.as_state(prefix=key, timestamp=1), "log", cover)


def test_the_library_tells_of_lost_partitions_where_we_listen():
    assert "_on_lost" in vars(Application)
    application = _Application("127.0.0.1:1", loglevel=None)
    application.refuse_if_lost()
    application._on_lost(None, [])
    with pytest.raises(PartitionsLost):
        application.refuse_if_lost()


def test_entries_are_the_partitions_whatever_the_key_of_the_message(partition):
    with partition.begin() as transaction:
        shelf(transaction, b"one").put("a", b"1")
        shelf(transaction, b"two").put("b", b"2")
        assert shelf(transaction, None).get("a") == b"1"
    with partition.begin() as transaction:
        assert shelf(transaction).entries() == {"a": b"1", "b": b"2"}


def test_an_entry_is_changed_and_deleted(partition):
    for value in (b"1", b"", b"2"):
        with partition.begin() as transaction:
            shelf(transaction).put("a", value)
            assert shelf(transaction).get("a") == value
    with partition.begin() as transaction:
        shelf(transaction).delete("a")
        shelf(transaction).delete("never there")
        assert shelf(transaction).get("a") is None
    with partition.begin() as transaction:
        assert shelf(transaction).entries() == {}


def test_a_value_that_begins_like_a_time_to_live_comes_back_as_it_was(partition):
    stamp = int(time.time() * 1000 + 1000).to_bytes(8, "big") + b"value"
    with partition.begin() as transaction:
        shelf(transaction).put("a", stamp)
    with partition.begin() as transaction:
        assert shelf(transaction).get("a") == stamp
        assert shelf(transaction).entries() == {"a": stamp}


def test_many_entries_and_any_names_are_all_listed(partition):
    written = {
        f"规则 {number} | \x00 {'x' * (number % 7)}": b"%d" % number for number in range(3000)
    }
    with partition.begin() as transaction:
        for name, value in written.items():
            shelf(transaction).put(name, value)
    with partition.begin() as transaction:
        assert shelf(transaction).entries() == written


def test_a_cover_lies_over_what_is_written(partition):
    with partition.begin() as transaction:
        shelf(transaction, cover=Reversing()).put("a", b"secret")
    with partition.begin() as transaction:
        assert shelf(transaction).entries() == {"a": b"log" + b"a" + b"terces"}
        assert shelf(transaction, cover=Reversing()).entries() == {"a": b"secret"}
        assert shelf(transaction, cover=Reversing()).get("a") == b"secret"
