"""Signing: the parts of the national-crypto service that one site keeps in its API process.

The demonstration has none of them: it signs for nobody.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from collector.state.database import Database
from crypto.keystore.source import MasterReference
from dashboard_api.applications.approvals import Approvals
from dashboard_api.applications.registry import Registry
from dashboard_api.audit import AuditChain
from dashboard_api.custody.authority import SiteAuthority
from dashboard_api.custody.certificate_desk import CertificateDesk
from dashboard_api.custody.device import SiteDevice
from dashboard_api.custody.device_desk import DeviceDesk
from dashboard_api.custody.expiry import Expiries
from dashboard_api.custody.key_desk import KeyDesk
from dashboard_api.custody.ownership import Ownership
from dashboard_api.custody.room import KeyRoom
from dashboard_api.idempotency import Idempotency
from fengsui.folder import DataFolder
from fengsui.settings import CryptoSettings
from fengsui.signing_device import master_index, site_device
from fengsui.signing_upkeep import Upkeep
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
    certificates: CertificateDesk
    ownership: Ownership
    expiries: Expiries
    upkeep: Upkeep
    device: SiteDevice

    def start(self) -> None:
        """Finish what a stop of the platform interrupted, and look after what expires."""
        self.approvals.resume()
        self.upkeep.start()

    def close(self) -> None:
        """Forget the master key, and let go of the device."""
        self.upkeep.stop()
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


def open_signing(
    database: Database,
    audit: AuditChain,
    room: KeyRoom,
    *,
    clock: Clock,
    entropy: Entropy,
    site: str = "fengsui",
    crypto: CryptoSettings = _NO_DEVICE,
) -> Signing:
    """The parts of one site, named as ``site`` in its authority's certificate.

    ``crypto`` names the device, for keys inside it.
    """
    registry = Registry(database, audit, clock=clock, entropy=entropy)

    def unit_of(application: str) -> str:
        return registry.get(application).unit

    device = site_device(crypto)
    devices = DeviceDesk(database, device, clock=clock, master=master_index(crypto))
    keys = KeyDesk(room, audit, unit_of=unit_of, clock=clock, devices=devices)
    authority = SiteAuthority(database, room, audit, site=site, clock=clock, entropy=entropy)
    ownership = Ownership(unit_of)
    certificates = CertificateDesk(
        database,
        room,
        audit,
        authority=authority,
        ownership=ownership,
        clock=clock,
        devices=devices,
    )
    approvals = Approvals(database, audit, desk=keys, clock=clock, entropy=entropy)
    return Signing(
        registry=registry,
        approvals=approvals,
        idempotency=Idempotency(database, clock),
        room=room,
        keys=keys,
        certificates=certificates,
        ownership=ownership,
        expiries=Expiries(room, database, clock),
        upkeep=Upkeep(keys, authority, approvals),
        device=device,
    )
