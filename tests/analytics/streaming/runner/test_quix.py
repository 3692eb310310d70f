"""Workers on a real broker: each word is counted once, whoever is killed, stopped or added."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import time

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource
from word_site import PARTITIONS, WordSite, stop

from analytics.streaming.runner import changelogs, site, stale
from schema.errors import FengsuiError

pytestmark = pytest.mark.service

SETTLE_SECONDS = 60
"""A dead worker's transaction holds readers for 10 s, until the brokers' next round of 10 s."""


@pytest.fixture
def words(kafka, own_prefix, tmp_path):
    site = WordSite(kafka.address, own_prefix, tmp_path)
    yield site
    site.close()


def test_one_worker_decides_each_count_once_and_stops_when_asked(words, kafka):
    worker = words.start("one")
    words.say(200)
    words.read_all(SETTLE_SECONDS)
    words.assert_exact()
    began = time.monotonic()
    assert stop(worker)[0] == 0
    assert time.monotonic() - began < 5
    reader = Consumer({"bootstrap.servers": kafka.address, "group.id": words.site("one").group})
    places = [TopicPartition(f"{words.prefix}.accepted", p) for p in range(PARTITIONS)]
    assert [place.offset for place in reader.committed(places, 10)] == [200] * PARTITIONS
    reader.close()


@pytest.mark.parametrize("name", ["one", "without-its-folder"])
def test_another_goes_on_where_a_stopped_worker_was(words, name):
    worker = words.start("one")
    words.say(50)
    words.read_all(SETTLE_SECONDS)
    assert stop(worker)[0] == 0
    words.say(50)
    words.start(name)
    words.read_all(SETTLE_SECONDS)
    words.assert_exact()


@pytest.mark.long
def test_three_workers_count_right_while_two_are_killed_and_one_is_added(words, capsys):
    a, b, _ = (words.start(name) for name in "abc")
    words.say(300)
    while words.decided.total() < 1000:
        words.read()
    a.kill()
    killed_first = time.monotonic()
    words.say(20)
    words.read(2.0)
    words.start("a")
    while words.decided_at[-1] < killed_first + 4:
        words.say(5)
        words.read(0.2)
    first = words.recovered_after(killed_first)
    b.kill()
    killed_second = time.monotonic()
    words.say(20)
    words.start("d")
    while words.decided.total() < words.said.total() or time.monotonic() < killed_second + 3:
        words.say(1)
        words.read(0.5)
        assert time.monotonic() < killed_second + SETTLE_SECONDS
        if words.decided_at[-1] > killed_second + 8:
            break
    words.read_all(SETTLE_SECONDS)
    words.assert_exact()
    with capsys.disabled():
        sys.stdout.write(
            f"\nrecovery: {first:.1f} s for one started again after 2 s, "
            f"{words.recovered_after(killed_second):.1f} s for one replaced by another\n"
        )


def test_a_worker_that_stood_still_for_too_long_begins_anew_and_counts_nothing_twice(words):
    still, _ = words.start("still"), words.start("other")
    words.say(100)
    words.read_all(SETTLE_SECONDS)
    words.say(2)
    still.send_signal(signal.SIGSTOP)
    words.say(100)
    words.read(site.SESSION_MS / 1000 + 2)
    still.send_signal(signal.SIGCONT)
    words.say(100)
    words.read_all(SETTLE_SECONDS)
    words.assert_exact()
    code, said = stop(still)
    assert (code, said.count("begins anew from what was written")) == (0, 1), said


def test_a_copy_of_state_that_is_old_is_read_anew(words):
    first = words.start("one")
    words.say(50)
    words.read_all(SETTLE_SECONDS)
    stop(first)
    one = words.site("one")
    copies = [
        changelogs.copy_of(one, one.topics[lane], partition)
        for lane in ("accepted", "hits")
        for partition in range(PARTITIONS)
    ]
    before = time.time() - 2 * stale.MISSED_SECONDS_MAX
    for copy in copies:
        for path in [*copy.iterdir(), copy]:
            os.utime(path, (before, before))
    again = words.start("one")
    words.say(50)
    words.read_all(SETTLE_SECONDS)
    words.assert_exact()
    code, said = stop(again)
    assert (code, said.count("too old and is read anew")) == (0, len(copies)), said


def test_a_record_nobody_of_ours_writes_stops_no_worker(words):
    words.say(10)
    words.write(0, b"sensor", b"{no sentence")
    words.write(1, b"sensor", None)
    words.say(10)
    worker = words.start("one")
    words.read_all(SETTLE_SECONDS)
    words.assert_exact()
    code, said = stop(worker)
    assert (code, said.count("a record was left out")) == (0, 2)


def test_changelogs_are_compacted_and_have_the_lanes_partitions(words, kafka):
    assert len(changelogs.make(words.site("one"))) == 3
    assert changelogs.make(words.site("two")) == ()
    name = changelogs.name(words.site("one"), "hits")
    admin = AdminClient({"bootstrap.servers": kafka.address})
    assert len(admin.list_topics(timeout=10).topics[name].partitions) == PARTITIONS
    asked = ConfigResource(ConfigResource.Type.TOPIC, name)
    found = admin.describe_configs([asked])[asked].result()
    assert found["cleanup.policy"].value == "compact"
    assert found["segment.ms"].value == "600000"


def test_a_lane_without_its_topic_is_named(kafka, own_prefix, words):
    missing = words.site("one")
    object.__setattr__(missing, "topics", {**missing.topics, "hits": f"{own_prefix}.nowhere"})
    with pytest.raises(FengsuiError, match="nowhere: run `fengsui cluster init`"):
        changelogs.make(missing)


def test_other_partitions_than_the_settings_say_are_named(words):
    other = dataclasses.replace(words.site("one"), partitions=2 * PARTITIONS)
    with pytest.raises(FengsuiError, match=r"set it back.*analytics\.stream\.partitions"):
        changelogs.make(other)
    changelogs.make(dataclasses.replace(other, partitions=PARTITIONS))
