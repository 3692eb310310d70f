"""Readers of one group come and go under load: each record is stored once by somebody."""

from __future__ import annotations

import threading
import time

from carrying import Carrier, check_kept, numbers
from test_brokers import access_to, make_topic

from collector.bus.confluent_bus import ConfluentReader, ConfluentWriter
from collector.bus.reading import Group

PARTITIONS = 8
MOVE_SECONDS = 2.0


class Member(threading.Thread):
    """Stores what it reads under its place, then commits, as whoever reads the bus does."""

    def __init__(self, access, group, store):
        super().__init__(daemon=True)
        self._access = access
        self._group = group
        self._store = store
        self._left = threading.Event()
        self.commits = True

    def run(self):
        reader = ConfluentReader(self._access, self._group)
        try:
            while not self._left.is_set():
                for record in reader.read(records_max=200, wait_seconds=0.2):
                    self._store.take(record)
                if self.commits:
                    reader.commit()
        finally:
            reader.close()

    def leave(self):
        self._left.set()
        self.join(60)
        assert not self.is_alive()


class Store:
    """Each place once: a repeat changes nothing."""

    def __init__(self):
        self._lock = threading.Lock()
        self.records = {}
        self.repeats = 0
        self.times = []

    def take(self, record):
        with self._lock:
            known = self.records.setdefault((record.place, record.offset), record)
            if known is not record:
                assert known == record
                self.repeats += 1
            else:
                self.times.append(time.monotonic())

    def in_order(self):
        return [self.records[at] for at in sorted(self.records)]


def test_readers_come_and_go_under_load_and_each_record_is_stored_once(kafka, own_prefix, measures):
    access = access_to(kafka.address)
    places = make_topic(access, own_prefix, partitions=PARTITIONS, replication=1)
    group = Group(name=own_prefix, topics=(own_prefix,))
    carrier, store = Carrier(lambda: ConfluentWriter(access), numbers(places)), Store()
    carrier.start()
    members = [Member(access, group, store) for _ in range(3)]
    for one in members:
        one.start()
        time.sleep(MOVE_SECONDS)
    # The first stores without committing, and leaves: another stores the same again.
    members[0].commits = False
    time.sleep(0.5)
    members[0].leave()
    time.sleep(MOVE_SECONDS)
    members[1].leave()
    time.sleep(MOVE_SECONDS)
    carrier.stop()
    sent = len(carrier.acknowledged)
    end = time.monotonic() + 60
    while len(store.records) < sent:
        assert time.monotonic() < end, f"{len(store.records)} of {sent}"
        time.sleep(0.1)
    members[2].leave()
    assert check_kept(carrier, store.in_order()) == 0
    assert store.repeats
    gap = max(after - before for before, after in zip(store.times, store.times[1:], strict=False))
    measures.add(
        "rebalances under load: longest pause of reading",
        recovered_seconds=gap,
        stored=len(store.records),
        read_again=store.repeats,
        lost=0,
    )
