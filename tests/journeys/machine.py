"""A watched machine: true log lines of now written to files, and a real site that follows them."""

import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from crypto import sm2
from fengsui import host, wiring
from fengsui.clock import SystemClock
from fengsui.folder import DataFolder
from fengsui.settings import SensorSettings, Settings, SiteSettings, WatchSettings
from fengsui.wiring import DUTY, LocalSensor, Site, open_site
from schema import batch as batches
from schema import event
from schema.batch import Batch, Chain, Contents, Position
from schema.event import Fields
from schema.ports import Clock
from schema.times import to_text

FORMATS = {
    "auth": "syslog_auth",
    "nginx-access": "nginx_access",
    "nginx-error": "nginx_error",
    "postgresql": "postgresql_text",
    "postgresql-csv": "postgresql_csv",
}
SENSOR = "host"
CHINA = timezone(timedelta(hours=8))
WAIT_SECONDS = 20.0


class Machine:
    """Logs in a folder, each followed under its name."""

    def __init__(self, folder: Path) -> None:
        self.logs = folder / "logs"
        self.logs.mkdir()
        self.data = folder / "data"
        for name in FORMATS:
            self.path(name).touch()

    def path(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def write(self, name: str, *lines: str | bytes) -> None:
        """Append whole lines."""
        with self.path(name).open("ab") as file:
            for line in lines:
                file.write((line.encode() if isinstance(line, str) else line) + b"\n")

    def open(self, *, batch_events: int = 1024, clock: Clock | None = None) -> Site:
        """The site that watches these logs, and nothing else of the machine the tests run on."""
        watch = tuple(
            WatchSettings(name=name, path=str(self.path(name)), format=form)
            for name, form in FORMATS.items()
        )
        sensor = SensorSettings(
            watch=watch, inventory=False, utc_offset_minutes=480, batch_events=batch_events
        )
        settings = Settings(site=SiteSettings(name="test", unit="unit"), sensor=sensor)
        if clock is None:
            return open_site(DataFolder(self.data), settings)
        local = LocalSensor(name=SENSOR, sources=lambda: host.sources(sensor, clock, self.data))
        return wiring._open(
            DataFolder(self.data), settings, realm=DUTY, local=local, clock=clock, recording=None
        )


class HandClock:
    """A machine's clock as the test sets it: the true time and so much more."""

    def __init__(self) -> None:
        self.ahead_us = 0

    def now(self) -> int:
        return SystemClock().now() + self.ahead_us


class RemoteSensor:
    """A sensor on another machine: it seals what it is given, with a clock of its own."""

    def __init__(self, site: Site, name: str = "gateway", *, enrolled: bool = True) -> None:
        self.name = name
        self.key = sm2.PrivateKey.generate()
        self.chain = Chain(realm=DUTY, sensor=name, enrolment=1)
        self._offset = 0
        if enrolled:
            site.enrolments.add_local(name, "unit", key=self.key.public)

    def seal(
        self, paths: Sequence[str], *, at: int, ip: int = 20, more: Fields | None = None
    ) -> Batch:
        """A batch of requests at that time (microseconds UTC), and nothing earlier to come.

        ``more`` are fields each event has besides, or instead.
        """
        events: list[Fields] = []
        for path in paths:
            events.append(
                {
                    "@timestamp": to_text(at),
                    "event.action": "http_request",
                    "event.dataset": "nginx.access",
                    "gov.sensor.generation": "g1",
                    "gov.sensor.offset": self._offset,
                    "gov.sensor.source": "nginx",
                    "host.name": self.name,
                    "source.ip": f"192.0.2.{ip}",
                    "url.original": path,
                    "url.path": path,
                    **(more or {}),
                }
            )
            self._offset += 1
        batch = batches.seal(
            self.chain,
            Contents(
                payloads=[event.encode(fields) for fields in events],
                min_time=at,
                max_time=at,
                low_watermark=at,
                positions={"nginx": Position(generation="g1", offset=self._offset)},
            ),
            key=self.key,
            boot_id="boot",
            salts=os.urandom(16 * len(events)),
        )
        self.chain = self.chain.after(batch)
        return batch


def framed(*sealed: Batch) -> bytes:
    """Batches as a sensor posts them."""
    wire = [batches.to_bytes(one) for one in sealed]
    return b"".join(len(one).to_bytes(4, "little") + one for one in wire)


def until(site: Site, holds: Callable[[], object]) -> None:
    """Step rounds until the condition holds; the longest wait is twenty seconds."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"never came: {site.intake.status()}"
        if not site.pipeline.round():
            time.sleep(0.02)


def now(ago_seconds: float = 0) -> datetime:
    return datetime.now(UTC).astimezone(CHINA) - timedelta(seconds=ago_seconds)


def access(
    path: str, *, ip: str = "192.0.2.7", status: int = 200, agent: str = "Mozilla/5.0", at: datetime
) -> str:
    """A line as nginx writes it."""
    stamp = at.strftime("%d/%b/%Y:%H:%M:%S +0800")
    return f'{ip} - - [{stamp}] "GET {path} HTTP/1.1" {status} 612 "-" "{agent}"'


def sshd(message: str, *, at: datetime) -> str:
    """A line as sshd's syslog writes it."""
    return f"{at.strftime('%b')} {at.day:2} {at.strftime('%H:%M:%S')} gate sshd[811]: {message}"


def postgresql(message: str, *, level: str = "LOG", at: datetime) -> str:
    """A line as PostgreSQL writes it with the prefix of the recordings."""
    stamp = f"{at.strftime('%Y-%m-%d %H:%M:%S')}.000 CST"
    return f"{stamp} [473] pay@pay/app 127.30.9.9 {level}:  {message}"
