"""DeviceDesk: names keys that are inside the site's cryptographic device, for applications to use.

The key was made in the device with its vendor's tools and never leaves it: it is enabled and
disabled here, and replaced and destroyed there. Errors: ``dashboard_api.key.{device,index,limit,
place}``, ``crypto.key.{exists,state}``, ``crypto.sdf.*``.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from collector.state.database import Database
from crypto.keystore.model import Policy, State, Use, Version, refused
from dashboard_api.custody import device_rows
from dashboard_api.custody.device import SiteDevice
from dashboard_api.custody.device_rows import DeviceKey
from schema.errors import FengsuiError
from schema.ports import Clock

INDEX_MAX: Final = 65_535
"""GM/T 0018-2012 counts key pairs from 1; devices hold some dozens to some thousands."""
KEYS_MAX: Final = 1000
"""Devices hold some hundred; signing processes keep all of these rows in memory."""
USES: Final = frozenset({Use.SIGN, Use.ENCRYPT})
"""What the interface lets a pair inside the device do by its index."""
_CHANGES: Final = {
    "enable": (State.DISABLED, State.ACTIVE),
    "disable": (State.ACTIVE, State.DISABLED),
}


class DeviceDesk:
    """The keys of one site's device."""

    def __init__(
        self, database: Database, device: SiteDevice, *, clock: Clock, master: int | None = None
    ) -> None:
        """``master`` is the index of the encryption key that guards the key store, if one does."""
        self._database = database
        self._device = device
        self._clock = clock
        self._master = master

    def every(self) -> dict[str, DeviceKey]:
        """All of them, by id."""
        with self._database.read() as state:
            return device_rows.every(state)

    def find(self, key_id: str) -> DeviceKey | None:
        """One, or None where that is no key of the device."""
        return self.every().get(key_id)

    def name(self, key_id: str, use: Use, index: int, policy: Policy) -> DeviceKey:
        """Give a key of the device an id; raises ``crypto.sdf.*`` where it is not there."""
        if use not in USES or policy.export or not 0 < index <= INDEX_MAX:
            raise misplaced()
        if not self._device.is_named:
            raise FengsuiError(
                "dashboard_api.key.device",
                f"there is no device for {key_id}: the settings name none",
                key=key_id,
            )
        if use is Use.ENCRYPT and index == self._master:
            raise _index_taken(index)
        public, info = self._device.public(use, index), self._device.info()
        now = self._clock.now()
        key = DeviceKey(
            id=key_id,
            use=use,
            policy=policy,
            state=State.ACTIVE,
            created_at_us=now,
            destroy_at_us=None,
            destroyed_at_us=None,
            versions=(Version(number=1, created_at_us=now, public=public.point),),
            module=f"device {info.issuer} {info.name}, serial {info.serial}",
            index=index,
        )

        def job(state: sqlite3.Connection) -> DeviceKey:
            known = device_rows.every(state)
            if key_id in known:
                raise exists(key_id)
            if any((one.use, one.index) == (use, index) for one in known.values()):
                raise _index_taken(index)
            if len(known) >= KEYS_MAX:
                raise FengsuiError(
                    "dashboard_api.key.limit",
                    f"{KEYS_MAX} keys of the device have names, the most there may be",
                    limit=KEYS_MAX,
                )
            device_rows.add(state, key)
            return key

        return self._database.write(job)

    def change(self, key_id: str, action: str) -> DeviceKey:
        """Enable or disable one; raises ``dashboard_api.key.device`` for all else."""
        if action not in _CHANGES:
            raise in_device(key_id)
        before, after = _CHANGES[action]

        def job(state: sqlite3.Connection) -> DeviceKey:
            found = device_rows.every(state)[key_id]
            if found.state is not before:
                raise refused("state", key_id, f"is {found.state.value}")
            device_rows.set_state(state, key_id, after)
            return device_rows.every(state)[key_id]

        return self._database.write(job)


def exists(key_id: str) -> Exception:
    """The refusal of an id that is taken."""
    return refused("exists", key_id, "exists already; an id is never given twice")


def in_device(key_id: str) -> FengsuiError:
    """The refusal of what is done in the device only."""
    return FengsuiError(
        "dashboard_api.key.device",
        f"key {key_id} is in a device: it is enabled and disabled here, and all else is done with "
        "the device's own tools",
        key=key_id,
    )


def misplaced() -> FengsuiError:
    """The refusal of what no key of a device is."""
    return FengsuiError(
        "dashboard_api.key.place",
        "a key of the device is for sign or encrypt, has an index from 1 on, and is never "
        "exported; a key of the store has no index",
    )


def _index_taken(index: int) -> FengsuiError:
    return FengsuiError(
        "dashboard_api.key.index",
        f"the key of this use at index {index} of the device is another key's already, or guards "
        "the key store: name another index",
        index=index,
    )
