"""A worker's commit ends within a time: the client may wait for a lost broker for ever."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from quixstreams.kafka import ConnectionConfig

from analytics.streaming.runner.producer import COMMIT_SECONDS, TimelyProducer
from analytics.streaming.runner.quix import _Application
from analytics.streaming.runner.site import TRANSACTION_MS
from deploy.services import Kafka

GIVEN_UP_SECONDS = 8
"""After it a killed broker is missing from what the others tell of the cluster."""


class Mute:
    """A library client that never answers, or answers with what it was given."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.released = threading.Event()
        self.committed = False

    def send_offsets_to_transaction(self, *_: object) -> None:
        if self.failure is not None:
            raise self.failure
        self.released.wait()

    def begin_transaction(self) -> None:
        pass

    def commit_transaction(self, _: float) -> None:
        self.committed = True

    def poll(self, timeout: float) -> None:
        pass

    def abort_transaction(self, _: float) -> None:
        raise KafkaException("another call is in progress")


def timely(client: Mute) -> TimelyProducer:
    producer = TimelyProducer(ConnectionConfig(bootstrap_servers="127.0.0.1:1"), {}, 1.0, None)
    producer._producer._inner_producer = client
    return producer


def test_a_worker_writes_with_a_producer_that_commits_in_time(tmp_path: Path) -> None:
    application = _Application(
        "127.0.0.1:1", processing_guarantee="exactly-once", state_dir=tmp_path, loglevel=None
    )
    assert isinstance(application._producer, TimelyProducer)


def test_offsets_that_nobody_takes_end_the_commit_and_are_not_committed_later() -> None:
    client = Mute()
    producer = timely(client)
    producer.begin_transaction()
    began = time.monotonic()
    with pytest.raises(KafkaException, match=r"did not take the offsets in 0\.\d+ s"):
        producer.commit_transaction([TopicPartition("in", 0, 1)], object(), 0.2)
    assert time.monotonic() - began < 5
    # The end of the loop aborts what is open: that must not hide why it ends.
    producer.abort_transaction(5)
    client.released.set()
    time.sleep(0.05)
    assert not client.committed


def test_what_the_client_says_of_the_offsets_is_told_as_it_is() -> None:
    with pytest.raises(ValueError, match="no such place"):
        timely(Mute(ValueError("no such place"))).commit_transaction(
            [TopicPartition("in", 0, 1)], object(), 5
        )


@pytest.mark.service
def test_a_commit_ends_where_the_groups_broker_is_lost_and_the_next_producer_goes_on(
    kafka3: Kafka, own_prefix: str
) -> None:
    admin = AdminClient({"bootstrap.servers": kafka3.address})
    given, written = f"{own_prefix}.in", f"{own_prefix}.out"
    for made in admin.create_topics([NewTopic(given, 1, 3), NewTopic(written, 3, 3)]).values():
        made.result()
    reader = Consumer({"bootstrap.servers": kafka3.address, "group.id": own_prefix})
    reader.subscribe([given])
    while not reader.assignment():
        reader.poll(0.1)

    def begun() -> TimelyProducer:
        return TimelyProducer(
            ConnectionConfig(bootstrap_servers=kafka3.address),
            {"transactional.id": own_prefix, "transaction.timeout.ms": TRANSACTION_MS},
            COMMIT_SECONDS,
            None,
        )

    def commit(producer: TimelyProducer, offset: int) -> None:
        producer.begin_transaction()
        for partition in range(3):
            producer.produce(written, b"one", partition=partition)
        producer.flush()
        place = TopicPartition(given, 0, offset)
        producer.commit_transaction([place], reader.consumer_group_metadata())

    first = begun()
    commit(first, 1)
    (found,) = admin.describe_consumer_groups([own_prefix]).values()
    try:
        kafka3.kill(found.result().coordinator.id)
        end = time.monotonic() + GIVEN_UP_SECONDS
        while time.monotonic() < end:
            reader.poll(0.1)
        began = time.monotonic()
        try:
            commit(first, 2)
        except KafkaException:
            commit(begun(), 2)
        assert time.monotonic() - began < 3 * COMMIT_SECONDS
        (place,) = reader.committed([TopicPartition(given, 0)], timeout=10)
        assert place.offset == 2
    finally:
        reader.close()
        kafka3.heal()
