"""Stages that count words, and a worker process that runs them: what the runner is tested with.

``accepted`` splits sentences and sends each word to the ``hits`` partition of its bucket; ``hits``
counts and tells each count once on ``decided``. They forgive nothing: a message that is missing,
twice or out of order ends the worker, so that only the runner can make the counts right.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from analytics.streaming.runner.quix import QuixRunner
from analytics.streaming.runner.site import Site
from analytics.streaming.stage import Lane, Sent, Stage
from schema import bus
from schema.errors import FengsuiError


def sentence(number: int, words: Sequence[str]) -> bytes:
    return json.dumps([number, list(words)]).encode()


class Splitting:
    """Reads sentences, numbered densely by partition."""

    def __init__(self, partition: int, partitions: int, entries: Mapping[str, bytes]) -> None:
        self._partition = partition
        self._partitions = partitions
        self._number = int(entries.get("number", b"0"))
        self._sent = json.loads(entries.get("sent", b"{}"))

    def take(self, message: bytes) -> Sequence[Sent]:
        try:
            number, words = json.loads(message)
        except ValueError as error:
            raise FengsuiError("analytics.stream.malformed", str(error)) from error
        if number != self._number + 1:
            raise RuntimeError(f"sentence {number} after {self._number}")
        self._number = number
        groups: dict[int, list[str]] = {}
        for word in words:
            groups.setdefault(bus.partition_of(word, self._partitions), []).append(word)
        sent = []
        for partition, group in groups.items():
            count = self._sent.get(str(partition), 0) + 1
            self._sent[str(partition)] = count
            body = json.dumps([self._partition, count, group]).encode()
            sent.append(Sent("hits", partition, body))
        return sent

    def look(self, now: int) -> Sequence[Sent]:
        return ()

    def snapshot(self) -> Mapping[str, bytes]:
        return {"number": b"%d" % self._number, "sent": json.dumps(self._sent).encode()}


class Counting:
    """Counts words; an entry for each."""

    def __init__(self, entries: Mapping[str, bytes]) -> None:
        self._from = json.loads(entries.get("from", b"{}"))
        self._counts = {
            name.removeprefix("word "): int(value)
            for name, value in entries.items()
            if name.startswith("word ")
        }
        self._changed: set[str] = set()

    def take(self, message: bytes) -> Sequence[Sent]:
        origin, number, words = json.loads(message)
        if number != self._from.get(str(origin), 0) + 1:
            raise RuntimeError(f"group {number} after {self._from.get(str(origin), 0)}")
        self._from[str(origin)] = number
        sent = []
        for word in words:
            self._counts[word] = self._counts.get(word, 0) + 1
            self._changed.add(word)
            sent.append(Sent("decided", 0, f"{word} {self._counts[word]}".encode()))
        return sent

    def look(self, now: int) -> Sequence[Sent]:
        return ()

    def snapshot(self) -> Mapping[str, bytes]:
        changed = {f"word {word}": b"%d" % self._counts[word] for word in sorted(self._changed)}
        self._changed.clear()
        return {"from": json.dumps(self._from).encode(), **changed}


class WordStages:
    def __init__(self, partitions: int) -> None:
        self._partitions = partitions

    def open(self, lane: Lane, partition: int, entries: Mapping[str, bytes]) -> Stage:
        if lane == "accepted":
            return Splitting(partition, self._partitions, entries)
        return Counting(entries)


class Nowhere:
    def add(self, name: str, amount: int = 1, **labels: str) -> None: ...

    def set(self, name: str, value: int, **labels: str) -> None: ...


def site(brokers: str, prefix: str, worker: str, state: Path) -> Site:
    return Site(
        connection={"bootstrap.servers": brokers},
        topics={
            "accepted": f"{prefix}.accepted",
            "hits": f"{prefix}.hits",
            "hours": f"{prefix}.hours",
            "decided": f"{prefix}.decided",
        },
        group=f"{prefix}.analytics",
        worker=worker,
        state=state,
        message_bytes_max=1 << 20,
        changelog=lambda _copies: {"segment.ms": "600000"},
    )


def main() -> None:
    brokers, prefix, worker, state, partitions = sys.argv[1:]
    runner = QuixRunner(
        WordStages(int(partitions)),
        site=site(brokers, prefix, worker, Path(state)),
        gauges=Nowhere(),
        clock=lambda: time.time_ns() // 1000,
    )
    try:
        runner.run()
    except FengsuiError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(3)


if __name__ == "__main__":
    main()
