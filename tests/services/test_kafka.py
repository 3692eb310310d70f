"""The brokers tests stand on are real: they replicate, survive kills, let nobody in unasked."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.services import Kafka

ANSWER_SECONDS = 20
REFUSAL_SECONDS = 3


def make_topic(address, name, **settings):
    admin = AdminClient({"bootstrap.servers": address, **settings})
    made = admin.create_topics(
        [NewTopic(name, num_partitions=1, replication_factor=-1)], request_timeout=ANSWER_SECONDS
    )
    made[name].result(ANSWER_SECONDS)


class Writer:
    """Writes to one partition and tells which values were acknowledged."""

    def __init__(self, address, topic, **settings):
        self.acknowledged = []
        self.refused = []
        self._topic = topic
        self._producer = Producer({"bootstrap.servers": address, "acks": "all", **settings})

    def write(self, *values, seconds=ANSWER_SECONDS):
        for value in values:
            self._producer.produce(self._topic, value, partition=0, on_delivery=self._told)
        self._producer.flush(seconds)

    def _told(self, error, message):
        if error is None:
            self.acknowledged.append(message.value())
        else:
            self.refused.append(error.name())


def read(address, topic, **settings):
    consumer = Consumer({"bootstrap.servers": address, "group.id": topic, **settings})
    place = TopicPartition(topic, 0, 0)
    _, end = consumer.get_watermark_offsets(place, timeout=ANSWER_SECONDS)
    consumer.assign([place])
    found = []
    while len(found) < end:
        message = consumer.poll(ANSWER_SECONDS)
        assert message is not None
        assert message.error() is None
        found.append(message.value())
    consumer.close()
    return found


def test_one_broker_gives_back_what_was_written_to_it(kafka, own_prefix):
    make_topic(kafka.address, own_prefix)
    Writer(kafka.address, own_prefix).write(b"a", b"b")
    assert read(kafka.address, own_prefix) == [b"a", b"b"]


def test_three_brokers_go_on_while_one_is_killed_and_it_comes_back(kafka3, own_prefix):
    make_topic(kafka3.address, own_prefix)
    writer = Writer(kafka3.address, own_prefix)
    writer.write(b"before")
    kafka3.kill(2)
    writer.write(b"without")
    kafka3.restart(2)
    writer.write(b"after")
    assert writer.acknowledged == [b"before", b"without", b"after"]
    assert read(kafka3.address, own_prefix) == writer.acknowledged


def test_clients_that_come_in_by_the_proxied_address_stay_on_the_link(kafka, link, own_prefix):
    ports = kafka.ports[0]
    proxy = link(ports.proxied, port=ports.advertised)
    make_topic(kafka.address, own_prefix)
    writer = Writer(kafka.proxied_address, own_prefix)
    writer.write(b"through")
    proxy.cut()
    writer.write(b"kept", seconds=1)
    assert writer.acknowledged == [b"through"]
    proxy.heal()
    writer.write()
    assert writer.acknowledged == [b"through", b"kept"]


def credentials(login, identity=None):
    shown = identity or login.identity
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": login.user,
        "sasl.password": login.password,
        "ssl.ca.location": str(login.identity.authority),
        "ssl.certificate.location": str(shown.certificate),
        "ssl.key.location": str(shown.key),
    }


def test_the_super_user_of_a_secured_broker_may_write(kafka_secure, own_prefix):
    chief = credentials(kafka_secure.super_user)
    make_topic(kafka_secure.address, own_prefix, **chief)
    writer = Writer(kafka_secure.address, own_prefix, **chief)
    writer.write(b"x")
    assert writer.acknowledged == [b"x"]


def test_a_user_without_an_acl_may_not_write(kafka_secure, own_prefix):
    make_topic(kafka_secure.address, own_prefix, **credentials(kafka_secure.super_user))
    other = kafka_secure.add_user(own_prefix)
    writer = Writer(kafka_secure.address, own_prefix, **credentials(other))
    writer.write(b"x")
    assert writer.refused == ["TOPIC_AUTHORIZATION_FAILED"]


@pytest.mark.parametrize("wrong", ["password", "certificate"])
def test_a_wrong_proof_is_refused(kafka_secure, own_prefix, wrong):
    settings = credentials(kafka_secure.super_user)
    if wrong == "password":
        settings["sasl.password"] = "guessed"
    else:
        settings = credentials(kafka_secure.super_user, kafka_secure.stranger(own_prefix))
    admin = AdminClient({"bootstrap.servers": kafka_secure.address, **settings})
    with pytest.raises(KafkaException):
        admin.list_topics(timeout=REFUSAL_SECONDS)


def test_a_cluster_whose_name_begins_with_a_dash_can_be_formatted(kafka, tmp_path):
    (tmp_path / "cluster-id").write_text("-kU3OEVBNTcwNTJENDM2Qg")
    other = Kafka(tmp_path)
    other.format()
    assert (tmp_path / "data-1" / "meta.properties").exists()
    other.discard()
