"""Brokers fail: what was acknowledged stays, what was not is never claimed."""

from __future__ import annotations

import random
import time

import pytest
from carrying import Carrier, check_kept, everything, numbers
from confluent_kafka.admin import AdminClient

from collector.bus import topics
from collector.bus.access import Access
from collector.bus.admin import Admin
from collector.bus.confluent_bus import ConfluentReader, ConfluentWriter
from collector.bus.kafka_bus import KafkaPythonReader, KafkaPythonWriter
from schema.bus import Place

PARTITIONS = 3
"""One leader on each broker: whichever is killed, some partition changes its leader."""
UNACKNOWLEDGED_SECONDS = 6.0
"""Short, so that the test ends soon: a sensor waits longer and asks again all the same."""
HANG_SECONDS_MAX = 20.0
"""The brokers elect others in 4 to 7; a client that waits for a hanging one takes over 35."""
ROUNDS = 20
IN_SYNC_SECONDS_MAX = 60
CLIENTS = {
    "confluent": (ConfluentWriter, ConfluentReader),
    "kafka-python": (KafkaPythonWriter, KafkaPythonReader),
}


def access_to(address):
    return Access(brokers=tuple(address.split(",")))


def make_topic(access, name, *, partitions=PARTITIONS, replication=3):
    with Admin(access) as admin:
        admin.create(
            name,
            partitions=partitions,
            replication=replication,
            config=topics.BATCHES.config(replication),
        )
    return [Place(name, number) for number in range(partitions)]


class Brokers:
    """Three brokers, a topic on them, and somebody who writes to it all the time."""

    def __init__(self, kafka, topic, client, **limits):
        self.kafka = kafka
        self.access = access_to(kafka.address)
        writer, self._reader = CLIENTS[client]
        self.places = make_topic(self.access, topic)
        self.carrier = Carrier(lambda: writer(self.access, **limits), numbers(self.places))
        self.carrier.start()
        self.carrier.wait_for(3)

    def found(self):
        return everything(lambda starts: self._reader(self.access, starts), self.places)

    def kill_one(self, number):
        """Kill it, see all partitions written again, start it again; the longest gap in between."""
        killed_at = time.monotonic()
        self.kafka.kill(number)
        # Each flush spans all partitions: the next ones need every leader to be there again.
        self.carrier.wait_for(3)
        gap = self.carrier.longest_gap(killed_at)
        self.kafka.restart(number)
        self.wait_in_sync()
        return gap

    def wait_in_sync(self):
        """Until every partition has its three copies again, before the next one is killed."""
        client = AdminClient(self.access.confluent())
        topic = self.places[0].topic
        end = time.monotonic() + IN_SYNC_SECONDS_MAX
        while True:
            found = client.list_topics(topic, timeout=IN_SYNC_SECONDS_MAX).topics[topic]
            if all(len(one.isrs) == 3 for one in found.partitions.values()):
                return
            assert time.monotonic() < end
            time.sleep(0.1)


@pytest.mark.parametrize(
    ("client", "killed"),
    [
        ("confluent", (1, 2, 3)),
        ("kafka-python", (2,)),
        pytest.param("kafka-python", (1, 2, 3), marks=pytest.mark.long),
    ],
)
def test_any_of_three_brokers_may_be_killed_while_records_are_written(
    kafka3, own_prefix, measures, client, killed
):
    brokers = Brokers(kafka3, own_prefix, client)
    gaps = [brokers.kill_one(number) for number in killed]
    brokers.carrier.stop()
    found = brokers.found()
    twice = check_kept(brokers.carrier, found)
    measures.add(
        f"kill -9 of one of three brokers, writing by {client}",
        recovered_seconds=max(gaps),
        acknowledged=len(brokers.carrier.acknowledged),
        lost=0,
        twice_on_the_bus=twice,
    )


def test_with_two_of_three_brokers_killed_nothing_is_acknowledged(kafka3, own_prefix, measures):
    brokers = Brokers(kafka3, own_prefix, "confluent", acknowledge_seconds=UNACKNOWLEDGED_SECONDS)
    kafka3.kill(1)
    kafka3.kill(2)
    time.sleep(0.5)
    standing = len(brokers.carrier.acknowledged)
    end = time.monotonic() + 2 * UNACKNOWLEDGED_SECONDS + 10
    while not brokers.carrier.codes["schema.bus.unacknowledged"]:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert len(brokers.carrier.acknowledged) == standing
    begun = time.monotonic()
    kafka3.heal()
    brokers.carrier.wait_for(3)
    recovered = time.monotonic() - begun
    brokers.carrier.stop()
    twice = check_kept(brokers.carrier, brokers.found())
    measures.add(
        "kill -9 of two of three brokers: from both started again",
        recovered_seconds=recovered,
        acknowledged_meanwhile=0,
        lost=0,
        twice_on_the_bus=twice,
    )


def test_a_broker_that_hangs_is_passed_over_and_what_it_kept_stays(kafka3, own_prefix, measures):
    brokers = Brokers(kafka3, own_prefix, "confluent")
    paused_at = time.monotonic()
    kafka3.node(2).pause()
    brokers.carrier.wait_for(3)
    gap = brokers.carrier.longest_gap(paused_at)
    assert not brokers.carrier.codes["schema.bus.unacknowledged"]
    assert gap < HANG_SECONDS_MAX
    kafka3.node(2).resume()
    brokers.wait_in_sync()
    brokers.carrier.stop()
    twice = check_kept(brokers.carrier, brokers.found())
    measures.add(
        "one of three brokers hangs", recovered_seconds=gap, lost=0, twice_on_the_bus=twice
    )


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_brokers_killed_at_random_moments_lose_nothing(kafka3, own_prefix, measures, seed):
    chance = random.Random(seed)
    brokers = Brokers(kafka3, own_prefix, chance.choice(list(CLIENTS)))
    gaps = []
    for _ in range(ROUNDS):
        time.sleep(chance.random() * 2)
        gaps.append(brokers.kill_one(chance.randint(1, 3)))
    brokers.carrier.stop()
    check_kept(brokers.carrier, brokers.found())
    measures.add(
        f"kill -9 of brokers at random, {ROUNDS} times", recovered_seconds=max(gaps), lost=0
    )
