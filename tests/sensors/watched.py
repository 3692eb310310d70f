"""A watched machine in a folder: logs that are written to, and a sensor that can be killed."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from crypto import sm2
from schema import batch as batches
from schema import event, log
from schema.disk import Disk
from schema.event import Fields
from schema.times import SECOND
from sensors import trouble
from sensors.agent import Identity, Sensor
from sensors.sources import Context
from sensors.tail import FileSource

KEY = sm2.PrivateKey.generate()
START = 1_796_000_000 * SECOND


class HandClock:
    """Time as the test sets it."""

    def __init__(self) -> None:
        self.value = START

    def now(self) -> int:
        return self.value

    def pass_seconds(self, seconds: float) -> None:
        self.value += int(seconds * SECOND)


class CountedEntropy:
    def take(self, size: int) -> bytes:
        return bytes(size)


def line(number: int, text: str = "ok") -> str:
    """A true nginx access line with a number in its path."""
    second = number % 60
    return (
        f'192.0.2.7 - - [20/Nov/2026:20:13:{second:02d} +0800] "GET /{number}/{text} HTTP/1.1" '
        '200 612 "-" "Mozilla/5.0"'
    )


class Site:
    """Logs, the sensor that reads them, and what has reached the segment log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.logs.mkdir(exist_ok=True)
        self.path = self.logs / "app.log"
        self.clock = HandClock()
        self.form = "nginx_access"
        self.pattern = str(self.path)
        self.rotated: Sequence[str] = ()
        self.disk: Disk | None = None
        self.batch_events_max = 256
        self.written: list[str] = []
        self._sensor: Sensor | None = None
        self.source: FileSource | None = None

    def write(self, count: int, path: Path | None = None, text: str = "ok") -> None:
        """Append so many numbered lines."""
        fresh = [line(len(self.written) + n, text) for n in range(count)]
        self.written += fresh
        with (path or self.path).open("a") as file:
            file.writelines(one + "\n" for one in fresh)

    @property
    def sensor(self) -> Sensor:
        """The running sensor, started if it is not."""
        if self._sensor is None:
            context = Context(host="h", utc_offset_minutes=480, now=self.clock.now)
            self.source = FileSource(
                "app", self.pattern, form=self.form, context=context, rotated=self.rotated
            )
            self._sensor = Sensor(
                Identity(realm="duty", sensor="gate", enrolment=1, boot_id="boot"),
                key=KEY,
                writer=log.Writer(self.folder / "segments" / "gate", self.disk),
                sources=[self.source],
                masker=lambda events: None,
                clock=self.clock,
                entropy=CountedEntropy(),
                batch_events_max=self.batch_events_max,
            )
        return self._sensor

    def seal(self, steps: int = 1000) -> int:
        """Let the sensor step until it is idle; the events it sealed."""
        sealed = 0
        for _ in range(steps):
            one = self.sensor.step()
            if one is None:
                break
            sealed += one.header.count
        return sealed

    def kill(self) -> None:
        """The sensor is gone with all it had in memory."""
        if self.source:
            self.source.close()
        self.source = self._sensor = None

    def events(self) -> list[Fields]:
        """What is in the segment log, in order, but the sensor's own events."""
        found = [
            event.decode(payload)
            for one in log.Reader(self.folder / "segments" / "gate").read(100_000)
            for payload in batches.verify_body(one).payloads
            if payload is not None
        ]
        return [fields for fields in found if fields[event.DATASET] != trouble.SOURCE]

    def check_complete(self) -> None:
        """Every line written is stored once, and each event has a place of its own."""
        events = self.events()
        stored = Counter(str(fields[event.ORIGINAL]) for fields in events)
        expected = Counter(self.written)
        lost, twice = expected - stored, stored - expected
        assert not lost, f"{lost.total()} lost, first {next(iter(lost))!r}"
        assert not twice, f"{twice.total()} twice, first {next(iter(twice))!r}"
        places = {(fields[event.GENERATION], fields[event.OFFSET]) for fields in events}
        assert len(places) == len(events)
