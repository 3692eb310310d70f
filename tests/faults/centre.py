"""A centre that can be killed, the sensors it hears by the bus, and what it has in the end."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from carrying import Item
from machine import RemoteSensor

from collector.bus.access import Access
from fengsui import cluster
from fengsui.centre.layout import Layout
from fengsui.settings import BusSettings, Settings
from schema import batch as batches
from schema.bus import Place

PARTITIONS = 4
PATIENCE_SECONDS = 60.0
EVENTS = 5
"""Of each batch."""


def settings_on(address: str, prefix: str) -> Settings:
    """A site on these brokers, with its topics made."""
    settings = BusSettings(brokers=tuple(address.split(",")), prefix=prefix, partitions=PARTITIONS)
    cluster.init(Access(brokers=settings.brokers), settings, cluster.Users())
    return Settings(bus=settings)


class Centre:
    """Use as a context manager; killed in the end where it still runs."""

    def __init__(self, folder: Path, settings: Settings, sensors: Sequence[RemoteSensor]) -> None:
        self.folder = folder
        self._arguments = [
            str(folder),
            msgspec.json.encode(settings).decode(),
            json.dumps({one.name: one.key.public.point.hex() for one in sensors}),
        ]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Centre":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it; returns once it takes in what arrives."""
        program = Path(__file__).with_name("centre_process.py")
        log = (self.folder.parent / "centre.log").open("a")
        with log:
            self._process = subprocess.Popen(
                [sys.executable, str(program), *self._arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._answer()["ready"]

    def kill(self) -> None:
        """``kill -9``."""
        process = self._process
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()
            self._process = None

    def end(self) -> None:
        """Let it end in good order."""
        assert self._process is not None
        self.ask("end", answered=False)
        assert self._process.wait(PATIENCE_SECONDS) == 0
        self.kill()

    def ask(self, word: str = "", *, answered: bool = True) -> dict[str, Any]:
        """Tell it something; how it stands."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return self._answer() if answered else {}

    def until(self, holds: Callable[[dict[str, Any]], bool]) -> float:
        """Ask until it stands so; the seconds that took."""
        begun = time.monotonic()
        while not holds(state := self.ask()):
            assert time.monotonic() - begun < PATIENCE_SECONDS, state
            time.sleep(0.05)
        return time.monotonic() - begun

    def segments(self, sensor: str) -> bytes:
        """All evidence of a sensor."""
        files = sorted((self.folder / "segments" / sensor).glob("*.seg"))
        return b"".join(path.read_bytes() for path in files)

    def notes(self) -> list[dict[str, Any]]:
        """What was put aside, and why."""
        return [json.loads(path.read_bytes()) for path in self.folder.glob("quarantine/*.json")]

    def _answer(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, (self.folder.parent / "centre.log").read_text()[-4000:]
        found: dict[str, Any] = json.loads(line)
        return found


class Fleet:
    """Sensors that seal batch after batch for the bus, in turn."""

    def __init__(self, count: int, prefix: str) -> None:
        self.sensors = [_sensor(f"gateway-{number}") for number in range(count)]
        self.sealed: dict[str, list[bytes]] = {one.name: [] for one in self.sensors}
        self._layout = Layout(prefix=prefix, partitions=PARTITIONS)

    def place(self, sensor: str) -> Place:
        """Where a sensor's batches go."""
        return self._layout.of_sensor("batches", sensor)

    def items(self, enough: threading.Event) -> Iterator[Item]:
        """Batches of each in turn, until it is enough."""
        while not enough.is_set():
            for one in self.sensors:
                at = time.time_ns() // 1000
                wire = batches.to_bytes(one.seal([f"/{n}" for n in range(EVENTS)], at=at))
                self.sealed[one.name].append(wire)
                yield Item(self.place(one.name), one.name.encode(), wire)

    def events(self) -> dict[str, int]:
        """How many events each has sealed."""
        return {name: EVENTS * len(wires) for name, wires in self.sealed.items()}

    def check(self, centre: Centre) -> None:
        """Each sealed batch stands in the evidence once, byte for byte and in order."""
        for name, wires in self.sealed.items():
            stored = centre.segments(name)
            at = [stored.find(wire) for wire in wires]
            assert -1 not in at
            assert at == sorted(at)
            assert [wire for wire in wires if stored.count(wire) != 1] == []


def _sensor(name: str) -> RemoteSensor:
    return RemoteSensor(None, name, enrolled=False)  # type: ignore[arg-type]
