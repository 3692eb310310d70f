"""The cryptographic device of the settings, opened when it is first used."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache
from pathlib import Path

from crypto.keystore.source import device_password
from crypto.sdf.library import Device, DeviceSession
from dashboard_api.signing.device_keys import DeviceAccess
from fengsui.settings import CryptoSettings


def device_access(crypto: CryptoSettings, closing: ExitStack) -> DeviceAccess:
    """The way to the device; ``closing`` lets go of it. For one thread at a time."""

    @cache
    def session() -> DeviceSession:
        device = closing.enter_context(Device(Path(crypto.device)))
        return closing.enter_context(device.session())

    return DeviceAccess(
        session=session, password=lambda: device_password(crypto.device_password_file)
    )
