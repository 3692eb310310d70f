"""A worker of stages that pass messages on: on Quix Streams, or on a plain loop of our own.

``python _worker_relay.py quix|plain BROKERS PREFIX STATE CHECKPOINT_SECONDS``
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

from analytics.streaming.runner import changelogs
from analytics.streaming.runner.keeper import Keeper
from analytics.streaming.runner.site import READ, Site, consumer, producer
from analytics.streaming.stage import Lane, Sent
from fengsui.clock import SystemClock

SHOWN_BYTES = 16
"""What is passed on of a message: its number and when it was written."""


class Relay:
    """Passes the head of each message on and keeps how many there were, as two entries."""

    def __init__(self, lane: Lane, partition: int, entries: Mapping[str, bytes]) -> None:
        self._to: tuple[Lane, int] = ("hits", partition) if lane == "accepted" else ("decided", 0)
        self._count = int(entries.get("count", b"0"))

    def take(self, message: bytes) -> list[Sent]:
        self._count += 1
        return [Sent(*self._to, message[:SHOWN_BYTES])]

    def look(self, now: int) -> list[Sent]:
        del now
        return []

    def snapshot(self) -> dict[str, bytes]:
        return {"count": b"%d" % self._count, "half": b"%d" % (self._count // 2)}


class Relays:
    def open(self, lane: Lane, partition: int, entries: Mapping[str, bytes]) -> Relay:
        return Relay(lane, partition, entries)


class Silent:
    def add(self, name: str, amount: int = 1, **labels: str) -> None:
        pass

    def set(self, name: str, value: int, **labels: str) -> None:
        pass


def site(brokers: str, prefix: str, state: Path, checkpoint: float) -> Site:
    lanes: tuple[Lane, ...] = ("accepted", "hits", "hours", "decided")
    return Site(
        connection={"bootstrap.servers": brokers},
        topics={lane: f"{prefix}.{lane}" for lane in lanes},
        group=f"{prefix}.analytics",
        worker="relay",
        state=state,
        message_bytes_max=8 << 20,
        changelog=lambda _: {},
        checkpoint_seconds=checkpoint,
    )


class _Dictionary:
    """What the plain loop has for a shelf: a dictionary, and its changelog in the transaction."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.changed: set[str] = set()

    def get(self, name: str) -> bytes | None:
        return self.held.get(name)

    def put(self, name: str, value: bytes) -> None:
        self.held[name] = value
        self.changed.add(name)

    def delete(self, name: str) -> None:
        self.held.pop(name, None)
        self.changed.add(name)

    def entries(self) -> Mapping[str, bytes]:
        return dict(self.held)


def plain(told: Site) -> None:
    """The least loop with the same promise, but for recovery and rebalancing: it has neither."""
    going = True

    def stop(*_: object) -> None:
        nonlocal going
        going = False

    signal.signal(signal.SIGTERM, stop)
    changelogs.make(told)
    lanes = {told.topics[lane]: lane for lane in READ}
    writer = Producer({**told.connection, **producer(told, "murmur2")})
    writer.init_transactions()
    settings = consumer(told) | {"group.id": told.group, "auto.offset.reset": "earliest"}
    settings |= {"enable.auto.commit": False}
    reader = Consumer({**told.connection, **settings})
    reader.subscribe(list(lanes))
    keeper = Keeper(Relays(), clock=SystemClock().now)
    shelves: dict[tuple[Lane, int], _Dictionary] = {}
    while going:
        offsets: dict[tuple[str, int], int] = {}
        until = time.monotonic() + told.checkpoint_seconds
        while going and (left := until - time.monotonic()) > 0:
            message = reader.poll(min(left, 0.05))
            if message is None or message.error() is not None:
                continue
            if not offsets:
                writer.begin_transaction()
            lane, partition = lanes[message.topic()], message.partition()
            shelf = shelves.setdefault((lane, partition), _Dictionary())
            for sent in keeper.take(lane, partition, shelf, message.value()):
                topic = told.topics[sent.lane]
                writer.produce(topic, sent.message, partition=sent.partition)
            writer.poll(0)
            offsets[message.topic(), partition] = message.offset() + 1
        if not offsets:
            continue
        keeper.store()
        for (lane, partition), shelf in shelves.items():
            for name in shelf.changed:
                changelog = changelogs.name(told, lane)
                writer.produce(changelog, shelf.held.get(name), name, partition=partition)
            shelf.changed.clear()
        places = [TopicPartition(*place, offset) for place, offset in offsets.items()]
        writer.send_offsets_to_transaction(places, reader.consumer_group_metadata())
        writer.commit_transaction()
    reader.close()


def main() -> None:
    kind, brokers, prefix, state, checkpoint = sys.argv[1:]
    told = site(brokers, prefix, Path(state), float(checkpoint))
    if kind == "plain":
        plain(told)
        return
    from analytics.streaming.runner.quix import QuixRunner

    QuixRunner(Relays(), site=told, gauges=Silent(), clock=SystemClock().now).run()


if __name__ == "__main__":
    main()
