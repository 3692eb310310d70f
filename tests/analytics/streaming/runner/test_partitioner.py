"""Keys for partitions: the clients of other makers put them where we say."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2

from analytics.streaming.runner import partitioner


@given(st.binary(max_size=64))
def test_the_hash_is_the_one_of_another_client(key):
    assert partitioner.murmur2(key) == murmur2(key)


@pytest.mark.parametrize("partitions", [1, 3, 16, 256])
def test_every_partition_has_a_key_of_its_own(partitions):
    keys = partitioner.keys(partitions)
    placed = [partitioner.partition_of(key, partitions) for key in keys]
    assert placed == list(range(partitions))


@pytest.mark.service
def test_a_real_producer_puts_each_key_into_its_partition(kafka, own_prefix):
    admin = AdminClient({"bootstrap.servers": kafka.address})
    admin.create_topics([NewTopic(own_prefix, 16, 1)])[own_prefix].result()
    producer = Producer({"bootstrap.servers": kafka.address, "partitioner": partitioner.NAME})
    placed = {}
    for key in partitioner.keys(16):
        producer.produce(
            own_prefix, b"", key, on_delivery=lambda _, m: placed.update({m.key(): m.partition()})
        )
    producer.flush()
    assert list(map(placed.get, partitioner.keys(16))) == list(range(16))
