"""Keys of the site's device as a signing process sees them, read anew as soon as they change.

Who verifies with or encrypts to one needs no device: its public half is in the state file.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from crypto.keystore.model import State, Use, refused
from crypto.sm2 import PublicKey
from dashboard_api.custody import device_rows
from dashboard_api.custody.device import DeviceDecrypter, DeviceSigner, SiteDevice
from dashboard_api.custody.device_rows import DeviceKey
from dashboard_api.signing import changes
from dashboard_api.signing.ports import HeldDecrypter, HeldPublic, HeldSigner
from schema.errors import FengsuiError
from schema.ports import Clock

PLACE: Final = "device"
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class _Known:
    key: DeviceKey
    public: PublicKey


class StateDeviceKeys:
    """The port ``keycache.DeviceKeys`` over one state file, for the thread that opened it."""

    def __init__(self, state: sqlite3.Connection, device: SiteDevice, clock: Clock) -> None:
        """Takes a connection as ``directory.open_read_only`` makes it."""
        self._state = state
        self._device = device
        self._clock = clock
        self._seen = -1
        self._keys: dict[str, _Known] = {}

    def refresh(self) -> None:
        """See every change; raises ``dashboard_api.signing.busy`` where the file is not read."""
        try:
            if changes.number(self._state) != self._seen:
                self._load()
        except sqlite3.Error as error:
            raise FengsuiError(
                "dashboard_api.signing.busy",
                "the keys of the device cannot be read just now: nothing of this call was done; "
                "send it again in 1 s",
                retry_seconds=1,
            ) from error

    def use(self, key_id: str) -> Use | None:
        known = self._keys.get(key_id)
        return None if known is None else known.key.use

    def signer(self, key_id: str) -> HeldSigner:
        known = self._known(key_id, Use.SIGN, protect=True)
        key = DeviceSigner(
            self._device,
            key_id,
            known.key.index,
            known.public,
            sign_e=known.key.policy.sign_e,
        )
        return HeldSigner(id=key_id, version=_VERSION, place=PLACE, key=key)

    def decrypter(self, key_id: str) -> HeldDecrypter:
        known = self._known(key_id, Use.ENCRYPT, protect=False)
        key = DeviceDecrypter(
            self._device,
            key_id,
            known.key.index,
            known.public,
            decrypt=known.key.policy.decrypt,
        )
        return HeldDecrypter(id=key_id, version=_VERSION, place=PLACE, key=key)

    def public(self, key_id: str, use: Use) -> HeldPublic:
        # To encrypt is to protect something new; to verify is not.
        known = self._known(key_id, use, protect=use is Use.ENCRYPT)
        return HeldPublic(id=key_id, version=_VERSION, place=PLACE, key=known.public)

    def _known(self, key_id: str, use: Use, *, protect: bool) -> _Known:
        known = self._keys.get(key_id)
        if known is None:
            raise refused("unknown", key_id, "is not here")
        key = known.key
        if key.state is not State.ACTIVE:
            raise refused(key.state.value, key_id, f"is {key.state.value}: it is not used")
        if key.use is not use:
            raise refused("use", key_id, f"is for {key.use.value}, not for {use.value}")
        expiry = key.policy.expires_at_us
        if protect and expiry is not None and self._clock.now() >= expiry:
            raise refused(
                "expired", key_id, "has expired: it verifies and opens, and makes nothing new"
            )
        return known

    def _load(self) -> None:
        # One transaction, so that the number is of the very rows that are read.
        self._state.execute("BEGIN")
        try:
            seen = changes.number(self._state)
            self._keys = {
                one.id: _Known(one, PublicKey.from_point(one.latest.public or b""))
                for one in device_rows.every(self._state).values()
            }
            self._seen = seen
        finally:
            self._state.execute("ROLLBACK")
