"""The cryptographic device of the settings, for the API process and for signing processes."""

from __future__ import annotations

import time

from dashboard_api.custody.device import SiteDevice
from fengsui.settings import CryptoSettings


def site_device(crypto: CryptoSettings) -> SiteDevice:
    """The device, not opened before it is used."""
    return SiteDevice(
        crypto.device, crypto.device_password_file, monotonic=lambda: time.monotonic_ns() // 1000
    )


def master_index(crypto: CryptoSettings) -> int | None:
    """The device's encryption key that guards the key store; None where none does."""
    kind, _, rest = crypto.master.partition(":")
    index = rest.partition(":")[0]
    return int(index) if kind == "sdf" and index.isdecimal() else None
