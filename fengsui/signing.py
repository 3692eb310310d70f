"""Signing: the parts of the national-crypto service that one site keeps in its API process.

The demonstration has none of them: it signs for nobody.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Final

from collector.state.database import Database
from crypto.keystore.source import MasterReference
from dashboard_api.applications.approvals import Approvals
from dashboard_api.applications.registry import Registry
from dashboard_api.audit import AuditChain
from dashboard_api.custody.device import SiteDevice
from dashboard_api.custody.device_desk import DeviceDesk
from dashboard_api.custody.key_desk import KeyDesk
from dashboard_api.custody.room import KeyRoom
from dashboard_api.idempotency import Idempotency
from fengsui.folder import DataFolder
from fengsui.settings import CryptoSettings
from schema.ports import Clock, Entropy

_NO_DEVICE: Final = CryptoSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """What a site's API and its commands act on."""

    registry: Registry
    approvals: Approvals
    idempotency: Idempotency
    room: KeyRoom
    keys: KeyDesk
    device: SiteDevice

    def start(self) -> None:
        """Finish what a stop of the platform interrupted."""
        self.approvals.resume()

    def close(self) -> None:
        """Forget the master key, and let go of the device."""
        self.device.close()
        self.room.close()


def key_room(folder: DataFolder, crypto: CryptoSettings, clock: Clock, entropy: Entropy) -> KeyRoom:
    """The key store of a data folder, its master key where the settings say."""
    reference = MasterReference(
        text=crypto.master,
        device=crypto.device,
        device_password_file=crypto.device_password_file,
    )
    return KeyRoom(folder.keys, reference, environment=os.environ, clock=clock, entropy=entropy)


def site_device(crypto: CryptoSettings) -> SiteDevice:
    """The device of the settings, not opened before it is used."""
    return SiteDevice(
        crypto.device, crypto.device_password_file, monotonic=lambda: time.monotonic_ns() // 1000
    )


def open_signing(
    database: Database,
    audit: AuditChain,
    room: KeyRoom,
    *,
    clock: Clock,
    entropy: Entropy,
    crypto: CryptoSettings = _NO_DEVICE,
) -> Signing:
    """The parts of one site."""
    registry = Registry(database, audit, clock=clock, entropy=entropy)
    device = site_device(crypto)
    keys = KeyDesk(
        room,
        audit,
        unit_of=lambda application: registry.get(application).unit,
        clock=clock,
        devices=DeviceDesk(database, device, clock=clock, master=_master_index(crypto)),
    )
    return Signing(
        registry=registry,
        approvals=Approvals(database, audit, desk=keys, clock=clock, entropy=entropy),
        idempotency=Idempotency(database, clock),
        room=room,
        keys=keys,
        device=device,
    )


def _master_index(crypto: CryptoSettings) -> int | None:
    """The device's key that guards the key store."""
    kind, _, rest = crypto.master.partition(":")
    index = rest.partition(":")[0]
    return int(index) if kind == "sdf" and index.isdecimal() else None
