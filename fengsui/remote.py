"""Remote: the sensor of a machine that is not the platform's own."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

import typer

from crypto import keys
from fengsui import ciphers, host
from fengsui.clock import SystemClock, SystemEntropy
from fengsui.folder import DataFolder, Ownership
from fengsui.keyring import subject_key
from fengsui.settings import load as load_settings
from fengsui.shipping import Shipping, Spool, Way, over_bus, over_https
from schema import log
from schema.errors import FengsuiError
from schema.times import SECOND
from sensors import enrol
from sensors.agent import Identity, Sensor
from sensors.mask import Masker

_logger = logging.getLogger(__name__)

READ_EVERY_SECONDS: Final = 0.2
RECEIPT_FILE: Final = "receipt.json"


def enrol_here(
    data: Path, *, to: str, token: str, name: str, unit: str, certificate: Path | None
) -> str:
    """Enrol this machine's sensor; returns what to tell the user."""
    found = enrol.enrol(to, token, name, unit=unit, folder=data, ca=certificate)
    return (
        f"{found.sensor} is enrolled (enrolment {found.enrolment}, {found.realm}); receipts are "
        f"verified with key {found.receipt_key.key_id}"
    )


def run_here(
    data: Path,
    *,
    to: str,
    certificate: Path | None,
    bus: Path | None,
    environment: Mapping[str, str],
) -> None:
    """Read, seal and ship until Ctrl-C: to the platform's address, or straight to its bus.

    ``bus`` is a settings file with a section ``[bus]``; raises ``fengsui.sensor.way`` unless one
    way is given, here or in the sensor's own settings.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    folder = DataFolder(data)
    identity = enrol.load(data)
    owner = Ownership(folder)
    clock, entropy = SystemClock(), SystemEntropy()
    settings = load_settings(folder.settings, environment)
    ciphers.start(settings.crypto.backend)
    spool = folder.segments / identity.sensor
    writer = log.Writer(spool)
    sensor = Sensor(
        Identity(
            realm=identity.realm,
            sensor=identity.sensor,
            enrolment=identity.enrolment,
            boot_id=host.boot_id(),
            base_number=identity.last_batch,
        ),
        key=keys.load(data / enrol.KEY_FILE),
        writer=writer,
        sources=host.sources(settings.sensor, clock, folder.root),
        masker=Masker(subject_key(folder.keys / "subject.key", entropy)).mask,
        clock=clock,
        entropy=entropy,
        batch_events_max=settings.sensor.batch_events,
    )
    chain = Spool(
        identity=identity,
        folder=spool,
        receipt_file=data / RECEIPT_FILE,
        heartbeat=sensor.heartbeat,
    )
    if to:
        way = over_https(to, certificate, chain, entropy)
    else:
        found = settings.bus if bus is None else load_settings(bus, environment).bus
        way = over_bus(found, chain, clock=clock, entropy=entropy)
    for place in host.places(settings.sensor, folder.root):
        mark = "读取 reads     " if place.readable else "无权读取 no right"
        typer.echo(f"{mark} {place.format:18} {place.path}")
    for one in settings.sensor.receive:
        typer.echo(f"接收 receives  {f'syslog_{one.transport}':18} {one.listen}")
    typer.echo(f"{identity.sensor} → {way.told}; Ctrl-C 停止 · stops it")
    try:
        carry(sensor, way.shipper, stop)
    finally:
        sensor.finish()
        writer.close_segment()
        owner.release()
        _let_go(way)


def _let_go(way: Way) -> None:
    try:
        way.close()
    except FengsuiError as error:
        # All of it is in the spool, and sent again after the next start.
        _logger.warning("the last records were not acknowledged", extra={"why": str(error)})


class Reading(Protocol):
    """What a sensor does again and again: None where there was nothing to read."""

    def step(self) -> object:
        """Read and seal."""


def carry(sensor: Reading, shipper: Shipping, stop: threading.Event) -> None:
    """Read in this thread and ship in another until told to stop.

    Whatever ends one of the two ends both and is raised: a sensor that reads on and ships nothing
    would look well from here.
    """
    failures: list[Exception] = []
    shipping = threading.Thread(
        target=_ship, args=(shipper, stop, failures), name="shipping", daemon=True
    )
    shipping.start()
    try:
        while not stop.is_set():
            if sensor.step() is None:
                stop.wait(READ_EVERY_SECONDS)
    finally:
        stop.set()
        shipping.join()
    if failures:
        raise failures[0]


def _ship(shipper: Shipping, stop: threading.Event, failures: list[Exception]) -> None:
    told = ""
    try:
        while not stop.is_set():
            wait = shipper.step()
            if shipper.problem != told:
                told = shipper.problem
                typer.echo(told or "已送达 · batches arrive again", err=bool(told))
            stop.wait(wait / SECOND)
    except Exception as error:
        # The outermost loop of the thread: the caller raises it once reading has stopped.
        _logger.exception("shipping stopped")
        failures.append(error)
        stop.set()
