"""Device keys: signing keys that never leave a cryptographic device (GM/T 0018).

The device is opened at the first signature. Its password is read each time it is needed, and kept
nowhere. A digest computed elsewhere is not signed: the device's interface is asked for messages.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from crypto.keystore.model import refused
from crypto.sdf.port import SigningKeys
from crypto.sm2 import PublicKey
from dashboard_api.custody import device_rows
from dashboard_api.custody.device_rows import DeviceKey
from dashboard_api.signing.ports import HeldDecrypter, HeldSigner

DEVICE: Final = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAccess:
    """How the device is reached: ``session`` opens it once, ``password`` opens its keys."""

    session: Callable[[], SigningKeys]
    password: Callable[[], bytes]


class DeviceSigner:
    """The port ``Signer`` over one key of the device."""

    def __init__(self, key: DeviceKey, access: DeviceAccess) -> None:
        self._key = key
        self._access = access
        self._public = PublicKey.from_point(key.public)

    @property
    def public(self) -> PublicKey:
        """Its public half, as it was when the key was named."""
        return self._public

    def sign(self, message: bytes, *, domain: str) -> bytes:
        """Return a canonical DER signature; raises ``crypto.sdf.*``."""
        return self.sign_many([message], domain=domain)[0]

    def sign_many(self, messages: Sequence[bytes], *, domain: str) -> list[bytes]:
        """Return a signature for each message, under one right of access."""
        session = self._access.session()
        with session.access(self._key.index, self._access.password()):
            made = [session.sign(self._key.index, one, domain=domain) for one in messages]
        # By the device's own key each was checked already: this is whether it is still that key.
        for signature, message in zip(made, messages, strict=True):
            self._public.verify(signature, message, domain=domain)
        return made

    def sign_e(self, e: bytes) -> bytes:
        """Raise ``crypto.key.policy``: a key of the device signs messages only."""
        del e
        raise refused(
            "policy", self._key.key, "is in a device and signs messages, no digests", use="sign_e"
        )


class StateDeviceKeys:
    """The port ``keycache.DeviceKeys`` over one state file, for the thread that opened it."""

    def __init__(
        self,
        state: sqlite3.Connection,
        access: DeviceAccess,
        chain_of: Callable[[str, int], tuple[bytes, ...]],
    ) -> None:
        """``chain_of`` gives a key's certificates."""
        self._state = state
        self._access = access
        self._chain_of = chain_of
        self._keys: dict[str, DeviceKey] = {}
        self._held: dict[str, HeldSigner] = {}

    def refresh(self) -> None:
        """See every change committed before now."""
        self._keys = {one.key: one for one in device_rows.load(self._state)}
        self._held.clear()

    def signer(self, key_id: str) -> HeldSigner | None:
        """A signing key of the device, or None; raises ``crypto.key.disabled``."""
        key = self._keys.get(key_id)
        if key is None:
            return None
        if key.disabled:
            raise refused("disabled", key_id, "is disabled: it is not used")
        held = self._held.get(key_id)
        if held is None:
            held = self._held[key_id] = HeldSigner(
                id=key_id,
                version=1,
                place=DEVICE,
                key=DeviceSigner(key, self._access),
                chain=self._chain_of(key_id, 1),
            )
        return held

    def decrypter(self, key_id: str) -> HeldDecrypter | None:
        """None: keys of the device sign only."""
        del key_id
        return None
