"""What a worker's engine costs by message and how long messages wait for its checkpoints.

A real broker beside the worker on this machine, four partitions. Stages pass each message on over
both lanes and keep two entries; the peer is the least transactional loop over confluent-kafka with
a dictionary for state and no recovery. CPU time of the worker's process alone, by message accepted
(which is two taken); latency from the send to a reader of ``decided`` at 20 messages a second.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.services import Kafka

PARTITIONS = 4
ROUNDS = 7
SMALL_BYTES = 200
SMALL = 20_000
BATCH_BYTES = 300_000
"""A batch of 1,000 events as the feed writes it, about."""
BATCH_EVENTS = 1000
BATCHES = 400
WARM = 500
LIGHT_PER_SECOND = 20
LIGHT_SECONDS = 15
CHECKPOINTS = (0.05, 0.1, 0.25, 0.5, 1.0)
ANSWER_SECONDS = 90
ROOT = Path(__file__).resolve().parent.parent
PEER = "plain transactional loop on confluent-kafka"


class Lanes:
    """Topics of one run, and one worker on them."""

    def __init__(self, brokers: str, kind: str, scratch: Path, checkpoint: float) -> None:
        prefix = f"b{uuid.uuid4().hex[:8]}"
        self._accepted = f"{prefix}.accepted"
        lanes = {"accepted": PARTITIONS, "hits": PARTITIONS, "hours": 1, "decided": 1}
        admin = AdminClient({"bootstrap.servers": brokers})
        topics = [NewTopic(f"{prefix}.{lane}", count, 1) for lane, count in lanes.items()]
        for made in admin.create_topics(topics).values():
            made.result()
        self._writer = Producer({"bootstrap.servers": brokers, "linger.ms": 0})
        self._reader = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": f"{prefix}.reader",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 10,
            }
        )
        self._reader.subscribe([f"{prefix}.decided"])
        relay = Path(__file__).parent / "_worker_relay.py"
        arguments = [kind, brokers, prefix, str(scratch / prefix), str(checkpoint)]
        self._worker = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(relay), *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.DEVNULL,
        )
        self._number = 0

    def send(self, count: int, body: bytes) -> None:
        for _ in range(count):
            head = self._number.to_bytes(8, "big") + time.time_ns().to_bytes(8, "big")
            partition = self._number % PARTITIONS
            while True:
                try:
                    self._writer.produce(self._accepted, head + body, partition=partition)
                    break
                except BufferError:
                    self._writer.poll(0.1)
            self._writer.poll(0)
            self._number += 1

    def receive(self, count: int, seconds: float = ANSWER_SECONDS) -> list[float]:
        """So many latencies in seconds, fewer when the time is over."""
        self._writer.flush()
        latencies: list[float] = []
        until = time.monotonic() + seconds
        while len(latencies) < count and time.monotonic() < until:
            for message in self._reader.consume(1000, 0.01):
                sent_at = int.from_bytes(message.value()[8:16], "big")
                latencies.append((time.time_ns() - sent_at) / 1e9)
        return latencies

    def cpu(self) -> float:
        times = psutil.Process(self._worker.pid).cpu_times()
        return times.user + times.system

    def close(self) -> None:
        self._worker.terminate()
        self._worker.wait()
        self._reader.close()


@contextmanager
def lanes(brokers: str, kind: str, scratch: Path, checkpoint: float = 0.25) -> Iterator[Lanes]:
    """Lanes whose worker has passed on a few hundred messages already."""
    made = Lanes(brokers, kind, scratch, checkpoint)
    try:
        made.send(WARM, b"")
        if len(made.receive(WARM)) < WARM:
            raise RuntimeError(f"the worker on {kind} decided too little")
        yield made
    finally:
        made.close()


def cost(brokers: str, kind: str, scratch: Path, *, count: int, size: int) -> float:
    """CPU microseconds of the worker by message."""
    # As little compressible as events are: a quarter random.
    body = os.urandom(size // 4) + bytes(size - size // 4)
    with lanes(brokers, kind, scratch) as made:
        before = made.cpu()
        made.send(count, body)
        if len(made.receive(count)) < count:
            raise RuntimeError("not everything was decided")
        return (made.cpu() - before) / count * 1e6


def waits(brokers: str, kind: str, scratch: Path, checkpoint: float) -> list[float]:
    """Latencies in milliseconds at light load."""
    found: list[float] = []
    with lanes(brokers, kind, scratch, checkpoint) as made:
        for _ in range(LIGHT_PER_SECOND * LIGHT_SECONDS):
            made.send(1, b"x" * SMALL_BYTES)
            found += made.receive(1 << 30, seconds=1 / LIGHT_PER_SECOND)
        found += made.receive(LIGHT_PER_SECOND * LIGHT_SECONDS - len(found))
    return [one * 1000 for one in found]


def run(rounds: int = ROUNDS) -> list[dict]:
    """Cost by message and latency by checkpoint, each beside the plain loop."""
    results = []
    with tempfile.TemporaryDirectory() as folder, Kafka(Path(folder) / "kafka") as kafka:
        kafka.start()
        scratch = Path(folder) / "state"
        found: dict[tuple[str, str], list[float]] = {}
        for _ in range(rounds):
            for what, count, size in (
                ("small", SMALL, SMALL_BYTES),
                ("batch", BATCHES, BATCH_BYTES),
            ):
                for kind in ("quix", "plain"):
                    one = cost(kafka.address, kind, scratch, count=count, size=size)
                    found.setdefault((what, kind), []).append(one)
        for what, name, share, unit in (
            ("small", "cpu_per_small_message", 1, "µs"),
            ("batch", "cpu_per_batch_of_1000_events", 1, "µs"),
            ("batch", "cpu_per_event_in_batches_of_1000", BATCH_EVENTS, "µs"),
        ):
            ours = statistics.median(found[what, "quix"]) / share
            peer = statistics.median(found[what, "plain"]) / share
            results.append(_result(name, ours, peer, unit))
        for checkpoint in CHECKPOINTS:
            ours, peer = (
                statistics.quantiles(waits(kafka.address, kind, scratch, checkpoint), n=100)
                for kind in ("quix", "plain")
            )
            for percent in (50, 99):
                name = f"latency_p{percent}_at_checkpoint_{round(checkpoint * 1000)}_ms"
                results.append(_result(name, ours[percent - 1], peer[percent - 1], "ms"))
    return results


def _result(what: str, ours: float, peer: float, unit: str) -> dict:
    return {
        "what": what,
        "ours": round(ours, 3),
        "peer": round(peer, 3),
        "peer_name": PEER,
        "ratio": round(peer / ours, 2),
        "unit": unit,
    }
