"""DeviceShelf: signing keys inside the cryptographic device, under the names applications use.

A key is made in the device by its maker's own tools and only named here; nothing here destroys it.

Errors: ``crypto.key.{exists,state}``, ``crypto.sdf.*``, ``dashboard_api.key.{index,limit}``.
"""

from __future__ import annotations

import sqlite3
import threading
from typing import Final

from collector.state.database import Database
from crypto.keystore.model import Key, State, refused
from crypto.sdf.port import SigningKeys
from dashboard_api.custody import device_rows
from dashboard_api.custody.device_rows import DeviceKey
from dashboard_api.signing import changes
from dashboard_api.signing.device_keys import DeviceAccess
from schema.errors import FengsuiError
from schema.ports import Clock

DEVICE_KEYS_MAX: Final = 1000
"""Devices hold some hundred; signing processes keep all of these rows in memory."""


class DeviceShelf:
    """The named keys of one device."""

    def __init__(self, database: Database, access: DeviceAccess, clock: Clock) -> None:
        self._database = database
        self._access = access
        self._clock = clock
        self._lock = threading.Lock()

    def all_keys(self) -> list[Key]:
        """Every named key, by id."""
        with self._database.read() as state:
            return [one.shown() for one in device_rows.load(state)]

    def find(self, key_id: str) -> Key | None:
        """One of them, or None."""
        return next((one for one in self.all_keys() if one.id == key_id), None)

    def add(self, key_id: str, index: int) -> Key:
        """Name the device's signing key of that index; one key has one name."""
        with self._lock:
            session: SigningKeys = self._access.session()
            public = session.sign_public(index)
        key = DeviceKey(key=key_id, index=index, public=public.point, created_at=self._clock.now())

        def job(state: sqlite3.Connection) -> None:
            known = device_rows.load(state)
            if any(one.key == key_id for one in known):
                raise refused("exists", key_id, "is here already")
            if any(one.index == index for one in known):
                raise FengsuiError(
                    "dashboard_api.key.index",
                    f"the device's key {index} has a name already",
                    index=index,
                )
            if len(known) >= DEVICE_KEYS_MAX:
                raise FengsuiError(
                    "dashboard_api.key.limit",
                    f"{DEVICE_KEYS_MAX} keys of the device have names, the most there may be",
                    limit=DEVICE_KEYS_MAX,
                )
            device_rows.insert(state, key)
            changes.raise_in(state)

        self._database.write(job)
        return key.shown()

    def move(self, key_id: str, to: State) -> Key:
        """Disable or enable; raises ``crypto.key.state`` where it is so already."""

        def job(state: sqlite3.Connection) -> Key:
            found = next(one for one in device_rows.load(state) if one.key == key_id).shown()
            if found.state is to:
                raise refused("state", key_id, f"is {to.value} already", state=to.value)
            device_rows.set_disabled(state, key_id, disabled=to is State.DISABLED)
            changes.raise_in(state)
            return next(one for one in device_rows.load(state) if one.key == key_id).shown()

        return self._database.write(job)
