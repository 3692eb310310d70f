"""The distributed forms of ``bench equality``: worker processes on three real brokers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from confluent_kafka.admin import AdminClient

from analytics.memory import NEVER
from analytics.streaming.messages import Decided, decided_of
from bench._equality_embedded import Standing
from bench._equality_feed import PARTITIONS, Feed
from collector.bus.reading import BEGINNING
from deploy.services import Kafka
from fengsui import bus
from fengsui.clock import SystemEntropy
from fengsui.settings import BusSettings
from fengsui.worker import group_of
from schema.bus import BusReader, BusWriter, Place, Record
from schema.errors import FengsuiError

FENGSUI: Final = Path(sys.executable).parent / "fengsui"
WAIT_SECONDS: Final = 400
"""Longer than any form takes on the smallest machine we support."""
_READ: Final = 500
_SAID: Final = 2000
"""Characters of a worker's log that are told with a failure."""


def _read(reader: BusReader) -> Sequence[Record]:
    """What is there; nothing while a broker that was killed is replaced."""
    try:
        return reader.read(records_max=_READ, wait_seconds=0.5)
    except FengsuiError as error:
        if error.code != "schema.bus.unreachable":
            raise
        return ()


class Workers:
    """A site's topics on the brokers and its worker processes, each with a folder of its own."""

    def __init__(self, kafka: Kafka, prefix: str, folder: Path) -> None:
        self._settings = BusSettings(
            brokers=tuple(kafka.address.split(",")), prefix=prefix, partitions=PARTITIONS
        )
        self._brokers = bus.Brokers(self._settings, SystemEntropy())
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._numbers: dict[str, int] = {}
        self._watermarks: dict[str, int] = {}
        self.standing = Standing()
        self.doubled = 0
        """Messages that were told twice: none, where everything is exactly once."""
        self._run("cluster", "init", "--data", str(folder / "centre"))

    def _environment(self) -> Mapping[str, str]:
        return {
            **os.environ,
            "FENGSUI_BUS_BROKERS": ",".join(self._settings.brokers),
            "FENGSUI_BUS_PREFIX": self._settings.prefix,
            "FENGSUI_BUS_PARTITIONS": str(PARTITIONS),
        }

    def _run(self, *arguments: str) -> None:
        subprocess.run(
            [FENGSUI, *arguments], env=self._environment(), check=True, capture_output=True
        )

    def start(self, name: str) -> None:
        """Start a worker."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / f"{name}.log").open("wb") as log:
            self._running[name] = subprocess.Popen(
                [FENGSUI, "worker", "run", "--data", str(self._folder / name)],
                env=self._environment(),
                stdout=log,
                stderr=log,
            )

    def keeper(self) -> int:
        """The broker that keeps the workers' places: none of them can commit while it is lost."""
        admin = AdminClient({"bootstrap.servers": ",".join(self._settings.brokers)})
        (asked,) = admin.describe_consumer_groups([group_of(self._settings)]).values()
        return int(asked.result().coordinator.id)

    def kill(self, name: str) -> None:
        """Kill a worker as a power cut would."""
        worker = self._running.pop(name)
        worker.kill()
        worker.wait()

    def cpu_seconds(self) -> float:
        """CPU time of the workers that run."""
        ticks = os.sysconf("SC_CLK_TCK")
        found = 0
        for worker in self._running.values():
            fields = Path(f"/proc/{worker.pid}/stat").read_text().rsplit(")", 1)[1].split()
            found += int(fields[11]) + int(fields[12])
        return found / ticks

    def write(self, given: Feed) -> None:
        """The whole feed, each partition's messages in their order."""
        writer = self._brokers.writer()
        self._send(writer, self._place("artefacts"), given.artefacts)
        writer.flush()
        for place, records in given.accepted.items():
            self._send(writer, self._place("accepted", place.partition), records)
        writer.close()

    def _send(self, writer: BusWriter, place: Place, records: Sequence[Record]) -> None:
        for record in records:
            try:
                writer.send(place, key=record.key, value=record.value)
            except FengsuiError as error:
                if error.code != "schema.bus.full":
                    raise
                writer.flush()
                writer.send(place, key=record.key, value=record.value)

    def _place(self, topic: str, partition: int = 0) -> Place:
        return Place(f"{self._settings.prefix}.{topic}", partition)

    def decided(self, at: Mapping[int, Callable[[], None]]) -> float:
        """Read what is decided to the end; ``at`` says what happens at so many alerts.

        Seconds it took. Raises ``TimeoutError``, and ``ChildProcessError`` for a worker that ended.
        """
        began = time.monotonic()
        todo = dict(sorted(at.items()))
        reader = self._brokers.reader({self._place("decided"): BEGINNING})
        try:
            while not self._ended:
                if time.monotonic() - began > WAIT_SECONDS:
                    said = "\n".join(f"worker {name}: {self._said(name)}" for name in self._running)
                    raise TimeoutError(
                        f"{len(self.standing.alerts)} alerts in {WAIT_SECONDS} s, then no more: "
                        f"{self._watermarks}\n{said}"
                    )
                for record in _read(reader):
                    self._hear(decided_of(record.value))
                for count in [one for one in todo if one <= len(self.standing.alerts)]:
                    todo.pop(count)()
                self._check()
        finally:
            reader.close()
        if todo:
            raise RuntimeError(f"it was over before {len(todo)} of the faults")
        return time.monotonic() - began

    def _hear(self, message: Decided) -> None:
        origin = message.origin
        if message.number <= self._numbers.get(origin, 0):
            self.doubled += 1
            return
        self._numbers[origin] = message.number
        self._watermarks[origin] = max(self._watermarks.get(origin, -NEVER), message.watermark)
        self.standing.take(message.alerts)
        self.standing.missed += sum(one.events for one in message.missed)

    @property
    def _ended(self) -> bool:
        stages = [*(f"hits/{number}" for number in range(PARTITIONS)), "hours/0"]
        return all(self._watermarks.get(one, -NEVER) >= NEVER for one in stages)

    def _check(self) -> None:
        for name, worker in self._running.items():
            if worker.poll() is not None:
                raise ChildProcessError(f"worker {name} ended: {self._said(name)}")

    def _said(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text("utf-8", "replace")[-_SAID:]

    def stop(self) -> None:
        """End the workers that still run."""
        for worker in self._running.values():
            worker.send_signal(signal.SIGTERM)
        for worker in self._running.values():
            try:
                worker.wait(30)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        self._running.clear()
