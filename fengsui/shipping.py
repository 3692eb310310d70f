"""Shipping: a sensor's way to the platform, by HTTPS to its address or straight to its bus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fengsui.settings import BusSettings
from schema.bus import Place, partition_of
from schema.errors import FengsuiError
from schema.heartbeat import Signed
from schema.ports import Clock, Entropy
from sensors.enrol import Enrolment
from sensors.receipted import Receipted
from sensors.ship import Shipper
from sensors.ship_bus import BusShipper, Places
from sensors.transport import HttpsTransport


class Shipping(Protocol):
    """What a shipper does again and again."""

    @property
    def problem(self) -> str:
        """Why nothing arrives, as a code and a sentence; empty while it does."""

    def step(self) -> int:
        """Send; returns after how many microseconds to come again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A shipper, and how to let go of what it holds."""

    shipper: Shipping
    close: Callable[[], None]
    told: str
    """Where to, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spool:
    """One enrolled sensor's chain here, and its word that it is alive."""

    identity: Enrolment
    folder: Path
    receipt_file: Path
    heartbeat: Callable[[], Signed]


def over_https(to: str, certificate: Path | None, spool: Spool, entropy: Entropy) -> Way:
    """To the platform's address; raises what :class:`HttpsTransport` raises."""
    transport = HttpsTransport(to, certificate)
    shipper = Shipper(
        spool.folder,
        spool.receipt_file,
        enrolment=spool.identity.enrolment,
        base_number=spool.identity.last_batch,
        receipt_key=spool.identity.receipt_key,
        transport=transport,
        heartbeat=spool.heartbeat,
        entropy=entropy,
    )
    return Way(shipper=shipper, close=transport.close, told=to)


def over_bus(settings: BusSettings, spool: Spool, *, clock: Clock, entropy: Entropy) -> Way:
    """To the brokers of the settings; raises ``fengsui.sensor.way`` where none are named.

    The brokers need not be up: what is sealed meanwhile is sent when they are.
    """
    # What speaks to brokers is installed with them, not with every sensor.
    from collector.bus import topics
    from collector.bus.reading import BEGINNING
    from fengsui.bus import Brokers

    if not settings.brokers:
        raise FengsuiError(
            "fengsui.sensor.way",
            "no way to the platform is named: give --to https://…, or --bus FILE with [bus] "
            "brokers, or set them in the sensor's settings",
        )
    identity = spool.identity
    partition = partition_of(identity.sensor, settings.partitions)
    places = Places(
        batches=Place(topics.BATCHES.full_name(settings.prefix), partition),
        heartbeats=Place(topics.HEARTBEATS.full_name(settings.prefix), partition),
        receipts=Place(topics.RECEIPTS.full_name(settings.prefix), partition),
    )
    brokers = Brokers(settings, entropy)
    shipper = BusShipper(
        spool.folder,
        Receipted(
            spool.folder,
            spool.receipt_file,
            enrolment=identity.enrolment,
            base_number=identity.last_batch,
            receipt_key=identity.receipt_key,
        ),
        sensor=identity.sensor,
        places=places,
        writer=brokers.writer(),
        receipts=brokers.reader({places.receipts: BEGINNING}),
        heartbeat=spool.heartbeat,
        clock=clock,
        entropy=entropy,
    )
    return Way(shipper=shipper, close=shipper.close, told=", ".join(settings.brokers))
