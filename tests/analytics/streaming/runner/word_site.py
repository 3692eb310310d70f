"""A site of word counters on a real broker: its topics, its worker processes, what it decided."""

from __future__ import annotations

import collections
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import word_counting
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from analytics.streaming.runner.site import Site

PARTITIONS = 3
WORDS = [f"word-{number}" for number in range(100)]
STOP_SECONDS = 20
ROOT = Path(__file__).parents[4]


class WordSite:
    def __init__(self, brokers: str, prefix: str, folder: Path) -> None:
        self.brokers = brokers
        self.prefix = prefix
        self._folder = folder
        self._random = random.Random(7)
        self._numbers = [0] * PARTITIONS
        self.said: collections.Counter[str] = collections.Counter()
        self.decided: collections.Counter[tuple[str, int]] = collections.Counter()
        self.decided_at: list[float] = []
        self.processes: list[subprocess.Popen[bytes]] = []
        admin = AdminClient({"bootstrap.servers": brokers})
        made = admin.create_topics(
            [
                NewTopic(
                    f"{prefix}.{lane}",
                    partitions,
                    1,
                    config={"message.timestamp.type": "LogAppendTime"},
                )
                for lane, partitions in (
                    ("accepted", PARTITIONS),
                    ("hits", PARTITIONS),
                    ("hours", 1),
                    ("decided", 1),
                )
            ]
        )
        for answer in made.values():
            answer.result()
        self._producer = Producer({"bootstrap.servers": brokers})
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": f"{prefix}.test",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 20,
            }
        )
        self._consumer.subscribe([f"{prefix}.decided"])

    def site(self, worker: str) -> Site:
        return word_counting.site(self.brokers, self.prefix, worker, self._folder / worker)

    def start(self, worker: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [
                sys.executable,
                str(Path(word_counting.__file__)),
                self.brokers,
                self.prefix,
                worker,
                str(self._folder / worker),
                str(PARTITIONS),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
        )
        self.processes.append(process)
        return process

    def say(self, sentences: int) -> None:
        """So many sentences of five words into each partition."""
        for _ in range(sentences):
            for partition in range(PARTITIONS):
                words = self._random.choices(WORDS, k=5)
                self.said.update(words)
                self._numbers[partition] += 1
                value = word_counting.sentence(self._numbers[partition], words)
                # As the centre does: a sensor's key, and none for control.
                key = None if self._numbers[partition] % 5 == 0 else b"sensor"
                self.write(partition, key, value)
        self._producer.flush()

    def write(self, partition: int, key: bytes | None, value: bytes | None) -> None:
        self._producer.produce(f"{self.prefix}.accepted", value, key, partition=partition)
        self._producer.poll(0)

    def read(self, seconds: float = 0.0) -> None:
        """What was decided by now, and for so long."""
        until = time.monotonic() + seconds
        while True:
            for message in self._consumer.consume(1000, 0.05):
                assert message.error() is None, message.error()
                word, count = message.value().decode().split()
                self.decided[word, int(count)] += 1
                self.decided_at.append(time.monotonic())
            if time.monotonic() >= until:
                return

    def read_all(self, seconds: float) -> None:
        """Until everything said was decided, or that long."""
        until = time.monotonic() + seconds
        while self.decided.total() < self.said.total() and time.monotonic() < until:
            self.read()
        # Were something there twice, it would come now.
        self.read(1.0)

    def assert_exact(self) -> None:
        assert [place for place, times in self.decided.items() if times > 1] == []
        wanted = {(word, k) for word, n in self.said.items() for k in range(1, n + 1)}
        assert set(self.decided) == wanted

    def recovered_after(self, moment: float) -> float:
        """Seconds from then to the end of the longest silence that followed."""
        times = [moment, *(at for at in self.decided_at if at > moment)]
        gaps = [(later - one, later) for one, later in itertools.pairwise(times)]
        return max(gaps)[1] - moment

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()
            assert process.stderr is not None
            process.stderr.close()
        self._consumer.close()


def stop(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Ask a worker to stop: its exit code and what it said."""
    process.terminate()
    _, said = process.communicate(timeout=STOP_SECONDS)
    return process.returncode, said.decode()
